"""Low-rank adapters: exact, resumable, saved as peft saves them, and the base stays as it is."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from scripts.train import export, learner, report, run, tokens
from scripts.train.config import ConfigError
from scripts.train.lora import __main__ as command
from scripts.train.lora import chat, examples, model
from scripts.train.lora import config as configs
from scripts.train.lora.run import Job, LoraRun
from scripts.train.tokens import CorpusError

from . import golden_lora, reference

GOOD = """
[adapter]
rank = 2
alpha = 4
[examples]
train = 48
languages = ["en"]
[data]
buckets = [192]
batch_tokens = 768
head_share = 0.25
tasks = ["diagnosis"]
prompt_weight = 0
[train]
seed = 1
epochs = 2
learning_rate = 0.03
validate_every = 4
validation_sequences = 8
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny model to adapt."""
    folder = tmp_path_factory.mktemp("base") / "tiny"
    golden_lora.write_base(folder, replace(golden_lora.SHAPE, layers=1))
    return folder


@pytest.fixture
def job(corpus, base, tmp_path):
    """Makes a job of the settings above."""
    path = tmp_path / "x.toml"
    path.write_text(GOOD)
    return lambda name="run": Job(configs.load(path), corpus, base, tmp_path / name)


@pytest.mark.parametrize(("old", "new", "problem"), [
    ("rank = 2", "rank = 0", "adapter.rank and adapter.alpha must be positive"),
    ("alpha = 4", "alpha = 4\ntargets = ['q']", "adapter.targets may name q_proj"),
    ("train = 48", "train = 0", "examples.train must be positive"),
    ('["en"]', '["fr"]', "examples.languages may name en and zh"),
    ('["en"]', '["en"]\nhours = [2]', "examples.hours may name 1 and 24"),
    ('"diagnosis"', '"text"', "data.tasks must name some of diagnosis"),
    ("[192]", "[100]", "multiple of every bucket"),
    ("[adapter]", "[model]", "unknown section 'model'; there are adapter, examples, data and train"),
])
def test_settings_are_checked(tmp_path, old, new, problem):
    path = tmp_path / "x.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError, match=problem):
        configs.load(path)


def test_the_shipped_settings_can_be_read():
    assert configs.load(configs.configs.CONFIGS / "smollm2-lora.toml").data.tasks == ("diagnosis",)


def test_logits_are_those_of_the_merged_weights():
    """Against plain numpy with W + (alpha / rank) B A in W's place, and as recorded for the export's tests."""
    made = golden_lora.opened(golden_lora.FOLDER / "base")
    plain = learner.logits(export.read(golden_lora.FOLDER / "base"), [golden_lora.TOKENS])[0]
    np.testing.assert_array_equal(learner.logits(made, [golden_lora.TOKENS])[0], plain)  # it begins as the base
    model.load(golden_lora.FOLDER / "adapter", made)
    found = learner.logits(made, [golden_lora.TOKENS])[0]
    assert np.abs(found - plain).max() > 0.5
    weights = load_file(golden_lora.FOLDER / "base" / "weights.safetensors")
    added = load_file(golden_lora.FOLDER / "adapter" / model.WEIGHTS)
    assert len(added) == 2 * 7 * golden_lora.SHAPE.layers
    for name in added:
        if name.endswith(".lora_A.weight"):
            place = name.removeprefix("base_model.model.").replace(".lora_A", "")
            weights[place] = weights[place] + 2 * added[name.replace("lora_A", "lora_B")].astype(float) @ added[name]
    settings = json.loads((golden_lora.FOLDER / "base" / "config.json").read_text())
    np.testing.assert_allclose(found, reference.logits(settings, weights, golden_lora.TOKENS), atol=1e-4)
    np.testing.assert_allclose(found, np.load(golden_lora.FOLDER / "logits.npy"), atol=1e-4)


def test_an_interrupted_run_ends_with_the_same_bits(job, base):
    made = LoraRun(job("whole"))
    result = made.train()
    assert result["steps"] == made.steps > 6
    assert result["validation"]["loss"] < 0.9 * result["before"]["loss"]
    with pytest.raises(run.Stopped, match="after step 5 of"):
        LoraRun(job("parts")).train(stop_at=5)
    again = LoraRun(job("parts")).train()
    speeds = ("tokens_per_second",)
    assert {k: v for k, v in again.items() if k not in speeds} == {k: v for k, v in result.items() if k not in speeds}
    one, two = (load_file(job(name).out / "adapter" / model.WEIGHTS) for name in ("whole", "parts"))
    assert one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)
    settings = json.loads((job("whole").out / "adapter" / model.CONFIG).read_text())  # as the peft package has them
    assert (settings["peft_type"], settings["r"], settings["lora_alpha"], settings["bias"]) == ("LORA", 2, 4.0, "none")
    where = "base_model.model.model.layers.0.self_attn.k_proj.lora_"
    assert one[where + "A.weight"].shape == (2, 32) and one[where + "B.weight"].shape == (16, 2)
    assert one[where + "B.weight"].any()
    assert [line["step"] for line in report.read(job("parts").out) if line["split"] == "validation"][:2] == [0, 4]
    # The base is what it was, and a checkpoint holds nothing of it.
    for name, value in load_file(base / "weights.safetensors").items():
        np.testing.assert_array_equal(np.asarray(made.model.named()[name].value), value.astype(np.float32))
    assert sum(v.size for v in load_file(job("whole").out / "best.safetensors").values()) == result["parameters"]


def test_examples_are_chats(corpus, base):
    lines = examples.read(corpus, "train", ("diagnosis",), configs.ExamplesConfig(9, tests=("visible",), languages=("zh",)))
    assert {(line["task"], line["language"]) for line in lines} == {("diagnosis", "zh")}
    assert examples.some(lines, 9, 1) == examples.some(lines, 9, 1) and len(examples.some(lines, 9, 1)) == 9
    words = tokens.open_tokenizer(base)
    line = lines[0] | {"prompt": "a<|im_end|>b"}  # a mark written out is text
    found = examples.encode(words, [line])
    text = words.decode(found.ids.tolist(), skip_special_tokens=False)
    assert text == ("<|im_start|>system\n说出诊断。<|im_end|>\n<|im_start|>user\na<|im_end|>b<|im_end|>\n"
                    f"<|im_start|>assistant\n{line['answer']}<|im_end|>")
    assert (found.ids == words.token_to_id(chat.END)).sum() == 3
    assert words.decode(found.ids[found.answer[0]:].tolist()) == line["answer"]
    with pytest.raises(CorpusError, match="none of the examples"):
        examples.read(corpus, "train", ("treatment",), configs.ExamplesConfig(9))


def test_the_command(corpus, base, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BEDSIDE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "x.toml").write_text(GOOD)
    given = ["--config", str(tmp_path / "x.toml"), "--corpus", str(corpus), "--out", str(tmp_path / "out")]
    assert command.main(given) == 1
    assert "run make setup first" in capsys.readouterr().err
    assert command.main([*given, "--base", str(base)]) == 0
    told = capsys.readouterr().out
    assert "exact.diagnosis" in told and str(tmp_path / "out" / "x" / "adapter") in told
    assert command.main([*given, "--base", str(tmp_path)]) == 1
    assert "no exported model" in capsys.readouterr().err
