"""Prompts of an exact number of tokens."""

from __future__ import annotations

import random
import re

from tokenizers import Tokenizer

WORD = re.compile(r"Ġ[a-z]{3,9}")  # a token that is a word and the space before it


class Prompts:
    """Random words that are one token each, so that a text's length in tokens is its number of words."""

    def __init__(self, tokenizer: Tokenizer, seed: int):
        self._tokenizer, self._random = tokenizer, random.Random(seed)
        self.lasting: list[dict] = []  # prompts after which Bedside's model writes on for as long as is measured
        self._words = sorted(f" {token[1:]}" for token in tokenizer.get_vocab() if WORD.fullmatch(token))

    def make(self, length: int) -> dict:
        """A text that has not been seen before, and its tokens."""
        text = "".join(self._random.choices(self._words, k=length))
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        if len(ids) != length:
            raise ValueError(f"{length} words are {len(ids)} tokens")
        return {"text": text, "prompt": ids}

    def draw(self, count: int) -> list[dict]:
        """Some of those that last."""
        return self._random.sample(self.lasting, count)
