"""What a summary must tell of a record and what it may: found in the record by means of its own, not the server's."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from . import vocabulary
from .stays import ICD, LOINC, code, moment

# Critical limits of hospitals in the United States (Kost, JAMA 1990;263:704), in the units that stays are filed in.
LIMITS = {
    "2823-3": ("mmol/L", 2.8, 6.2), "2951-2": ("mmol/L", 120, 158), "2345-7": ("mg/dL", 46, 484),
    "17861-6": ("mg/dL", 6.6, 12.9),
    "2744-1": ("[pH]", 7.21, 7.59), "2019-8": ("mm[Hg]", 19, 67), "2703-7": ("mm[Hg]", 43, math.inf),
    "718-7": ("g/dL", 6.6, 19.9),
    "777-3": ("10*3/uL", 37, 910), "1963-8": ("mmol/L", 11, 40), "4544-3": ("%", 18, 61), "6690-2": ("/uL", 2000, 37000),
    "2524-7": ("mmol/L", -math.inf, 4),  # Surviving Sepsis Campaign
}
# Readings that score two or three in NEWS2 (Royal College of Physicians, 2017): at most, at least.
NEWS2 = {"8867-4": (40, 111), "9279-1": (8, 21), "2708-6": (93, math.inf), "8480-6": (100, 220), "8310-5": (35.0, 39.1)}
NUMBER = re.compile(r"\d+(?:\.\d+)?")
CATEGORY = r"I[A-Z]\d[0-9A-Z]"  # of ICD-10, behind the letter of its system
WORD = r"(?<![a-z0-9]){}(?![a-z0-9])"
WIDTH = str.maketrans("０１２３４５６７８９", "0123456789")


@dataclass(frozen=True)
class Fact:
    """Something that no summary may leave out: what it rests on, and of which words and numbers a sentence must have one."""

    kind: str
    reference: str
    names: dict[str, tuple[str, ...]]
    number: float | None = None

    def told(self, sentences: Iterable[tuple[str, Sequence[str]]], language: str) -> bool:
        """Whether a sentence tells it, resting on what it rests on."""
        names = [n.lower() for n in self.names[language]]
        return any(
            self.reference in evidence and any(n in text.lower() for n in names)
            and (self.number is None or self.number in numbers(text)) for text, evidence in sentences)


def numbers(text: str) -> list[float]:
    """The numbers of a text, without those of units (10^9/L)."""
    return [float(n) for n in NUMBER.findall(re.sub(r"10[\^*]\d+", "", text.translate(WIDTH)))]


def critical(resources: Sequence[dict]) -> list[Fact]:
    """A record's critical facts: sex and age, diagnoses of the stay, allergies, latest readings beyond critical limits and
    those that score in NEWS2."""
    out = []
    for r in resources:
        match r["resourceType"]:
            case "Patient":
                sex = vocabulary.by_code("sex", "V" + r["gender"])
                age = _age(date.fromisoformat(r["birthDate"]), max(at for at, *_ in latest(resources).values()).date())
                out.append(Fact("who", f"Patient/{r['id']}", {lang: of[:1] for lang, of in sex.names.items()}, min(age, 90)))
            case "Condition" if r["category"][0]["coding"][0]["code"] == "encounter-diagnosis":
                names = _names("diagnosis", "I" + code(r["code"], ICD), r["code"])
                out.append(Fact("diagnosis", f"Condition/{r['id']}", names))
            case "AllergyIntolerance":
                names = _names("allergen", "R" + r["code"]["coding"][0]["code"], r["code"])
                out.append(Fact("allergy", f"AllergyIntolerance/{r['id']}", names))
    for loinc, (_, reading, value, unit) in latest(resources).items():
        below, above = NEWS2.get(loinc, (-math.inf, math.inf))
        names = _names("measure", "L" + loinc, {"text": loinc})
        if value <= below or value >= above:
            out.append(Fact("NEWS2", reading, names, value))
        of, below, above = LIMITS.get(loinc, ("", -math.inf, math.inf))
        if of == unit and not below <= value <= above:
            out.append(Fact("critical limit", reading, names, value))
    return out


def _names(kind: str, coded: str, concept: dict) -> dict[str, tuple[str, ...]]:
    filed = tuple(filter(None, [concept.get("text", ""), *(c.get("display", "") for c in concept.get("coding", []))]))
    # A finer ICD-10-CM code goes by its category's name in a language in which it was not filed.
    found = vocabulary.by_code(kind, coded) or vocabulary.by_code(kind, coded.split(".")[0])
    found = found or next(filter(None, (vocabulary.by_name(kind, w) for w in filed)), None)
    return {lang: (found.names[lang] if found else ()) + filed for lang in ("en", "zh")}


def latest(resources: Iterable[dict]) -> dict[str, tuple[datetime, str, float, str]]:
    """Each measure's latest reading: when, its reference, value and unit. Systolic pressure is a part of a pressure."""
    out: dict[str, tuple[datetime, str, float, str]] = {}
    for r in resources:
        if r["resourceType"] != "Observation" or "effectiveDateTime" not in r:
            continue
        at = moment(r["effectiveDateTime"])
        for part in (r, *r.get("component", [])):
            loinc, quantity = code(part["code"], LOINC), part.get("valueQuantity")
            if quantity and (loinc not in out or out[loinc][0] <= at):
                out[loinc] = (at, f"Observation/{r['id']}", float(quantity["value"]), quantity.get("unit", ""))
    return out


