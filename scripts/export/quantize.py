"""Weight quantization: symmetric int8 by output channel, and uint8 by block for the embedding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EMBED_BLOCK = 32
SMALL_BLOCK = 32  # inputs that share a step, as in GGUF's Q4_0 and Q4_1
NEAR = 1e-2  # of a step: what rounding to float32 may have moved a weight
FIRST_ROWS = 16  # tell most matrices that have no 4 bits


def int8_scale(peak: np.ndarray) -> np.ndarray:
    """What one step of symmetric int8 stands for where the largest absolute value is `peak`."""
    return np.maximum(peak, np.float32(1e-12)) / np.float32(127)


def per_channel(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantize `[out, in]` float32 so that `q.T * scale[:, None]` approximates it.

    Returns q int8 `[in, out]` (the layout MatMulInteger takes, values in -127..127) and scale float32 `[out]`.
    """
    scale = int8_scale(np.abs(weight).max(axis=1))
    q = np.rint(weight / scale[:, None]).clip(-127, 127).astype(np.int8)
    return np.ascontiguousarray(q.T), scale.astype(np.float32)


def per_block(table: np.ndarray, block: int = EMBED_BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """Quantize an embedding `[vocab, hidden]` in blocks along hidden.

    Returns q uint8 `[vocab, hidden]` with zero point 128 and scale float32 `[vocab, hidden/block]`.
    A table that comes from GGUF's Q8_0 (blocks of 32, same rule) is reproduced exactly.
    """
    rows, width = table.shape
    blocks = table.reshape(rows, width // block, block)
    scale = int8_scale(np.abs(blocks).max(axis=2))
    q = np.rint(blocks / scale[:, :, None]).clip(-127, 127) + 128
    return q.astype(np.uint8).reshape(rows, width), scale.astype(np.float32)


def per_row(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantize `[..., out, in]` float32 so that `q * scale` approximates it, with one scale for each output channel.

    Returns q int8 of the same shape (-127..127) and scale float32 `[..., out, 1]`.
    """
    scale = int8_scale(np.abs(weight).max(axis=-1, keepdims=True))
    return np.rint(weight / scale).clip(-127, 127).astype(np.int8), scale.astype(np.float32)


@dataclass(frozen=True)
class FourBits:
    """A matrix whose weights are `step * q + low`, each 32 inputs of an output with a step and a low of their own."""

    q: np.ndarray  # uint8 [out, in], 0..15
    step: np.ndarray  # float32 [out, in/32]
    low: np.ndarray  # float32 [out, in/32]
    peak: np.ndarray  # float32 [out], the largest absolute weight

    def scale(self) -> np.ndarray:
        """Of the 8-bit weights, as per_row has it."""
        return int8_scale(self.peak)

    def steps(self) -> tuple[np.ndarray, np.ndarray]:
        """int16 `[out, in/32]` with which `(step * q + offset) >> 8` is the 8-bit weight, rounded."""
        fine = self.scale()[:, None] / np.float32(256)
        return np.rint(self.step / fine).astype(np.int16), (np.rint(self.low / fine) + 128).astype(np.int16)

    def eight(self) -> tuple[np.ndarray, np.ndarray]:
        """The 8-bit weights that the operators make of them, int8 `[out, in]`, and their scales `[out]`."""
        step, offset = (np.repeat(part, SMALL_BLOCK, axis=1) for part in self.steps())
        return (self.q * step + offset >> 8).astype(np.int8), self.scale()


def four_bits(weight: np.ndarray) -> FourBits | None:
    """Read `[out, in]` float32 as 4 bits, where every 32 inputs have 16 evenly spaced values at most.

    That is what GGUF's Q4_0 and Q4_1 hold, and rows can have changed places since. None for any other weights.
    """
    rows, width = weight.shape
    if width % SMALL_BLOCK or _grids(weight[:FIRST_ROWS].reshape(-1, SMALL_BLOCK)) is None:
        return None
    found = _grids(weight.reshape(-1, SMALL_BLOCK))
    if found is None:
        return None
    q, step, low = found
    return FourBits(q.reshape(rows, width), step.reshape(rows, -1), low.reshape(rows, -1), np.abs(weight).max(axis=1))


def _grids(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """q, step and low of each row of `blocks`; None where one has no grid of 16 values."""
    low, span = blocks.min(axis=1), np.ptp(blocks, axis=1)
    q, step = np.zeros(blocks.shape, np.uint8), np.zeros_like(low)
    left = np.flatnonzero(span > 0)
    for most in range(15, 0, -1):  # not every block has both its least and its largest value
        d = span[left] / np.float32(most)
        places = (blocks[left] - low[left, None]) / d[:, None]
        fits = np.abs(places - np.rint(places)).max(axis=1, initial=0) < NEAR
        q[left[fits]], step[left[fits]] = np.rint(places[fits]), d[fits]
        left = left[~fits]
    return (q, step, low) if len(left) == 0 else None
