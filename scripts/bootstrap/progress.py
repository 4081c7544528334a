"""Progress on standard error: a bar on a terminal, sober lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 28


class Progress:
    """One step of work of known or unknown size. Use it as a context manager.

    On a terminal the line is redrawn at most ten times a second; elsewhere one line is written at the start
    and one at the end.
    """

    def __init__(self, label: str, total: int = 0, out: TextIO | None = None):
        self._label, self._total = label, total
        self._out = sys.stderr if out is None else out
        self._tty = self._out.isatty()
        self._began = time.monotonic()
        self._drawn = 0.0
        self._note = ""

    def __enter__(self) -> Progress:
        self._out.write(f"\r{self._label} ..." if self._tty else f"{self._label} ...\n")
        self._out.flush()
        return self

    def update(self, done: int, note: str = "") -> None:
        """Say that `done` of the total is finished."""
        self._note = note or self._note
        now = time.monotonic()
        if not self._tty or now - self._drawn < 0.1:
            return
        self._drawn = now
        part = min(1.0, done / self._total) if self._total else 0.0
        filled = round(part * WIDTH)
        bar = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {part:4.0%}" if self._total else f"{now - self._began:4.0f}s"
        self._out.write(f"\r\x1b[K{self._label} {bar} {self._note}")
        self._out.flush()

    def __exit__(self, kind, value, trace) -> None:
        took = time.monotonic() - self._began
        word = "done" if kind is None else "stopped"
        self._out.write(f"{chr(13) + chr(27) + '[K' if self._tty else ''}{self._label}: {word} ({took:.1f} s)\n")
        self._out.flush()
