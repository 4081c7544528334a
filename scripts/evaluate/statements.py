"""Statements of a record, made from its FHIR by rule, against those that the knowledge graph exports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from . import vocabulary
from .stays import ICD, LOINC, RXNORM, code, moment

Statement = tuple[str, str, str]
LINE = re.compile(
    r'<urn:bedside:node:([^>]+)> <urn:bedside:relation:([^>]+)> (?:<urn:bedside:node:([^>]+)>|"((?:[^"\\]|\\.)*)")')
QUANTITY = re.compile(r"-?\d[\d.eE+-]*( |$)")
OF = ("has_diagnosis", "had_diagnosis", "was_prescribed", "allergic_to", "sex")
SYSTEMS = {"measure": ("loinc", "L", LOINC), "diagnosis": ("icd10cm", "I", ICD), "drug": ("rxnorm", "R", RXNORM)}
# Counts of cells are filed in several units of the same; the graph has one.
CELLS = {"/uL": 0.001, "10*3/uL": 1.0, "10*9/L": 1.0}


def exported(document: str) -> set[Statement]:
    """The statements of N-Quads that have the graph's own relations."""
    found = (LINE.match(line) for line in document.splitlines())
    return {(m[1], m[2], m[3] or m[4]) for m in found if m}


def node(kind: str, concept: dict) -> str:
    """The node of a coded concept: by the row of the table of terms that has its code, else the row that has its words
    (products of a drug have codes of their own), else by the code itself. Nothing without a code."""
    system, letter, uri = SYSTEMS[kind]
    coded = code(concept, uri)
    if not coded:
        return ""
    words = filter(None, [concept.get("text"), *(c.get("display") for c in concept["coding"])])
    row = vocabulary.by_code(kind, letter + coded) or next(filter(None, (vocabulary.by_name(kind, w) for w in words)), None)
    own = next((c[1:] for c in row.codes if c[0] == letter), "") if row else coded
    return f"{system}/{own or coded}"


def reference(resources: Sequence[dict], nodes: Mapping[str, str], patient: str) -> set[Statement]:
    """What the graph must say: who it is, diagnoses, orders, and of each reading what, when and how much."""
    out: set[Statement] = set()
    for r in resources:
        match r["resourceType"]:
            case "Patient":
                out.add((patient, "sex", r["gender"]))
            case "Condition":
                active = r["clinicalStatus"]["coding"][0]["code"] == "active"
                out.add((patient, "has_diagnosis" if active else "had_diagnosis", node("diagnosis", r["code"])))
            case "MedicationRequest" if drug := node("drug", r["medicationCodeableConcept"]):
                out.add((patient, "was_prescribed", drug))
            case "Observation":
                for name, part in parts(r):
                    if quantity := part.get("valueQuantity"):
                        own = nodes.get(name, f"no node for {name}")
                        out.add((own, "of", node("measure", part["code"])))
                        out.add((own, "at", at(r["effectiveDateTime"])))
                        out.add((own, "value", amount(f"{quantity['value']} {quantity['unit']}")))
    return out


def parts(observation: dict) -> list[tuple[str, dict]]:
    """An observation and its components, as the graph names them, as far as they have values."""
    name = f"Observation/{observation['id']}"
    every = [(name, observation), *((f"{name}#{i}", part) for i, part in enumerate(observation.get("component", [])))]
    return [(name, part) for name, part in every if any(field.startswith("value") for field in part)]


def comparable(told: Iterable[Statement], nodes: Mapping[str, str], patient: str) -> set[Statement]:
    """Those of what the graph says that the reference could have."""
    readings = {n for name, n in nodes.items() if name.startswith("Observation/")}
    of = {s: o for s, p, o in told if p == "of" and s in readings}
    valued = {s for s, p, o in told if p == "value" and s in readings and QUANTITY.match(o)}
    out = set()
    for s, p, o in told:
        if s == patient and p in OF:
            out.add((s, p, o))
        elif s in valued and s in of and p in ("of", "at", "value"):
            out.add((s, p, at(o) if p == "at" else amount(o) if p == "value" else o))
    return out


def at(text: str) -> str:
    """A time, whatever its zone."""
    return moment(text).astimezone().isoformat() if "T" in text else text


def amount(text: str) -> str:
    """A quantity with its number in one way of writing."""
    number, _, unit = text.partition(" ")
    factor, unit = (CELLS[unit], "10*9/L") if unit in CELLS else (1, unit)
    return f"{float(number) * factor:.6g} {unit}"


def links(told: Iterable[Statement], nodes: Mapping[str, str]) -> dict[str, str]:
    """What each filed resource's concept is linked to."""
    of = {s: o for s, p, o in told if p == "of"}
    return {name: of[own] for name, own in nodes.items() if own in of}


def expected_links(resources: Sequence[dict]) -> dict[str, str]:
    """What each resource's concept must be linked to, by its code."""
    out = {}
    for r in resources:
        coded = parts(r) if r["resourceType"] == "Observation" else [(f"{r['resourceType']}/{r['id']}", r)]
        for name, part in coded:
            for kind, field in (("measure", "code"), ("diagnosis", "code"), ("drug", "medicationCodeableConcept")):
                if found := node(kind, part.get(field, {})):
                    out[name] = found
    return out
