"""Command line of the judging of models; it runs in the environment of the clients' tests."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bedside_client import BedsideError

from . import clinical, fit, ledger, notes, perplexity, run, tables
from .candidates import CandidateError
from .corpus import Corpus, CorpusError
from .serving import Served, ServerError


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    p = argparse.ArgumentParser(prog="python -m scripts.evaluate", description=(
        "Judge an exported language model on a corpus of scripts/corpus, through the server and gRPC. `python -m "
        "scripts.evaluate tables --help` puts what was found into docs/evaluation.md, `... fit --help` what was chosen "
        "into the model's folder; `... clinical --help` judges the four clinical functions as they are served, `... notes "
        "--help` what a model reads in notes."))
    p.add_argument("model", type=Path, metavar="MODELFOLDER", help="an exported model: the folder with bedside.json")
    p.add_argument("--corpus", type=Path, required=True, metavar="FOLDER")
    p.add_argument("--split", choices=("validation", "test"), required=True, help=(
        "test judges a model once: temperature and threshold come from validation"))
    p.add_argument("--out", type=Path, required=True, metavar="FOLDER", help=(
        "receives MODEL/SPLIT/evaluation.json and .md"))
    p.add_argument("--sample", type=_count, default=0, metavar="N", help="judge on N patients drawn by lot (default: all)")
    p.add_argument("--written", type=_count, default=run.WRITTEN, metavar="N", help=(
        "patients whose summaries and triples are written (default: %(default)s)"))
    p.add_argument("--parts", nargs="+", choices=run.PARTS, default=list(run.PARTS), help=(
        "what is judged beside diagnosis (default: everything)"))
    p.add_argument("--sequences", type=_count, default=perplexity.SEQUENCES, metavar="N", help=(
        "sequences of each language and task that perplexity is of (default: %(default)s)"))
    p.add_argument("--sets", nargs="+", choices=tables.SETS, help="records whose diagnosis is judged (default: all)")
    way = p.add_mutually_exclusive_group()
    way.add_argument("--zero-shot", action="store_true", help=(
        "ask for the diagnosis in an English chat, as models that were not trained here need; 100 patients unless told"))
    way.add_argument("--chat", action="store_true", help=(
        "ask with the corpus' English prompts in a chat, as models of scripts/train lora need; 100 patients unless told"))
    p.add_argument("--again", action="store_true", help="judge on the test set once more; the report says how often it was")
    p.add_argument("--ledger", type=Path, default=ledger.DEFAULT, help="where judgements on test sets are noted")
    p.add_argument("--binary", type=Path, help="the server (default: bin/bedside)")
    p.add_argument("--threads", type=int, default=0, help="of the server, within an operator (default: one a core)")
    return p


def _count(text: str) -> int:
    if (n := int(text)) < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return n


def evaluate(argv: list[str]) -> int:
    """Judges one model."""
    p = parser()
    args = p.parse_args(argv)
    if not (args.model / "bedside.json").is_file():
        p.error(f"{args.model}: no exported model there (no bedside.json)")
    job = run.Job(Corpus(args.corpus), args.split, args.out, args.sample, args.written, args.sequences, tuple(args.parts),
                  tuple(args.sets) if args.sets else None, args.zero_shot, args.chat, args.again, ledger.Ledger(args.ledger))
    with Served(args.model, args.binary, args.threads) as served:
        found = run.run(served, job)
    section = tables.section(found)
    (run.folder(job, found["model"]["name"]) / run.SECTION).write_text(section, encoding="utf-8")
    print(section)
    return 0


def main(argv: list[str]) -> int:
    """Returns the exit status: 0, 1 after an error (one that says what to do), 130 when interrupted."""
    try:
        if argv[:1] == ["tables"]:
            return tables.main(argv[1:])
        if argv[:1] == ["notes"]:
            return notes.main(argv[1:])
        if argv[:1] == ["clinical"]:
            return clinical.main(argv[1:])
        return fit.main(argv[1:]) if argv[:1] == ["fit"] else evaluate(argv)
    except KeyboardInterrupt:
        print("\nevaluate: interrupted; nothing was noted", file=sys.stderr)
        return 130
    except (CorpusError, CandidateError, ServerError, ledger.JudgedError, tables.TablesError, fit.FitError) as err:
        print(f"evaluate: {err}", file=sys.stderr)
        return 1
    except BedsideError as err:
        print(f"evaluate: the server refused: {err}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
