"""Every family of decoders against the logits that transformers computes, from both kinds of files."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from scripts.export import __main__ as command
from scripts.export import tensorfile
from scripts.export.architecture import GEMMA3
from scripts.export.cached import Cached
from scripts.export.checkpoint import Checkpoint
from scripts.export.evaluate import log_softmax
from scripts.export.packed import Packed, Row
from scripts.export.run import export_all, export_checkpoint
from scripts.export.source import Source, SourceError

from . import tiny_family as families

CONTEXT = 128
TOLERANCE = 1e-4
MOST_KL = 0.002
KINDS = ("safetensors", "gguf")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Every family from every kind of file; folders NAME-KIND and NAME-KIND-fp32."""
    base = tmp_path_factory.mktemp("families")
    (base / "heldout.txt").write_text("Abc-def,ghi!" * 6, encoding="utf-8")
    for name in families.NAMES:
        export_checkpoint(families.folder(name, base / name), base / "models", f"{name}-safetensors", base / "heldout.txt")
        export_all(families.write_gguf(name, base / f"{name}.gguf"), base / "models", f"{name}-gguf", base / "heldout.txt")
    return base / "models"


def kl(want: np.ndarray, got: np.ndarray) -> float:
    p, q = log_softmax(want), log_softmax(got)
    return float((np.exp(p) * (p - q)).sum(axis=1).mean())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", families.NAMES)
