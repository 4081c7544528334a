"""One step of training and of judging, as compiled functions over plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from .batches import Batch
from .config import TrainConfig
from .models import LanguageModel

CHUNK = 1024  # positions whose logits are held at once when a batch is judged
State = dict[str, list[jax.Array]]


def precision(name: str) -> str:
    """The Keras policy for a configured precision: auto takes bfloat16 for products where there is a GPU or TPU."""
    if name == "auto":
        name = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    return "float32" if name == "float32" else "mixed_bfloat16"


def optimizer(config: TrainConfig, steps: int, model: LanguageModel) -> keras.optimizers.Optimizer:
    """AdamW with warm-up, then a cosine down to `final`; the gradient's norm over all weights is at most `clip_norm`.

    D. P. Kingma, J. Ba, "Adam", arXiv:1412.6980; I. Loshchilov, F. Hutter, "Decoupled weight decay regularization",
    arXiv:1711.05101, and "SGDR" (the cosine), arXiv:1608.03983; R. Pascanu et al. (clipping), arXiv:1211.5063.
    """
    warmup = round(config.warmup * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else config.learning_rate, max(1, steps - warmup), alpha=config.final,
        warmup_target=config.learning_rate if warmup else None, warmup_steps=warmup)
    adam = keras.optimizers.AdamW(schedule, config.weight_decay, config.beta_1, config.beta_2,
                                  global_clipnorm=config.clip_norm)
    adam.exclude_from_weight_decay(var_list=[v for v in model.trainable_variables if len(v.shape) < 2])
    adam.build(model.trainable_variables)
    return adam


class Learner:
    """A model and its optimizer; their values go in and out as a State, so that a checkpoint is a State on disk."""

    def __init__(self, model: LanguageModel, config: TrainConfig, steps: int):
        self.model = model
        self.adam = optimizer(config, steps, model)
        self.train = jax.jit(self._train, donate_argnums=0)
        self.judge = jax.jit(self._judge)

    def initial(self) -> State:
        """The values as they were made."""
        groups = {"weights": self.model.trainable_variables, "other": self.model.non_trainable_variables,
                  "adam": self.adam.variables}
        # Copies: a step gives the memory of its state away, and Keras holds on to its own.
        return {name: [jnp.array(v.value, copy=True) for v in variables] for name, variables in groups.items()}

    def assign(self, weights: list[Any]) -> None:
        """Put weights into the model itself."""
        for variable, value in zip(self.model.trainable_variables, weights):
            variable.assign(value)

    def _train(self, state: State, batch: dict[str, jax.Array]) -> tuple[State, dict[str, jax.Array]]:
        """A step: the state after it, and the loss, its part on answers, and the gradient's norm."""
        loss = partial(self._loss, other=state["other"], batch=batch)
        (value, (answers, other)), gradient = jax.value_and_grad(loss, has_aux=True)(state["weights"])
        norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in gradient))
        weights, adam = self.adam.stateless_apply(state["adam"], gradient, state["weights"])
        metrics = {"loss": value, "answer_loss": answers, "gradient_norm": norm}
        return {"weights": weights, "other": other, "adam": adam}, metrics

    def _loss(self, weights: list, other: list, batch: dict[str, jax.Array]) -> tuple[jax.Array, tuple[jax.Array, list]]:
        """Cross-entropy of the next token, the weighted mean over the batch's positions."""
        states, other = self.model.stateless_call(weights, other, batch["inputs"], training=True)
        wrong = self._wrong(self._head(weights), states, batch["targets"])[0]
        weight = batch["weights"]
        answers = weight * batch["is_answer"]
        return (jnp.sum(wrong * weight) / jnp.maximum(jnp.sum(weight), 1e-9),
                (jnp.sum(wrong * answers) / jnp.maximum(jnp.sum(answers), 1e-9), other))

    def _head(self, weights: list) -> jax.Array:
        """The embedding's value among the weights."""
        places = [v is self.model.embed.weight for v in self.model.trainable_variables]
        return weights[places.index(True)]

    def _wrong(self, head: jax.Array, states: jax.Array, targets: jax.Array) -> tuple[jax.Array, jax.Array]:
        """For each position -log p(target), and whether the target is the likeliest token."""
        logits = jnp.matmul(states, head.T.astype(states.dtype), preferred_element_type=jnp.float32)
        picked = jnp.take_along_axis(logits, targets[:, None], -1)[:, 0]
        return jax.nn.logsumexp(logits, -1) - picked, picked >= logits.max(-1)

    def _judge(self, state: State, batch: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        """-log p(target) and whether it is the likeliest, of each position with weight; positions go in chunks.

        Chunks without any weight are passed over: the positions that count stand first.
        """
        states, _ = self.model.stateless_call(state["weights"], state["other"], batch["inputs"], training=False)
        head, size = self._head(state["weights"]), len(batch["targets"])
        pad = -size % CHUNK

        def chunks(x: jax.Array) -> jax.Array:
            return jnp.pad(x, [(0, pad)] + [(0, 0)] * (x.ndim - 1)).reshape(-1, CHUNK, *x.shape[1:])

        def one(part: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            states, targets, weights = part
            nothing = jnp.zeros(CHUNK, jnp.float32), jnp.zeros(CHUNK, bool)
            return jax.lax.cond(jnp.any(weights > 0), lambda: self._wrong(head, states, targets), lambda: nothing)

        wrong, right = jax.lax.map(one, (chunks(states), chunks(batch["targets"]), chunks(batch["weights"])))
        return wrong.ravel()[:size], right.ravel()[:size]


def arrays(batch: Batch) -> dict[str, Any]:
    """What the compiled functions are given of a batch."""
    return {"inputs": batch.inputs(), "targets": batch.targets, "weights": batch.weights, "is_answer": batch.is_answer}


def logits(model: LanguageModel, sequences: list[list[int]]) -> list[np.ndarray]:
    """Logits [tokens, V] of whole sequences, each alone, for comparing an exported model with this one."""
    call: Callable = jax.jit(lambda inputs: model.embed(model(inputs), reverse=True))
    out = []
    for sequence in sequences:
        size = len(sequence)
        # Lengths are padded to a few, so that a few shapes are compiled; what follows changes nothing before it.
        padded = 1 << max(5, (size - 1).bit_length())
        tokens = np.zeros((1, padded), np.int32)
        tokens[0, :size] = sequence
        places = np.arange(padded, dtype=np.int32)
        inputs = {"tokens": tokens, "segments": np.ones_like(tokens), "positions": places[None],
                  "rows": np.zeros_like(places), "columns": places}
        out.append(np.asarray(call(inputs))[:size])
    return out
