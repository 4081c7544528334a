"""What is read in notes: the figures on notes of known statements, and the whole command with a shipped model."""

import json
import os
import shutil
from pathlib import Path

import pytest

from scripts.evaluate import main, notes
from scripts.evaluate.notes import Note, Said, Statement

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "models" / "bedside-attention-small"
BINARY = os.environ.get("BEDSIDE_BINARY") or str(ROOT / "bin" / "bedside")
ANSWER = " cough|denied|patient\n gout|history|patient\n HR|value|118 bpm\n MRI|named|patient"


def said(name: str, relation: str, value: str = "", node: str = "", probability: float = 1) -> Said:
    return Said(Statement(name, relation, value), node, probability)


@pytest.fixture
def note() -> Note:
    answer = [notes.line(text) for text in ANSWER.splitlines()]
    return Note("n", "p", "en", "", answer, {"cough": "c", "gout": "g", "HR": "h", "MRI": ""})


def test_figures(note):
    read = [[said("cough", "denied", node="c"), said("gout", "has_diagnosis", node="g"), said("HR", "value", "118 bpm", "x"),
             said("MRI", "underwent")]]
    found = notes.judge([note], read)["both"]
    assert found["all"]["statements"] == 3
    assert found["all"]["precision"]["value"] == 0.5  # four told, two of them right
    assert found["all"]["recall"]["value"] == pytest.approx(2 / 3)
    assert found["denied"]["f1"]["value"] == 1 and found["had_diagnosis"]["recall"]["value"] == 0
    assert found["links"]["accuracy"]["value"] == 0.75
    assert found["silence"]["kept"]["value"] == 0  # of MRI nothing is stated
    assert found["not in the table"]["precision"]["value"] == 0


def test_threshold(note):
    read = [[said("cough", "denied", probability=0.9), said("gout", "has_diagnosis", probability=0.3)]]
    assert notes.threshold([note], read) == 0.35
    assert notes.threshold([note], [[said("cough", "denied")]]) == 0


def test_command(tmp_path, capsys):
    corpus, model = tmp_path / "notes", tmp_path / "models" / "attention"
    corpus.mkdir()
    shutil.copytree(MODEL, model)
    text = "Denies cough. Hx of gout. HR 118 bpm. Flank pain."
    example = {"id": "n", "patient": "p", "language": "en", "prompt": text, "answer": ANSWER.rpartition("\n")[0]}
    for part in ("validation", "test"):
        (corpus / f"notes-{part}.jsonl").write_text(json.dumps(example) + "\n", encoding="utf-8")
        links = {"id": "n", "links": {"cough": "icd10cm/R05.9", "HR": "loinc/8867-4"}}
        (corpus / f"links-{part}.jsonl").write_text(json.dumps(links) + "\n", encoding="utf-8")
    command = ["notes", str(model), "--corpus", str(corpus), "--out", str(tmp_path / "out"), "--binary", BINARY,
               "--threads", "1", "--ledger", str(tmp_path / "judged.jsonl")]
    assert main.main([*command, "--split", "test"]) == 1
    assert "on validation first" in capsys.readouterr().err
    assert main.main([*command, "--split", "validation", "--write"]) == 0
    assert "| rules | English | 1 | 3 | 1.000" in capsys.readouterr().out
    assert 0 <= json.loads((model / "notes.json").read_text(encoding="utf-8"))["least"] < 1
    assert main.main([*command, "--split", "test"]) == 0
    report = json.loads((tmp_path / "out" / "attention" / "test" / "notes.json").read_text(encoding="utf-8"))
    assert report["times"] == 1 and report["judged"]["rules"]["en"]["links"]["accuracy"]["value"] == 1
    assert main.main([*command, "--split", "test"]) == 1


def test_rules_alone(tmp_path, capsys):
    corpus = tmp_path / "notes"
    corpus.mkdir()
    example = {"id": "n", "patient": "p", "language": "en", "prompt": "Denies cough. Hx of gout. HR 118 bpm.",
               "answer": ANSWER.rpartition("\n")[0]}
    (corpus / "notes-test.jsonl").write_text(json.dumps(example) + "\n", encoding="utf-8")
    links = {"id": "n", "links": {"cough": "icd10cm/R05.9"}}
    (corpus / "links-test.jsonl").write_text(json.dumps(links) + "\n", encoding="utf-8")
    command = ["notes", "--corpus", str(corpus), "--out", str(tmp_path / "out"), "--binary", BINARY, "--threads", "1",
               "--ledger", str(tmp_path / "judged.jsonl"), "--split", "test"]
    assert main.main(command) == 0
    report = json.loads((tmp_path / "out" / "rules" / "test" / "notes.json").read_text(encoding="utf-8"))
    assert report["model"]["digest"] == notes.rules()["digest"] and list(report["judged"]) == ["rules"]
    assert report["judged"]["rules"]["both"]["all"]["f1"]["value"] == 1
    assert main.main(command) == 1
    assert "judged on this test set 1 time" in capsys.readouterr().err
