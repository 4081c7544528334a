"""Recurrent cells, and the layer that runs one along its sequences.

The product with the input does not wait for the state, so it is made for the whole sequence at once; inside the loop there
is one product a step, of the state with `weight_hh`.

Notation: x_t input, h_t state, c_t an LSTM's memory, sigma the logistic function, * by element. Every gate has rows of its
own in `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`, in the order of ONNX's operators.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import ops

State = tuple[jax.Array, ...]
Step = Callable[[jax.Array, jax.Array, State], State]


def rnn(x: jax.Array, r: jax.Array, state: State) -> State:
    """Elman's network: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh).

    J. L. Elman, "Finding structure in time", Cognitive Science 14 (1990), 179-211.
    """
    return (jnp.tanh(x + r),)


def lstm(x: jax.Array, r: jax.Array, state: State) -> State:
    """Long short-term memory; gates in the order i, o, f, and the candidate g (ONNX calls it c).

    i_t, o_t, f_t = sigma(W x_t + b + U h_{t-1} + b'),  g_t = tanh(W_g x_t + b_g + U_g h_{t-1} + b'_g),
    c_t = f_t * c_{t-1} + i_t * g_t,  h_t = o_t * tanh(c_t).

    S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997), 1735-1780; the forget gate:
    F. A. Gers, J. Schmidhuber, F. Cummins, "Learning to forget", Neural Computation 12 (2000), 2451-2471.
    """
    i, o, f, g = jnp.split(x + r, 4, axis=-1)
    c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru(x: jax.Array, r: jax.Array, state: State) -> State:
    """Gated recurrent unit; gates in the order z, r, and the candidate n (ONNX calls it h).

    z_t, r_t = sigma(W x_t + b + U h_{t-1} + b'),  n_t = tanh(W_n x_t + b_n + r_t * (U_n h_{t-1} + b'_n)),
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}.

    K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, in the form that resets after
    the product with the state (version 1 of arXiv:1406.1078; Keras: reset_after, ONNX: linear_before_reset).
    """
    z_x, r_x, n_x = jnp.split(x, 3, axis=-1)
    z_r, r_r, n_r = jnp.split(r, 3, axis=-1)
    z = jax.nn.sigmoid(z_x + z_r)
    n = jnp.tanh(n_x + jax.nn.sigmoid(r_x + r_r) * n_r)
    return ((1 - z) * n + z * state[0],)


# The step; its gates; how many vectors its state has.
CELLS: dict[str, tuple[Step, int, int]] = {"rnn": (rnn, 1, 1), "lstm": (lstm, 4, 2), "gru": (gru, 3, 1)}

# Of the first weights of the input. An Elman network keeps only what tanh lets through, and forgets least where that is
# almost straight: with full gain it forgot within fifty tokens which task it had been given.
GAIN = {"rnn": 0.1}


def run(step: Step, states: int, x: jax.Array, starts: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
    """The states h [T, B, D] along x [T, B, G*D], from nothing wherever `starts` [T, B] is true.

    weight [G*D, D] and bias [G*D] act on the state. The loop's sums are float32 whatever the products are in.
    """
    size = weight.shape[1]

    def one(state: State, at: tuple[jax.Array, jax.Array]) -> tuple[State, jax.Array]:
        x, start = at
        state = tuple(jnp.where(start[:, None], 0.0, s) for s in state)
        product = jax.lax.dot_general(
            state[0].astype(weight.dtype), weight, (((1,), (1,)), ((), ())), preferred_element_type=jnp.float32)
        state = step(x.astype(jnp.float32), product + bias.astype(jnp.float32), state)
        return state, state[0].astype(x.dtype)

    zero = jnp.zeros((x.shape[1], size), jnp.float32)
    return jax.lax.scan(one, (zero,) * states, (x, starts))[1]


class Recurrent(keras.layers.Layer):
    """A cell with its weights, under the names and in the shapes of the exported file."""

    def __init__(self, kind: str, memory: int, seed: int, **kwargs):
        super().__init__(**kwargs)
        self.step, self.gates, self.states = CELLS[kind]
        self.kind, self.memory, self.seed = kind, memory, seed

    def build(self, shape: tuple) -> None:
        size, gates = shape[-1], self.gates
        rng = np.random.default_rng(self.seed)

        def matrices(one: Callable[[int], np.ndarray]) -> Callable:
            return lambda shape, dtype: ops.convert_to_tensor(
                np.concatenate([one(size) for _ in range(gates)]).astype("float32"), dtype)

        self.weight_ih = self.add_weight(
            (gates * size, size), name="weight_ih",
            initializer=matrices(lambda n: rng.uniform(-1, 1, (n, n)) * np.sqrt(3 / n) * GAIN.get(self.kind, 1.0)))
        self.weight_hh = self.add_weight((gates * size, size), name="weight_hh",
                                         initializer=matrices(lambda n: orthogonal(rng, n)))
        self.bias_ih = self.add_weight((gates * size,), name="bias_ih", initializer=lambda shape, dtype:
                                       ops.convert_to_tensor(remembering(rng, self.kind, size, self.memory), dtype))
        self.bias_hh = self.add_weight((gates * size,), name="bias_hh", initializer="zeros")

    def call(self, x: jax.Array, starts: jax.Array) -> jax.Array:
        """x [T, B, D] and where sequences start [T, B]; the states [T, B, D]."""
        product = ops.matmul(x, ops.transpose(self.weight_ih)) + self.bias_ih
        weight, bias = ops.convert_to_tensor(self.weight_hh), ops.convert_to_tensor(self.bias_hh)
        return run(self.step, self.states, product, starts, weight, bias)


def orthogonal(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random rotation: a state multiplied by it keeps its length.

    A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning", arXiv:1312.6120.
    """
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    return q * np.sign(np.diag(r))


def remembering(rng: np.random.Generator, kind: str, size: int, memory: int) -> np.ndarray:
    """Biases with which gates keep what they hold for 1 to `memory` tokens, each unit its own time; 0: no bias.

    C. Tallec, Y. Ollivier, "Can recurrent neural networks warp time?", arXiv:1804.11188.
    """
    bias = np.zeros((CELLS[kind][1], size), np.float32)
    if memory:
        keep = np.log(rng.uniform(1, memory - 1, size))
        if kind == "lstm":
            bias[2], bias[0] = keep, -keep
        else:
            bias[0] = keep
    return bias.ravel()
