"""How likely a model finds the corpus' own sequences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import metrics
from .corpus import LANGUAGES, SEED, Example, opening

if TYPE_CHECKING:
    from .serving import Served

SEQUENCES = 256  # of each language


def sample(examples: Sequence[Example], count: int = SEQUENCES) -> list[Example]:
    """So many sequences of each language, of all tasks as they come in the corpus; the same each time."""
    rng, out = np.random.default_rng(SEED), []
    for language in LANGUAGES:
        mine = [e for e in examples if e.language == language]
        out += [mine[i] for i in np.sort(rng.choice(len(mine), min(count, len(mine)), replace=False))]
    return out


def parts(example: Example) -> list[tuple[str, str, str]]:
    """What is scored of a sequence: part, what stands before, text. The marks in between are given, not scored."""
    begin = opening(example.language, example.task)
    if not example.prompt:
        return [("text", begin, example.answer)]
    return [("prompt", begin, example.prompt), ("answer", example.question, example.answer)]


def judge(served: Served, examples: Sequence[Example]) -> dict:
    """Perplexity by language, of prompts, of answers, of records as people read them, and of all."""
    asked = [(e, *part) for e in examples for part in parts(e)]

    def call(client, question):
        _, _, before, text = question
        return client.score(before, [text])

    answers = served.ask("perplexity", asked, call)
    logs = np.array([a.scores[0].total_logprob for a in answers])
    tokens = np.array([a.scores[0].token_count for a in answers], float)
    languages, names = np.array([q[0].language for q in asked]), np.array([q[1] for q in asked])
    patients = np.array([q[0].patient for q in asked])
    out: dict = {}
    for language in sorted(set(languages.tolist())):
        out[language] = {}
        for name in ("prompt", "answer", "text", "all"):
            at = np.flatnonzero((languages == language) & ((names == name) | (name == "all")))
            if len(at):
                found = metrics.totals(patients[at], {"logs": logs[at], "tokens": tokens[at]},
                                       lambda sums: {"perplexity": math.exp(-sums["logs"] / sums["tokens"])})
                out[language][name] = found | {"tokens": int(tokens[at].sum())}
    return out
