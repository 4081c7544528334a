"""Pairs of prompts about one made-up patient that differ in one reading, and the disease that the reading speaks for.

    python -m scripts.evaluate.counterfactual        # makes testdata/counterfactual/pairs.jsonl anew

No pair comes from a generated patient: a patient is drawn from the ranges of a table (data/ordinary.tsv), which are what
is common in the acutely ill who had the test, and the reading that decides is one that textbooks name for the disease.
A model that has learnt what readings mean, and not only how
records look, gives the disease more probability where the reading speaks for it.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import metrics
from .candidates import beginnings, score
from .corpus import LANGUAGES, SEED, Corpus, opening
from .diagnosis import normalised

if TYPE_CHECKING:
    from .serving import Served

ROOT = Path(__file__).resolve().parents[2]
PAIRS = ROOT / "testdata" / "counterfactual" / "pairs.jsonl"
ORDINARY = Path(__file__).resolve().parent / "data" / "ordinary.tsv"
MEASURES = ROOT / "clinical" / "terms" / "data" / "measures.tsv"
STEPS = ROOT / "clinical" / "prompt" / "data" / "steps.tsv"
EACH = 20  # pairs of a rule


@dataclass(frozen=True)
class Rule:
    """A reading that decides: with `against` it speaks against the disease or not at all, with `speaking` for it."""

    disease: str
    loinc: str
    against: tuple[float, float]  # from, to
    speaking: tuple[float, float]


RULES = (
    Rule("I21.9", "10839-9", (0.003, 0.03), (45, 80)),  # troponin I, ng/mL: myocardial infarction
    Rule("E11.10", "2345-7", (85, 115), (430, 650)),  # glucose, mg/dL: ketoacidosis
    Rule("E11.10", "1960-4", (23, 26), (7, 13)),  # bicarbonate, mmol/L: ketoacidosis
    Rule("I26.99", "48065-7", (0.1, 0.4), (4.9, 8)),  # D-dimer, ug/mL: pulmonary embolism
    Rule("I50.9", "30934-4", (10, 30), (250, 900)),  # BNP, pg/mL: heart failure
    Rule("N17.9", "2160-0", (0.7, 1.0), (2.5, 6)),  # creatinine, mg/dL: acute kidney injury
    Rule("K92.2", "718-7", (13.5, 15), (6, 9)),  # hemoglobin, g/dL: gastrointestinal bleeding
    Rule("K74.60", "1975-2", (0.5, 1.2), (12, 16)),  # total bilirubin, mg/dL: cirrhosis
    Rule("J44.1", "2019-8", (37, 41), (50, 65)),  # PaCO2, mmHg: exacerbation of COPD
    Rule("A41.9", "6690-2", (5, 9), (15, 24)),  # white blood cells, 10^9/L: sepsis
)


@dataclass(frozen=True)
class Measure:
    """A measure as prompts of the first hour show it."""

    loinc: str
    names: dict[str, str]
    cuts: list[float]
    low: float
    high: float

    def write(self, value: float, language: str) -> str:
        """Name and step, as clinical/prompt writes them."""
        return f"{self.names[language]}{chr(ord('①') + bisect.bisect_right(self.cuts, value))}"


def measures() -> list[Measure]:
    """Those of ordinary.tsv, in its order, which is that of neutral records of the first hour."""
    names = {}
    for line in MEASURES.read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        for code in fields[1].split("|"):
            if code.startswith("L"):
                names.setdefault(code[1:], _names(fields))
    table = (line.split() for line in STEPS.read_text(encoding="utf-8").splitlines())
    cuts = {fields[0]: [float(v) for v in fields[1:]] for fields in table}
    out = []
    for line in ORDINARY.read_text(encoding="utf-8").splitlines()[1:]:
        loinc, _, low, high = line.split("\t")
        out.append(Measure(loinc, names[loinc], cuts[loinc], float(low), float(high)))
    return out


def _names(fields: list[str]) -> dict[str, str]:
    short = fields[10].split("|") if len(fields) > 10 and fields[10] else ["", ""]
    return {"en": short[0] or fields[3], "zh": short[-1] or fields[4]}


def make() -> list[dict]:
    """All pairs; the same each time."""
    rng, told, out = np.random.default_rng(SEED), measures(), []
    for number, rule in enumerate(RULES):
        for k in range(EACH):
            woman, age = bool(rng.integers(2)), int(rng.integers(35, 86))
            values = {m.loinc: float(rng.uniform(m.low, m.high)) for m in told}
            readings = {"against": float(rng.uniform(*rule.against)), "speaking": float(rng.uniform(*rule.speaking))}
            pair = {"id": f"{number:02}-{k:02}", "disease": rule.disease, "measure": rule.loinc}
            for which, reading in readings.items():
                pair[which] = {lang: prompt(told, values | {rule.loinc: reading}, woman, age, lang) for lang in LANGUAGES}
            out.append(pair)
    return out


def prompt(told: Sequence[Measure], values: dict[str, float], woman: bool, age: int, language: str) -> str:
    """A record of the first hour in steps."""
    who = {"en": "FM", "zh": "女男"}[language][not woman]
    return f"{who}{age} 1h " + " ".join(m.write(values[m.loinc], language) for m in told)


def read(path: Path = PAIRS) -> list[dict]:
    """The pairs as they are committed."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def judge(served: Served, corpus: Corpus, pairs: Sequence[dict]) -> dict:
    """The share of pairs whose disease gains probability, by language and by rule, for the diseases that the corpus has."""
    pairs = [p for p in pairs if p["disease"] in corpus.diseases]
    if not pairs:
        return {}
    asked = [(p, lang, which) for p in pairs for lang in LANGUAGES for which in ("against", "speaking")]
    questions = [f"{opening(lang, 'diagnosis')}{p[which][lang]}<|answer|>" for p, lang, which in asked]
    logs = normalised(score(served, "counterfactual pairs", questions, beginnings(served, corpus.diseases)))
    own = np.array([logs[i, corpus.diseases.index(p["disease"])] for i, (p, _, _) in enumerate(asked)]).reshape(-1, 2)
    rises = (own[:, 1] > own[:, 0]).astype(float)
    languages = np.array([lang for _, lang, _ in asked[::2]])
    rules = np.array([f"{p['disease']} {p['measure']}" for p, _, _ in asked[::2]])
    ids = np.array([p["id"] for p, _, _ in asked[::2]])
    return {
        "pairs": len(pairs),
        "right": {lang: metrics.averages(ids[at], {"right": rises[at]})["right"] for lang in LANGUAGES
                  for at in [np.flatnonzero(languages == lang)]},
        "rules": {rule: float(rises[rules == rule].mean()) for rule in dict.fromkeys(rules.tolist())},
    }


def main() -> None:
    """Writes the file."""
    PAIRS.parent.mkdir(parents=True, exist_ok=True)
    PAIRS.write_text("".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in make()), encoding="utf-8")


if __name__ == "__main__":
    main()
