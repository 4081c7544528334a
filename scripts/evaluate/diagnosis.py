"""Figures of diagnoses: from each answer's score to what a report says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import metrics
from .corpus import LANGUAGES

BOTH = "both"
COVERAGES = tuple(round(0.1 * k, 1) for k in range(10, 0, -1))
TARGET = 0.9  # accuracy that the threshold for answering is chosen for
LEAST = 20  # answered records that a threshold must rest on


@dataclass(frozen=True)
class Scored:
    """Scores of all diseases, in natural logarithms, a row an example."""

    patients: np.ndarray
    sets: np.ndarray
    languages: np.ndarray
    truth: np.ndarray  # index of the disease
    scores: np.ndarray  # [examples, diseases]

    def only(self, kind: str, language: str) -> Scored:
        """One set in one language, by patient."""
        at = np.flatnonzero((self.sets == kind) & (self.languages == language))
        at = at[np.argsort(self.patients[at], kind="stable")]
        return Scored(self.patients[at], self.sets[at], self.languages[at], self.truth[at], self.scores[at])

    def kinds(self) -> list[str]:
        """The sets that there are."""
        return sorted(set(self.sets.tolist()))


def normalised(scores: np.ndarray) -> np.ndarray:
    """Log probabilities among the candidates."""
    top = scores.max(1, keepdims=True)
    return scores - top - np.log(np.exp(scores - top).sum(1, keepdims=True))


def readings(found: Scored, kind: str) -> dict[str, Scored]:
    """A set's scores by language, and under `both` the mean of the two languages' log probabilities."""
    out = {lang: found.only(kind, lang) for lang in LANGUAGES}
    out = {lang: s for lang, s in out.items() if len(s.truth)}
    if len(out) == len(LANGUAGES):
        first, second = out.values()
        if not np.array_equal(first.patients, second.patients):
            raise ValueError(f"{kind}: the languages tell of different patients")
        mean = (normalised(first.scores) + normalised(second.scores)) / 2
        out[BOTH] = Scored(first.patients, first.sets, np.full(len(mean), BOTH), first.truth, mean)
    return out


def choose(found: Scored) -> dict:
    """Each set's and language's exponent of probabilities and least confidence to answer with, from a validation set."""
    out: dict = {}
    for kind in found.kinds():
        out[kind] = {}
        for language, s in readings(found, kind).items():
            plain = np.exp(normalised(s.scores))
            exponent = metrics.temperature(plain, s.truth)
            probabilities = metrics.tempered(plain, exponent)
            out[kind][language] = {"exponent": round(exponent, 4), "threshold": threshold(probabilities, s.truth)}
    return out


def threshold(probabilities: np.ndarray, truth: np.ndarray, target: float = TARGET) -> float | None:
    """The least confidence above which so many answers are right; None where there is none."""
    order, right = _by_confidence(probabilities, truth)
    accuracy = np.cumsum(right) / np.arange(1, len(right) + 1)
    good = np.flatnonzero((accuracy >= target) & (np.arange(1, len(right) + 1) >= LEAST))
    return float(probabilities.max(1)[order[good[-1]]]) if len(good) else None


def curve(probabilities: np.ndarray, truth: np.ndarray) -> list[dict]:
    """Accuracy of the most confident answers, for each share of the records that is answered."""
    _, right = _by_confidence(probabilities, truth)
    return [{"coverage": c, "accuracy": float(right[:max(1, round(c * len(right)))].mean())} for c in COVERAGES]


def _by_confidence(probabilities: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-probabilities.max(1), kind="stable")
    return order, (probabilities.argmax(1) == truth)[order]


def judge(found: Scored, chosen: dict) -> dict:
    """The figures of every set and language, with what was chosen on validation."""
    out: dict = {}
    for kind in found.kinds():
        parts = readings(found, kind)
        out[kind] = {language: _judge(s, chosen[kind][language]) for language, s in parts.items()}
        if BOTH in parts:
            out[kind]["agreement"] = _agreement(*(parts[lang] for lang in LANGUAGES))
    return out


def _judge(s: Scored, chosen: dict) -> dict:
    probabilities = metrics.tempered(np.exp(normalised(s.scores)), chosen["exponent"])
    out = {"records": len(s.truth), "figures": metrics.report(probabilities, s.truth, s.patients),
           "curve": curve(probabilities, s.truth), "answered": None}
    if chosen["threshold"] is not None:
        said = probabilities.max(1) >= chosen["threshold"]
        right = (probabilities.argmax(1) == s.truth)[said]
        out["answered"] = {"share": float(said.mean()), "accuracy": float(right.mean()) if len(right) else None}
    return out


def _agreement(first: Scored, second: Scored) -> dict:
    same = (first.scores.argmax(1) == second.scores.argmax(1)).astype(float)
    return metrics.averages(first.patients, {"agreement": same})["agreement"]
