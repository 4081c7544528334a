"""The rivals' packages: wheels from requirements.txt, and llama.cpp, which is built for this machine's processor."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ... import testenv
from ...bootstrap.layout import Layout
from ...bootstrap.pip import run_pip, scratch_folder
from ...bootstrap.progress import Progress

HERE = Path(__file__).resolve().parent
LLAMA = HERE / "llamacpp.txt"
PURPOSE = "the rivals"
BUILD_STEPS = 140  # about; the bar only has to move
TILES = HERE / "tilecfg.h"
BUILD = f"-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF -DCMAKE_CXX_FLAGS='-include {TILES}'"


def make(layout: Layout) -> Path:
    """The environment's Python."""
    python = testenv.make(layout, offline=False, requirements=HERE / "requirements.txt", purpose=PURPOSE)
    key = hashlib.sha256(LLAMA.read_bytes() + TILES.read_bytes()).hexdigest()[:12]
    built = python.parent.parent / f"llamacpp-{key}"
    if not built.exists():
        build_llamacpp(python, layout.cache / "testenv-downloads")
        built.touch()
    return python


def build_llamacpp(python: Path, downloads: Path) -> None:
    """From its source; AMX, AVX512-VNNI and the like as the compiler finds them."""
    os.environ |= {"CMAKE_ARGS": BUILD, "PATH": f"{python.parent}:{os.environ['PATH']}"}
    with Progress("building llama.cpp", BUILD_STEPS) as progress, scratch_folder(downloads) as scratch:
        run_pip(python, ["install", "-v", "--require-hashes", "--no-deps", "--no-build-isolation", "--no-binary=:all:",
                         "-r", str(LLAMA)], Path(scratch), lambda line, _: progress.update(step_of(line)))


def step_of(line: str) -> int:
    """Ninja's count of steps, from a line such as `[17/140] cc ...`."""
    head, _, _ = line.strip().partition("/")
    return int(head[1:]) if head[:1] == "[" and head[1:].isdigit() else 0
