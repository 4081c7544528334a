"""How far a quantized model strays from the float32 one, on text neither has been tuned on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

WINDOW = 512
CHUNK = 128


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise log-probabilities in float64."""
    x = logits.astype(np.float64)
    x -= x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def windows(tokens: list[int], size: int) -> list[list[int]]:
    """Cut a text into pieces that are scored one by one."""
    return [tokens[i:i + size] for i in range(0, len(tokens), size)]


class Scorer(Protocol):
    """A model with room for one text."""

    def extend(self, tokens: list[int], past: int) -> np.ndarray:
        """Logits `[tokens, vocab]` of a text's next part, which follows `past` tokens; 0 begins a new text."""


def compare(open_model: Callable[[str, int], Scorer], reference: str, candidate: str, tokens: list[int], context: int,
            tick: Callable[[int], None] = lambda done: None) -> dict:
    """Score every position of `tokens` with both models (paths of model.onnx, of `context` tokens at most).

    open_model opens one, with room for so many tokens.

    Returns mean_kl (nats, KL(reference || candidate) over the whole vocabulary, the mean over positions),
    top1_agreement (share of positions whose likeliest token is the same), perplexity and
    reference_perplexity (of the text's own next tokens), and tokens (positions scored).
    """
    size = min(WINDOW, context)
    models = [open_model(path, size) for path in dict.fromkeys((reference, candidate))]
    kl, same, seen, done = 0.0, 0, 0, 0
    nll = np.zeros(2)
    for window in windows(tokens, size):
        for at in range(0, len(window), CHUNK):
            part = window[at:at + CHUNK]
            scores = [log_softmax(m.extend(part, at)) for m in models]
            p, q = scores[0], scores[-1]
            kl += float((np.exp(p) * (p - q)).sum())
            same += int((p.argmax(axis=1) == q.argmax(axis=1)).sum())
            following = window[at + 1:at + CHUNK + 1]
            picks = np.arange(len(following)), following
            nll -= [p[picks].sum(), q[picks].sum()]
            seen += len(following)
            done += len(part)
            tick(done)
    perplexity = np.exp(nll / seen)
    return {
        "mean_kl": round(kl / done, 4), "top1_agreement": round(same / done, 4), "tokens": done,
        "perplexity": round(float(perplexity[1]), 3), "reference_perplexity": round(float(perplexity[0]), 3),
    }
