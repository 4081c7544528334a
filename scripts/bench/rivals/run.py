"""Bedside's engine against its rivals: same weights and threads, Bedside through gRPC, the others in-process."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from tokenizers import Tokenizer

from ...bootstrap.layout import MODEL_NAME, Layout, cache_folder
from . import machine, measure, quality, report, roofline, weights
from .cells import FULL, QUICK
from .prompts import Prompts
from .side import ROOT, Settings, build_client
from .sides import OURS, RIVALS, Rival

DOCS = ROOT / "docs" / "benchmarks.md"
SHOWN_STEPS = (1, 16, 64)  # streams of the roofline table
QUICK_SECONDS = 200.0  # of rounds, so that all of it takes less than five minutes


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.rivals", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five minutes: fewer streams, shorter texts, speed alone")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each side")
    parser.add_argument("--cpus", default="", help="processors that all sides stay on, such as 1 or 0,1")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, help=f"after which no round begins; {QUICK_SECONDS:.0f} with --quick")
    parser.add_argument("--model", default=MODEL_NAME, help="Bedside's, by its folder's name")
    parser.add_argument("--sides", default="", help="rivals by parts of their names, such as Q4_0,OpenVINO; all by default")
    parser.add_argument("--cache-bytes", type=float, default=1.1,
                        help="bytes of a value in Bedside's cache, scales included, for the roofline")
    parser.add_argument("--filled", type=int, default=2048, help="tokens to which the memory test fills each of 64 slots")
    parser.add_argument("--only", default="", help="speed, memory or quality, or several with commas; all by default")
    parser.add_argument("--docs", action="store_true", help="write docs/benchmarks.md and its plots")
    return parser.parse_args()


def wanted(args: argparse.Namespace, part: str) -> bool:
    """Whether a part of the measuring is to be done."""
    return part in args.only.split(",") if args.only else part == "speed" or not args.quick


def speed(args: argparse.Namespace, rivals: list[Rival], models: dict[str, Path], settings: Settings, prompts: Prompts,
          scratch: Path) -> dict:
    """The rounds, and how near our steps come to the machine's limits."""
    plan = QUICK if args.quick else FULL
    shape = roofline.Shape.read(args.folder)
    peak = roofline.measure(args.threads, args.cpus, shape, scratch)
    with measure.running(rivals, models, settings, args.model, max(plan.streams), scratch) as found:
        says = measure.versions(found)
        most = args.seconds or (QUICK_SECONDS if args.quick else float("inf"))
        cells = measure.rounds(found, rivals, plan, prompts, args.rounds, most)
    limits = {}
    for streams in SHOWN_STEPS:
        step = median(r["step_ms"] for r in cells[f"decode/{streams}"][OURS])
        context = plan.prompt + plan.tokens / 2
        shares = roofline.shares(shape, peak, streams, context, step / 1000, args.cache_bytes)
        limits[str(streams)] = {"step_ms": step} | shares
    return {"cells": cells, "peak": vars(peak), "roofline": limits, "engines": says}


def judge(args: argparse.Namespace, rivals: list[Rival], models: dict[str, Path], settings: Settings, scratch: Path) -> dict:
    """Quality of all sides."""
    pieces, text = quality.windows(Tokenizer.from_file(str(args.folder / "tokenizer.json")))
    with contextlib.ExitStack() as stack:
        candidates = {OURS: quality.folder(args.folder, args.threads)}
        for r in rivals:
            side = r.start(models, settings, scratch)
            stack.callback(side.close)
            candidates[r.name] = quality.process(side)
        reference = quality.folder(args.folder.parent / f"{MODEL_NAME}-fp32", args.threads)
        found = quality.compare(reference, candidates, pieces, lambda done: measure.say(f"judged on {done} tokens"))
    return {"quality": found, "text": text}


def write_docs(result: dict, path: Path) -> None:
    """Put the section into its place, and the plots beside it."""
    from . import plots  # matplotlib takes a second to load
    drawn = [f"![{p.stem}]({p.name})" for p in plots.draw(result, path.parent)]
    section = "\n\n".join([report.document(result), *drawn])
    path.write_text(report.put(path.read_text(encoding="utf-8"), section), encoding="utf-8")


def main() -> None:
    """Measure, print, keep."""
    args = arguments()
    layout = Layout(cache_folder(os.environ, sys.platform))
    args.folder = layout.models / args.model
    rivals = [r for r in RIVALS if not args.sides or any(part in r.name for part in args.sides.split(","))]
    settings = Settings(args.threads, args.cpus)
    seen = machine.describe()
    models = weights.prepare(layout)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True)
    now = datetime.datetime.now(datetime.UTC)
    result = {"date": f"{now:%Y-%m-%d}", "machine": seen, "settings": {
        "threads": args.threads, "cpus": args.cpus, "model": args.model, "quick": args.quick, "rounds": args.rounds,
        "commit": commit.stdout.strip()}, "cells": {}, "memory": {}, "quality": {}, "roofline": {}}
    kept = ROOT / ".build" / "bench" / f"rivals-{now:%Y%m%dT%H%M%SZ}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    prompts = Prompts(Tokenizer.from_file(str(args.folder / "tokenizer.json")), seed=int(now.timestamp()))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        build_client(scratch)
        if wanted(args, "speed"):
            result |= speed(args, rivals, models, settings, prompts, scratch)
            result["settings"]["rounds"] = len(result["cells"]["prefill"][OURS])
        if wanted(args, "memory"):
            result["memory"] = measure.memory(rivals, models, settings, args.model, prompts, args.filled, scratch)
        if wanted(args, "quality"):
            result |= judge(args, rivals, models, settings, scratch)
    kept.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if "peak" in result:
        print(report.setting(result))
    for title, text in report.sections(result):
        print(f"\n{title}\n\n{text}")
    print(f"\nAll figures: {kept}")
    if args.docs and result["cells"]:
        write_docs(result, DOCS)


if __name__ == "__main__":
    main()
