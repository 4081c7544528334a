"""How likely each of several answers is to a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .corpus import Corpus, Example
from .diagnosis import Scored

if TYPE_CHECKING:
    from .serving import Served


class CandidateError(ValueError):
    """Answers that cannot be told from one another by their first tokens; the message names one."""


def shortest(tokens: Sequence[Sequence[int]]) -> list[int]:
    """How many tokens tell each text from all others; raises CandidateError where one is the beginning of another."""
    out = []
    for i, own in enumerate(tokens):
        for n in range(1, len(own) + 1):
            if not any(list(other[:n]) == list(own[:n]) for j, other in enumerate(tokens) if j != i):
                out.append(n)
                break
        else:
            raise CandidateError(f"text {i} is the beginning of another")
    return out


def beginnings(served: Served, texts: Sequence[str]) -> list[str]:
    """The shortest beginning of each text, in whole tokens, that tells it from the others.

    The tokens after it are all but certain to a model that has learnt the texts, and cost as much as those before.
    """
    cut = [answer.tokens for answer in served.ask(None, texts, lambda client, text: client.tokenize(text))]
    ids = [[token.id for token in tokens] for tokens in cut]
    out = [b"".join(t.piece for t in tokens[:n]).decode() for tokens, n in zip(cut, shortest(ids))]
    again = served.ask(None, out, lambda client, text: client.tokenize(text))
    for text, found, own in zip(out, again, ids):
        if [t.id for t in found.tokens] != own[:len(found.tokens)]:
            raise CandidateError(f"{text!r} is cut into other tokens by itself than as the beginning of an answer")
    return out


def score(served: Served, label: str, questions: Sequence, texts: Sequence[str], mean: bool = False) -> np.ndarray:
    """The log probabilities of the texts' tokens after each question, summed or their mean: [questions, texts].

    A question is a text or the messages of a chat; there is one call for each.
    """
    def call(client, question):
        return client.score(question, texts)

    answers = served.ask(label, questions, call)
    return np.array([[s.total_logprob / (s.token_count if mean else 1) for s in answer.scores] for answer in answers])


def diagnoses(served: Served, corpus: Corpus, examples: Sequence[Example]) -> Scored:
    """Each disease's score for each example of the task `diagnosis`."""
    texts = beginnings(served, corpus.diseases)
    return scored(corpus.diseases, examples, score(served, "diagnoses", [e.question for e in examples], texts))


def scored(diseases: Sequence[str], examples: Sequence[Example], scores: np.ndarray) -> Scored:
    """Puts scores beside what they are about."""
    place = {disease: i for i, disease in enumerate(diseases)}
    return Scored(
        np.array([e.patient for e in examples]), np.array([e.set for e in examples]),
        np.array([e.language for e in examples]), np.array([place[e.disease] for e in examples]), scores)
