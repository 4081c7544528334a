"""A tiny random encoder for the tests: its weights, the E5S1 file of them, and what it computes, in plain numpy."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

HIDDEN, LAYERS, HEADS, INNER, VOCAB, PLACES, TYPES, EPS = 64, 2, 4, 128, 50, 24, 2, 1e-12


def shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor of the file."""
    out: dict[str, tuple[int, ...]] = {
        "emb.word": (VOCAB, HIDDEN), "emb.pos": (PLACES, HIDDEN), "emb.type": (TYPES, HIDDEN),
        "emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,),
    }
    for layer in range(LAYERS):
        sizes = {"q": (HIDDEN, HIDDEN), "k": (HIDDEN, HIDDEN), "v": (HIDDEN, HIDDEN), "ao": (HIDDEN, HIDDEN),
                 "aln": (HIDDEN,), "fi": (INNER, HIDDEN), "fo": (HIDDEN, INNER), "oln": (HIDDEN,)}
        for name, shape in sizes.items():
            out[f"l{layer}.{name}.w"], out[f"l{layer}.{name}.b"] = shape, shape[:1]
    return out


def in_blocks(name: str) -> bool:
    return len(shapes()[name]) == 2 and name not in ("emb.pos", "emb.type")


def blocks(seed: int = 0) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The matrices that the file keeps in 4 bits: values 0..15 `[out, in]` and float16 scales `[out, in/32]`."""
    rng = np.random.default_rng(seed)
    return {name: (rng.integers(0, 16, shape).astype(np.uint8),
                   (rng.random((shape[0], shape[1] // 32)) * 0.03 + 0.01).astype(np.float16))
            for name, shape in shapes().items() if in_blocks(name)}


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    """All tensors as float32."""
    rng = np.random.default_rng(seed + 1)
    out = {}
    for name, shape in shapes().items():
        base = 1.0 if name.endswith("ln.w") else 0.0
        out[name] = (base + 0.3 * rng.standard_normal(shape)).astype(np.float32)
    for name, (values, scale) in blocks(seed).items():
        out[name] = (values.astype(np.float32) - 8) * np.repeat(scale.astype(np.float32), 32, axis=1)
    return out


def pack(values: np.ndarray, scale: np.ndarray) -> bytes:
    """Q4_0 by its definition: blocks of 32, each a scale and 16 bytes, whose low halves come first."""
    out = b""
    for block, step in zip(values.reshape(-1, 32).tolist(), scale.reshape(-1).tolist()):
        out += struct.pack("<e", step) + bytes(block[i] | block[i + 16] << 4 for i in range(16))
    return out


def write(path: Path, seed: int = 0) -> None:
    """The E5S1 file, with a vocabulary of two pieces and no normalizer."""
    head = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, LAYERS, HEADS, INNER, VOCAB, PLACES, TYPES, EPS, 32)
    head += struct.pack("<5iQ3I2f", 2, 0, 1, 0, 1, 2, 0, 1, 2, 0.0, 0.0) + b"ab" + struct.pack("<iI", 0, 0)
    bodies = {name: (0, tensor.tobytes()) for name, tensor in weights(seed).items()}
    bodies |= {name: (1, pack(*parts)) for name, parts in blocks(seed).items()}
    at = len(head) + 4 + sum(2 + len(n) + 21 for n in bodies)
    directory = struct.pack("<i", len(bodies))
    for name, (kind, body) in bodies.items():
        count = int(np.prod(shapes()[name]))
        directory += struct.pack(f"<H{len(name)}sBIQQ", len(name), name.encode(), kind, count, at, len(body))
        at += len(body)
    path.write_bytes(head + directory + b"".join(body for _, body in bodies.values()))


def norm(x: np.ndarray, t: dict, name: str) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPS) * t[name + ".w"] + t[name + ".b"]


def reference(t: dict[str, np.ndarray], tokens: list[int]) -> np.ndarray:
    """The vector of one text, in float64, as Devlin et al. (2019) and the model's card have it."""
    t = {name: value.astype(np.float64) for name, value in t.items()}
    linear = lambda x, name: x @ t[name + ".w"].T + t[name + ".b"]  # noqa: E731 - a formula
    n, width = len(tokens), HIDDEN // HEADS
    x = norm(t["emb.word"][tokens] + t["emb.pos"][:n] + t["emb.type"][0], t, "emb.ln")
    for layer in range(LAYERS):
        p = f"l{layer}."
        q, k, v = (linear(x, p + side).reshape(n, HEADS, width).transpose(1, 0, 2) for side in "qkv")
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(width)
        weight = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (weight / weight.sum(axis=-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(n, HIDDEN)
        x = norm(x + linear(mixed, p + "ao"), t, p + "aln")
        up = linear(x, p + "fi")
        gelu = up * (1 + np.vectorize(math.erf)(up / math.sqrt(2))) / 2
        x = norm(x + linear(gelu, p + "fo"), t, p + "oln")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)
