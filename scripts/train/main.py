"""Trains models one after the other; runs in the environment that `python3 -m scripts.train` makes."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

from ..bootstrap.files import SetupError, sha256
from ..bootstrap.layout import Layout, cache_folder
from . import config as configs
from . import recorded, run, toy
from .checkpoint import CheckpointError
from .config import ConfigError
from .tokens import CorpusError

TOY = "toy"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python3 -m scripts.train", description=__doc__.splitlines()[0],
        epilog="python3 -m scripts.train parity --help: logits of a trained model for given tokens")
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--size", choices=configs.SIZES, help="train all four kinds of a size")
    what.add_argument("--config", type=Path, action="append", help="a TOML file, such as those in scripts/train/configs")
    p.add_argument("--corpus", default=TOY, help="the corpus' folder; without it a small one of made-up readings")
    p.add_argument("--out", type=Path, help="folder for checkpoints, metrics and models; a folder in the cache by default")
    p.add_argument("--fresh", action="store_true", help="begin anew instead of going on where an earlier run was")
    p.add_argument("--check", action="store_true", help="hold the metrics against the recorded ones; needs --size")
    p.add_argument("--record", action="store_true", help="record the metrics; needs --size")
    return p


def corpus_folder(name: str, layout: Layout) -> Path:
    """The corpus named, made if it is the toy one."""
    if name != TOY:
        return Path(name)
    digest = hashlib.sha256(sha256(Path(toy.__file__)).encode()).hexdigest()[:12]
    folder = layout.cache / "corpora" / f"toy-{digest}"
    return folder if folder.is_dir() else toy.make(folder)


def corpus_digest(corpus: Path) -> str:
    """Names a corpus by what is trained and validated on, and its tokens."""
    names = ("train.jsonl", "validation.jsonl", "tokenizer.json")
    return hashlib.sha256(" ".join(sha256(corpus / n) for n in names).encode()).hexdigest()[:16]


def table(results: list[dict]) -> str:
    """The results side by side."""
    lines = [f"{'model':<18}{'parameters':>12}{'steps':>8}{'tokens/s':>10}{'loss':>8}{'exact diagnosis':>17}"]
    for r in results:
        v = r["validation"]
        lines.append(f"{r['name']:<18}{r['parameters']:>12,}{r['steps']:>8}{r['tokens_per_second']:>10,}"
                     f"{v['loss']:>8.3f}{v.get('exact.diagnosis', float('nan')):>17.3f}")
    return "\n".join(lines)


def train(args: argparse.Namespace, layout: Layout) -> int:
    """Train what was asked for; 1 where the metrics are not as recorded."""
    corpus = corpus_folder(args.corpus, layout)
    files = configs.paths(args.size) if args.size else args.config
    loaded = [configs.load(path) for path in files]
    out = args.out or layout.cache / "training" / corpus.name
    jobs = [run.Job(c, corpus, out / c.name, layout.cache / "tokens") for c in loaded]
    if args.fresh:
        for job in jobs:
            run.fresh(job.out)
    results = list(run.train_all(jobs))
    print(table(results))
    print(f"models, metrics and loss curves: {out}")
    if args.record:
        recorded.write(args.size, corpus_digest(corpus), results)
    if args.check:
        found = recorded.differences(args.size, corpus_digest(corpus), results)
        print("\n".join(found) or "as recorded")
        return 1 if found else 0
    return 0


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0, 1 after an error or other metrics than recorded, 130 when interrupted."""
    p = parser()
    args = p.parse_args(argv)
    if (args.check or args.record) and not args.size:
        p.error("--check and --record need --size")
    try:
        return train(args, Layout(cache_folder(os.environ, sys.platform)))
    except (run.Stopped, KeyboardInterrupt) as stopped:
        print(f"train: {stopped or 'interrupted'}; run it again to go on", file=sys.stderr)
        return 130
    except (SetupError, ConfigError, CorpusError, CheckpointError, OSError, json.JSONDecodeError) as err:
        print(f"train: {err}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
