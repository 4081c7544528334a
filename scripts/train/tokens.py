"""A split of the corpus as tokens: read once, kept as .npy arrays that are mapped into memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from tqdm import tqdm

from ..bootstrap.files import replacing_folder, sha256
from .config import TASKS

LANGUAGES = ("en", "zh")
BOS, ANSWER, END = "<|bos|>", "<|answer|>", "<|end|>"
VERSION = 1  # of the arrays: another one makes them anew
BATCH = 2000  # lines encoded at once


class CorpusError(ValueError):
    """The corpus lacks something or is damaged; the message names file and line."""


@dataclass(frozen=True)
class Tokens:
    """Sequences end to end: sequence i is `ids[start[i]:start[i + 1]]`, its answer begins at `start[i] + answer[i]`."""

    ids: np.ndarray  # uint16 [tokens]
    start: np.ndarray  # int64 [sequences + 1]
    answer: np.ndarray  # int32 [sequences]; in tokens from the sequence's start
    task: np.ndarray  # uint8 [sequences]; index in TASKS
    language: np.ndarray  # uint8 [sequences]; index in LANGUAGES

    def __len__(self) -> int:
        return len(self.answer)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each sequence."""
        return np.diff(self.start)

    def select(self, indices: np.ndarray) -> Tokens:
        """Some of the sequences, in the order given."""
        parts = [self.ids[self.start[i]:self.start[i + 1]] for i in indices]
        start = np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64)
        ids = np.concatenate(parts) if parts else np.zeros(0, np.uint16)
        return Tokens(ids, start, self.answer[indices], self.task[indices], self.language[indices])


@dataclass(frozen=True)
class Special:
    """Ids of the tokens that frame a sequence."""

    bos: int
    answer: int
    end: int
    languages: dict[str, int]
    tasks: dict[str, int]


def open_tokenizer(folder: Path) -> Tokenizer:
    """The corpus' tokenizer. Special tokens written out in a text are encoded as the characters they are."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise CorpusError(f"{path}: no such file; make the corpus first")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    if tokenizer.get_vocab_size() > 1 << 16:
        raise CorpusError(f"{path}: {tokenizer.get_vocab_size()} tokens; at most 65,536 are stored")
    return tokenizer


def special(tokenizer: Tokenizer) -> Special:
    """Raises CorpusError where the tokenizer lacks one of them."""
    def find(name: str) -> int:
        found = tokenizer.token_to_id(name)
        if found is None:
            raise CorpusError(f"tokenizer.json: has no token {name}")
        return found

    return Special(find(BOS), find(ANSWER), find(END), {n: find(f"<|{n}|>") for n in LANGUAGES},
                   {n: find(f"<|{n}|>") for n in TASKS})


def scale(tokenizer: Tokenizer) -> list[int]:
    """The tokens of the steps that prompts tell readings in, first to twentieth; none where they are not tokens."""
    steps = [tokenizer.encode(chr(0x2460 + step), add_special_tokens=False).ids for step in range(20)]
    return [ids[0] for ids in steps] if all(len(ids) == 1 for ids in steps) else []


def frame(marks: Special, task: str, language: str, prompt: list[int], answer: list[int]) -> tuple[list[int], int]:
    """One sequence and where its answer begins: bos, language, task, prompt, answer mark, answer, end.

    Of the task text there is no prompt and no mark: all of it is answer.
    """
    head = [marks.bos, marks.languages[language], marks.tasks[task]]
    if task != "text":
        head = [*head, *prompt, marks.answer]
    return [*head, *answer, marks.end], len(head)


def load(corpus: Path, split: str, cache: Path) -> Tokens:
    """The split's tokens, from the cache or made there. What they are kept under depends on all they are made from."""
    source, tokenizer = corpus / f"{split}.jsonl", open_tokenizer(corpus)
    if not source.is_file():
        raise CorpusError(f"{source}: no such file; make the corpus first")
    key = hashlib.sha256(f"{VERSION} {sha256(source)} {sha256(corpus / 'tokenizer.json')}".encode()).hexdigest()[:16]
    folder = cache / f"{split}-{key}"
    names = ("ids", "start", "answer", "task", "language")
    if not folder.is_dir():
        tokens = encode(source, tokenizer)
        with replacing_folder(folder) as temp:
            for name in names:
                np.save(temp / f"{name}.npy", getattr(tokens, name))
    return Tokens(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in names))


def encode(source: Path, tokenizer: Tokenizer) -> Tokens:
    """Read a split's lines and encode them."""
    marks = special(tokenizer)
    ids, lengths, answers, tasks, languages = [], [], [], [], []
    for lines in _batches(source):
        prompts = tokenizer.encode_batch([line["prompt"] for line in lines], add_special_tokens=False)
        texts = tokenizer.encode_batch([line["answer"] for line in lines], add_special_tokens=False)
        for line, prompt, text in zip(lines, prompts, texts):
            sequence, answer = frame(marks, line["task"], line["language"], prompt.ids, text.ids)
            ids.append(np.array(sequence, np.uint16))
            lengths.append(len(sequence))
            answers.append(answer)
            tasks.append(TASKS.index(line["task"]))
            languages.append(LANGUAGES.index(line["language"]))
    if not ids:
        raise CorpusError(f"{source}: empty")
    start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Tokens(np.concatenate(ids), start, np.array(answers, np.int32), np.array(tasks, np.uint8),
                  np.array(languages, np.uint8))


def _batches(source: Path) -> Iterator[list[dict]]:
    """The lines, parsed and checked, some thousands at a time."""
    with open(source, encoding="utf-8") as f, tqdm(
            total=source.stat().st_size, unit="B", unit_scale=True, desc=f"encoding {source.name}", disable=None) as bar:
        numbered = enumerate(f, 1)
        while chunk := list(islice(numbered, BATCH)):
            yield [_line(text, f"{source}:{number}") for number, text in chunk]
            bar.update(sum(len(text.encode()) for _, text in chunk))


def _line(text: str, where: str) -> dict:
    """One line of the split. A text's prompt may be absent."""
    try:
        line = json.loads(text)
    except ValueError as err:
        raise CorpusError(f"{where}: not JSON: {err}") from err
    if not isinstance(line, dict):
        raise CorpusError(f"{where}: not an object")
    line.setdefault("prompt", "")
    for key in ("task", "language", "prompt", "answer"):
        if not isinstance(line.get(key), str):
            raise CorpusError(f"{where}: {key} must be a text")
    if line["task"] not in TASKS or line["language"] not in LANGUAGES:
        raise CorpusError(f"{where}: task {line['task']!r}, language {line['language']!r}: not known")
    return line
