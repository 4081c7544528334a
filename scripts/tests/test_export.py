"""The export of a tiny model: exact against numpy, whole, deterministic, idempotent."""

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.bootstrap.files import sha256
from scripts.export import __main__ as command
from scripts.export.builder import ALIGNMENT
from scripts.export.packed import Packed, Row
from scripts.export.run import export_all
from scripts.export.source import Source, SourceError

from . import tiny

NAMES = ("tiny", "tiny-fp32")


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """Two exports of one tiny model, in folders `a` and `b`."""
    base = tmp_path_factory.mktemp("export")
    tiny.write(base / "tiny.gguf", tiny.weights())
    (base / "heldout.txt").write_text("Abc-def,ghi!" * 6, encoding="utf-8")
    for side in "ab":
        export_all(base / "tiny.gguf", base / side, "tiny", base / "heldout.txt")
    return base


def test_float32_equals_numpy(exported):
    tokens = np.random.default_rng(3).integers(0, len(tiny.TOKENS), 40).tolist()
    model = Packed(str(exported / "a" / "tiny-fp32" / "model.onnx"), 1, tiny.CONTEXT)
    want = tiny.forward(tiny.weights(), tokens)
    np.testing.assert_allclose(model.step([Row(tokens, 0, True)]), want, atol=2e-5)
    parts = [model.step([Row(tokens[a:a + 7], a, True)]) for a in range(0, 40, 7)]
    np.testing.assert_allclose(np.concatenate(parts), want, atol=2e-5)


def test_8_bits_stay_close(exported):
    tokens = np.random.default_rng(4).integers(0, len(tiny.TOKENS), 40).tolist()
    model = Packed(str(exported / "a" / "tiny" / "model.onnx"), 1, tiny.CONTEXT)
    want = tiny.forward(tiny.weights(), tokens)
    assert np.abs(model.step([Row(tokens, 0, True)]) - want).mean() < 0.05 * np.abs(want).mean()


@pytest.mark.parametrize("name", NAMES)
def test_two_exports_are_the_same_bytes(exported, name):
    first, second = ({p.name: sha256(p) for p in (exported / s / name).iterdir()} for s in "ab")
    assert first == second


@pytest.mark.parametrize("name", NAMES)
def test_manifest_lists_every_file(exported, name):
    folder = exported / "a" / name
    manifest = json.loads((folder / "bedside.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {p.name for p in folder.iterdir()} - {"bedside.json"}
    assert {"model.onnx", "model.onnx.data", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
            "config.json", "generation_config.json", "README.md"} == set(manifest["files"])
    for file, entry in manifest["files"].items():
        assert entry == {"sha256": sha256(folder / file), "bytes": (folder / file).stat().st_size}
    assert manifest["eos_token_ids"] == [2, 0]
    assert manifest["vocab_size"] == len(tiny.TOKENS)
    assert (manifest["num_heads"], manifest["num_kv_heads"], manifest["head_dim"]) == (4, 2, 16)


def test_weights_begin_on_page_boundaries(exported):
    import onnx
    for name in NAMES:
        model = onnx.load(exported / "a" / name / "model.onnx", load_external_data=False)
        outside = [t for t in model.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]
        assert outside
        for tensor in outside:
            place = {e.key: e.value for e in tensor.external_data}
            assert int(place["offset"]) % ALIGNMENT == 0


def test_second_export_does_nothing(exported):
    before = {p: p.stat().st_mtime_ns for p in (exported / "a").rglob("*") if p.is_file()}
    export_all(exported / "tiny.gguf", exported / "a", "tiny", exported / "heldout.txt")
    assert {p: p.stat().st_mtime_ns for p in (exported / "a").rglob("*") if p.is_file()} == before


def test_damaged_folder_is_made_anew(exported):
    whole = sha256(exported / "b" / "tiny" / "model.onnx.data")
    (exported / "b" / "tiny" / "model.onnx.data").write_bytes(b"cut short")
    export_all(exported / "tiny.gguf", exported / "b", "tiny", exported / "heldout.txt")
    assert sha256(exported / "b" / "tiny" / "model.onnx.data") == whole


@pytest.mark.parametrize(("changes", "named"), [
    ({"arch": "mamba"}, "general.architecture"),
    ({"heads": 7}, "llama.attention.head_count"),
    ({"rope_dim": 8}, "llama.rope.dimension_count"),
    ({"without": "token_embd.weight"}, "token_embd.weight"),
])
def test_unsupported_files_are_named(tmp_path, changes, named):
    path = tiny.write(tmp_path / "bad.gguf", tiny.weights(), **changes)
    with pytest.raises(SourceError, match=named):
        Source(str(path))


def test_missing_tensor_leaves_no_folder(tmp_path, monkeypatch, capsys):
    path = tiny.write(tmp_path / "bad.gguf", tiny.weights(), without="blk.1.ffn_up.weight")
    monkeypatch.setattr("sys.argv", ["export", "--gguf", str(path), "--models", str(tmp_path / "models")])
    assert command.main() == 1
    assert "blk.1.ffn_up.weight" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "models").iterdir()] == [".export.lock"]
