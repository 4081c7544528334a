"""Self-attention as in today's decoders: rotary positions, grouped queries, and a gated feed-forward layer."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
from keras import ops

from .config import ModelConfig

BLOCK = 128  # queries that look at their past together
TOGETHER = 1024  # tokens whose rows a CPU takes together
MASKED = -1e30


def rotate(x: jax.Array, positions: jax.Array, theta: float) -> jax.Array:
    """Rotary position embedding of x [B, T, heads, dim] at positions [B, T].

    Element i of a head's first half and element i of its second are turned, as one point of a plane, by
    position / theta^(2i/dim). The product of two vectors so turned depends on the distance of their positions alone.

    J. Su et al., "RoFormer: enhanced transformer with rotary position embedding", arXiv:2104.09864; halves rather than
    neighbours are paired, as in Hugging Face's Llama.
    """
    half = x.shape[-1] // 2
    angle = positions[:, :, None].astype(jnp.float32) / theta ** (jnp.arange(half, dtype=jnp.float32) / half)
    cos, sin = jnp.cos(angle)[:, :, None, :], jnp.sin(angle)[:, :, None, :]
    a, b = x[..., :half].astype(jnp.float32), x[..., half:].astype(jnp.float32)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], -1).astype(x.dtype)


def attend(q: jax.Array, k: jax.Array, v: jax.Array, segments: jax.Array) -> jax.Array:
    """Causal attention within each sequence: h'_i = sum_j e_ij v_j, e_ij = softmax_j(q_i . k_j / sqrt(dim)).

    q [B, T, heads, dim]; k, v [B, T, kv_heads, dim]; segments [B, T]; [B, T, heads * dim]. heads / kv_heads neighbouring
    query heads share a key and a value head. j runs over the places up to i of the same segment.

    On a CPU few rows go at a time, and their scores are made anew for the gradient instead of being kept: so they stay in
    the processor's cache, which is up to twice as fast. A GPU takes all rows together.

    A. Vaswani et al., "Attention is all you need", arXiv:1706.03762; J. Ainslie et al., "GQA: training generalized
    multi-query transformer models", arXiv:2305.13245.
    """
    row = jax.checkpoint(lambda at: attend_row(*at))
    rows = (q, k, v, segments)
    if jax.default_backend() == "cpu":
        return jax.lax.map(row, rows, batch_size=max(1, TOGETHER // q.shape[1]))
    return jax.vmap(row)(rows)


def attend_row(q: jax.Array, k: jax.Array, v: jax.Array, segments: jax.Array) -> jax.Array:
    """One row of `attend`. Queries go in blocks, since what lies after a block need not be looked at."""
    length, heads, dim = q.shape
    kv_heads = k.shape[1]
    q = q.reshape(length, kv_heads, heads // kv_heads, dim) * dim**-0.5
    out = []
    for begin in range(0, length, BLOCK):
        end = min(begin + BLOCK, length)
        score = jnp.einsum("qkgd,skd->kgqs", q[begin:end], k[:end], preferred_element_type=jnp.float32)
        past = jnp.arange(begin, end)[:, None] >= jnp.arange(end)[None, :]
        same = segments[begin:end, None] == segments[None, :end]
        weight = jax.nn.softmax(jnp.where(past & same, score, MASKED), axis=-1)
        out.append(jnp.einsum("kgqs,skd->qkgd", weight.astype(v.dtype), v[:end]))
    return jnp.concatenate(out).reshape(length, heads * dim)


class Attention(keras.layers.Layer):
    """Grouped-query attention with its projections, [out, in] as they are exported."""

    def __init__(self, config: ModelConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config

    def build(self, shape: tuple) -> None:
        c, size = self.config, shape[-1]
        shapes = {"q": (c.heads * c.head_dim, size), "k": (c.kv_heads * c.head_dim, size),
                  "v": (c.kv_heads * c.head_dim, size), "o": (size, c.heads * c.head_dim)}
        self.proj = {name: self.add_weight(s, name=f"{name}_proj", initializer=normal(c.layers if name == "o" else 0))
                     for name, s in shapes.items()}

    def call(self, x: jax.Array, segments: jax.Array, positions: jax.Array) -> jax.Array:
        """x [B, T, D], and for each place its sequence and its position in that [B, T]; [B, T, D]."""
        c = self.config

        def heads(name: str, count: int) -> jax.Array:
            return ops.reshape(project(x, self.proj[name]), (*x.shape[:2], count, c.head_dim))

        q = rotate(heads("q", c.heads), positions, c.rope_theta)
        k = rotate(heads("k", c.kv_heads), positions, c.rope_theta)
        return project(attend(q, k, heads("v", c.kv_heads), segments), self.proj["o"])


class FeedForward(keras.layers.Layer):
    """SwiGLU: down(silu(gate x) * up x). N. Shazeer, "GLU variants improve transformer", arXiv:2002.05202."""

    def __init__(self, config: ModelConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config

    def build(self, shape: tuple) -> None:
        size, inner = shape[-1], self.config.intermediate_size
        self.gate = self.add_weight((inner, size), name="gate_proj", initializer=normal())
        self.up = self.add_weight((inner, size), name="up_proj", initializer=normal())
        self.down = self.add_weight((size, inner), name="down_proj", initializer=normal(self.config.layers))

    def call(self, x: jax.Array) -> jax.Array:
        """x [..., D]; [..., D]."""
        return project(ops.silu(project(x, self.gate)) * project(x, self.up), self.down)


def project(x: jax.Array, weight: keras.Variable) -> jax.Array:
    """x times the transposed [out, in] weight."""
    return ops.matmul(x, ops.transpose(weight))


def normal(layers: int = 0) -> keras.Initializer:
    """Variance 1/inputs; of what is added to the residual stream twice a layer, less by their number (arXiv:1909.08053).

    Keras counts a matrix' columns as outputs; here, where weights are [out, in], they are the inputs.
    """
    return keras.initializers.VarianceScaling(1 / (2 * layers) if layers else 1.0, "fan_out", "untruncated_normal")
