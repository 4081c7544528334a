"""Weight quantization: symmetric int8 by output channel, and uint8 by block for the embedding."""

from __future__ import annotations

import numpy as np

EMBED_BLOCK = 32


def per_channel(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantize `[out, in]` float32 so that `q.T * scale[:, None]` approximates it.

    Returns q int8 `[in, out]` (the layout MatMulInteger takes, values in -127..127) and scale float32 `[out]`.
    """
    peak = np.abs(weight).max(axis=1)
    scale = np.maximum(peak, np.float32(1e-12)) / np.float32(127)
    q = np.rint(weight / scale[:, None]).clip(-127, 127).astype(np.int8)
    return np.ascontiguousarray(q.T), scale.astype(np.float32)


def per_block(table: np.ndarray, block: int = EMBED_BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """Quantize an embedding `[vocab, hidden]` in blocks along hidden.

    Returns q uint8 `[vocab, hidden]` with zero point 128 and scale float32 `[vocab, hidden/block]`.
    A table that comes from GGUF's Q8_0 (blocks of 32, same rule) is reproduced exactly.
    """
    rows, width = table.shape
    blocks = table.reshape(rows, width // block, block)
    peak = np.abs(blocks).max(axis=2)
    scale = np.maximum(peak, np.float32(1e-12)) / np.float32(127)
    q = np.rint(blocks / scale[:, :, None]).clip(-127, 127) + 128
    return q.astype(np.uint8).reshape(rows, width), scale.astype(np.float32)


def per_row(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantize `[..., out, in]` float32 so that `q * scale` approximates it, with one scale for each output channel.

    Returns q int8 of the same shape (-127..127) and scale float32 `[..., out, 1]`.
    """
    scale = np.maximum(np.abs(weight).max(axis=-1, keepdims=True), np.float32(1e-12)) / np.float32(127)
    return np.rint(weight / scale).clip(-127, 127).astype(np.int8), scale.astype(np.float32)
