"""The validation set's metrics: those that stop training, and those that say what has been learnt."""

from __future__ import annotations

import numpy as np

from .batches import Batch, build, fitting, plan
from .config import TASKS, Config
from .learner import Learner, State, arrays
from .tokens import LANGUAGES, Tokens


class Validation:
    """A fixed choice of sequences; only answers are scored, all of them."""

    def __init__(self, tokens: Tokens, config: Config):
        indices, self.left_out = fitting(tokens, config.data)
        count = config.train.validation_sequences
        if len(indices) > count:
            indices = np.sort(np.random.default_rng(config.train.seed).choice(indices, count, replace=False))
        self.tokens = tokens.select(indices)
        groups = plan(self.tokens, np.arange(len(indices)), config.data, None)
        self.batches = [build(self.tokens, group, config.data, None) for group in groups]

    def run(self, learner: Learner, state: State) -> dict[str, float]:
        """Metrics by name.

        `loss`: nats a token, each weighted as in training; `loss.TASK`, `loss.LANGUAGE`: plain means;
        `token.TASK`: share of tokens that are the likeliest given what stands before; `exact.TASK`: share of answers
        all of whose tokens are, which is how often greedy decoding gives the very answer.
        """
        parts = [self._scored(batch, *learner.judge(state, arrays(batch))) for batch in self.batches]
        wrong, right, weight, owner = (np.concatenate([p[i] for p in parts]) for i in range(4))
        metrics = {"loss": float(np.average(wrong, weights=weight))}
        exact = np.ones(len(self.tokens), bool)
        np.logical_and.at(exact, owner, right)
        for names, of in ((LANGUAGES, self.tokens.language), (TASKS, self.tokens.task)):
            for number, name in enumerate(names):
                mine = of[owner] == number
                if not mine.any():
                    continue
                metrics[f"loss.{name}"] = float(wrong[mine].mean())
                if names is TASKS:
                    metrics[f"token.{name}"] = float(right[mine].mean())
                    if name != "text":
                        metrics[f"exact.{name}"] = float(exact[of == number].mean())
        return metrics

    @staticmethod
    def _scored(batch: Batch, wrong: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, ...]:
        """The answers' positions alone: float64 sums, so that their order does not matter."""
        mine = batch.is_answer
        return (np.asarray(wrong, np.float64)[mine], np.asarray(right)[mine], batch.weights[mine].astype(np.float64),
                batch.sequences[mine])
