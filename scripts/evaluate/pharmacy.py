"""What SuggestTreatments answered, held against orders and against a few contraindications that every label has."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from . import vocabulary
from .wards import latest

if TYPE_CHECKING:
    from bedside_client import v1

INFUSIONS = "B05"
BLEEDING = ("I61", "S06")


@dataclass(frozen=True)
class Patient:
    """What contraindications are judged by; what is not known is nan and speaks against nothing."""

    diagnosis: str
    egfr: float = math.nan
    potassium: float = math.nan
    platelets: float = math.nan
    heart_rate: float = math.nan
    breathing: float = math.nan

    @staticmethod
    def read(resources: Sequence[dict], diagnosis: str) -> Patient:
        """From a record's latest readings."""
        found = latest(resources)

        def value(loinc: str) -> float:
            return found[loinc][2] if loinc in found else math.nan

        who = next(r for r in resources if r["resourceType"] == "Patient")
        at = max((t for t, *_ in found.values()), default=None)
        age = (at.date() - date.fromisoformat(who["birthDate"])).days / 365.25 if at else math.nan
        return Patient(diagnosis, egfr(value("2160-0"), age, who["gender"] == "female"), value("2823-3"), value("777-3"),
                       value("8867-4"), value("9279-1"))


def egfr(creatinine: float, age: float, female: bool) -> float:
    """mL/min/1.73 m2 from creatinine in mg/dL: CKD-EPI 2021 (Inker, N Engl J Med 2021, doi:10.1056/NEJMoa2102953)."""
    kappa, alpha = (0.7, -0.241) if female else (0.9, -0.302)
    ratio = creatinine / kappa
    return 142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2 * 0.9938**age * (1.012 if female else 1)


# ATC groups, and when no drug of them may be suggested unmarked. Fewer than the server has, and written apart from it.
CONTRAINDICATED: tuple[tuple[tuple[str, ...], Callable[[Patient], bool]], ...] = (
    (("M01A",), lambda p: p.egfr < 30),  # NSAIDs
    (("A10BA02", "J01XE01"), lambda p: p.egfr < 30),  # metformin, nitrofurantoin
    (("C09A", "C09C", "C03DA"), lambda p: p.potassium > 5.5),  # ACE inhibitors, ARBs, spironolactone
    (("C07",), lambda p: p.heart_rate < 50),  # beta blockers
    (("N02A",), lambda p: p.breathing < 8),  # opioids
    (("B01AA", "B01AB", "B01AD", "B01AE", "B01AF"), lambda p: p.diagnosis.startswith(BLEEDING)),
    (("B01AD",), lambda p: p.platelets < 100),  # thrombolytics
)


def places(item: v1.TreatmentSuggestion) -> tuple[str, ...]:
    """Where a suggested drug or class stands in the ATC classification."""
    if item.kind == "drug":
        return tuple(vocabulary.atc().get(item.name, ()))
    return vocabulary.classes().get(item.name, ()) if item.kind == "class" else ()


def unmarked(answer: v1.SuggestTreatmentsResponse) -> list[v1.TreatmentSuggestion]:
    """The drugs and classes that no finding speaks against."""
    return [s for s in answer.suggestions if s.kind in ("drug", "class") and s.verdict == "kept"]


def contraindicated(answer: v1.SuggestTreatmentsResponse, patient: Patient) -> list[str]:
    """Unmarked suggestions that must not stand. A class counts where all of it must not."""
    out = []
    for item in unmarked(answer):
        at = places(item)
        for groups, holds in CONTRAINDICATED:
            within = [place.startswith(groups) for place in at]
            if at and holds(patient) and (all(within) if item.kind == "class" else any(within)):
                out.append(item.name)
                break
    return out


def allergic(answer: v1.SuggestTreatmentsResponse, drug: str) -> list[str]:
    """Unmarked suggestions that are a drug itself, or a class of nothing else."""
    own = vocabulary.atc().get(drug, frozenset())
    return [s.name for s in unmarked(answer) if s.name == drug or (s.kind == "class" and own and set(places(s)) <= own)]


def doubled(answer: v1.SuggestTreatmentsResponse, drug: str) -> list[str]:
    """Unmarked drugs of the same chemical subgroup (ATC, fourth level) as one that the patient has, itself included. Salts
    of infusions stand in one group and are not alike."""
    groups = tuple(place[:5] for place in vocabulary.atc().get(drug, ()) if not place.startswith(INFUSIONS))
    return [s.name for s in unmarked(answer)
            if s.kind == "drug" and (s.name == drug or any(p.startswith(groups) for p in places(s)))]


def named(answer: v1.SuggestTreatmentsResponse) -> frozenset[str]:
    """Names of the drugs that the model named and the rules left standing."""
    return frozenset(s.name for s in answer.suggestions if s.kind == "drug" and s.named_by_model and s.verdict != "removed")


def covered(answer: v1.SuggestTreatmentsResponse, orders: Sequence[str]) -> int:
    """How many of some drugs the answer has, by themselves or in a class."""
    standing = [s for s in answer.suggestions if s.verdict != "removed"]
    drugs = {s.name for s in standing if s.kind == "drug"}
    groups = [s.name for s in standing if s.kind == "class"]
    return sum(name in drugs or any(vocabulary.belongs(name, group) for group in groups) for name in orders)
