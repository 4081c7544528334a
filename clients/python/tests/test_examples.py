"""The examples run as their first lines say."""

import json
import os
import subprocess
import sys
from pathlib import Path

from server import ROOT

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
BAD = ROOT / "testdata" / "records" / "bad" / "field-twice.json"
RECORD = {"resourceType": "Bundle", "type": "collection", "entry": [
    {"resource": {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1950"}},
    {"resource": {"resourceType": "Observation", "id": "hr", "status": "final", "subject": {"reference": "Patient/p"},
                  "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
                  "effectiveDateTime": "2026-03-01T08:00:00Z",
                  "valueQuantity": {"value": 80, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"}}}]}


def run(server, name, *arguments):
    env = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent / "src")}
    return subprocess.run([sys.executable, str(EXAMPLES / name), "--address", server.address, *arguments], env=env,
                          capture_output=True, text=True, check=False, timeout=120)


def test_every_example_is_run_here():
    assert {p.name for p in EXAMPLES.glob("*.py")} == {"many_at_once.py", "ward_round.py"}


def test_ward_round(server, tmp_path):
    (tmp_path / "record.json").write_text(json.dumps(RECORD))
    done = run(server, "ward_round.py", str(tmp_path / "record.json"))
    assert done.returncode == 0, done.stderr
    assert "smollm2-135m-instruct" in done.stdout
    assert "[Observation/hr]" in done.stdout
    assert done.stderr == ""


def test_ward_round_says_what_is_wrong(server):
    done = run(server, "ward_round.py", str(BAD))
    assert done.returncode == 1
    assert "INVALID_ARGUMENT" in done.stdout and "\n  " in done.stdout


def test_many_at_once(server):
    done = run(server, "many_at_once.py", "--count", "3")
    assert done.returncode == 0, done.stderr
    assert "3 answers, " in done.stdout
