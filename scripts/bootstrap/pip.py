"""Running pip, with its failures turned into advice."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from .files import SetupError

ADVICE = (
    (r"no space left", "the disk is full: free some space (about 3 GB are needed) and run it again"),
    (r"do not match the hashes|hashes are required|hash mismatch",
     "checksum mismatch: a package is not the one that was pinned. Nothing was installed; run the set-up again, "
     "and if it happens again, ask whoever runs your package index"),
    (r"name resolution|getaddrinfo|connection (refused|reset|broken|error|aborted)|timed out|unreachable|proxy"
     r"|failed to establish|ssl", "no network: pip could not reach its package index. Connect, or set pip's "
     "index or proxy (pip config), and run it again"),
    (r"from versions: none", "no network, or an index without this package: pip found no version of it at all. Connect, "
     "or set pip's index or proxy (pip config), and run it again"),
    (r"no matching distribution|could not find a version",
     "pip found no ready-made package for this Python and this machine"),
    (r"permission denied", "no permission to write into the cache folder: set BEDSIDE_CACHE to one of yours"),
)


def explain(output: str) -> str:
    """What to do about a failed pip run, from its output."""
    for pattern, advice in ADVICE:
        if re.search(pattern, output, re.IGNORECASE):
            return advice
    return "pip failed"


def run_pip(python: Path, arguments: list[str], scratch: Path, tick: Callable[[str, int], None]) -> None:
    """Run `python -m pip ...`, its temporary files in `scratch`.

    `tick` is told each line of output and the bytes that lie in `scratch`, some five times a second.
    Raises SetupError with advice and pip's last lines.
    """
    command = [str(python), "-m", "pip", *arguments, "--no-cache-dir", "--no-input", "--progress-bar", "off",
               "--disable-pip-version-check"]
    env = {**os.environ, "TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1", "LC_ALL": "C"}
    lines: list[str] = []
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        reader = threading.Thread(target=_collect, args=(process.stdout, lines), daemon=True)
        reader.start()
        try:
            while process.poll() is None:
                tick(lines[-1] if lines else "", _size(scratch))
                try:
                    process.wait(0.2)
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            process.kill()
            raise
        reader.join()
    if process.returncode:
        text = "\n".join(lines)
        raise SetupError(f"{explain(text)}\n  pip's last words:\n    " + "\n    ".join(lines[-6:]))


def scratch_folder(parent: Path) -> tempfile.TemporaryDirectory:
    """A folder for pip's temporary files, swept by a later run if this one is killed."""
    parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=".pip.", suffix=".partial", dir=parent, ignore_cleanup_errors=True)


def _collect(stream, lines: list[str]) -> None:
    for line in stream:
        lines.append(line.rstrip())


def _size(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except OSError:  # pip removed it meanwhile
                continue
    return total
