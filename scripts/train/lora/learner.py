"""A step that changes the adapters alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from ..config import TrainConfig
from ..learner import Learner, State, optimizer
from .model import LowRankModel


class LowRankLearner(Learner):
    """A Learner whose state has the adapters' weights alone, so that checkpoints are small.

    The model's own go into each call beside the batch: as constants they would be compiled in, all 500 MB of them.
    """

    def __init__(self, model: LowRankModel, config: TrainConfig, steps: int):
        self.model, self.added = model, list(model.added().values())
        mine = {id(v) for v in self.added}
        self._frozen_places = [i for i, v in enumerate(model.trainable_variables) if id(v) not in mine]
        place = {id(v): i for i, v in enumerate(model.trainable_variables)}
        self._added_places = [place[id(v)] for v in self.added]
        self.frozen = [model.trainable_variables[i].value for i in self._frozen_places]
        self.adam = optimizer(config, steps, SimpleNamespace(trainable_variables=self.added))
        self._step, self._score = jax.jit(self._train, donate_argnums=0), jax.jit(self._judge)

    def initial(self) -> State:
        """The values as they were made."""
        groups = {"weights": self.added, "adam": self.adam.variables}
        return {name: [jnp.array(v.value, copy=True) for v in values] for name, values in groups.items()} | {"other": []}

    def assign(self, weights: list[Any]) -> None:
        """Put the adapters' weights into the model itself."""
        for variable, value in zip(self.added, weights):
            variable.assign(value)

    def train(self, state: State, batch: dict[str, Any]) -> tuple[State, dict[str, jax.Array]]:
        """See Learner."""
        return self._step(state, batch | {"frozen": self.frozen})

    def judge(self, state: State, batch: dict[str, Any]) -> tuple[jax.Array, jax.Array]:
        """See Learner."""
        return self._score(state, batch | {"frozen": self.frozen})

    def _all(self, added: list, frozen: list) -> list:
        """All of the model's weights, in its order."""
        out: list = [None] * (len(added) + len(frozen))
        for places, values in ((self._added_places, added), (self._frozen_places, frozen)):
            for place, value in zip(places, values):
                out[place] = value
        return out

    def _loss(self, weights: list, other: list, batch: dict[str, Any]) -> tuple[jax.Array, tuple[jax.Array, list]]:
        return super()._loss(self._all(weights, batch["frozen"]), other, batch)

    def _judge(self, state: State, batch: dict[str, Any]) -> tuple[jax.Array, jax.Array]:
        return super()._judge(state | {"weights": self._all(state["weights"], batch["frozen"])}, batch)
