"""Files that are whole or absent: digests, writes by rename, one lock for concurrent runs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CHUNK = 1 << 20


class SetupError(Exception):
    """Something the person at the keyboard can act on; the message says what to do."""


def sha256(path: Path, tick: Callable[[int], None] = lambda n: None) -> str:
    """Hex SHA-256 of a file; `tick` is told the bytes read so far."""
    digest, done = hashlib.sha256(), 0
    with open(path, "rb") as f:
        while block := f.read(CHUNK):
            digest.update(block)
            done += len(block)
            tick(done)
    return digest.hexdigest()


def verify(path: Path, expected: str, what: str, tick: Callable[[int], None] = lambda n: None) -> None:
    """Raise SetupError unless the file has this digest."""
    found = sha256(path, tick)
    if found != expected:
        raise SetupError(
            f"checksum mismatch: {what}\n  expected sha256 {expected}\n  found    sha256 {found}\n"
            "The download was damaged or replaced on the way. Nothing was installed; run the set-up again, "
            "and if it happens again, ask whoever runs your package index.")


@contextlib.contextmanager
def replacing(final: Path) -> Iterator[Path]:
    """Give a temporary file beside `final`; rename it into place if the block succeeds, else remove it."""
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent)
    os.close(handle)
    temp = Path(name)
    try:
        yield temp
        temp.chmod(0o644)
        _sync(temp)
        os.replace(temp, final)
    finally:
        temp.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(final: Path) -> Iterator[Path]:
    """As `replacing`, for a folder. A reader sees the old folder, the new one, or for a moment none."""
    final.parent.mkdir(parents=True, exist_ok=True)
    temp = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent))
    try:
        yield temp
        temp.chmod(0o755)
        for file in temp.iterdir():
            if file.is_file():
                _sync(file)
        swap_in(temp, final)
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def swap_in(temp: Path, final: Path) -> None:
    """Rename the folder `temp` to `final`, moving an older one out of the way first."""
    old = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".old", dir=final.parent))
    try:
        if final.exists():
            os.rename(final, old / "it")
        os.rename(temp, final)
    finally:
        shutil.rmtree(old, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what an earlier run, killed half-way, left in `folder`. Call it under the lock."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name.startswith(".") and path.suffix in (".partial", ".old"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold an advisory lock, waiting while another process has it. The system frees it when a process dies."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="ascii") as f:
        told = False
        while True:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    print("another set-up is running; waiting for it to finish", file=sys.stderr, flush=True)
                    told = True
                time.sleep(0.2)
        yield


def _sync(path: Path) -> None:
    with open(path, "rb") as f:
        os.fsync(f.fileno())
