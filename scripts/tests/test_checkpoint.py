"""The export of checkpoints: exact against numpy, stored small and run wide, refusals that say what to do."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from scripts.bootstrap.files import sha256
from scripts.export import __main__ as command
from scripts.export import tensorfile
from scripts.export.checkpoint import Checkpoint
from scripts.export.heldout import read_tokens
from scripts.export.packed import Packed, Row, session
from scripts.export.run import export_checkpoint
from scripts.export.source import SourceError
from scripts.export.stateful import Stateful

from . import tiny
from . import tiny_checkpoint as small

RECURRENT = ("rnn", "lstm", "gru")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Every kind, exported."""
    base = tmp_path_factory.mktemp("checkpoints")
    (base / "heldout.txt").write_text("Abc-def,ghi!" * 6, encoding="utf-8")
    for kind in (*RECURRENT, "llama"):
        export_checkpoint(small.write(base / kind, kind), base / "models", kind, base / "heldout.txt")
    return base


def texts(seed: int, *lengths: int) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, small.VOCAB, n).tolist() for n in lengths]


@pytest.mark.parametrize("kind", RECURRENT)
def test_float32_equals_numpy(exported, kind):
    """Whole, a token at a time, and ragged among others."""
    model = Stateful(str(exported / "models" / f"{kind}-fp32" / "model.onnx"), 4)
    weights = small.weights(kind)
    prompts = texts(3, 40, 1, 17, 2)
    want = [small.forward(kind, weights, p) for p in prompts]
    np.testing.assert_allclose(model.step([Row(p, 0, True) for p in prompts]), np.concatenate(want), atol=2e-5)
    for p, logits in zip(prompts, want):
        singles = [model.step([Row(), Row([t], at)])[0] for at, t in enumerate(p)]
        np.testing.assert_allclose(singles, logits, atol=2e-5)


def test_packed_llama_equals_numpy(exported):
    model = Packed(str(exported / "models" / "llama-fp32" / "model.onnx"), 1, small.CONTEXT)
    tokens, = texts(4, 40)
    want = tiny.forward(tiny.weights(0, small.LLAMA), tokens, small.LLAMA)
    np.testing.assert_allclose(model.extend(tokens, 0), want, atol=2e-5)


@pytest.mark.parametrize("kind", RECURRENT)
def test_int8_stays_close_and_costs_nothing_at_run_time(exported, kind, tmp_path):
    path = exported / "models" / kind / "model.onnx"
    tokens, = texts(5, 40)
    want = small.forward(kind, small.weights(kind), tokens)
    assert np.abs(Stateful(str(path), 1).extend(tokens, 0) - want).mean() < 0.02 * np.abs(want).mean()
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    left = {n.op_type for n in onnx.load(tmp_path / "optimized.onnx").graph.node}
    assert not left & {"Cast", "Mul", "DequantizeLinear"}, "weights are widened at every step"
    outside = [p.stat().st_size for p in (path, path.parent / "model.onnx.data")]
    full = exported / "models" / f"{kind}-fp32"
    assert sum(outside) < 0.6 * sum((full / n).stat().st_size for n in ("model.onnx", "model.onnx.data"))


def test_half_precision(exported, tmp_path):
    export_checkpoint(exported / "gru", tmp_path, "gru", exported / "heldout.txt", served="fp16")
    tokens, = texts(6, 40)
    want = small.forward("gru", small.weights("gru"), tokens)
    got = Stateful(str(tmp_path / "gru" / "model.onnx"), 1).extend(tokens, 0)
    np.testing.assert_allclose(got, want, atol=0.05)
    assert json.loads((tmp_path / "gru" / "bedside.json").read_text())["precision"] == "fp16"
    with pytest.raises(SourceError, match="int8, fp16"):
        export_checkpoint(exported / "gru", tmp_path, "gru", exported / "heldout.txt", served="w8a8")


