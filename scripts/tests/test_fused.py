"""The graph of our own operators, against numpy and against itself."""

import json

import numpy as np
import onnx
import pytest
from gguf import GGMLQuantizationType, dequantize, quantize

from scripts.export.cached import Cached
from scripts.export.fused import BLOCK, in_blocks, in_nibbles, steps_in_blocks, taking_turns
from scripts.export.packed import Row
from scripts.export.run import export_all

from . import tiny

SIZE = tiny.Size(hidden=128, heads=4, kv_heads=2, dim=32, inner=96)


def stored_weights(bits: int) -> dict[str, np.ndarray]:
    """Random weights, the matrices of the layers as Q4_1 keeps them where `bits` is 4."""
    found = tiny.weights(0, SIZE)
    kind = GGMLQuantizationType.Q4_1
    return {name: dequantize(quantize(w, kind), kind).reshape(w.shape) if bits == 4 and w.ndim == 2 and "blk" in name else w
            for name, w in found.items()}


@pytest.fixture(scope="module", params=[8, 4])
def bits(request) -> int:
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory, bits):
    """A tiny model of a shape that the operators take."""
    base = tmp_path_factory.mktemp("fused")
    tiny.write(base / "tiny.gguf", stored_weights(bits), SIZE)
    (base / "heldout.txt").write_text("Abc-def,ghi!" * 6, encoding="utf-8")
    export_all(base / "tiny.gguf", base / "models", "tiny", base / "heldout.txt")
    return base / "models" / "tiny"


@pytest.fixture(scope="module")
def model(folder) -> Cached:
    return Cached(str(folder / "model.onnx"), 8, tiny.CONTEXT)


def test_it_is_what_is_served(folder):
    manifest = json.loads((folder / "bedside.json").read_text(encoding="utf-8"))
    assert (manifest["graph"], manifest["precision"], manifest["batch_invariant"]) == ("fused-int8", "w8a8g16", True)
    assert "fused-int8" in (folder / "README.md").read_text(encoding="utf-8")


def test_weights_of_4_bits_stay_so(folder, bits):
    linear = [n for n in onnx.load(folder / "model.onnx", load_external_data=False).graph.node if n.op_type == "QuantLinear"]
    assert [len(n.input) == 8 for n in linear] == [bits == 4] * (len(linear) - 1) + [False]  # the head has 8


def test_close_to_numpy(model, bits):
    tokens = np.random.default_rng(3).integers(0, len(tiny.TOKENS), 40).tolist()
    want = tiny.forward(stored_weights(bits), tokens, SIZE)
    assert np.abs(model.step([Row(tokens, 0, True)]) - want).mean() < 0.04 * np.abs(want).mean()


def test_the_same_bits_in_any_company(model):
    rng = np.random.default_rng(5)
    text = rng.integers(0, len(tiny.TOKENS), 40).tolist()
    whole = model.step([Row(text, 0, True)])
    for _ in range(20):
        at, done, found = int(rng.integers(0, 8)), 0, []
        while done < len(text):
            count = min(int(rng.integers(1, 9)), len(text) - done)
            rows = [Row(rng.integers(0, 200, int(rng.integers(0, 6))).tolist(), int(rng.integers(0, 20))) for _ in range(8)]
            rows[at] = Row(text[done:done + count], done, True)
            before = sum(1 for r in rows[:at] if r.tokens)
            found.append(model.step(rows)[before:before + count])
            done += count
        assert np.array_equal(np.concatenate(found), whole)


@pytest.mark.parametrize("wrong", [{"starts": [60]}, {"slots": [8]}, {"slots": [-1]}, {"counts": [9]}, {"counts": [0]}])
def test_rows_that_do_not_fit_are_refused(model, wrong):
    feeds = model.feeds([Row([1] * 8)]) | {k: np.array(v, np.int32) for k, v in wrong.items()}
    with pytest.raises(RuntimeError, match="do not fit"):
        model.run(feeds)


def test_layouts():
    q = np.arange(32 * 8, dtype=np.int32).reshape(32, 8).astype(np.int8)
    blocks = in_blocks(q)
    assert blocks.shape == (2, 2, 16, 4)
    assert all(blocks[o // 16, i // 4, o % 16, i % 4] == q[o, i] for o in range(32) for i in range(8))
    q = np.random.default_rng(0).integers(0, 16, (32, 64)).astype(np.uint8)
    words = in_nibbles(q).view(np.uint32)[..., 0]
    places = [0, 4, 16, 20, 8, 12, 24, 28]
    assert all(words[o // 16, i // 8, o % 16] >> places[i % 8] & 15 == q[o, i] for o in range(32) for i in range(64))
    steps = steps_in_blocks(np.arange(64, dtype=np.int16).reshape(32, 2), -np.ones((32, 2), np.int16))
    assert steps.shape == (2, 2, 16, 2)
    assert steps[1, 0, 3].tolist() == [38, -1]
    gate, up = np.zeros((32, 2)), np.ones((32, 2))
    assert taking_turns(gate, up)[::BLOCK, 0].tolist() == [0, 1, 0, 1]
