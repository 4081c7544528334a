"""Prompts of an exact number of tokens."""

from __future__ import annotations

import random
import re

from tokenizers import Tokenizer

WORD = re.compile(r"Ġ[a-z]{3,9}")  # a token that is a word and the space before it

CYCLE = 12  # words


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

    def cycle(self, length: int) -> dict:
        """A few words over and over, which greedy decoding goes on with for good."""
        words = self.make(CYCLE)["text"]
        text = words * (length // CYCLE + 1)
        ids = self._tokenizer.encode(text, add_special_tokens=False)
        return {"text": text[:ids.offsets[length - 1][1]], "prompt": ids.ids[:length]}

    def draw(self, count: int) -> list[dict]:
        """Some of those that last."""
        return self._random.sample(self.lasting, count)
