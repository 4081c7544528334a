"""Which models have been judged on a test set: once each, or it is said how often."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

DEFAULT = Path(__file__).resolve().parent / "data" / "judged.jsonl"


class JudgedError(Exception):
    """This model has been judged on this test set before."""


class Ledger:
    """A file with a line for each time that a model was judged. It is only ever added to."""

    def __init__(self, path: Path = DEFAULT):
        self.path = path

    def times(self, model: str, test: str) -> int:
        """How often the model of this digest has been judged on the test set of this digest."""
        return sum(entry["model"] == model and entry["test"] == test for entry in self._entries())

    def check(self, model: str, test: str, again: bool) -> None:
        """Raises JudgedError where a model has been judged before, unless it may be again."""
        times = self.times(model, test)
        if times and not again:
            raise JudgedError(f"this model has been judged on this test set {times} time(s) already, see {self.path}. A "
                              "test set that is looked at often no longer tells what new patients would; --again judges "
                              "it once more, and the report says how often it was.")

    def add(self, name: str, model: str, test: str) -> int:
        """Notes that a model is judged, and returns how often it has been with this time."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        entry = {"name": name, "model": model, "test": test, "time": datetime.now(UTC).isoformat(timespec="seconds")}
        with open(self.path, "a", encoding="utf-8") as out:
            out.write(json.dumps(entry) + "\n")
        return self.times(model, test)

    def _entries(self) -> list[dict]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines() if line.strip()]
