"""The text that quality is judged on: clinical and general English, which no weight and no scale was chosen by.

- what this project wrote for judging: `heldout.en.txt` (handovers, letters, general prose) and the English of
  `clinical-pairs.tsv` (questions about devices and answers);
- patients' records as Bedside puts them into words for models (`bedside prepare`);
- of the documentation that comes with Python (PSF licence), articles in prose; Python's version shows in the digest.
"""

from __future__ import annotations

import pydoc_data.topics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
EVAL = ROOT / "testdata" / "eval"
RECORDS = ("sepsis-icu", "diabetes-ward", "sepsis-ward")
ARTICLES = ("exceptions", "execmodel", "naming", "objects", "import", "customization", "try", "identifiers",
            "context-managers")


def documents() -> dict[str, str]:
    """Texts by name."""
    out = {"heldout": (EVAL / "heldout.en.txt").read_text(encoding="utf-8"), "pairs": pairs(EVAL / "clinical-pairs.tsv")}
    for name in RECORDS:
        out[name] = rendered(ROOT / "testdata" / "records" / f"{name}.fhir.json")
    return out | {f"python {name}": pydoc_data.topics.topics[name] for name in ARTICLES}


def pairs(path: Path) -> str:
    """Each English question with its answer."""
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    question, answer = lines[0].index("query_en"), lines[0].index("passage_en")
    return "\n\n".join(f"{line[question]}?\n{line[answer]}" for line in lines[1:])


def rendered(path: Path) -> str:
    """A record in words."""
    command = [str(ROOT / "bin" / "bedside"), "prepare", "--quiet", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
