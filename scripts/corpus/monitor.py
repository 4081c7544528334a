"""Vital signs as a bedside monitor and a pulse oximeter file them, around what was charted of a patient.

A sign is the patient's own charted course (linear between charted values) plus an Ornstein-Uhlenbeck process that is
pinned to zero at the charted moments, so that what was charted could have been read off the monitor. Each device sees
that truth with noise of its own; the oximeter has a bias and its own pace, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
NOMENCLATURE = "urn:iso:std:iso:11073:10101"
CATEGORY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}


@dataclass(frozen=True)
class Sign:
    """One vital sign: its codes, how far it wanders (standard deviation, within `memory` minutes), and its limits."""

    loinc: str
    mdc: int  # ISO/IEEE 11073-10101
    name: str
    unit: str
    usual: float  # where nothing was charted
    wander: float
    memory: float
    noise: float
    low: float
    high: float
    decimals: int = 0
    every: int = 1  # minutes


HEART = Sign("8867-4", 147842, "Heart rate", "/min", 82, 4.5, 35, 0.9, 25, 230)
PULSE = Sign("8889-8", 149530, "Heart rate by Pulse oximetry", "/min", 82, 4.5, 35, 0.9, 25, 230, every=2)
SATURATION = Sign("2708-6", 150456, "Oxygen saturation", "%", 96, 1.0, 30, 0.35, 55, 100)
BREATHS = Sign("9279-1", 151562, "Respiratory rate", "/min", 17, 1.8, 25, 0.6, 4, 60)
SYSTOLIC = Sign("8480-6", 150037, "Systolic blood pressure", "mm[Hg]", 124, 7, 40, 1.8, 45, 250, every=5)
DIASTOLIC = Sign("8462-4", 150038, "Diastolic blood pressure", "mm[Hg]", 72, 4.5, 40, 1.4, 20, 150, every=5)
TEMPERATURE = Sign("8310-5", 150344, "Body temperature", "Cel", 37.0, 0.15, 90, 0.04, 32, 42.5, decimals=1, every=5)


def wandering(rng: np.random.Generator, minutes: int, sign: Sign, pins: np.ndarray) -> np.ndarray:
    """An Ornstein-Uhlenbeck process, a value a minute, that is zero at the pinned minutes."""
    keep = np.exp(-1 / sign.memory)
    kicks = sign.wander * np.sqrt(1 - keep**2) * rng.standard_normal(minutes)
    x, v = np.empty(minutes), sign.wander * rng.standard_normal()
    for i, kick in enumerate(kicks):
        v = keep * v + kick
        x[i] = v
    if len(pins):
        x -= np.interp(np.arange(minutes), pins, x[pins])
    return x


def course(rng: np.random.Generator, minutes: int, sign: Sign, charted: list[tuple[int, float]]) -> np.ndarray:
    """The truth of a sign, a value a minute; charted are (minute, value)."""
    inside = sorted({m: v for m, v in charted if 0 <= m < minutes}.items())
    if not inside:
        level = charted[0][1] if charted else sign.usual
        return np.clip(level + wandering(rng, minutes, sign, np.array([], dtype=int)), sign.low, sign.high)
    pins = np.array([m for m, _ in inside])
    level = np.interp(np.arange(minutes), pins, [v for _, v in inside])
    return np.clip(level + wandering(rng, minutes, sign, pins), sign.low, sign.high)


def shown(rng: np.random.Generator, truth: np.ndarray, sign: Sign, bias: float = 0.0) -> np.ndarray:
    """What a device shows of a sign, each minute."""
    seen = truth + bias + sign.noise * rng.standard_normal(len(truth))
    return np.round(np.clip(seen, sign.low, sign.high), sign.decimals)


def quantity(sign: Sign, value: float) -> dict:
    """A FHIR Quantity."""
    return {
        "value": int(value) if sign.decimals == 0 else float(value),
        "unit": sign.unit,
        "system": UCUM,
        "code": sign.unit,
    }


def concept(sign: Sign) -> dict:
    """The sign's FHIR CodeableConcept, by LOINC and by device nomenclature."""
    return {
        "coding": [
            {"system": LOINC, "code": sign.loinc, "display": sign.name},
            {"system": NOMENCLATURE, "code": str(sign.mdc)},
        ]
    }


def devices(patient: str) -> list[dict]:
    """The patient's monitor and oximeter."""

    def device(ending: str, code: str, name: str) -> dict:
        return {
            "resourceType": "Device",
            "id": f"{patient}-{ending}",
            "status": "active",
            "type": {"coding": [{"system": NOMENCLATURE, "code": code}], "text": name},
            "patient": {"reference": f"Patient/{patient}"},
        }

    return [device("mon", "69965", "patient monitor"), device("oxi", "69642", "pulse oximeter")]


def observations(
    rng: np.random.Generator,
    patient: str,
    encounter: str,
    start: np.datetime64,
    minutes: int,
    charted: dict[str, list[tuple[int, float]]],
) -> list[dict]:
    """All that both devices file, in order of time; charted has (minute, value) by LOINC code."""
    truth = {
        s.loinc: course(rng, minutes, s, charted.get(s.loinc, []))
        for s in (HEART, SATURATION, BREATHS, SYSTOLIC, TEMPERATURE)
    }
    low = course(rng, minutes, DIASTOLIC, charted.get(DIASTOLIC.loinc, []))
    truth[DIASTOLIC.loinc] = np.minimum(low, truth[SYSTOLIC.loinc] - 12)
    second = int(rng.integers(1, 12))
    out: list[tuple[np.datetime64, dict]] = []

    def file(device: str, at: np.datetime64, value: dict) -> None:
        n = len(out)
        out.append(
            (
                at,
                {
                    "resourceType": "Observation",
                    "id": f"{patient}-{device}-{n}",
                    "status": "final",
                    "category": [CATEGORY],
                    **value,
                    "subject": {"reference": f"Patient/{patient}"},
                    **({"encounter": {"reference": encounter}} if encounter else {}),
                    "device": {"reference": f"Device/{patient}-{device}"},
                    "effectiveDateTime": f"{at}Z",
                },
            )
        )

    for s in (HEART, SATURATION, BREATHS, TEMPERATURE):
        for m, v in enumerate(shown(rng, truth[s.loinc], s)):
            if m % s.every == 0:
                file(
                    "mon",
                    start + np.timedelta64(60 * m + second, "s"),
                    {"code": concept(s), "valueQuantity": quantity(s, v)},
                )
    high, low = shown(rng, truth[SYSTOLIC.loinc], SYSTOLIC), shown(rng, truth[DIASTOLIC.loinc], DIASTOLIC)
    panel = {"coding": [{"system": LOINC, "code": "85354-9", "display": "Blood pressure panel"}]}
    for m in range(0, minutes, SYSTOLIC.every):
        parts = [
            {"code": concept(s), "valueQuantity": quantity(s, v)} for s, v in ((SYSTOLIC, high[m]), (DIASTOLIC, low[m]))
        ]
        file("mon", start + np.timedelta64(60 * m + second, "s"), {"code": panel, "component": parts})
    for s, of in ((PULSE, HEART), (SATURATION, SATURATION)):
        seen = shown(rng, truth[of.loinc], s, bias=0.3 * s.noise * rng.standard_normal())
        for m in range(0, minutes, 2):
            at = start + np.timedelta64(60 * m + second + int(rng.integers(-12, 13)), "s")
            file("oxi", at, {"code": concept(s), "valueQuantity": quantity(s, seen[m])})
    return [o for _, o in sorted(out, key=lambda item: (item[0], item[1]["id"]))]
