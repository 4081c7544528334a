"""Command line of the judging of the four clinical functions, end to end: FHIR in, answers out, over gRPC."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ..bootstrap.files import replacing
from ..bootstrap.layout import Layout, cache_folder
from . import findings, functions, ledger, tables
from .corpus import Corpus, Example, some
from .serving import ROOT, Served, reference
from .stays import Stay, read

RESULT, SECTION = "clinical.json", "clinical.md"
PARTS = ("diagnosis", "treatment", "triples", "summary", "wording")
WRITTEN = 24  # patients whose records a language model summarises: it takes most of the time
SUMMARIZER, DIAGNOSTICIAN = "smollm2-135m-instruct", "bedside-gru"


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    p = argparse.ArgumentParser(prog="python -m scripts.evaluate clinical", description=(
        "Send a split's patients as FHIR to the server and judge what the four clinical functions answer."))
    p.add_argument("--corpus", type=Path, required=True, metavar="FOLDER")
    p.add_argument("--stays", type=Path, metavar="FOLDER", help="the generated stays (default: found beside the corpus)")
    p.add_argument("--split", choices=("validation", "test"), required=True)
    p.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="receives SPLIT/clinical.json and .md")
    p.add_argument("--sample", type=int, default=0, metavar="N", help="judge on N patients drawn by lot (default: all)")
    p.add_argument("--written", type=int, default=WRITTEN, metavar="N", help=(
        "patients whose records the language model summarises (wording; default: %(default)s); all without one"))
    p.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    p.add_argument("--models", type=Path, help="folder of exported models (default: where make setup puts them)")
    p.add_argument("--shipped", type=Path, default=ROOT / "models", help="the models that come with Bedside")
    p.add_argument("--binary", type=Path, help="the server (default: bin/bedside)")
    p.add_argument("--threads", type=int, default=0, help="of the server, within an operator (default: one a core)")
    p.add_argument("--docs", type=Path, help="also write the table into this page, between its markers")
    return p


def main(argv: list[str]) -> int:
    """Judges the functions, part by part; what an earlier run found of other parts stays."""
    args = parser().parse_args(argv)
    corpus = Corpus(args.corpus)
    stays = _some(read(corpus, args.split, args.stays), args.sample)
    target = args.out / args.split
    target.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if args.split == "test":
        _once(args, corpus)
    out = _kept(target / RESULT, corpus, args)
    before = out.get("seconds", 0)
    for found in _judge(args, corpus, stays):  # each is kept, so that a run that is stopped has not been for nothing
        for part, of in found.items():
            out[part] = out.get(part, {}) | of if part == "summary" else of
        out["seconds"] = before + round(time.monotonic() - began)
        section = findings.table(out)
        for name, text in ((RESULT, json.dumps(out, indent=1, ensure_ascii=False) + "\n"), (SECTION, section)):
            with replacing(target / name) as temp:
                temp.write_text(text, encoding="utf-8")
    if args.docs:
        page = tables.fill(args.docs.read_text(encoding="utf-8"), "clinical", section)
        with replacing(args.docs) as temp:
            temp.write_text(page, encoding="utf-8")
    print(section)
    return 0


def _some(stays: list[Stay], patients: int) -> list[Stay]:
    drawn = {e.patient for e in some([Example(s.patient, s.disease, 0, "", "", "", "", "") for s in stays], patients)}
    return [s for s in stays if s.patient in drawn]


def _basis(corpus: Corpus, args: argparse.Namespace) -> dict:
    return {"corpus": corpus.folder.name, "split": args.split, "split_sha256": corpus.digests[f"{args.split}.jsonl"],
            "sample": args.sample}


def _kept(path: Path, corpus: Corpus, args: argparse.Namespace) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    basis = _basis(corpus, args)
    return found if all(found.get(k) == v for k, v in basis.items()) else basis


def _once(args: argparse.Namespace, corpus: Corpus) -> None:
    """Each part is judged once on the test set."""
    book, digest = ledger.Ledger(), corpus.digests["test.jsonl"]
    with Served(args.shipped / DIAGNOSTICIAN, args.binary, args.threads, ["--shipped-models", "none"]) as served:
        model = reference(served.reference)["digest"]
    name = f"clinical functions, {DIAGNOSTICIAN}"
    for part in args.parts:
        book.check(f"clinical {part}:{model}", digest, False)
    for part in args.parts:
        book.add(f"{name}: {part}", f"clinical {part}:{model}", digest)


def _judge(args: argparse.Namespace, corpus: Corpus, stays: list[Stay]) -> Iterator[dict]:
    patients = functions.Patients(stays)
    yield {"patients": len(stays)}
    if "diagnosis" in args.parts or "treatment" in args.parts:
        with Served(args.shipped / DIAGNOSTICIAN, args.binary, args.threads, ["--shipped-models", "none"]) as served:
            scored, first = functions.scored(served, corpus, args.split, args.sample)
            yield {"diagnostician": reference(served.reference), "scored": scored}
            if "treatment" in args.parts:
                yield {"orders": functions.orders(served, corpus, args.split, args.sample, first)}
    models = args.models or Layout(cache_folder(os.environ, "")).models
    with tempfile.TemporaryDirectory() as scratch:
        settings = ["--shipped-models", str(args.shipped), "--graph-database", str(Path(scratch) / "graph.db")]
        with Served(models / SUMMARIZER, args.binary, args.threads, settings) as served:
            yield {"summarizer": reference(served.reference)}
            if "diagnosis" in args.parts:
                yield {"diagnosis": functions.diagnoses(served, patients)}
            if "treatment" in args.parts:
                yield {"treatment": functions.treatments(served, patients)}
            if "triples" in args.parts:
                yield {"triples": functions.triples(served, patients)}
            if "summary" in args.parts:
                # The diagnostician's sentences never stand, so that the plain facts are told.
                yield {"summary": {"facts": functions.summaries(served, patients, DIAGNOSTICIAN)}}
            if "wording" in args.parts and args.written:
                yield {"summary": {"model": functions.summaries(served, functions.Patients(_some(stays, args.written)))}}
