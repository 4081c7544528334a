"""What the server has to know to suggest diagnoses with a model: diagnosis.json, in the model's folder.

    python -m scripts.evaluate fit REPORT MODELFOLDER --corpus FOLDER

REPORT is the folder that judging the model on validation left, OUT/MODEL. The file has the answers that the model knows, the
temperature that its log probabilities are divided by (by the hours that a record tells of), and the probability below which
it had better not answer. All were chosen on validation patients, for the mean of both languages' log probabilities, on
records that show what was measured: such as the server is sent.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..bootstrap.files import replacing, sha256
from .corpus import Corpus

CHOSEN = "chosen.json"  # what judging leaves
NAME, MANIFEST, HOURS = "diagnosis.json", "bedside.json", (1, 24)


class FitError(ValueError):
    """The report lacks what the file needs; the message says what to do."""


def fitted(chosen: dict[str, Any], codes: list[str]) -> dict[str, Any]:
    """The file's content, from what was chosen on validation."""
    try:
        found = {hours: chosen[f"{hours}h-visible"]["both"] for hours in HOURS}
    except KeyError as err:
        raise FitError(f"the report has no {err}: judge the model on validation first") from err
    if any(f["threshold"] is None for f in found.values()):
        raise FitError("no confidence was right nine times in ten on validation: the model had better not suggest anything")
    return {
        "temperature": {str(hours): round(1 / f["exponent"], 4) for hours, f in found.items()},
        "threshold": round(max(f["threshold"] for f in found.values()), 4), "codes": sorted(codes),
    }


def write(report: Path, model: Path, codes: list[str]) -> Path:
    """Write the file and enter it in the folder's manifest, whose digest changes with it."""
    try:
        chosen = json.loads((report / CHOSEN).read_text(encoding="utf-8"))["chosen"]
        manifest = json.loads((model / MANIFEST).read_text(encoding="utf-8"))
    except OSError as err:
        raise FitError(f"{err.filename}: cannot be read: {err.strerror}") from err
    return enter(model, manifest, NAME, fitted(chosen, codes))


def enter(model: Path, manifest: dict[str, Any], name: str, content: dict[str, Any]) -> Path:
    """Write a file into a model's folder and enter it in the manifest there, whose digest changes with it."""
    with replacing(model / name) as temp:
        temp.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    manifest["files"][name] = {"sha256": sha256(model / name), "bytes": (model / name).stat().st_size}
    manifest["files"] = dict(sorted(manifest["files"].items()))
    with replacing(model / MANIFEST) as temp:
        temp.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return model / name


def main(argv: list[str]) -> int:
    """Returns the exit status."""
    p = argparse.ArgumentParser(prog="python -m scripts.evaluate fit", description=str(__doc__).split("\n\n", maxsplit=1)[0])
    p.add_argument("report", type=Path, metavar="REPORT", help="what judging on validation left: OUT/MODEL")
    p.add_argument("model", type=Path, metavar="MODELFOLDER")
    p.add_argument("--corpus", type=Path, required=True, metavar="FOLDER")
    args = p.parse_args(argv)
    print(write(args.report, args.model, Corpus(args.corpus).diseases))
    return 0
