"""The four language models behind one interface: tokens in; at chosen positions, what predicts the next token."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import keras
import numpy as np
from keras import ops

from .attention import Attention, FeedForward
from .config import ModelConfig
from .recurrent import Recurrent

EPSILON = 1e-5


class RMSNorm(keras.layers.Layer):
    """x / sqrt(mean(x^2) + epsilon) * weight. B. Zhang, R. Sennrich, "Root mean square layer normalization", 2019."""

    def build(self, shape: tuple) -> None:
        self.weight = self.add_weight((shape[-1],), name="weight", initializer="ones")

    def call(self, x: jax.Array) -> jax.Array:
        """x [..., D]; the mean is taken in float32."""
        wide = ops.cast(x, "float32")
        scale = ops.rsqrt(ops.mean(ops.square(wide), -1, keepdims=True) + EPSILON)
        return ops.cast(wide * scale, x.dtype) * self.weight


class Embedding(keras.layers.Layer):
    """A vector a token; the same vectors, by their products with a state, are the output's logits.

    O. Press, L. Wolf, "Using the output embedding to improve language models", arXiv:1608.05859.
    """

    def __init__(self, vocabulary: int, size: int, **kwargs):
        super().__init__(**kwargs)
        # So small that logits begin near zero, where the loss is the logarithm of the vocabulary's size.
        self.weight = self.add_weight((vocabulary, size), name="weight",
                                      initializer=keras.initializers.RandomNormal(stddev=size**-0.5))

    def call(self, x: jax.Array, reverse: bool = False) -> jax.Array:
        """Tokens [...] to vectors [..., D]; reversed, states [..., D] to logits [..., V] in float32."""
        if reverse:
            return ops.cast(ops.matmul(x, ops.transpose(self.weight)), "float32")
        return ops.take(self.weight, x, axis=0)


def smooth(rng: np.random.Generator, steps: int, size: int, likeness: float) -> np.ndarray:
    """Embeddings [steps, size], neighbours alike: each coordinate is a draw of a Gaussian process along the scale.

    So that the 17th step lies between the 16th and the 18th before any example has said so. (The GRU that is shipped learnt
    as fast without: 0.274 and 0.271 nats an answer's token after 480 steps.)
    C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning" (2006), chapter 4: the squared exponential.
    """
    apart = np.subtract.outer(np.arange(steps), np.arange(steps)) / likeness
    values, vectors = np.linalg.eigh(np.exp(-0.5 * apart**2))
    root = vectors * np.sqrt(np.maximum(values, 0))
    return root @ rng.standard_normal((steps, size)) * size**-0.5


class LanguageModel(keras.Model):
    """Embedding, residual blocks, a last norm. Every block reads a normed input and adds to the stream."""

    def __init__(self, config: ModelConfig, vocabulary: int, seed: int, scale: Sequence[int] = ()):
        """`scale`: the tokens of a scale, in its order; see ModelConfig.likeness."""
        super().__init__()
        self.config = config
        keras.utils.set_random_seed(seed)
        self.embed = Embedding(vocabulary, config.hidden_size)
        if config.likeness and scale:
            start = np.array(self.embed.weight)
            start[list(scale)] = smooth(np.random.default_rng(seed), len(scale), config.hidden_size, config.likeness)
            self.embed.weight.assign(start)
        self.norm = RMSNorm()
        self.drop = keras.layers.Dropout(config.dropout, seed=seed) if config.dropout else None
        self.norms, self.parts = [], []
        for layer in range(config.layers):
            if config.kind == "attention":
                parts = [Attention(config), FeedForward(config)]
            else:
                parts = [Recurrent(config.kind, config.memory, seed * 1000 + layer)]
            self.parts += parts
            self.norms += [RMSNorm() for _ in parts]

    def build_all(self) -> LanguageModel:
        """Make the weights."""
        one = np.zeros((1, 2), np.int32)
        place = np.zeros(1, np.int32)
        self({"tokens": one, "segments": one + 1, "positions": one, "rows": place, "columns": place})
        return self

    def call(self, inputs: dict[str, jax.Array], training: bool = False) -> jax.Array:
        """States [K, D] at (rows, columns) [K], from tokens, segments and positions [B, T]; see batches.Batch."""
        tokens, segments, positions = inputs["tokens"], inputs["segments"], inputs["positions"]
        rows, columns = inputs["rows"], inputs["columns"]
        recurrent = self.config.kind != "attention"
        if recurrent:  # along time first, as the loop goes
            tokens, positions, rows, columns = ops.transpose(tokens), ops.transpose(positions), columns, rows
        x = self._dropped(self.embed(tokens), training)
        for norm, part in zip(self.norms, self.parts):
            y = norm(x)
            if recurrent:
                y = part(y, positions == 0)
            elif isinstance(part, Attention):
                y = part(y, segments, positions)
            else:
                y = part(y)
            x = x + self._dropped(y, training)
        return self.norm(x[rows, columns])

    def _dropped(self, x: jax.Array, training: bool) -> jax.Array:
        return self.drop(x, training=training) if self.drop else x

    def named(self) -> dict[str, keras.Variable]:
        """The weights under the names they are exported by."""
        names = {"model.embed_tokens.weight": self.embed.weight, "model.norm.weight": self.norm.weight}
        attention = self.config.kind == "attention"
        for at, (norm, part) in enumerate(zip(self.norms, self.parts)):
            if not attention:
                prefix = f"model.layers.{at}."
                names[prefix + "norm.weight"] = norm.weight
                names |= {f"{prefix}cell.{n}": getattr(part, n) for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
            elif isinstance(part, Attention):
                prefix = f"model.layers.{at // 2}."
                names[prefix + "input_layernorm.weight"] = norm.weight
                names |= {f"{prefix}self_attn.{n}_proj.weight": w for n, w in part.proj.items()}
            else:
                prefix = f"model.layers.{at // 2}."
                names[prefix + "post_attention_layernorm.weight"] = norm.weight
                names |= {f"{prefix}mlp.{n}_proj.weight": getattr(part, n) for n in ("gate", "up", "down")}
        return names

    def parameters(self) -> int:
        """How many numbers are trained; the shared embedding counts once."""
        return sum(int(np.prod(v.shape)) for v in self.trainable_variables)
