"""The judging of the four clinical functions: what a record holds, what an answer may say of it."""

import gzip
import json
from types import SimpleNamespace

import pytest

from scripts.evaluate import findings, pharmacy, statements, stays, vocabulary, wards
from scripts.evaluate.corpus import CorpusError

WHEN = "2024-06-15T08:{:02d}:00Z"


def observation(name, loinc, value, unit, minute=0):
    return {"resourceType": "Observation", "id": name,
            "code": {"text": name, "coding": [{"system": stays.LOINC, "code": loinc}]},
            "effectiveDateTime": WHEN.format(minute), "valueQuantity": {"value": value, "unit": unit}}


RECORD = [
    {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1950-06-16"},
    {"resourceType": "Encounter", "id": "e", "class": {"code": "IMP"}, "status": "finished", "reasonCode": [{"text": "x"}],
     "subject": {"reference": "Patient/p"}, "period": {"start": WHEN.format(0), "end": WHEN.format(59)}},
    {"resourceType": "Condition", "id": "c", "category": [{"coding": [{"code": "encounter-diagnosis"}]}],
     "clinicalStatus": {"coding": [{"code": "active"}]},
     "code": {"text": "Sepsis", "coding": [{"system": stays.ICD, "code": "A41.9"}]}},
    observation("hr1", "8867-4", 140, "/min"), observation("hr2", "8867-4", 80, "/min", 30),
    observation("k", "2823-3", 6.5, "mmol/L"), observation("wbc", "6690-2", 12000, "/uL"),
    stays.allergy("p", "7980", "Penicillin G"),
]


def suggestion(name, kind="drug", verdict="kept", named=False):
    return SimpleNamespace(name=name, kind=kind, verdict=verdict, named_by_model=named)


def answer(*suggestions):
    return SimpleNamespace(suggestions=suggestions)


def test_critical_facts_are_the_latest_beyond_limits():
    found = {(f.kind, f.reference, f.number) for f in wards.critical(RECORD)}
    assert found == {("who", "Patient/p", 73), ("diagnosis", "Condition/c", None), ("critical limit", "Observation/k", 6.5),
                     ("allergy", "AllergyIntolerance/made-up-allergy", None)}


@pytest.mark.parametrize(("text", "evidence", "told"), [
    ("Potassium was 6.5 mmol/L.", "Observation/k", True), ("钾为6.5 mmol/L。", "Observation/k", False),
    ("Potassium was 5.6 mmol/L.", "Observation/k", False), ("Potassium was 6.5 mmol/L.", "Observation/hr1", False),
    ("Sodium was 6.5 mmol/L.", "Observation/k", False)])
def test_a_fact_is_told_by_name_number_and_evidence(text, evidence, told):
    fact = next(f for f in wards.critical(RECORD) if f.kind == "critical limit")
    assert fact.told([(text, [evidence])], "en") == told


@pytest.mark.parametrize(("text", "evidence", "why"), [
    ("Heart rate: 140/min (high) at 2024-06-15 08:00, 80/min at 08:30; 2 readings in 30 min.", ["hr1", "hr2"], ""),
    ("心率：2024-06-15 08:00 为140次/分；30分钟内2次读数。", ["hr1", "hr2"], ""),
    ("Heart rate: 141/min at 2024-06-15 08:00.", ["hr1"], "number 141"),
    ("Heart rate: 140/min at 2024-06-15 08:00.", ["hr2"], "number 140"),
    ("Heart rate: 140/min in pneumonia.", ["hr1"], "diagnosis pneumonia"),
    ("Heart rate: 140/min.", [], "no evidence"),
    ("White cells: 12000, at 10^9/L.", ["wbc"], "")])
def test_what_does_not_stand_is_unsupported(text, evidence, why):
    assert wards.Record(RECORD).unsupported(text, [f"Observation/{e}" for e in evidence]) == why


def test_graph_statements_that_are_right_missing_and_further():
    nodes = {f"Observation/{name}": f"reading/{name}" for name in ("hr1", "hr2", "k", "wbc")}
    want = statements.reference(RECORD, nodes, "patient/1")
    assert ("patient/1", "has_diagnosis", "icd10cm/A41.9") in want and ("reading/wbc", "value", "12 10*9/L") in want
    lines = "".join(f'<urn:bedside:node:{s}> <urn:bedside:relation:{p}> {o} <urn:bedside:source:1> .\n' for s, p, o in (
        ("reading/hr1", "of", "<urn:bedside:node:loinc/8867-4>"), ("reading/hr1", "value", '"140 /min"'),
        ("reading/hr1", "at", '"2024-06-15T09:00:00+01:00"'), ("patient/1", "sex", '"male"'),
        ("reading/hr1", "during", "<urn:bedside:node:encounter/1>")))
    have = statements.comparable(statements.exported(lines), nodes, "patient/1")
    assert len(have) == 4 and have - want == {("patient/1", "sex", "male")}
    assert statements.expected_links(RECORD)["Condition/c"] == "icd10cm/A41.9"


def test_products_are_linked_by_their_words():
    concept = {"text": "Aspirin", "coding": [{"system": stays.RXNORM, "code": "99999999"}]}
    assert statements.node("drug", concept) == "rxnorm/1191"
    assert statements.node("drug", concept | {"text": "none such"}) == "rxnorm/99999999"


def test_what_must_not_stand_unmarked():
    patient = pharmacy.Patient("I61.9", egfr=20, potassium=6)
    said = answer(suggestion("ibuprofen"), suggestion("metformin", verdict="marked"), suggestion("morphine"),
                  suggestion("cephalosporins", "class"))
    assert pharmacy.contraindicated(said, patient) == ["ibuprofen"]
    assert pharmacy.contraindicated(said, pharmacy.Patient("I61.9")) == []  # nothing is known
    assert pharmacy.allergic(said, "morphine") == ["morphine"] and pharmacy.allergic(said, "aspirin") == []
    assert pharmacy.doubled(said, "naproxen") == ["ibuprofen"]
    assert pharmacy.covered(said, ["ceftriaxone", "ibuprofen", "vancomycin"]) == 2


def test_kidney_function():
    assert pharmacy.egfr(1.0, 60, False) == pytest.approx(86, abs=1)
    assert pharmacy.egfr(1.0, 60, True) == pytest.approx(64, abs=1)


def test_stays_are_found_and_hidden(tmp_path):
    stay = stays.Stay("p", "A41.9", tuple(RECORD))
    assert {r["resourceType"] for r in stays.hidden(stay)} == {"Patient", "Observation", "Encounter"}
    assert "reasonCode" not in json.dumps(stays.hidden(stay))
    assert "coding" not in stays.wordless(stay)[3]["code"]
    corpus = SimpleNamespace(folder=tmp_path / "language", examples=lambda split, tasks: [
        SimpleNamespace(patient="p", disease="A41.9")])
    with pytest.raises(CorpusError, match="--stays"):
        stays.read(corpus, "validation")
    (tmp_path / "stays-1" / "validation").mkdir(parents=True)
    with gzip.open(tmp_path / "stays-1" / "validation" / "00.ndjson.gz", "wt") as out:
        out.write("".join(json.dumps(r | {"subject": {"reference": "Patient/p"}}) + "\n" for r in RECORD))
    assert stays.read(corpus, "validation")[0].admitted == stays.moment(WHEN.format(0))


def test_table_of_what_was_judged():
    figure = {"value": 0.5, "interval": [0.25, 0.75]}
    text = findings.table({"triples": {"records": 3} | {key: figure for key, *_ in findings.GRAPH},
                           "orders": {"records": 3, "model, own diagnosis, 24h-visible": figure}})
    assert "| graph, F1 | 3 | 0.5000 (0.2500-0.7500) | 0.95 |" in text and "| 0.60 |" in text and "summary" not in text


def test_names_of_the_table_of_terms():
    assert vocabulary.by_name("drug", "ASPIRIN").codes[0] == "R1191"
    assert vocabulary.belongs("ceftriaxone", "cephalosporins") and not vocabulary.belongs("ceftriaxone", "penicillins")


def test_a_finer_code_goes_by_its_category():
    filed = "Influenza due to unidentified influenza virus with other respiratory manifestations"
    flu = {"resourceType": "Condition", "id": "f", "category": [{"coding": [{"code": "encounter-diagnosis"}]}],
           "code": {"text": filed, "coding": [{"system": stays.ICD, "code": "J11.1", "display": filed}]}}
    fact = next(f for f in wards.critical([*RECORD, flu]) if f.reference == "Condition/f")
    assert fact.told([("诊断：流行性感冒（未检出病毒）。", ["Condition/f"])], "zh")
    assert wards.Record([*RECORD, flu]).unsupported("诊断：流行性感冒（未检出病毒）。", ["Condition/f"]) == ""
    assert wards.Record([*RECORD, flu]).unsupported("诊断：流行性感冒（未检出病毒）。", ["Condition/c"]) != ""
