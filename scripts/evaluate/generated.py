"""What models write: treatment, summaries and triples, held against the corpus' answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import facts, metrics
from .corpus import LANGUAGES, Corpus, Example

if TYPE_CHECKING:
    from .serving import Served

ALL = "both"


def write(served: Served, examples: Sequence[Example], label: str) -> list[str]:
    """The model's greedy answer to each."""
    def call(client, example: Example):
        return client.generate(example.question)  # of at most 256 tokens; the longest in the corpus has 206

    return [answer.text for answer in served.ask(label, examples, call)]


def by_language(examples: Sequence[Example], judge: Callable[[np.ndarray], dict]) -> dict:
    """Figures of each language's records and of all."""
    languages = np.array([e.language for e in examples])
    out = {}
    for language in (*LANGUAGES, ALL):
        at = np.flatnonzero((languages == language) | (language == ALL))
        if len(at):
            out[language] = {"records": len(at)} | judge(at)
    return out


def usual(corpus: Corpus) -> tuple[dict[str, frozenset[str]], dict[tuple[str, str], frozenset[str]]]:
    """The set of orders that training patients had most often, by language, and by language and disease."""
    everyone: dict[str, Counter] = {}
    each: dict[tuple[str, str], Counter] = {}
    for e in corpus.examples("train", ["treatment"]):
        found = facts.orders(e.answer, e.language)
        everyone.setdefault(e.language, Counter())[found] += 1
        each.setdefault((e.language, e.disease), Counter())[found] += 1
    return _commonest(everyone), _commonest(each)


def _commonest(counts: dict) -> dict:
    # Of equals the first by its names, so that the figures do not depend on the order of lines.
    return {key: min(c, key=lambda s: (-c[s], sorted(s))) for key, c in counts.items()}


def treatment(served: Served, corpus: Corpus, examples: Sequence[Example]) -> dict:
    """Likeness of the orders to those of the record, with the true diagnosis given, beside that of fixed sets."""
    everyone, each = usual(corpus)
    texts = write(served, examples, "treatment")
    patients = np.array([e.patient for e in examples])
    truth = [facts.orders(e.answer, e.language) for e in examples]
    said = {
        "model": [facts.orders(text, e.language) for text, e in zip(texts, examples)],
        "same set for all": [everyone.get(e.language, frozenset()) for e in examples],
        "the disease's commonest set": [each.get((e.language, e.disease), frozenset()) for e in examples],
    }
    likeness = {who: np.array([facts.jaccard(a, b) for a, b in zip(sets, truth)]) for who, sets in said.items()}
    exact = np.array([a == b for a, b in zip(said["model"], truth)], float)

    def judge(at: np.ndarray) -> dict:
        return {"jaccard": metrics.averages(patients[at], {who: v[at] for who, v in likeness.items()}),
                **metrics.averages(patients[at], {"exact": exact[at]})}

    return by_language(examples, judge)


def summary(served: Served, examples: Sequence[Example]) -> dict:
    """Facts of the reference that are told, facts told that are not in it, numbers told that stand nowhere in the prompt."""
    texts = write(served, examples, "summaries")
    rows = []
    for text, e in zip(texts, examples):
        told, reference = facts.facts(text, e.language), facts.facts(e.answer, e.language)
        given, numbers = set(facts.numbers(e.prompt)), facts.numbers(text)
        rows.append((len(told), len(reference), len(told & reference), len(numbers), sum(n not in given for n in numbers)))
    counts = _columns(rows, ("told", "reference", "right", "numbers", "strange"))

    def figures(sums: dict[str, float]) -> dict[str, float]:
        return {"recall": _ratio(sums["right"], sums["reference"]), "unsupported": 1 - _ratio(sums["right"], sums["told"]),
                "strange_numbers": _ratio(sums["strange"], sums["numbers"])}

    return _totals(examples, counts, figures)


def triples(served: Served, examples: Sequence[Example]) -> dict:
    """Precision, recall and F1 of whole triples."""
    texts = write(served, examples, "triples")
    rows = []
    for text, e in zip(texts, examples):
        told, reference = facts.triples(text), facts.triples(e.answer)
        rows.append((len(told), len(reference), len(told & reference)))
    counts = _columns(rows, ("told", "reference", "right"))

    def figures(sums: dict[str, float]) -> dict[str, float]:
        return {"precision": _ratio(sums["right"], sums["told"]), "recall": _ratio(sums["right"], sums["reference"]),
                "f1": _ratio(2 * sums["right"], sums["told"] + sums["reference"])}

    return _totals(examples, counts, figures)


def _columns(rows: list[tuple], names: tuple[str, ...]) -> dict[str, np.ndarray]:
    return {name: np.array([row[i] for row in rows], float) for i, name in enumerate(names)}


def _totals(examples: Sequence[Example], counts: dict[str, np.ndarray],
            figures: Callable[[dict[str, float]], dict[str, float]]) -> dict:
    patients = np.array([e.patient for e in examples])
    return by_language(
        examples, lambda at: metrics.totals(patients[at], {name: v[at] for name, v in counts.items()}, figures))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
