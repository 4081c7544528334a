"""How likely a model finds the corpus' own sequences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import metrics
from .corpus import LANGUAGES, SEED, Example, opening

if TYPE_CHECKING:
    from .chat import Question
    from .serving import Served

SEQUENCES = 64  # of each language and task
Part = tuple[str, "Question", str]  # what is scored of a sequence: its name, what stands before, the text


def sample(examples: Sequence[Example], count: int = SEQUENCES) -> list[Example]:
    """So many sequences of each language and task; the same each time."""
    rng, out = np.random.default_rng(SEED), []
    for language in LANGUAGES:
        for task in sorted({e.task for e in examples}):
            mine = [e for e in examples if (e.language, e.task) == (language, task)]
            out += [mine[i] for i in np.sort(rng.choice(len(mine), min(count, len(mine)), replace=False))]
    return out


def parts(example: Example) -> list[Part]:
    """Of a model that was trained here. The marks in between are given, not scored."""
    begin = opening(example.language, example.task)
    if not example.prompt:
        return [("text", begin, example.answer)]
    return [("prompt", begin, example.prompt), (example.task, example.question, example.answer)]


def judge(served: Served, examples: Sequence[Example], cut: Callable[[Example], list[Part]] = parts) -> dict:
    """By language: of prompts, of each task's answers, of records as people read them.

    `perplexity` is of a token, and so of models with one tokenizer comparable alone; `bits_per_byte` is of UTF-8.
    """
    asked = [(e, *part) for e in examples for part in cut(e)]

    def call(client, question):
        _, _, before, text = question
        return client.score(before, [text])

    answers = served.ask("perplexity", asked, call)
    columns = {"logs": [a.scores[0].total_logprob for a in answers], "tokens": [a.scores[0].token_count for a in answers],
               "bytes": [len(q[3].encode()) for q in asked]}
    sums = {name: np.array(values, float) for name, values in columns.items()}
    languages, names = np.array([q[0].language for q in asked]), np.array([q[1] for q in asked])
    patients = np.array([q[0].patient for q in asked])
    out: dict = {}
    for language in sorted(set(languages.tolist())):
        out[language] = {}
        for name in sorted(set(names[languages == language].tolist())):
            at = np.flatnonzero((languages == language) & (names == name))
            found = metrics.totals(patients[at], {n: v[at] for n, v in sums.items()}, _figures)
            out[language][name] = found | {"tokens": int(sums["tokens"][at].sum())}
    return out


def _figures(sums: dict[str, float]) -> dict[str, float]:
    return {"perplexity": math.exp(-sums["logs"] / sums["tokens"]),
            "bits_per_byte": -sums["logs"] / sums["bytes"] / math.log(2)}
