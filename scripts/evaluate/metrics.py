"""Figures of ranked diagnoses, each with an interval that says how far the patients drawn by lot may have moved it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

BINS = 15
RESAMPLES = 1000
SEED = 20260


def ranks(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The place of each record's true class, from 0; of equals, the first class is before the others."""
    own = probabilities[np.arange(len(truth)), truth]
    above = (probabilities > own[:, None]).sum(1)
    equal = probabilities == own[:, None]
    before = np.arange(probabilities.shape[1])[None, :] < truth[:, None]
    return above + (equal & before).sum(1)


def macro_f1(predicted: np.ndarray, truth: np.ndarray, classes: int) -> float:
    """The mean of the classes' F1, over those that stand in the truth."""
    right = np.bincount(truth[predicted == truth], minlength=classes)
    said, are = np.bincount(predicted, minlength=classes), np.bincount(truth, minlength=classes)
    f1 = 2 * right / np.maximum(said + are, 1)
    return float(f1[are > 0].mean())


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error (Naeini 2015, AAAI) of the first answer, in bins of equal width."""
    at = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gap = np.abs(np.bincount(at, confidence, BINS) - np.bincount(at, right, BINS))
    return float(gap.sum() / len(right))


def temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The exponent of probabilities that makes a validation set likeliest (Guo 2017, ICML), to within two percent."""
    logs = np.log(np.clip(probabilities, 1e-9, 1))

    def loss(beta: float) -> float:
        scaled = logs * beta
        scaled -= scaled.max(1, keepdims=True)
        return float(-(scaled[np.arange(len(truth)), truth] - np.log(np.exp(scaled).sum(1))).mean())

    return min((1.02**k for k in range(-80, 121)), key=loss)


def tempered(probabilities: np.ndarray, beta: float) -> np.ndarray:
    """Probabilities to the power of beta, summing to one."""
    logs = beta * np.log(np.clip(probabilities, 1e-9, 1))
    out = np.exp(logs - logs.max(1, keepdims=True))
    return out / out.sum(1, keepdims=True)


def figures(probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Top-1, top-3, macro-F1, calibration error and the mean negative log probability of the truth."""
    place, first = ranks(probabilities, truth), probabilities.argmax(1)
    own = probabilities[np.arange(len(truth)), truth]
    return {
        "top1": float((place == 0).mean()),
        "top3": float((place < 3).mean()),
        "macro_f1": macro_f1(first, truth, probabilities.shape[1]),
        "ece": calibration_error(probabilities.max(1), place == 0),
        "nll": float(-np.log(np.clip(own, 1e-9, 1)).mean()),
    }


def bootstrap(groups: np.ndarray, judge: Callable[[np.ndarray], dict[str, float]], resamples: int = RESAMPLES) -> dict:
    """95 % intervals by resampling groups (patients), each with all its records."""
    rng = np.random.default_rng(SEED)
    names, group = np.unique(groups, return_inverse=True)
    records = [np.flatnonzero(group == i) for i in range(len(names))]
    drawn: dict[str, list[float]] = {}
    for _ in range(resamples):
        picked = np.concatenate([records[i] for i in rng.integers(0, len(names), len(names))])
        for name, value in judge(picked).items():
            drawn.setdefault(name, []).append(value)
    return {name: [float(v) for v in np.percentile(values, [2.5, 97.5])] for name, values in drawn.items()}


def report(probabilities: np.ndarray, truth: np.ndarray, patients: np.ndarray) -> dict:
    """The figures of a test set with their intervals."""
    found = figures(probabilities, truth)
    spans = bootstrap(patients, lambda at: figures(probabilities[at], truth[at]))
    return {name: {"value": value, "interval": spans[name]} for name, value in found.items()}


def totals(groups: np.ndarray, counts: dict[str, np.ndarray], judge: Callable[[dict[str, float]], dict[str, float]]) -> dict:
    """Figures of sums over records (shares of facts, say) with their intervals; counts has a value a record."""
    def of(at: np.ndarray) -> dict[str, float]:
        return judge({name: float(values[at].sum()) for name, values in counts.items()})

    found, spans = of(np.arange(len(groups))), bootstrap(groups, of)
    return {name: {"value": value, "interval": spans[name]} for name, value in found.items()}


def averages(groups: np.ndarray, values: dict[str, np.ndarray]) -> dict:
    """Means over records with their intervals."""
    counts = values | {"": np.ones(len(groups))}
    return totals(groups, counts, lambda sums: {name: sums[name] / sums[""] for name in values})
