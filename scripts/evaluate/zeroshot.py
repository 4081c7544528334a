"""Diagnoses by a language model that was not trained for them: it is asked in plain English, in a chat."""

from __future__ import annotations

import json
import math

import numpy as np
from bedside_client import user

from .candidates import score, scored
from .corpus import Corpus, CorpusError, Example, some
from .counterfactual import MEASURES, ROOT
from .diagnosis import Scored
from .serving import Served

UNITS = ROOT / "clinical" / "terms" / "data" / "units.tsv"
SETS = ("1h-neutral", "24h-neutral")
PATIENTS = 100
QUESTION = """{record}

Which one of these diagnoses is the most likely?
{diagnoses}
Answer with the diagnosis alone."""


def units() -> dict[str, str]:
    """The unit of each measure, by its name as columns have it."""
    shown = {}
    for line in UNITS.read_text(encoding="utf-8").splitlines()[1:]:
        code, english, *_ = line.split("\t")
        shown[code] = english
    out = {}
    for line in MEASURES.read_text(encoding="utf-8").splitlines()[1:]:
        fields = line.split("\t")
        out[fields[3].replace(" ", "_")] = shown.get(fields[7], "")
    return out


def describe(row: np.ndarray, columns: list[str], hours: int, unit: dict[str, str]) -> str:
    """A record's numbers in words: the latest value of each measure, and the least and greatest where there are others."""
    told = {name: float(v) for name, v in zip(columns, row)}
    who = "Patient" if math.isnan(told["female"]) else "Woman" if told["female"] else "Man"
    age = "" if math.isnan(told["age"]) else f", {told['age']:.0f} years old"
    readings = []
    for name, value in told.items():
        measure, _, what = name.rpartition(".")
        if what != "last" or math.isnan(value):
            continue
        low, high = told.get(f"{measure}.min", value), told.get(f"{measure}.max", value)
        span = f" ({low:.4g} to {high:.4g})" if low < high else ""
        readings.append(f"{measure.replace('_', ' ')} {value:.4g} {unit.get(measure, '')}".rstrip() + span)
    return f"{who}{age}, {hours} h after admission. " + "; ".join(readings) + "."


class Records:
    """The numbers of one split and set, by patient."""

    def __init__(self, corpus: Corpus, part: str, kind: str):
        try:
            lines = (corpus.folder / f"{part}-{kind}.tsv").read_text(encoding="utf-8").splitlines()
            self._values = np.load(corpus.folder / f"{part}-{kind}.npy", mmap_mode="r")
            made = json.loads((corpus.folder / "examples.json").read_text(encoding="utf-8"))
            self._columns = made["columns"][kind]
        except (OSError, ValueError, KeyError) as err:
            raise CorpusError(f"{corpus.folder}: no numbers of {part}, {kind}: {err!r}") from err
        self._rows = {line.split("\t")[0]: i for i, line in enumerate(lines)}

    def describe(self, example: Example, unit: dict[str, str]) -> str:
        """The record of an example."""
        return describe(self._values[self._rows[example.patient]], self._columns, example.hours, unit)


def diagnoses(served: Served, corpus: Corpus, part: str, patients: int = PATIENTS) -> Scored:
    """Scores of the diseases' names, as the mean log probability of their tokens: names differ much in length."""
    examples = [e for e in some(corpus.examples(part, ["diagnosis"], SETS), patients) if e.language == "en"]
    names = {e.disease: e.answer.removeprefix(e.disease).strip() for e in corpus.examples("validation", ["diagnosis"])
             if e.language == "en"}
    texts = [names[code] for code in corpus.diseases]
    records, unit = {kind: Records(corpus, part, kind) for kind in SETS}, units()
    question = QUESTION.format(record="{record}", diagnoses="\n".join(f"- {text}" for text in texts))
    asked = [[user(question.format(record=records[e.set].describe(e, unit)))] for e in examples]
    return scored(corpus.diseases, examples, score(served, "diagnoses, zero-shot", asked, texts, mean=True))
