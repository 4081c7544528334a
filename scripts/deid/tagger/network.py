"""The tagger: a small convolutional network over characters, and what a character is to it.

e_t embedding of character t; layer l: h = h + W2_l relu(W1_l [h_{t-d}; h_t; h_{t+d}] + b1_l), d its dilation; at the end a
probability for "no name", "first of a name" and "rest of a name" at each character. A. van den Oord et al., arXiv:1609.03499
(dilated convolutions); E. Strubell et al., arXiv:1702.02098 (for tagging).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np

EMBED, WIDTH = 48, 64
DILATIONS = (1, 2, 4, 8)
CLASSES = 3
# Characters that have no number of their own.
PAD, HAN, OTHER, DIGIT, UPPER, LOWER, BLANK = range(7)
SPECIAL = 7
CODES = 1 << 16  # characters beyond are as U+FFFD

Weights = dict[str, jax.Array]


def kind(code: int) -> int:
    """What a character is that has no number of its own."""
    c = chr(code)
    if code == 0:
        return PAD
    if "\u3400" <= c <= "\u9fff" or "\uf900" <= c <= "\ufaff":
        return HAN
    category = "Cs" if 0xD800 <= code <= 0xDFFF else unicodedata.category(c)
    return {"Nd": DIGIT, "Lu": UPPER, "Ll": LOWER, "Zs": BLANK, "Cc": BLANK}.get(category, OTHER)


def table(characters: Iterable[str]) -> np.ndarray:
    """The number of every character of the basic plane."""
    out = np.array([kind(code) for code in range(CODES)], np.int32)
    for i, c in enumerate(characters):
        out[ord(c)] = SPECIAL + i
    return out


def initial(rng: np.random.Generator, vocabulary: int) -> dict[str, np.ndarray]:
    """First weights."""
    def normal(*shape: int, gain: float = 1.0) -> np.ndarray:
        return (rng.standard_normal(shape) * gain / np.sqrt(shape[0])).astype(np.float32)

    out = {"embed": (rng.standard_normal((vocabulary, EMBED)) * 0.3).astype(np.float32), "in": normal(EMBED, WIDTH)}
    for i in range(len(DILATIONS)):
        out |= {f"w1_{i}": normal(3 * WIDTH, WIDTH, gain=1.4), f"b1_{i}": np.zeros(WIDTH, np.float32), f"w2_{i}": normal(WIDTH, WIDTH, gain=0.5)}
    return out | {"out": normal(WIDTH, CLASSES), "bias": np.array([2, 0, 0], np.float32)}


def logits(w: Weights, ids: jax.Array) -> jax.Array:
    """[B, T] numbers of characters -> [B, T, CLASSES]."""
    here = (ids != PAD).astype(jnp.float32)[..., None]
    h = w["embed"][ids] @ w["in"] * here
    for i, d in enumerate(DILATIONS):
        padded = jnp.pad(h, ((0, 0), (d, d), (0, 0)))
        size = h.shape[1]
        around = jnp.concatenate([padded[:, :size], h, padded[:, 2 * d :]], -1)
        h = (h + jax.nn.relu(around @ w[f"w1_{i}"] + w[f"b1_{i}"]) @ w[f"w2_{i}"]) * here
    return h @ w["out"] + w["bias"]
