"""Training: AdamW over windows of documents, one batch after the other, never the same document twice."""

from __future__ import annotations

import collections
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from . import network
from .documents import documents


@dataclass(frozen=True)
class Settings:
    """A run's settings; with the code they decide every weight."""

    seed: int = 7
    steps: int = 2500
    rows: int = 64  # of a batch
    length: int = 128  # characters of a row
    rate: float = 3e-3
    warmup: int = 100
    decay: float = 0.01
    names: float = 2.0  # weight of a name's characters in the loss
    forget: float = 0.03  # share of a name's characters that are shown as any other
    seen: int = 8  # how often a character has to occur to get a number of its own
    sample: int = 6000  # documents that the characters are counted in


def characters(stream: Iterator[tuple[str, list[int]]], s: Settings) -> list[str]:
    """Those that get a number of their own."""
    counts: collections.Counter[str] = collections.Counter()
    for _ in range(s.sample):
        counts.update(next(stream)[0])
    return sorted(c for c, n in counts.items() if n >= s.seen and network.kind(ord(c)) in (network.HAN, network.OTHER))


def batches(stream: Iterator[tuple[str, list[int]]], table: np.ndarray, s: Settings) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of characters' numbers and marks; -1 where nothing is."""
    rng = random.Random(f"{s.seed} forget")
    while True:
        ids = np.zeros((s.rows, s.length), np.int32)
        marks = np.full((s.rows, s.length), -1, np.int32)
        for row in range(s.rows):
            text, marked = next(stream)
            while len(text) < s.length and rng.random() < 0.6:
                more = next(stream)
                text, marked = text + "\n" + more[0], marked + [0] + more[1]
            start = rng.randint(0, max(0, len(text) - s.length))
            text, marked = text[start : start + s.length], marked[start : start + s.length]
            numbers = table[[min(ord(c), network.CODES - 1) for c in text]]
            for i, m in enumerate(marked):
                if m and rng.random() < s.forget and network.kind(ord(text[i])) == network.HAN:
                    numbers[i] = network.HAN
            ids[row, : len(text)], marks[row, : len(text)] = numbers, marked
        yield ids, marks


def loss(w: network.Weights, ids: jax.Array, marks: jax.Array, names: float) -> jax.Array:
    """Weighted mean cross-entropy."""
    logp = jax.nn.log_softmax(network.logits(w, ids))
    picked = jnp.take_along_axis(logp, jnp.maximum(marks, 0)[..., None], -1)[..., 0]
    weight = jnp.where(marks < 0, 0.0, jnp.where(marks > 0, names, 1.0))
    return -jnp.sum(picked * weight) / jnp.sum(weight)


@partial(jax.jit, static_argnums=(5,), donate_argnums=(0, 1, 2))
def step(w: dict, m: dict, v: dict, batch: tuple, at: jax.Array, s: Settings) -> tuple[dict, dict, dict, jax.Array]:
    """A step of AdamW (arXiv:1711.05101), with warm-up, a cosine down, and the gradient's norm at most 1."""
    value, g = jax.value_and_grad(loss)(w, *batch, s.names)
    norm = jnp.sqrt(sum(jnp.sum(x * x) for x in g.values()))
    scale = jnp.minimum(1.0, 1.0 / (norm + 1e-9))
    rate = s.rate * jnp.minimum(at / s.warmup, 0.5 * (1 + jnp.cos(jnp.pi * at / s.steps)))
    out_w, out_m, out_v = {}, {}, {}
    for k in w:
        grad = g[k] * scale
        out_m[k] = 0.9 * m[k] + 0.1 * grad
        out_v[k] = 0.99 * v[k] + 0.01 * grad * grad
        move = (out_m[k] / (1 - 0.9**at)) / (jnp.sqrt(out_v[k] / (1 - 0.99**at)) + 1e-8)
        out_w[k] = w[k] - rate * (move + (s.decay * w[k] if w[k].ndim > 1 else 0))
    return out_w, out_m, out_v, value


@dataclass
class Learnt:
    """A trained tagger."""

    weights: dict[str, np.ndarray]
    table: np.ndarray
    losses: list[float]


def train(s: Settings, parts: frozenset[str], more: list[str], tell: bool = True) -> Learnt:
    """Trains one; the same bits for the same settings on the same processor."""
    known = characters(documents(f"{s.seed} characters", parts, more), s)
    table = network.table(known)
    w = {k: jnp.array(x) for k, x in network.initial(np.random.default_rng(s.seed), network.SPECIAL + len(known)).items()}
    m, v = ({k: jnp.zeros_like(x) for k, x in w.items()} for _ in range(2))
    feed = batches(documents(f"{s.seed} train", parts, more), table, s)
    losses, began = [], time.time()
    for at in range(1, s.steps + 1):
        w, m, v, value = step(w, m, v, next(feed), jnp.float32(at), s)
        losses.append(float(value))
        if tell and (at % 100 == 0 or at == s.steps):
            print(f"step {at} loss {np.mean(losses[-100:]):.4f} {time.time() - began:.0f} s", flush=True)
    return Learnt({k: np.asarray(x) for k, x in w.items()}, table, losses)