def test_float32_equals_transformers(exported, name, kind):
    """The text whole, and cut."""
    golden = families.recorded(name)
    model = Packed(str(exported / f"{name}-{kind}-fp32" / "model.onnx"), 1, CONTEXT)
    whole = model.extend(golden["tokens"], 0)
    cut = np.concatenate([model.extend(golden["tokens"][at:at + 25], at) for at in range(0, len(golden["tokens"]), 25)])
    for logits in (whole, cut):
        np.testing.assert_allclose(logits[golden["positions"]], golden["logits"], atol=TOLERANCE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", families.NAMES)
def test_8_bits_are_close_to_transformers(exported, name, kind):
    manifest = json.loads((exported / f"{name}-{kind}" / "bedside.json").read_text(encoding="utf-8"))
    assert (manifest["graph"], manifest["batch_invariant"]) == ("fused-int8", True)
    golden = families.recorded(name)
    logits = Cached(str(exported / f"{name}-{kind}" / "model.onnx"), 1, CONTEXT).extend(golden["tokens"], 0)
    assert kl(np.array(golden["logits"]), logits[golden["positions"]]) < MOST_KL


@pytest.mark.parametrize("name", families.NAMES)
def test_the_same_bits_in_any_company(exported, name):
    model, rng = Cached(str(exported / f"{name}-gguf" / "model.onnx"), 4, CONTEXT), np.random.default_rng(5)
    text = families.recorded(name)["tokens"]
    whole = model.step([Row(text, 0, True)])
    for _ in range(4):
        at, done, found = int(rng.integers(0, 4)), 0, []
        while done < len(text):
            count = min(int(rng.integers(1, 30)), len(text) - done)
            rows = [Row(rng.integers(0, 200, int(rng.integers(0, 6))).tolist(), int(rng.integers(0, 20))) for _ in range(4)]
            rows[at] = Row(text[done:done + count], done, True)
            before = sum(1 for r in rows[:at] if r.tokens)
            found.append(model.step(rows)[before:before + count])
            done += count
        assert np.array_equal(np.concatenate(found), whole)


def test_the_same_bits_on_every_processor(exported):
    """Gemma's layers use all that the operators can do. The plain set of kernels runs in a process of its own."""
    path, tokens = str(exported / "gemma3-gguf" / "model.onnx"), families.recorded("gemma3")["tokens"]
    code = ("import sys, json; from scripts.export.cached import Cached; "
            f"sys.stdout.buffer.write(Cached(sys.argv[1], 1, {CONTEXT}).extend(json.loads(sys.argv[2]), 0).tobytes())")
    plain = subprocess.run([sys.executable, "-c", code, path, json.dumps(tokens)], capture_output=True, check=True,
                           env=os.environ | {"BEDSIDE_KERNELS": "plain"}).stdout
    assert plain == Cached(path, 1, CONTEXT).extend(tokens, 0).tobytes()


def test_both_kinds_of_files_give_the_same_configuration(tmp_path):
    for name in families.NAMES:
        a = Checkpoint(families.folder(name, tmp_path / name)).config
        b = Source(str(families.write_gguf(name, tmp_path / f"{name}.gguf"))).config
        for field in ("family", "vocab_size", "head_dim", "num_key_value_heads", "windows", "local_rope", "rms_norm_eps",
                      "tie_word_embeddings", "max_position_embeddings", "bos_token_id", "eos_token_id"):
            assert getattr(a, field) == getattr(b, field), (name, field)
        assert a.rope.theta == b.rope.theta
        np.testing.assert_allclose(a.rope.factors, b.rope.factors, rtol=1e-6)
        assert a.query_pre_attn_scalar == pytest.approx(b.query_pre_attn_scalar, rel=1e-6)


def test_weights_in_parts_from_the_command_line(exported, tmp_path, monkeypatch):
    source, weights = families.folder("qwen3", tmp_path / "source"), families.tensors("qwen3")
    (source / "model.safetensors").unlink()
    names = sorted(weights)
    parts = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, held in parts.items():
        tensorfile.write(source / file, {n: weights[n] for n in held})
    index = {"weight_map": {n: file for file, held in parts.items() for n in held}}
    (source / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    (tmp_path / "heldout.txt").write_text("Abc-def,ghi!" * 6, encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["export", "--checkpoint", str(source), "--models", str(tmp_path / "models"),
                                     "--name", "m", "--heldout", str(tmp_path / "heldout.txt")])
    assert command.main() == 0
    for file in ("model.onnx", "model.onnx.data"):
        assert (tmp_path / "models" / "m" / file).read_bytes() == (exported / "qwen3-safetensors" / file).read_bytes()
    card = (tmp_path / "models" / "m" / "README.md").read_text(encoding="utf-8")
    assert "`m`: a Qwen3-style decoder" in card
    assert "License: unknown" in card


def test_the_decoder_of_a_model_that_sees_images(exported, tmp_path):
    """Its settings stand in text_config, its tensors under another name."""
    source, weights = families.folder("gemma3", tmp_path / "source"), families.tensors("gemma3")
    tensorfile.write(source / "model.safetensors", {f"language_model.{n}": w for n, w in weights.items()})
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    (source / "config.json").write_text(json.dumps({"model_type": "gemma3", "text_config": config}), encoding="utf-8")
    (tmp_path / "heldout.txt").write_text("Abc-def,ghi!" * 6, encoding="utf-8")
    export_checkpoint(source, tmp_path / "models", "m", tmp_path / "heldout.txt")
    for file in ("model.onnx", "model.onnx.data"):
        assert (tmp_path / "models" / "m" / file).read_bytes() == (exported / "gemma3-safetensors" / file).read_bytes()


def config_of(tmp_path, name: str, changes: dict):
    """The configuration of a model with other settings; None: without one."""
    source = families.folder(name, tmp_path / "source")
    config = json.loads((source / "config.json").read_text(encoding="utf-8")) | changes
    (source / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return Checkpoint(source).config


def test_older_names_of_settings(tmp_path):
    config = config_of(tmp_path, "gemma3", {
        "rope_parameters": None, "rope_theta": 1e6, "rope_local_base_freq": 1e4, "layer_types": None,
        "sliding_window_pattern": 6, "rope_scaling": {"rope_type": "linear", "factor": 8.0}})
    assert config == Checkpoint(families.folder("gemma3", tmp_path / "new")).config


def test_settings_that_large_models_leave_out(tmp_path):
    left_out = dict.fromkeys(("head_dim", "num_attention_heads", "num_key_value_heads", "vocab_size", "rope_parameters",
                              "max_position_embeddings", "rms_norm_eps", "query_pre_attn_scalar", "layer_types"))
    config = config_of(tmp_path, "gemma3", left_out | {"hidden_size": 2560})
    assert (config.head_dim, config.num_attention_heads, config.num_key_value_heads) == (256, 8, 4)
    assert (config.rope.theta, config.local_rope.theta, config.windows) == (1e6, 1e4, (24,) * 5 + (0,))
    assert config.family is GEMMA3


@pytest.mark.parametrize(("changes", "windows"), [
    ({"use_sliding_window": True, "sliding_window": 24, "layer_types": None, "max_window_layers": 1}, (0, 24)),
    ({"use_sliding_window": True, "sliding_window": 24, "layer_types": ["sliding_attention", "full_attention"]}, (24, 0)),
    ({"use_sliding_window": False, "sliding_window": 24}, ()),
])
def test_windows_of_qwen2(tmp_path, changes, windows):
    assert config_of(tmp_path, "qwen2", changes).windows == windows


@pytest.mark.parametrize(("name", "changes", "named"), [
    ("qwen3", {"model_type": "qwen3_moe"}, "model_type"),
    ("llama", {"rope_parameters": {"rope_theta": 1e4, "rope_type": "yarn", "factor": 4.0}}, "yarn"),
    ("llama3", {"rope_parameters": {"rope_theta": 1e4, "rope_type": "llama3"}}, "factor must be"),
    ("llama", {"mlp_bias": True}, "mlp_bias"),
    ("qwen3", {"attention_bias": True}, "attention_bias"),
    ("gemma3", {"use_bidirectional_attention": True}, "use_bidirectional_attention"),
    ("gemma3", {"final_logit_softcapping": 30.0}, "final_logit_softcapping"),
    ("gemma3", {"hidden_activation": "relu"}, "hidden_act"),
    ("gemma3", {"layer_types": ["full_attention"]}, "layer_types"),
    ("qwen2", {"sliding_window": None, "use_sliding_window": True}, "sliding_window"),
])
def test_unsupported_settings_are_named(tmp_path, name, changes, named):
    with pytest.raises(SourceError, match=named):
        config_of(tmp_path, name, changes)


@pytest.mark.parametrize(("name", "key"), [
    ("llama", "expert_count"), ("gemma3", "final_logit_softcapping"), ("qwen3", "rope.dimension_count"),
])
def test_unsupported_keys_are_named(tmp_path, name, key):
    path = families.write_gguf(name, tmp_path / "bad.gguf", **{key: 8})
    with pytest.raises(SourceError, match=f"^{name}.{key}: "):
        Source(str(path))


def test_an_index_stays_in_its_folder(tmp_path):
    for bad in ({}, {"weight_map": {"a": "../model.safetensors"}}, {"weight_map": []}):
        (tmp_path / "i.json").write_text(json.dumps(bad), encoding="utf-8")
        with pytest.raises(SourceError, match="weight_map"):
            tensorfile.Shards(tmp_path / "i.json")
