"""The text that quantized models are judged on."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer

from .source import SourceError

MOST_TOKENS = 20_000  # of a corpus: a minute's work, and the measures stand to three digits long before


def read_tokens(path: Path, tokenizer: Tokenizer) -> list[int]:
    """The tokens of a text file, or of as many examples of a corpus (.jsonl) as MOST_TOKENS has room for."""
    if path.suffix != ".jsonl":
        return tokenizer.encode(path.read_text(encoding="utf-8"), add_special_tokens=False).ids
    tokens: list[int] = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                text = sequence(json.loads(line))
            except (ValueError, KeyError, TypeError) as err:
                raise SourceError(f"{path}: line {number} is not an example of the corpus: {err!r}") from err
            tokens += tokenizer.encode(text, add_special_tokens=False).ids
            if len(tokens) >= MOST_TOKENS:
                break
    return tokens[:MOST_TOKENS]


def sequence(example: dict) -> str:
    """An example as the models see it: language and task, prompt, answer."""
    head = f"<|bos|><|{example['language']}|><|{example['task']}|>"
    if example["task"] == "text":
        return f"{head}{example['answer']}<|end|>"
    return f"{head}{example['prompt']}<|answer|>{example['answer']}<|end|>"
