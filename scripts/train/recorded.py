"""Metrics that were recorded once, and whether a run reproduces them.

On one processor a run gives the same bits again. Another one takes sums in another order, and after some hundred steps
a model that has just begun to find the rule may be a little ahead or behind; hence the tolerance. It is a choice: wide
enough for that, and far narrower than what a model that does not learn would miss by.
"""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "recorded"
# By the metric's name up to its first point: how far from the recorded value, absolute.
TOLERANCE = {"loss": 0.05, "token": 0.05, "exact": 0.15}


def path(size: str, folder: Path = FOLDER) -> Path:
    """Where the metrics of a size are kept."""
    return folder / f"{size}.json"


def write(size: str, corpus: str, results: list[dict], folder: Path = FOLDER) -> None:
    """Record the validation metrics of some models of a size, beside those of others on the same corpus."""
    models = {}
    if path(size, folder).exists():
        before = json.loads(path(size, folder).read_text(encoding="utf-8"))
        models = before["models"] if before["corpus"] == corpus else {}
    models |= {r["name"]: {"parameters": r["parameters"], "steps": r["steps"], "validation": r["validation"]}
               for r in results}
    text = json.dumps({"corpus": corpus, "tolerance": TOLERANCE, "models": dict(sorted(models.items()))}, indent=1)
    path(size, folder).write_text(text + "\n", encoding="utf-8")


def differences(size: str, corpus: str, results: list[dict], folder: Path = FOLDER) -> list[str]:
    """What is not as recorded, in words; nothing where all is."""
    if not path(size, folder).exists():
        return [f"no metrics of size {size} are recorded: run again with --record"]
    recorded = json.loads(path(size, folder).read_text(encoding="utf-8"))
    if recorded["corpus"] != corpus:
        return [f"the metrics of size {size} are of the corpus {recorded['corpus']}, not of {corpus}"]
    found = []
    for result in results:
        known = recorded["models"].get(result["name"])
        if known is None:
            found.append(f"{result['name']}: not recorded")
            continue
        for name, value in known["validation"].items():
            allowed = recorded["tolerance"][name.split(".")[0]]
            now = result["validation"].get(name)
            if now is None or abs(now - value) > allowed:
                found.append(f"{result['name']}: {name} is {now}, recorded {value:.4f}, at most {allowed} apart")
    return found
