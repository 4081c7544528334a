"""A corpus of scripts/corpus, as the judging of models reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LANGUAGES = ("en", "zh")
SEED = 20261


class CorpusError(ValueError):
    """The corpus lacks something; the message says what."""


@dataclass(frozen=True)
class Example:
    """A line of a split; its fields are described in scripts/corpus/README.md."""

    patient: str
    disease: str
    hours: int
    tests: str
    language: str
    task: str
    prompt: str
    answer: str

    @property
    def set(self) -> str:
        """Which record of its patient it tells of, as the files of numbers are named: 1h-neutral."""
        return f"{self.hours}h-{self.tests}"

    @property
    def question(self) -> str:
        """What a model reads before its answer."""
        return f"{opening(self.language, self.task)}{self.prompt}<|answer|>"


def opening(language: str, task: str) -> str:
    """The marks that begin a sequence."""
    return f"<|bos|><|{language}|><|{task}|>"


class Corpus:
    """A corpus' folder; splits are read when they are asked for."""

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            self.diseases: list[str] = sorted(manifest["splits"]["train"])
            self.digests: dict[str, str] = manifest["files"]
        except (OSError, ValueError, KeyError) as err:
            raise CorpusError(f"{folder}: no corpus of scripts/corpus language: {err!r}") from err

    def examples(self, part: str, tasks: Iterable[str] | None = None, sets: Iterable[str] | None = None) -> list[Example]:
        """The lines of a split, of some tasks and records alone where they are named."""
        path = self.folder / f"{part}.jsonl"
        wanted = [f'"{task}"' for task in tasks] if tasks is not None else [""]
        out = []
        try:
            with open(path, encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    if any(w in line for w in wanted):  # reading JSON is what takes time
                        out.append(_example(path, number, line))
        except OSError as err:
            raise CorpusError(f"{path}: {err.strerror}") from err
        out = [e for e in out if (tasks is None or e.task in tasks) and (sets is None or e.set in sets)]
        if not out:
            raise CorpusError(f"{path}: nothing of what is asked for")
        return out


def _example(path: Path, number: int, line: str) -> Example:
    try:
        fields = json.loads(line)
        return Example(**{name: fields[name] for name in Example.__dataclass_fields__})
    except (ValueError, KeyError) as err:
        raise CorpusError(f"{path}:{number}: no example: {err!r}") from err


def some(examples: list[Example], patients: int) -> list[Example]:
    """Those of so many patients, drawn by lot, the same each time; 0 stands for all of them."""
    names = sorted({e.patient for e in examples})
    if not 0 < patients < len(names):
        return examples
    kept = {names[i] for i in np.random.default_rng(SEED).choice(len(names), patients, replace=False)}
    return [e for e in examples if e.patient in kept]
