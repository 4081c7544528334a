"""Makes the corpus of the device language models in an empty folder.

    python -m scripts.corpus.language.make FOLDER --stays DIR --train 320 --validation 16 --test 32

It runs in an environment of its own, with Go at hand; `python3 -m scripts.corpus language` makes the one and calls this.
Stays are generated (stays.py) into a folder that is kept, turned into examples by the Go command beside
(../examples), tokenized, checked for leaks and described in manifest.json, which is written last.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import orjson

from ...bootstrap.progress import Progress
from . import leaks, stays, vocabulary

ROOT = Path(__file__).resolve().parents[3]
TERMS = ROOT / "clinical" / "terms" / "data"
PARTS = ("train", "validation", "test")
PRESENCE, REPEATS = "presence_probe", "presence_and_repeats_probe"
VOCABULARY = 4096
LONGEST = 512  # tokens of a sequence that models are asked to take
BATCH = 2000
LEARNT, SAMPLE = 60_000, 5  # training examples that the tokenizer learns from, and the seed that picks them


def examples(path: Path) -> Iterator[dict]:
    """The examples of a file, one after another."""
    with open(path, "rb") as lines:
        for line in lines:
            yield orjson.loads(line)


def run_examples(folder: Path, source: Path, counts: dict[str, int], draws: int, seed: int) -> None:
    """Has the Go command turn stays into examples."""
    go = os.environ.get("GO", "go")
    with tempfile.TemporaryDirectory() as scratch:
        binary, listed = Path(scratch) / "examples", Path(scratch) / "blocks.txt"
        subprocess.run([go, "build", "-o", str(binary), "./scripts/corpus/examples"], cwd=ROOT, check=True)
        listed.write_text("".join(block.file + "\n" for block in stays.blocks(counts)), encoding="utf-8")
        command = [binary, "-stays", source, "-blocks", listed, "-out", folder, "-draws", str(draws), "-seed", str(seed)]
        with Progress("writing examples"):
            subprocess.run([str(part) for part in command], check=True)


def drop_duplicates(folder: Path) -> dict[str, int]:
    """Takes training examples that read like one of another set out of train.jsonl; says how many there were."""
    seen = {leaks.print_of(e) for part in PARTS[1:] for e in examples(folder / f"{part}.jsonl")}
    between = {leaks.print_of(e) for e in examples(folder / "validation.jsonl")}
    shared = sum(leaks.print_of(e) in between for e in examples(folder / "test.jsonl"))
    kept, dropped = folder / "train.kept", 0
    with open(kept, "wb") as out, open(folder / "train.jsonl", "rb") as lines:
        for line in lines:
            if leaks.print_of(orjson.loads(line)) in seen:
                dropped += 1
            else:
                out.write(line)
    os.replace(kept, folder / "train.jsonl")
    return {"dropped_from_train": dropped, "between_validation_and_test": shared}


def tokenize(folder: Path, size: int) -> dict:
    """Trains the tokenizer on the training set, saves it and counts the tokens of all sets."""
    with open(folder / "train.jsonl", "rb") as lines:
        share = LEARNT / sum(1 for _ in lines)
    lot = random.Random(SAMPLE)  # not every n-th: a patient has as many examples of each task as the next
    some = (e for e in examples(folder / "train.jsonl") if lot.random() < share)
    texts = itertools.chain.from_iterable(map(vocabulary.plain, some))
    with Progress("training the tokenizer"):
        tokenizer = vocabulary.train(itertools.chain(texts, vocabulary.terms(TERMS)), size)
    vocabulary.save(tokenizer, folder, LONGEST)
    counted = {}
    for part in PARTS:
        counts: dict[str, list[int]] = defaultdict(list)
        source = examples(folder / f"{part}.jsonl")
        with Progress(f"counting the tokens of {part}"):
            while batch := list(itertools.islice(source, BATCH)):
                for e, coded in zip(batch, tokenizer.encode_batch_fast([vocabulary.sequence(e) for e in batch])):
                    counts["-".join((e["task"], f"{e['hours']}h", e["tests"], e["language"]))].append(len(coded.ids))
        counted[part] = {
            "total": sum(map(sum, counts.values())),
            "longer_than_longest": sum(n > LONGEST for of in counts.values() for n in of),
            "kinds": {
                kind: {"examples": len(of), "tokens": sum(of), "median": sorted(of)[len(of) // 2], "most": max(of)}
                for kind, of in sorted(counts.items())
            },
        }
    return {"vocabulary": tokenizer.get_vocab_size(), "longest": LONGEST, **counted}


def leakage(folder: Path) -> dict:
    """What the sets share, and what which tests exist tells of the answer."""
    patients: dict[str, set[str]] = {part: set() for part in PARTS}
    kinds = [f"{hours}h-{tests}" for hours in (1, 24) for tests in ("neutral", "visible")]
    probes = {name: {kind: leaks.Probe(name == REPEATS) for kind in kinds} for name in (PRESENCE, REPEATS)}
    for part in PARTS:
        for e in examples(folder / f"{part}.jsonl"):
            patients[part].add(e["patient"])
            if part != "validation" and (e["task"], e["language"]) == ("diagnosis", "en") and e["draw"] < 2:
                for of in probes.values():
                    of[f"{e['hours']}h-{e['tests']}"].add(part, e["prompt"], e["disease"])
    with Progress("probing for leaks"):
        reports = {name: {kind: probe.report() for kind, probe in of.items()} for name, of in probes.items()}
    return {
        "patients_in_two_sets": leaks.shared_patients(patients),
        "patients": {part: len(of) for part, of in patients.items()},
    } | reports


def check(found: dict) -> None:
    """Refuses a corpus that leaks."""
    if found["patients_in_two_sets"]:
        raise SystemExit(f"corpus: {found['patients_in_two_sets']} patients stand in two sets")
    for kind, probe in found[PRESENCE].items():
        if kind.endswith("neutral") and probe["top1"] > probe["majority"] + probe["two_standard_errors"]:
            raise SystemExit(f"corpus: which tests {kind} records show tells the diagnosis: {probe}")


def labels(folder: Path) -> dict[str, dict[str, int]]:
    """Patients by set and disease."""
    out = {}
    for part in PARTS:
        seen = {e["patient"]: e["disease"] for e in examples(folder / f"{part}.jsonl")}
        out[part] = dict(sorted(Counter(seen.values()).items()))
    return out


def digest(path: Path) -> str:
    """A file's SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make(folder: Path, args: argparse.Namespace) -> None:
    """The whole corpus."""
    counts = {part: getattr(args, part) for part in PARTS}
    args.stays.mkdir(parents=True, exist_ok=True)
    stays.write(args.stays, counts, args.processes)
    run_examples(folder, args.stays, counts, args.draws, args.seed)
    duplicates = drop_duplicates(folder)
    tokens = tokenize(folder, args.vocabulary)
    found = leakage(folder)
    check(found)
    manifest = {
        "format": 1,
        "sizes": {"patients_of_each_disease": counts, "draws": args.draws},
        "seeds": {"stays": stays.SEEDS, "examples": args.seed},
        "splits": labels(folder),
        "leakage": found | {"duplicates": duplicates},
        "tokens": tokens,
        "examples": json.loads((folder / "examples.json").read_text(encoding="utf-8")),
        "files": {path.name: digest(path) for path in sorted(folder.iterdir())},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stays", type=Path, required=True, help="folder in which generated stays are kept")
    for part, patients in (("train", 8), ("validation", 2), ("test", 4)):
        parser.add_argument(f"--{part}", type=int, default=patients, help="patients of each disease")
    parser.add_argument("--draws", type=int, default=12, help="neutral records made of each training patient")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn but the stays")
    parser.add_argument("--vocabulary", type=int, default=VOCABULARY, help="tokens of the vocabulary, at most")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    try:
        make(args.folder, args)
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as err:
        raise SystemExit(f"corpus: {Path(err.cmd[0]).name} failed with status {err.returncode}") from None


if __name__ == "__main__":
    main()
