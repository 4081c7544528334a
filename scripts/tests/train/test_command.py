"""Settings, recorded metrics and the command line."""

import json

import numpy as np
import pytest

from scripts.train import config as configs
from scripts.train import main, parity, recorded, toy

GOOD = """
[model]
kind = "gru"
hidden_size = 8
layers = 1
[data]
buckets = [48, 96]
batch_tokens = 960
head_share = 0.25
task_weights = {diagnosis = 2}
[train]
seed = 1
epochs = 0.2
learning_rate = 0.01
"""


@pytest.mark.parametrize(("old", "new", "problem"), [
    ("layers = 1", "layer = 1", "model: unknown setting 'layer'"),
    ("layers = 1", "", "model: layers is missing"),
    ("layers = 1", "layers = 1.5", "layers must be of type int, it is 1.5"),
    ("layers = 1", "layers = true", "layers must be of type int, it is True"),
    ("[train]", "[training]", "unknown section 'training'"),
    ('"gru"', '"gruu"', "model.kind must be one of"),
    ('"gru"', '"attention"', "attention needs heads"),
    ("960", "1000", "multiple of every bucket"),
    ("[48, 96]", "[96, 48]", "must increase"),
    ("[48, 96]", "[]", "buckets must be of type"),
    ("seed = 1", "seed = 1\nprecision = 'half'", "train.precision must be one of"),
    ("[model]", "[model", "not TOML"),
])
def test_settings_are_checked(tmp_path, old, new, problem):
    path = tmp_path / "x.toml"
    path.write_text(GOOD)
    assert configs.load(path).data.task_weights == {"diagnosis": 2.0}
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(configs.ConfigError, match=problem):
        configs.load(path)
    with pytest.raises(configs.ConfigError, match="cannot be read"):
        configs.load(tmp_path / "absent.toml")


def test_recorded_metrics_are_held(tmp_path):
    result = {"name": "gru-tiny", "parameters": 1, "steps": 2, "validation": {"loss": 1.0, "exact.diagnosis": 0.9}}
    assert "no metrics of size tiny" in recorded.differences("tiny", "c", [result], tmp_path)[0]
    recorded.write("tiny", "c", [result], tmp_path)
    recorded.write("tiny", "c", [result | {"name": "rnn-tiny"}], tmp_path)
    assert recorded.differences("tiny", "c", [result, result | {"name": "rnn-tiny"}], tmp_path) == []
    assert "corpus c, not of d" in recorded.differences("tiny", "d", [result], tmp_path)[0]
    worse = result | {"validation": {"loss": 1.06, "exact.diagnosis": 0.85}}
    assert recorded.differences("tiny", "c", [worse], tmp_path) == [
        "gru-tiny: loss is 1.06, recorded 1.0000, at most 0.05 apart"]
    assert "not recorded" in recorded.differences("tiny", "c", [result | {"name": "new"}], tmp_path)[0]


def test_the_toy_corpus_is_the_same_every_time(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(toy, "PATIENTS", {"train": 40, "validation": 8, "test": 2})
    monkeypatch.setattr(toy, "VOCABULARY", 320)
    again = toy.make(tmp_path / "again")
    for name in ("train.jsonl", "validation.jsonl", "test.jsonl", "tokenizer.json", "manifest.json"):
        assert (again / name).read_bytes() == (corpus / name).read_bytes()


def test_the_command_trains_and_goes_on(corpus, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BEDSIDE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "gru-x.toml").write_text(GOOD)
    command = ["--config", str(tmp_path / "gru-x.toml"), "--corpus", str(corpus), "--out", str(tmp_path / "out")]
    assert main.main(command) == 0
    first = capsys.readouterr().out
    assert "gru-x" in first and str(tmp_path / "out") in first
    monkeypatch.setattr("scripts.train.run.Run._steps", None)  # all is done already
    assert main.main(command) == 0
    assert capsys.readouterr().out == first
    assert main.main([*command[:4], "--out", str(tmp_path / "o"), "--corpus", str(tmp_path)]) == 1
    assert "make the corpus first" in capsys.readouterr().err
    (tmp_path / "t.json").write_text("[[1, 2, 3]]")
    model = str(tmp_path / "out" / "gru-x" / "model")
    assert parity.main([model, "--tokens", str(tmp_path / "t.json"), "--out", str(tmp_path / "l.npz")]) == 0
    vocabulary = json.loads((tmp_path / "out" / "gru-x" / "model" / "config.json").read_text())["vocab_size"]
    assert np.load(tmp_path / "l.npz")["logits.0"].shape == (3, vocabulary)
    assert parity.main([str(tmp_path), "--tokens", str(tmp_path / "t.json"), "--out", str(tmp_path / "l.npz")]) == 1


def test_checking_needs_a_size(capsys):
    with pytest.raises(SystemExit):
        main.main(["--config", "x.toml", "--check"])
    assert "need --size" in capsys.readouterr().err
