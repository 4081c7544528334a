"""Merging a low-rank adapter at export: what is served is what was trained, and a zero adapter changes nothing."""

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.adapter import base
from scripts.adapter.files import CONFIG, WEIGHTS
from scripts.bootstrap.files import sha256
from scripts.export import __main__ as command
from scripts.export import tensorfile
from scripts.export.packed import Packed
from scripts.export.tensorfile import Tensors

from . import tiny
from . import tiny_checkpoint as small

GOLDEN = Path(__file__).resolve().parents[2] / "testdata" / "lora"
RANK, ALPHA = 2, 3
GRAPH = ("model.onnx", "model.onnx.data")


def shapes() -> dict[str, tuple[int, int]]:
    """The matrices of the tiny model, under Hugging Face's names."""
    return {small.hugging_face(name).removesuffix(".weight"): value.shape for name, value in tiny.weights().items()
            if name.startswith("blk") and value.ndim == 2}


def write_adapter(folder: Path, size: float = 0.2, settings: dict | None = None, names: dict | None = None) -> Path:
    """A random adapter whose B is as large as said; `settings` replace those of the configuration."""
    folder.mkdir(parents=True)
    rng, tensors = np.random.default_rng(8), {}
    for name, (out, width) in (shapes() if names is None else names).items():
        tensors[f"base_model.model.{name}.lora_A.weight"] = rng.standard_normal((RANK, width)).astype(np.float32)
        tensors[f"base_model.model.{name}.lora_B.weight"] = size * rng.standard_normal((out, RANK)).astype(np.float32)
    tensorfile.write(folder / WEIGHTS, tensors)
    made = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "bias": "none"} | (settings or {})
    (folder / CONFIG).write_text(json.dumps(made), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def gguf(tmp_path_factory) -> Path:
    """The tiny model's file, a held-out text beside it."""
    folder = tmp_path_factory.mktemp("adapter")
    (folder / "heldout.txt").write_text("Abc-def,ghi!" * 6, encoding="utf-8")
    return tiny.write(folder / "tiny.gguf", tiny.weights())


def export(monkeypatch, models: Path, *given: str, heldout: Path) -> int:
    """The export's command."""
    monkeypatch.setattr("sys.argv", ["export", "--models", str(models), "--heldout", str(heldout), *given])
    return command.main()


def test_merged_logits_are_the_trainers(gguf, tmp_path, monkeypatch):
    """testdata/lora has what scripts/train computes with the adapter beside the weights."""
    given = ["--checkpoint", str(GOLDEN / "base"), "--adapter", str(GOLDEN / "adapter"), "--name", "m"]
    assert export(monkeypatch, tmp_path, *given, heldout=gguf.parent / "heldout.txt") == 0
    tokens = json.loads((GOLDEN / "tokens.json").read_text())
    found = Packed(str(tmp_path / "m-fp32" / "model.onnx"), 1, 64).extend(tokens, 0)
    np.testing.assert_allclose(found, np.load(GOLDEN / "logits.npy"), atol=1e-4)


def test_merged_into_a_gguf_file(gguf, tmp_path, monkeypatch):
    adapter = write_adapter(tmp_path / "adapter")
    given = ["--gguf", str(gguf), "--adapter", str(adapter), "--name", "m"]
    assert export(monkeypatch, tmp_path / "models", *given, heldout=gguf.parent / "heldout.txt") == 0
    tensors, merged = Tensors(adapter / WEIGHTS), tiny.weights()
    for name, value in merged.items():
        place = small.hugging_face(name).removesuffix(".weight")
        if place in shapes():
            a = tensors.get(f"base_model.model.{place}.lora_A.weight", RANK, value.shape[1])
            b = tensors.get(f"base_model.model.{place}.lora_B.weight", value.shape[0], RANK)
            merged[name] = value + ALPHA / RANK * b @ a
    tokens = np.random.default_rng(3).integers(0, len(tiny.TOKENS), 30).tolist()
    folder = tmp_path / "models" / "m-fp32"
    found = Packed(str(folder / "model.onnx"), 1, tiny.CONTEXT).extend(tokens, 0)
    np.testing.assert_allclose(found, tiny.forward(merged, tokens), atol=1e-4)
    assert np.abs(found - tiny.forward(tiny.weights(), tokens)).max() > 0.1
    assert json.loads((folder / "bedside.json").read_text())["source"]["adapter"]["sha256"] == sha256(adapter / WEIGHTS)
    assert "rank 2, scale 1.5" in (folder / "README.md").read_text()


def test_a_zero_adapter_leaves_the_graphs_bytes(gguf, tmp_path, monkeypatch):
    given, heldout = ["--gguf", str(gguf), "--name", "m"], gguf.parent / "heldout.txt"
    zero = write_adapter(tmp_path / "adapter", size=0.0)
    assert export(monkeypatch, tmp_path / "a", *given, heldout=heldout) == 0
    assert export(monkeypatch, tmp_path / "b", *given, "--adapter", str(zero), heldout=heldout) == 0
    for folder in ("m", "m-fp32"):
        for file in GRAPH:
            assert sha256(tmp_path / "a" / folder / file) == sha256(tmp_path / "b" / folder / file)


@pytest.mark.parametrize(("settings", "names", "problem"), [
    ({"peft_type": "IA3"}, None, "peft_type must be LORA"),
    ({"use_dora": True}, None, "use_dora: this variant cannot be merged"),
    ({"r": 0}, None, "r must be a positive whole number"),
    ({"r": 3}, None, "lora_A.weight: has shape [2, 64]"),
    ({}, {"model.layers.9.mlp.up_proj": (96, 64)}, "has layer 9, the model has 2"),
    ({}, {"model.embed_tokens": (96, 64)}, "not a projection that an adapter here can change"),
])
def test_what_cannot_be_merged_is_refused(gguf, tmp_path, monkeypatch, capsys, settings, names, problem):
    adapter = write_adapter(tmp_path / "adapter", settings=settings, names=names)
    given = ["--gguf", str(gguf), "--adapter", str(adapter), "--name", "m"]
    assert export(monkeypatch, tmp_path / "models", *given, heldout=gguf.parent / "heldout.txt") == 1
    assert problem in capsys.readouterr().err
    assert not list((tmp_path / "models").glob("m*"))


def test_an_adapter_makes_another_model(gguf, tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        export(monkeypatch, tmp_path, "--gguf", str(gguf), "--adapter", str(tmp_path), heldout=gguf.parent / "heldout.txt")
    assert "needs --name" in capsys.readouterr().err
    given = ["--gguf", str(gguf), "--adapter", str(tmp_path), "--name", "m"]
    assert export(monkeypatch, tmp_path, *given, heldout=gguf.parent / "heldout.txt") == 1
    assert "adapter_model.safetensors: cannot be read" in capsys.readouterr().err


def test_the_base_as_training_reads_it(gguf, tmp_path):
    assert base.main(["--gguf", str(gguf), "--out", str(tmp_path / "base")]) == 0
    tensors = Tensors(tmp_path / "base" / "weights.safetensors")
    want = {small.hugging_face(name): value for name, value in tiny.weights().items()}
    assert tensors.names() == set(want)
    for name, value in want.items():
        np.testing.assert_array_equal(tensors.get(name, *value.shape), value)
    assert json.loads((tmp_path / "base" / "config.json").read_text())["num_key_value_heads"] == tiny.SIZE.kv_heads
    assert (tmp_path / "base" / "tokenizer.json").is_file()
    assert base.main(["--gguf", str(tmp_path / "absent"), "--out", str(tmp_path / "no")]) == 1