@pytest.mark.parametrize("kind", [*RECURRENT, "llama"])
def test_manifest_and_card(exported, kind):
    folder = exported / "models" / kind
    manifest = json.loads((folder / "bedside.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {p.name for p in folder.iterdir()} - {"bedside.json"}
    for file, entry in manifest["files"].items():
        assert entry == {"sha256": sha256(folder / file), "bytes": (folder / file).stat().st_size}
    attention = kind == "llama"
    assert manifest["kind"] == ("attention" if attention else kind)
    assert manifest["graph"] == ("packed-gqa" if attention else "recurrent")
    assert manifest["precision"] == ("w8a8" if attention else "int8")
    assert (manifest["eos_token_ids"], manifest["bos_token_id"]) == ([2, 0], 1)
    sizes = [manifest[key] for key in ("vocab_size", "context_length", "num_layers")]
    assert sizes == [small.VOCAB, small.CONTEXT, small.LAYERS]
    assert manifest["batch_invariant"] is True
    assert manifest["quality"]["reference"] == f"{kind}-fp32"
    assert f"# {kind}\n" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["rnn", "llama"])
def test_second_export_does_nothing_until_something_changes(tmp_path, kind):
    (tmp_path / "heldout.txt").write_text("Abc" * 9, encoding="utf-8")
    source = small.write(tmp_path / "source", kind)

    def export() -> dict:
        export_checkpoint(source, tmp_path / "models", "m", tmp_path / "heldout.txt")
        return {p: (p.stat().st_mtime_ns, sha256(p)) for p in (tmp_path / "models").rglob("*") if p.is_file()}

    first = export()
    assert export() == first
    (source / "card.md").write_text("## Data\nMade up.", encoding="utf-8")
    changed = export()
    for name in ("m", "m-fp32"):
        folder = tmp_path / "models" / name
        assert "## Data\nMade up." in (folder / "README.md").read_text(encoding="utf-8")
        assert changed[folder / "model.onnx"][1] == first[folder / "model.onnx"][1], "the same weights give the same bytes"


@pytest.mark.parametrize(("kind", "changes", "named"), [
    ("rnn", {"model_type": "mamba"}, "model_type"),
    ("rnn", {"hidden_size": None}, "hidden_size"),
    ("rnn", {"num_hidden_layers": 3}, "model.layers.2.norm.weight"),
    ("gru", {"hidden_size": 17}, "model.embed_tokens.weight"),
    ("gru", {"tie_word_embeddings": False}, "tie_word_embeddings"),
    ("lstm", {"eos_token_id": [small.VOCAB]}, "eos_token_id"),
    ("lstm", {"rms_norm_eps": 0}, "rms_norm_eps"),
    ("llama", {"rope_scaling": {"type": "linear"}}, "rope_scaling"),
    ("llama", {"num_attention_heads": 3}, "num_attention_heads"),
    ("llama", {"attention_bias": True}, "attention_bias"),
    ("llama", {"head_dim": 24}, "head_dim is 24"),
    ("llama", {"hidden_size": 48, "head_dim": 16}, "hidden_size is 48"),
])
def test_unsupported_settings_are_named(tmp_path, kind, changes, named, monkeypatch, capsys):
    small.write(tmp_path / "bad", kind, changes=changes)
    monkeypatch.setattr("sys.argv", ["export", "--checkpoint", str(tmp_path / "bad"), "--models", str(tmp_path / "models")])
    assert command.main() == 1
    assert named in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "models").iterdir()] == [".export.lock"]


def test_missing_parts_are_named(tmp_path):
    folder = small.write(tmp_path / "bad", "rnn", without="model.layers.1.cell.bias_hh")
    with pytest.raises(SourceError, match=r"model\.layers\.1\.cell\.bias_hh: not in weights"):
        export_checkpoint(folder, tmp_path / "models", "m")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(SourceError, match="copy the tokenizer"):
        Checkpoint(folder)


def test_tokens_may_be_named_by_the_tokenizer(tmp_path):
    config = Checkpoint(small.write(tmp_path / "c", "rnn", changes={"eos_token_id": None, "bos_token_id": None})).config
    assert (config.bos_token_id, config.eos_token_ids) == (1, (2,))


def test_safetensors_of_other_types(tmp_path):
    value = np.array([[1.0, -2.5], [0.15625, 3e4]], np.float32)
    bits = (value.view(np.uint32) >> 16).astype("<u2")
    half = value.astype("<f2")
    header = json.dumps({"__metadata__": {"format": "np"}, "b": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]},
                         "h": {"dtype": "F16", "shape": [2, 2], "data_offsets": [8, 16]}}).encode() + b" "
    (tmp_path / "w").write_bytes(len(header).to_bytes(8, "little") + header + bits.tobytes() + half.tobytes())
    tensors = tensorfile.Tensors(tmp_path / "w")
    assert tensors.names() == {"b", "h"}
    np.testing.assert_allclose(tensors.get("b", 2, 2), value, rtol=2**-8)
    np.testing.assert_array_equal(tensors.get("h", 2, 2), half.astype(np.float32))


