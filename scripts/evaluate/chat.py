"""The corpus' own prompts in a chat: for models that were adapted by scripts/train lora, or not trained here at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bedside_client import system, user, v1

from ..train.lora.chat import messages
from .candidates import beginnings, score, scored
from .corpus import Corpus, Example, some
from .diagnosis import Scored

if TYPE_CHECKING:
    from .perplexity import Part
    from .serving import Served

Question = str | list[v1.ChatMessage]
PATIENTS = 100
DOCUMENT = "<|endoftext|>"  # what a text of SmolLM2's training began after
ROLES = {"system": system, "user": user}


def question(example: Example) -> list[v1.ChatMessage]:
    """What stands before the answer."""
    return [ROLES[role](text) for role, text in messages(example.task, example.language, example.prompt)]


def parts(example: Example) -> list[Part]:
    """What is scored of a sequence: see perplexity.parts."""
    if not example.prompt:
        return [("text", DOCUMENT, example.answer)]
    return [("prompt", DOCUMENT, example.prompt), (example.task, question(example), example.answer)]


def diagnoses(served: Served, corpus: Corpus, part: str, sets: Sequence[str] | None, patients: int) -> Scored:
    """Each disease's score after the English prompts, by the code's first tokens as for device models."""
    examples = [e for e in some(corpus.examples(part, ["diagnosis"], sets), patients or PATIENTS) if e.language == "en"]
    texts = beginnings(served, corpus.diseases)
    return scored(corpus.diseases, examples, score(served, "diagnoses, in a chat", [question(e) for e in examples], texts))
