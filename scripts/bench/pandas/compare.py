"""Observations a second: the same cleaning steps with pandas and in Bedside, on the same damaged export, round by round.

`python3 -m scripts.bench.pandas.compare` (the first run makes the cohort and its environment). Each round runs each side,
one after the other. Both read the export into memory, clean it, and say what they changed; starting and importing is not
counted. Then `bedside prepare` does the whole of a cohort: it also writes FHIR, Parquet and texts, from disk to disk.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts import testenv
from scripts.bootstrap.files import SetupError
from scripts.bootstrap.layout import Layout, cache_folder
from scripts.corpus.__main__ import REQUIREMENTS

ROOT = Path(__file__).resolve().parents[3]
STEPS = {
    "units": ("converted", "unit-corrected"),
    "duplicates": ("duplicate",),
    "near duplicates": ("near-duplicate",),
    "implausible": ("implausible",),
    "artefacts": ("artefact",),
    "made up": ("filled", "interpolated", "carried-forward"),
}


def measured(command: list[str], **kwargs) -> tuple[str, float, float, float]:
    """A command's output, seconds, CPU seconds, and the most memory it had, in MB (of its own process)."""
    began = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **kwargs) as process:
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SetupError(f"{command[0]} failed")
    memory = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return out, time.monotonic() - began, usage.ru_utime + usage.ru_stime, memory


def build(go: str, folder: Path) -> tuple[Path, Path]:
    """Bedside's side, and bedside itself."""
    side, bedside = folder / "side", folder / "bedside"
    subprocess.run([go, "build", "-o", str(side), "./scripts/bench/pandas"], cwd=ROOT, check=True)
    subprocess.run([go, "build", "-o", str(bedside), "./cmd/bedside"], cwd=ROOT, check=True)
    return side, bedside


def sides(side: Path, python: Path, dirty: Path, fill: int) -> dict[str, list[str]]:
    """What is run in each round."""
    cores = os.cpu_count() or 1
    pandas = [str(python), "-m", "scripts.bench.pandas.cleaning", str(dirty), "--fill", str(fill)]
    bedside = [str(side), "-fill", f"{fill}m"]
    return {
        f"Bedside, {cores} cores": [*bedside, "-clock=false", str(dirty)],
        f"Bedside, {cores} cores, with clocks": [*bedside, str(dirty)],
        "Bedside, 1 core": [*bedside, "-clock=false", "-workers", "1", str(dirty)],
        "pandas, 1 process": pandas,
        f"pandas, {cores} processes": [*pandas, "--processes", str(cores)],
    }


def race(commands: dict[str, list[str]], rounds: int) -> None:
    """Runs all sides, interleaved, and prints the table."""
    results: dict[str, list[dict]] = {name: [] for name in commands}
    for n in range(rounds):
        for name, command in commands.items():
            env = os.environ | ({"GOMAXPROCS": "1"} if "1 core" in name else {})
            out, _, cpu, memory = measured(command, env=env)
            results[name].append({**json.loads(out), "cpu": cpu, "memory": memory})
            print(f"round {n + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
    print("| | parse MB/s | parse s | clean s | observations/s | CPU s | peak MB | " + " | ".join(STEPS) + " |")
    print("|---" * (7 + len(STEPS)) + "|")
    for name, runs in results.items():
        parse, clean = (statistics.median(r[k] for r in runs) for k in ("parse_s", "clean_s"))
        speed = statistics.median(r["observations"] / (r["parse_s"] + r["clean_s"]) for r in runs)
        counts = [str(sum(runs[0]["counts"].get(k, 0) for k in kinds)) for kinds in STEPS.values()]
        print(
            f"| {name} | {runs[0]['bytes'] / 1e6 / parse:.0f} | {parse:.2f} | {clean:.2f} | {speed:,.0f} | "
            f"{statistics.median(r['cpu'] for r in runs):.1f} | {max(r['memory'] for r in runs):.0f} | "
            f"{' | '.join(counts)} |"
        )
    names = list(commands)
    for ours, theirs in ((names[0], names[4]), (names[0], names[3]), (names[2], names[3])):
        ratios = sorted(
            (p["parse_s"] + p["clean_s"]) / (b["parse_s"] + b["clean_s"]) for b, p in zip(results[ours], results[theirs])
        )
        print(
            f"{ours} against {theirs}: {statistics.median(ratios):.1f} times as fast (rounds: "
            f"{', '.join(f'{r:.1f}' for r in ratios)})"
        )


def whole(bedside: Path, dirty: Path, out: Path, observations: int) -> None:
    """bedside prepare, from disk to disk."""
    size = sum(f.stat().st_size for f in dirty.glob("*.ndjson"))
    _, seconds, cpu, memory = measured([str(bedside), "prepare", str(dirty), "--out", str(out), "--quiet"])
    shutil.rmtree(out, ignore_errors=True)
    print(
        f"bedside prepare: {size / 1e6:,.0f} MB, {observations:,} observations in {seconds:.1f} s ({cpu:.1f} s of CPU): "
        f"{size / 1e6 / seconds:.1f} MB/s, {observations / seconds:,.0f} observations/s, {memory:.0f} MB at most"
    )


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python3 -m scripts.bench.pandas.compare", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--copies", type=int, default=1, help="of the small cohort, with other ids and damage: 60 MB or so each"
    )
    parser.add_argument("--large", type=int, default=0, help="also bedside prepare of so many copies: 25 are about 2 GB")
    parser.add_argument("--fill", type=int, default=5, help="minutes of the grid on which gaps are filled")
    args = parser.parse_args()
    try:
        python = testenv.make(Layout(cache_folder(os.environ, sys.platform)), False, REQUIREMENTS, "generated corpora")
        cohort = subprocess.run(
            [sys.executable, "-m", "scripts.corpus", "cohort"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            side, bedside = build(os.environ.get("GO", "go"), scratch)
            dirty = scratch / "dirty"
            measured([str(side), "-dirty", str(dirty), "-copies", str(args.copies), cohort])
            race(sides(side, python, dirty, args.fill), args.rounds)
            if args.large:
                shutil.rmtree(dirty)
                measured([str(side), "-dirty", str(dirty), "-copies", str(args.large), cohort])
            with open(dirty / "Observation.ndjson", "rb") as f:
                observations = sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 20), b""))
            whole(bedside, dirty, scratch / "out", observations)
    except (SetupError, subprocess.CalledProcessError, OSError) as err:
        print(f"compare: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
