"""A small model is judged as trained ones are: through the real server, from the command line."""

import json
import os
from pathlib import Path

import pytest

from scripts.evaluate import main
from scripts.evaluate.serving import Served, ServerError

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "testdata" / "device" / "models" / "gru"
BINARY = os.environ.get("BEDSIDE_BINARY") or str(ROOT / "bin" / "bedside")
DISEASES = ("A1", "B2", "B3")
ANSWERS = {"treatment": "a, b", "summary": "Male.", "triples": "a|b|c", "text": "a"}


def lines(part: str) -> str:
    """Prompts of a word, since the model's context is 64 tokens."""
    out = []
    for number, disease in enumerate(DISEASES * 2):
        for language in ("en", "zh"):
            for task, answer in (("diagnosis", disease), *ANSWERS.items()):
                out.append({"patient": f"{part}{number}", "disease": disease, "hours": 1, "language": language, "task": task,
                            "tests": "neutral" if task == "diagnosis" else "visible",
                            "prompt": "" if task == "text" else f"M{number}", "answer": answer})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in out)


@pytest.fixture
def corpus(tmp_path) -> Path:
    """Three diseases, six patients a set."""
    folder, parts = tmp_path / "corpus", ("train", "validation", "test")
    folder.mkdir()
    for part in parts:
        (folder / f"{part}.jsonl").write_text(lines(part), encoding="utf-8")
    manifest = {"splits": {"train": dict.fromkeys(DISEASES, 2)}, "files": {f"{part}.jsonl": part for part in parts}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_judged_once_on_the_test_set(corpus, tmp_path, capsys):
    out = tmp_path / "out"
    command = [str(MODEL), "--corpus", str(corpus), "--out", str(out), "--ledger", str(tmp_path / "judged.jsonl"),
               "--binary", BINARY, "--threads", "1", "--split", "test"]
    assert main.main(command) == 0
    report = json.loads((out / "gru" / "test" / "evaluation.json").read_text(encoding="utf-8"))
    assert report["judged"] == 1 and report["patients"] == 6
    found = report["diagnosis"]["1h-neutral"]
    assert found["both"]["records"] == 6 and 0 <= found["both"]["figures"]["top1"]["value"] <= 1
    assert report["treatment"]["both"]["jaccard"]["same set for all"]["value"] == 1
    assert report["perplexity"]["en"]["diagnosis"]["tokens"] > 0
    assert (out / "gru" / "chosen.json").exists()  # on validation
    section = (out / "gru" / "test" / "evaluation.md").read_text(encoding="utf-8")
    assert section in capsys.readouterr().out and "| 1h-neutral |" in section
    assert main.main(command) == 1
    assert "--again" in capsys.readouterr().err
    assert main.main([*command, "--again", "--parts", "perplexity"]) == 0
    assert "was judged on the test set 2 times" in capsys.readouterr().out


def test_asked_in_a_chat(corpus, tmp_path):
    out = tmp_path / "out"
    command = [str(MODEL), "--corpus", str(corpus), "--out", str(out), "--binary", BINARY, "--threads", "1"]
    assert main.main([*command, "--split", "validation", "--chat", "--sets", "1h-neutral", "--sequences", "2"]) == 0
    report = json.loads((out / "gru" / "validation" / "evaluation.json").read_text(encoding="utf-8"))
    assert report["chat"] and set(report["diagnosis"]["1h-neutral"]) == {"en"}
    assert set(report["perplexity"]["zh"]) == {"diagnosis", "treatment", "summary", "triples", "prompt", "text"}
    assert not set(report) & {"treatment", "summary", "triples", "counterfactual"}  # asked by marks that it does not know
    section = (out / "gru" / "validation" / "evaluation.md").read_text(encoding="utf-8")
    assert "in a chat, English, 6 patients" in section and "### Perplexity" in section


def test_a_server_that_does_not_start_says_why(tmp_path):
    with pytest.raises(ServerError, match="before it was ready"):
        Served(tmp_path, Path(BINARY))
