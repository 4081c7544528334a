"""What a corpus must not hold: patients or records of one set in another, and answers that the choice of tests betrays."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict

import numpy as np

NUMBERS = re.compile(r"[\d.↑↓①-⑳()|:;,\-]+")
SEVERAL = re.compile(r"([^\s↑↓①-⑳]+?)(?:[①-⑳]{2,}|:?[\d.]+[↑↓]*\()")


def shared_patients(patients: dict[str, set[str]]) -> int:
    """How many patients stand in more than one set."""
    counts: dict[str, int] = defaultdict(int)
    for of in patients.values():
        for patient in of:
            counts[patient] += 1
    return sum(n > 1 for n in counts.values())


def print_of(example: dict) -> bytes:
    """A short digest of what a model reads of an example."""
    text = example["prompt"] or example["answer"]
    return hashlib.blake2b(f"{example['task']}\0{example['language']}\0{text}".encode(), digest_size=12).digest()


def named(prompt: str, repeats: bool) -> set[str]:
    """The words of a prompt without its numbers and marks: which tests it tells of, and of which more than one value."""
    words = set(NUMBERS.sub(" ", prompt).split()[1:])
    if repeats:
        words |= {f"{word}, several" for word in SEVERAL.findall(prompt)}
    return words


class Probe:
    """A classifier that sees which tests a record shows and no value; with `repeats` also which have more than one.

    On neutral records it must be at chance. The repeats are nearly so: two values may be equal by chance.
    """

    def __init__(self, repeats: bool) -> None:
        self._repeats = repeats
        self._words: dict[str, int] = {}
        self._rows: dict[str, list[set[str]]] = {"train": [], "test": []}
        self._labels: dict[str, list[str]] = {"train": [], "test": []}

    def add(self, part: str, prompt: str, label: str) -> None:
        """One record of the training or test set."""
        words = named(prompt, self._repeats)
        for word in sorted(words):
            self._words.setdefault(word, len(self._words))
        self._rows[part].append(words)
        self._labels[part].append(label)

    def _matrix(self, part: str) -> np.ndarray:
        out = np.zeros((len(self._rows[part]), len(self._words)), np.float32)
        for row, words in zip(out, self._rows[part]):
            row[[self._words[word] for word in words]] = 1
        return out

    def report(self) -> dict:
        """Top-1 of the probe on the test set beside that of the commonest label, and what chance alone may add to it."""
        from sklearn.linear_model import LogisticRegression

        labels = np.array(self._labels["test"])
        model = LogisticRegression(max_iter=300, C=1.0).fit(self._matrix("train"), self._labels["train"])
        right = float((model.predict(self._matrix("test")) == labels).mean())
        chance = float(np.unique(labels, return_counts=True)[1].max() / len(labels))
        return {
            "records": len(labels),
            "top1": round(right, 4),
            "majority": round(chance, 4),
            "two_standard_errors": round(2 * float(np.sqrt(chance * (1 - chance) / len(labels))), 4),
        }
