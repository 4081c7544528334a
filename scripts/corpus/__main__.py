"""Command line: `python3 -m scripts.corpus cohort|signals [--size small]` makes a corpus, once, and prints where it is.

The corpora are made by packages of their own, in an environment apart: nothing of it is on the way of `make run`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .. import testenv
from ..bootstrap.files import SetupError, lock, replacing_folder, sweep
from ..bootstrap.layout import Layout, cache_folder
from ..bootstrap.steps import check_space

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REQUIREMENTS = HERE / "requirements.txt"
SIZES = {
    # patients of each of 32 diseases, hours on a monitor, bytes on disk at most
    "small": (2, 6, 150_000_000),
    "medium": (8, 12, 1_200_000_000),
    "large": (32, 24, 9_000_000_000),
}
SIGNAL_BYTES = 60_000_000
# What each corpus is made by: a change there makes another corpus.
SOURCES = {"cohort": ("cohort.py", "monitor.py"), "signals": ("signals.py", "waves.py")}


def key(corpus: str, parameters: list[str]) -> str:
    """Names a corpus by all that it depends on: versions, the code that makes it, parameters."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes())
    for name in SOURCES[corpus]:
        digest.update((HERE / name).read_bytes())
    digest.update(f"{sys.version_info[0]}.{sys.version_info[1]} {os.uname().machine} {parameters}".encode())
    return digest.hexdigest()[:12]


def arguments(corpus: str, args: argparse.Namespace) -> tuple[list[str], int]:
    """What the maker is told beside its folder, and how many bytes may be needed."""
    if corpus == "signals":
        return (["--tune"] if args.tune else []), SIGNAL_BYTES
    patients, hours, needed = SIZES[args.size]
    given = args.patients or patients
    return ["--patients", str(given), "--hours", str(hours), "--seed", str(args.seed)], needed * given // patients


def make(corpus: str, args: argparse.Namespace, layout: Layout) -> Path:
    """The corpus' folder. It is made beside its place and renamed, so that it is whole or absent."""
    parameters, needed = arguments(corpus, args)
    folder = layout.cache / "corpora" / f"{corpus}-{args.size}-{key(corpus, parameters)}"
    if folder.exists():
        return folder
    python = testenv.make(layout, args.offline, REQUIREMENTS, "generated corpora")
    check_space(layout.cache, needed)
    with lock(layout.cache / f"corpora-{corpus}.lock"):
        if folder.exists():
            return folder
        if corpus == "cohort":
            sweep(folder.parent)
        with replacing_folder(folder) as temp:
            command = [
                str(python),
                "-m",
                f"scripts.corpus.{corpus}",
                str(temp),
                *parameters,
                "--processes",
                str(args.processes),
            ]
            run(command, layout.cache)
    return folder


def run(command: list[str], cache: Path) -> None:
    """Runs a maker; what it says goes to standard error. Libraries keep their own caches out of the home folder."""
    scratch = cache / "corpora" / ".scratch"
    env = os.environ | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MPLCONFIGDIR": str(scratch),
        "PYTHONHASHSEED": "0",
    }
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, stdout=sys.stderr, check=False)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if done.returncode == 130 or done.returncode < 0:
        raise KeyboardInterrupt
    if done.returncode:
        raise SetupError("the corpus could not be made; see above")


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0, 1 after an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python3 -m scripts.corpus", description=__doc__.splitlines()[0])
    parser.add_argument("corpus", choices=sorted(SOURCES))
    parser.add_argument("--size", choices=list(SIZES), default="small", help="of the cohort: 64, 256 or 1,024 patients")
    parser.add_argument("--patients", type=int, default=0, help="of each disease, instead of the size's own number")
    parser.add_argument(
        "--seed", type=int, default=9_000_000, help="of the cohort; the default is the one that figures are reported of"
    )
    parser.add_argument("--tune", action="store_true", help="signals: also those that settings are chosen on")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--offline", action="store_true", help="never use the network; fail if something is missing")
    args = parser.parse_args(argv)
    try:
        print(make(args.corpus, args, Layout(cache_folder(os.environ, sys.platform))))
    except KeyboardInterrupt:
        print("\ncorpus: interrupted; run it again to go on", file=sys.stderr)
        return 130
    except (SetupError, OSError) as err:
        print(f"corpus: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
