"""Command line: `python3 -m scripts.corpus cohort|signals|language [--size small]` makes a corpus, once, and prints where.

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
LANGUAGE_SIZES = {
    # patients of each of 32 diseases for training, validation and test, bytes on disk at most
    "tiny": (8, 2, 4, 100_000_000),
    "small": (40, 8, 16, 400_000_000),
    "full": (320, 16, 32, 2_000_000_000),
}
SIGNAL_BYTES = 60_000_000
# What each corpus is made by: a change there makes another corpus.
STAYS = ("language/stays.py", "cohort.py")
LANGUAGE = (*STAYS, "language/make.py", "language/vocabulary.py", "language/leaks.py", "examples/*.go")
SOURCES = {
    "cohort": ("cohort.py", "monitor.py"),
    "signals": ("signals.py", "waves.py"),
    "language": LANGUAGE,
    "stays": STAYS,
}
MODULES = {"language": "language.make"}
# The language models' corpus is made with Go, too, by what reads, prepares and words records.
CLINICAL = ("clinical/**/*.go", "clinical/**/*.tsv")


def requirements(corpus: str) -> Path:
    """The packages that a corpus is made by."""
    return HERE / "language" / "requirements.txt" if corpus in ("language", "stays") else REQUIREMENTS


def sources(corpus: str) -> list[Path]:
    """The files whose change makes another corpus, in order."""
    out = [path for pattern in SOURCES[corpus] for path in sorted(HERE.glob(pattern))]
    if corpus == "language":
        out += [path for pattern in CLINICAL for path in sorted(ROOT.glob(pattern))]
    return [path for path in out if not path.name.endswith("_test.go")]


def key(corpus: str, parameters: list[str]) -> str:
    """Names a corpus by all that it depends on: versions, the code that makes it, parameters."""
    digest = hashlib.sha256(requirements(corpus).read_bytes())
    for path in sources(corpus):
        digest.update(path.read_bytes())
    digest.update(f"{sys.version_info[0]}.{sys.version_info[1]} {os.uname().machine} {parameters}".encode())
    return digest.hexdigest()[:12]


def arguments(corpus: str, args: argparse.Namespace) -> tuple[list[str], int]:
    """What the maker is told beside its folder, and how many bytes may be needed."""
    if corpus == "signals":
        return (["--tune"] if args.tune else []), SIGNAL_BYTES
    if corpus == "language":
        train, validation, test, needed = LANGUAGE_SIZES[args.size]
        return ["--train", str(train), "--validation", str(validation), "--test", str(test)], needed
    patients, hours, needed = SIZES[args.size]
    given = args.patients or patients
    return ["--patients", str(given), "--hours", str(hours), "--seed", str(args.seed)], needed * given // patients


def make(corpus: str, args: argparse.Namespace, layout: Layout) -> Path:
    """The corpus' folder. It is made beside its place and renamed, so that it is whole or absent."""
    parameters, needed = arguments(corpus, args)
    folder = layout.cache / "corpora" / f"{corpus}-{args.size}-{key(corpus, parameters)}"
    if folder.exists():
        return folder
    python = testenv.make(layout, args.offline, requirements(corpus), "generated corpora")
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
                f"scripts.corpus.{MODULES.get(corpus, corpus)}",
                str(temp),
                *parameters,
                *kept(corpus, layout),
                "--processes",
                str(args.processes),
            ]
            run(command, layout.cache)
    return folder


def kept(corpus: str, layout: Layout) -> list[str]:
    """The language models' corpora of all sizes are made of the same stays, which are kept beside them."""
    if corpus != "language":
        return []
    return ["--stays", str(layout.cache / "corpora" / f"stays-{key('stays', [])}")]


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
    parser.add_argument("corpus", choices=["cohort", "language", "signals"])
    parser.add_argument(
        "--size",
        choices=[*SIZES, *(size for size in LANGUAGE_SIZES if size not in SIZES)],
        default="small",
        help="of the cohort: small, medium, large (64, 256, 1,024 patients); of the language models' corpus: tiny, small,"
        " full (256, 1,280, 10,240 training patients)",
    )
    parser.add_argument("--patients", type=int, default=0, help="of each disease, instead of the size's own number")
    parser.add_argument(
        "--seed", type=int, default=9_000_000, help="of the cohort; the default is the one that figures are reported of"
    )
    parser.add_argument("--tune", action="store_true", help="signals: also those that settings are chosen on")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--offline", action="store_true", help="never use the network; fail if something is missing")
    args = parser.parse_args(argv)
    sizes = LANGUAGE_SIZES if args.corpus == "language" else SIZES
    if args.size not in sizes:
        parser.error(f"{args.corpus} has the sizes {', '.join(sizes)}")
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
