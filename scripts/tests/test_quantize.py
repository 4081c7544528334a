"""The quantizers and the 8-bit product against plain numpy."""

import io
import tempfile

import numpy as np
import pytest
from gguf import GGMLQuantizationType, dequantize, quantize
from onnx import TensorProto

from scripts.export.builder import Builder
from scripts.export.graph import DenseW8A8
from scripts.export.packed import session
from scripts.export.quantize import FourBits, four_bits, per_block, per_channel, per_row


def test_per_channel_by_hand():
    q, scale = per_channel(np.array([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0]], np.float32))
    assert q.tolist() == [[64, 0], [-127, 0], [32, 0]]
    assert scale[0] == np.float32(2) / np.float32(127)


@pytest.mark.parametrize("seed", range(5))
def test_per_channel_against_loops(seed):
    weight = np.random.default_rng(seed).standard_normal((9, 31)).astype(np.float32) * 10.0 ** (seed - 2)
    q, scale = per_channel(weight)
    for row in range(9):
        step = max(abs(float(x)) for x in weight[row]) / 127
        assert scale[row] == pytest.approx(step, rel=1e-6)
        for col in range(31):
            assert abs(int(q[col, row]) * step - float(weight[row, col])) <= step * 0.5001


def test_per_block_reproduces_q8_0():
    table = np.random.default_rng(0).standard_normal((20, 96)).astype(np.float32)
    stored = dequantize(quantize(table, GGMLQuantizationType.Q8_0), GGMLQuantizationType.Q8_0)
    q, scale = per_block(stored)
    back = (q.astype(np.float32) - 128).reshape(20, 3, 32) * scale[:, :, None]
    np.testing.assert_allclose(back.reshape(20, 96), stored, rtol=3e-7, atol=0)


@pytest.mark.parametrize("kind", [GGMLQuantizationType.Q4_0, GGMLQuantizationType.Q4_1])
def test_four_bits_are_found_and_exact(kind):
    table = np.random.default_rng(1).standard_normal((48, 96)).astype(np.float32) + np.float32(0.3)
    table[3, :32], table[4, 32:64] = 0.5, np.linspace(0, 1, 32) > 0.5  # a block of one value, one of two
    stored = dequantize(quantize(table, kind), kind)[::-1].reshape(-1, 96)  # rows may have changed places
    small = four_bits(stored)
    assert isinstance(small, FourBits)
    assert small.q.max() <= 15
    back = small.q.reshape(48, 3, 32) * small.step[:, :, None] + small.low[:, :, None]
    np.testing.assert_allclose(back.reshape(48, 96), stored, atol=1e-5 * np.abs(stored).max())
    (q, scale), (q8, scale8) = small.eight(), per_row(stored)
    assert np.array_equal(scale, scale8[:, 0])
    assert np.abs(q.astype(int) - q8).max() <= 1  # halves are rounded either way
    assert (q != q8).mean() < 0.05


def test_other_weights_have_no_four_bits():
    rng = np.random.default_rng(2)
    weight = rng.standard_normal((32, 64)).astype(np.float32)
    assert four_bits(weight) is None
    assert four_bits(weight[:, :48]) is None
    some = dequantize(quantize(weight, GGMLQuantizationType.Q4_1), GGMLQuantizationType.Q4_1).reshape(32, 64)
    some[5, 40] += np.float32(0.01)
    assert four_bits(some) is None


def run_projection(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The graph's 8-bit product of x `[rows, in]` and weight `[out, in]`."""
    data = io.BytesIO()
    b = Builder(data, "unused")
    dense = DenseW8A8(b)
    dense.project(dense.prepare("x", "x_rows"), weight, "y")
    shapes = [("x", TensorProto.FLOAT, ["N", weight.shape[1]]), ("x_rows", TensorProto.INT64, ["N"])]
    model = b.model("t", shapes, [("y", TensorProto.FLOAT, ["N", weight.shape[0]])])
    assert not data.getvalue(), "the test's weights should be small enough to lie in the model"
    # Opened as every session of the project is: without VNNI the runtime's default product saturates.
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(model.SerializeToString())
        file.flush()
        opened = session(file.name)
    return opened.run(["y"], {"x": x, "x_rows": np.zeros(len(x), np.int64)})[0]


def plain_projection(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    q, scale = per_channel(weight)
    step = np.maximum(np.abs(x).max(axis=1), np.float32(1e-8)) * np.float32(1 / 127)
    xq = np.rint(x / step[:, None]).astype(np.int64)
    return (xq @ q.astype(np.int64)) * scale.astype(np.float64) * step[:, None].astype(np.float64)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 7, 17, 63])
def test_projection_against_numpy(rows):
    rng = np.random.default_rng(rows)
    x = rng.standard_normal((rows, 60)).astype(np.float32)
    x[0, 3] = 4000.0
    x[-1] *= 1e-6
    weight = rng.standard_normal((40, 60)).astype(np.float32)
    np.testing.assert_allclose(run_projection(x, weight), plain_projection(x, weight), rtol=1e-5, atol=1e-7)


def test_projection_of_zeros_is_zero():
    x = np.zeros((3, 60), np.float32)
    weight = np.ones((8, 60), np.float32)
    assert not run_projection(x, weight).any()


def test_rows_do_not_touch_each_other():
    rng = np.random.default_rng(1)
    weight = rng.standard_normal((40, 60)).astype(np.float32)
    x = rng.standard_normal((17, 60)).astype(np.float32) * (10.0 ** rng.integers(-3, 4, (17, 1))).astype(np.float32)
    together = run_projection(x, weight)
    for row in range(17):
        assert np.array_equal(run_projection(x[row:row + 1], weight)[0], together[row])