@pytest.mark.parametrize(("content", "named"), [
    (b"abc", "too short"),
    ((1 << 40).to_bytes(8, "little") + b"{}", "longer than the file"),
    ((2).to_bytes(8, "little") + b"{]", "not JSON"),
])
def test_damaged_safetensors(tmp_path, content, named):
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(SourceError, match=named):
        tensorfile.Tensors(tmp_path / "w")


@pytest.mark.parametrize(("entry", "named"), [
    ({"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}, "I64 is not supported"),
    ({"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "has shape"),
    ({"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}, "outside"),
    ({"dtype": "F32", "shape": [1], "data_offsets": [100, 104]}, "outside"),
    ({"dtype": "F32", "shape": [1]}, "malformed"),
])
def test_damaged_entries(tmp_path, entry, named):
    header = json.dumps({"x": entry}).encode()
    (tmp_path / "w").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(SourceError, match=named):
        tensorfile.Tensors(tmp_path / "w").get("x", 1)


def test_heldout_examples_of_a_corpus(exported, tmp_path):
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(exported / "gru" / "tokenizer.json"))
    examples = [{"language": "en", "task": "text", "answer": "Ab"},
                {"language": "zh", "task": "diagnosis", "prompt": "p", "answer": "J18"}]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, examples)), encoding="utf-8")
    want = "<|bos|><|en|><|text|>Ab<|end|>" + "<|bos|><|zh|><|diagnosis|>p<|answer|>J18<|end|>"
    assert tokenizer.decode(read_tokens(tmp_path / "c.jsonl", tokenizer), skip_special_tokens=False) == want
    (tmp_path / "c.jsonl").write_text('{"task": "text"}', encoding="utf-8")
    with pytest.raises(SourceError, match="line 1"):
        read_tokens(tmp_path / "c.jsonl", tokenizer)


def cuts(count: int, size: int) -> list[tuple[int, int]]:
    return [(a, min(a + size, count)) for a in range(0, count, size)]


@pytest.mark.parametrize("kind", RECURRENT)
def test_bits_do_not_depend_on_chunks_or_neighbours(tmp_path, kind):
    """Wide enough for the runtime's kernels to tile their sums; README.md, "Batch invariance", says what this rests on."""
    (tmp_path / "heldout.txt").write_text("Abc" * 9, encoding="utf-8")
    export_checkpoint(small.write(tmp_path / "c", kind, hidden=192), tmp_path / "models", "m", tmp_path / "heldout.txt")
    model = Stateful(str(tmp_path / "models" / "m" / "model.onnx"), 64)
    rng = np.random.default_rng(7)
    for count in (1, 2, 17, 63):
        prompt, = texts(count, count)
        whole = model.extend(prompt, 0)
        state = [s[0].copy() for s in model.states.values()]
        for size in (1, 2, 3, 7, 16):
            parts = np.concatenate([model.extend(prompt[a:b], a) for a, b in cuts(count, size)])
            assert np.array_equal(parts, whole), f"chunks of {size}"
            assert all(np.array_equal(s[0], v) for s, v in zip(model.states.values(), state))
        for neighbours in (1, 2, 7, 63):
            at = int(rng.integers(0, neighbours + 1))
            rows = [Row(rng.integers(0, small.VOCAB, rng.integers(1, 9)).tolist(), 5) for _ in range(neighbours)]
            rows.insert(at, Row(prompt, 0, True))
            assert np.array_equal(model.step(rows)[at:at + count], whole), f"{neighbours} neighbours"
            assert all(np.array_equal(s[at], v) for s, v in zip(model.states.values(), state))


def test_one_row_alone_is_why_there_are_two(tmp_path):
    """The Elman operator's product of one row rounds otherwise; if that ever changes, LEAST_ROWS can go."""
    (tmp_path / "heldout.txt").write_text("Abc" * 9, encoding="utf-8")
    export_checkpoint(small.write(tmp_path / "c", "rnn", hidden=192), tmp_path / "models", "m", tmp_path / "heldout.txt")
    path = str(tmp_path / "models" / "m" / "model.onnx")
    assert session(path).get_inputs()[0].shape == ["S", "B"]
    prompt, = texts(1, 30)
    assert not np.array_equal(Stateful(path, 1, least_rows=1).extend(prompt, 0), Stateful(path, 1).extend(prompt, 0))
