"""Examples of the corpus in the words and tokens of the model that is adapted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from ..config import TASKS
from ..tokens import LANGUAGES, CorpusError, Tokens
from . import chat
from .config import ExamplesConfig


def read(corpus: Path, split: str, tasks: tuple[str, ...], config: ExamplesConfig) -> list[dict]:
    """The lines of a split that are asked for, in its order."""
    path = corpus / f"{split}.jsonl"
    if not path.is_file():
        raise CorpusError(f"{path}: no such file; make the corpus first")
    asked = {"task": tasks, "tests": config.tests, "hours": config.hours, "language": config.languages}
    named = (tasks, config.tests, config.languages)
    out = [line for line in _lines(path, named) if all(not some or line[key] in some for key, some in asked.items())]
    if not out:
        raise CorpusError(f"{path}: has none of the examples that are asked for")
    return out


def _lines(path: Path, named: tuple[tuple[str, ...], ...]) -> Iterator[dict]:
    """The lines that may be wanted, parsed. Most others are told by their text: reading JSON is what takes time."""
    wanted = [[f'"{name}"' for name in names] for names in named if names]
    with open(path, encoding="utf-8") as lines:
        for number, text in enumerate(lines, 1):
            if not all(any(name in text for name in names) for names in wanted):
                continue
            try:
                line = json.loads(text)
                if not all(isinstance(line[key], str) for key in ("task", "tests", "language", "prompt", "answer")):
                    raise TypeError("a field that is no text")
                line["hours"] += 0
            except (ValueError, KeyError, TypeError) as err:
                raise CorpusError(f"{path}:{number}: no example: {err!r}") from err
            yield line


def some(lines: list[dict], count: int, seed: int) -> list[dict]:
    """So many, drawn by lot, in their order."""
    if len(lines) <= count:
        return lines
    return [lines[i] for i in np.sort(np.random.default_rng(seed).choice(len(lines), count, replace=False))]


def encode(tokenizer: Tokenizer, lines: list[dict]) -> Tokens:
    """Their tokens. An answer ends with the mark that ends a message."""
    marks = {}
    for mark in (chat.BEGIN, chat.END):
        marks[mark] = tokenizer.token_to_id(mark)
        if marks[mark] is None:
            raise CorpusError(f"tokenizer.json: has no token {mark}")
    sequences, answers = [], []
    for line in lines:
        head: list[int] = []
        for piece in chat.pieces(line["task"], line["language"], line["prompt"]):
            head += [marks[piece]] if piece in marks else tokenizer.encode(piece, add_special_tokens=False).ids
        answer = tokenizer.encode(line["answer"], add_special_tokens=False).ids
        sequences.append(np.array([*head, *answer, marks[chat.END]], np.uint16))
        answers.append(len(head))
    start = np.concatenate([[0], np.cumsum([len(s) for s in sequences])]).astype(np.int64)
    return Tokens(np.concatenate(sequences), start, np.array(answers, np.int32),
                  np.array([TASKS.index(line["task"]) for line in lines], np.uint8),
                  np.array([LANGUAGES.index(line["language"]) for line in lines], np.uint8))
