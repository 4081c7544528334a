#!/usr/bin/env python3
"""Make the environment of the clients' tests and generators, if need be, and print its Python.

It is apart from the set-up's own: Triton's client takes no protobuf as new as the exporter's, and neither `make run`
nor the server has any use for it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts.bootstrap.files import SetupError, lock, sweep
from scripts.bootstrap.layout import SCRIPTS, Layout, cache_folder
from scripts.bootstrap.pip import run_pip, scratch_folder
from scripts.bootstrap.progress import Progress
from scripts.bootstrap.steps import MARKER, check_space, need_network

REQUIREMENTS = SCRIPTS.parent / "clients" / "python" / "requirements-test.txt"
NEEDED_BYTES = 600_000_000
PURPOSE = "the clients' tests"


def folder(layout: Layout, requirements: Path = REQUIREMENTS) -> Path:
    """Where the environment lies; another one for other requirements, another Python or another machine."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    key = requirements.read_bytes() + f"\n{version} {os.uname().machine} {layout.platform}".encode()
    return layout.cache / f"testenv-{hashlib.sha256(key).hexdigest()[:12]}"


def make(layout: Layout, offline: bool, requirements: Path = REQUIREMENTS, purpose: str = PURPOSE) -> Path:
    """The environment's Python; packages come through pip, which checks their hashes. What is told says what it is for."""
    target = folder(layout, requirements)
    python = target / "bin" / "python"
    if (target / MARKER).exists() and python.exists():
        return python
    need_network(offline, f"the packages for {purpose} are")
    check_space(layout.cache, NEEDED_BYTES)
    with lock(layout.cache / "testenv.lock"):
        if (target / MARKER).exists() and python.exists():  # another run has made it meanwhile
            return python
        sweep(layout.cache / "testenv-downloads")
        # Environments hold their own path, so they are built in place; the marker says that one is whole.
        shutil.rmtree(target, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(target)], capture_output=True, text=True, check=False)
        if made.returncode:
            raise SetupError(f"cannot make a virtual environment in {target}:\n{made.stderr.strip() or made.stdout.strip()}")
        install(python, requirements, layout.cache / "testenv-downloads", purpose)
        (target / MARKER).touch()
    return python


def install(python: Path, requirements: Path, downloads: Path, purpose: str) -> None:
    """Everything in `requirements`, as wheels."""
    count = len(re.findall(r"^[a-z].*==", requirements.read_text(encoding="utf-8"), re.MULTILINE))
    label = f"installing Python packages for {purpose}"
    with Progress(label, count) as progress, scratch_folder(downloads) as scratch:
        seen: set[str] = set()

        def tick(line: str, _: int) -> None:
            if line.startswith("Collecting "):
                seen.add(line)
            progress.update(len(seen), line.split()[1] if line.startswith("Collecting ") else "")

        run_pip(python, ["install", "--require-hashes", "--only-binary=:all:", "-r", str(requirements)], Path(scratch), tick)


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0, 1 after an error (one that says what to do), 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="testenv.py", description=__doc__.splitlines()[0])
    parser.add_argument("--offline", action="store_true", help="never use the network; fail if something is missing")
    args = parser.parse_args(argv)
    try:
        print(make(Layout(cache_folder(os.environ, sys.platform)), args.offline))
    except KeyboardInterrupt:
        print("\ntestenv: interrupted; run it again to go on", file=sys.stderr)
        return 130
    except (SetupError, OSError) as err:
        print(f"testenv: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
