"""The examples run as their first lines say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server import ROOT

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
MINIMAL = str(ROOT / "testdata" / "records" / "minimal.fhir.json")
BAD = next(iter(sorted((ROOT / "testdata" / "records" / "bad").glob("*.json"))), None)


def run(server, name, *arguments):
    env = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent / "src")}
    return subprocess.run([sys.executable, str(EXAMPLES / name), "--address", server.address, *arguments], env=env,
                          capture_output=True, text=True, check=False, timeout=120)


def test_every_example_is_run_here():
    assert {p.name for p in EXAMPLES.glob("*.py")} == {"many_at_once.py", "ward_round.py"}


def test_ward_round(server):
    done = run(server, "ward_round.py", MINIMAL)
    assert done.returncode == 0, done.stderr
    assert "smollm2-135m-instruct" in done.stdout
    assert "Observation/" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("record", [BAD])
def test_ward_round_says_what_is_wrong(server, record):
    done = run(server, "ward_round.py", str(record))
    assert done.returncode == 1
    assert "INVALID_ARGUMENT" in done.stdout and "\n  " in done.stdout


def test_many_at_once(server):
    done = run(server, "many_at_once.py", "--count", "3")
    assert done.returncode == 0, done.stderr
    assert "3 answers, " in done.stdout