class Record:
    """A record that sentences are held against."""

    def __init__(self, resources: Sequence[dict]):
        self.texts = {f"{r['resourceType']}/{r['id']}": json.dumps(r, ensure_ascii=False).lower() for r in resources}
        self._filed = {reference: self._numbers(text) for reference, text in self.texts.items()}
        self._resources = {f"{r['resourceType']}/{r['id']}": r for r in resources}
        self._times = [moment(t) for r in resources for t in _times(r)]
        births = [r["birthDate"] for r in resources if r["resourceType"] == "Patient" and "birthDate" in r]
        self._ages = {_age(date.fromisoformat(b), t.date()) for b in births for t in self._times} | {90}

    @staticmethod
    def _numbers(text: str) -> set[float]:
        return {float(n) for n in NUMBER.findall(text)}

    def unsupported(self, text: str, evidence: Sequence[str]) -> str:
        """What a sentence says that does not stand in what it rests on, or nothing."""
        rests = [self.texts[e] for e in evidence if e in self.texts]
        if not rests:
            return "no evidence"
        rest = text.lower().translate(WIDTH)
        may = self._may(evidence)
        for name, term in vocabulary.names():
            if name not in rest or (name.isascii() and not re.search(WORD.format(re.escape(name)), rest)):
                continue
            if term.kind in vocabulary.CLAIMS and not any(self._holds(term, name, of) for of in rests):
                return f"{term.kind} {name}"
            if term.kind == "measure" and any(c[1:] in of for c in term.codes for of in rests):
                may |= set(term.range)
            rest = rest.replace(name, " · ")
        strange = [n for n in numbers(rest) if n not in may]
        return f"number {strange[0]:g}" if strange else ""

    def _may(self, evidence: Sequence[str]) -> set[float]:
        may = set().union(*(self._filed.get(e, set()) for e in evidence)) | set(map(float, range(len(evidence) + 1)))
        times = sorted(moment(t) for e in evidence if e in self._resources for t in _times(self._resources[e]))
        may |= {float(p) for t in times for p in (t.year, t.month, t.day, t.hour, t.minute)}
        if times:
            minutes = (times[-1] - times[0]).total_seconds() / 60
            may |= {float(math.floor(minutes)), *(math.floor(minutes / unit * 10 + 0.5) / 10 for unit in (60, 1440))}
        if any(e.startswith("Patient") for e in evidence):
            may |= set(map(float, self._ages))
        return may

    @staticmethod
    def _holds(term: vocabulary.Term, name: str, text: str) -> bool:
        codes = [f'"{c[1:].lower()}"' for c in term.codes]
        codes += [f'"{c[1:].lower()}.' for c in term.codes if re.fullmatch(CATEGORY, c)]  # which holds finer ones
        return (name in text or any(n.lower() in text for of in term.names.values() for n in of)
                or any(c in text for c in codes))


def _age(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _times(resource: dict) -> list[str]:
    found = defaultdict(list)
    for field in ("effectiveDateTime", "authoredOn", "onsetDateTime", "abatementDateTime", "recordedDate"):
        found[field].append(resource.get(field, ""))
    found["period"] = [resource.get("period", {}).get(end, "") for end in ("start", "end")]
    return [t for of in found.values() for t in of if "T" in t]
