"""Documents for the tagger to learn from: characters, and which of them are names."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from . import sentences
from .pieces import Pieces

SLOT = re.compile(r"\{([A-Za-z]+)(?:\.(full|last|given))?\}")
OTHER, FIRST, REST = 0, 1, 2  # no name; a name's first character; the others
SEPARATORS = ["", "", "", "\n", "\n", " ", "\n\n", "　"]


class Writer:
    """Writes documents with names of some parts, from the module's sentences and some more."""

    def __init__(self, rng: random.Random, parts: frozenset[str], more: list[str] | None = None) -> None:
        self.rng, self.parts = rng, parts
        self.people = sentences.PEOPLE + (more or [])

    def document(self) -> tuple[str, list[int]]:
        """A text, and for each of its characters what it is."""
        pieces = Pieces(self.rng, self.parts)
        between = self.rng.choice(SEPARATORS)
        text, marks = "", []
        for _ in range(self.rng.choice([1, 1, 2, 3, 4, 6, 8, 10])):
            for template in self._sentence():
                self._fill(template, pieces, got := [[], []])
                text += "".join(got[0])
                marks += got[1]
            text += between
            marks += [OTHER] * len(between)
        return text, marks

    def _sentence(self) -> list[str]:
        draw = self.rng.random()
        if draw < 0.36:
            return [self.rng.choice(self.people)]
        if draw < 0.62:
            return self._combined()
        if draw < 0.78:
            return self._salad()
        return [self.rng.choice(sentences.PLAIN)]

    def _combined(self) -> list[str]:
        """Any beginning and any end around a name."""
        out = []
        if self.rng.random() < 0.3:
            out.append(self._clause())
        if self.rng.random() < 0.85:
            out.append(self.rng.choice(sentences.BEFORE))
        out.append(self._name())
        if self.rng.random() < 0.25:
            out.append(self.rng.choice("、、、和与及/ ，") + self._name())
            if self.rng.random() < 0.3:
                out.append("、" + self._name())
        if self.rng.random() < 0.85:
            out.append(self.rng.choice(sentences.BEHIND))
        if self.rng.random() < 0.6:
            out.append(self._clause())
        out.append(self.rng.choice("。。。。，；！ "))
        return out

    def _name(self) -> str:
        how = self.rng.choices(["full", "given"], [0.95, 0.05])[0]
        return "{" + self.rng.choice("PRSDEFABC") + "." + how + "}"

    def _clause(self) -> str:
        if self.rng.random() < 0.4:
            return "{word}" * self.rng.randint(1, 3) + self.rng.choice("，，、。 ")
        sentence = self.rng.choice(sentences.PLAIN).rstrip("。")
        return sentence + self.rng.choice("，，；。 ")

    def _salad(self) -> list[str]:
        """Words in no order, among them names: these have to be known by themselves."""
        out = []
        for _ in range(self.rng.randint(2, 9)):
            out.append("{word}" if self.rng.random() < 0.75 else self.rng.choice(["{drug}", "{disease}", "{herb}", "{dept}", "{place}", "{symptom}", "{eponym}", "{lab}", "{org}"]))
            if self.rng.random() < 0.2:
                out.append(self._name())
            if self.rng.random() < 0.15:
                out.append(self.rng.choice("，。、：；（） "))
        return [*out, "。"]

    def _fill(self, template: str, pieces: Pieces, out: list[list]) -> None:
        at = 0
        for m in SLOT.finditer(template):
            self._put(out, template[at : m.start()].replace("<", "").replace(">", ""), False)
            who, how = m.groups()
            self._put(out, getattr(pieces.person(who), how) if how else pieces.value(who), how is not None)
            at = m.end()
        self._put(out, template[at:].replace("<", "").replace(">", ""), False)

    def _put(self, out: list[list], text: str, name: bool) -> None:
        out[0].append(text)
        out[1] += [FIRST] + [REST] * (len(text) - 1) if name and text else [OTHER] * len(text)


def documents(seed: str, parts: frozenset[str], more: list[str] | None = None) -> Iterator[tuple[str, list[int]]]:
    """Documents without end."""
    writer = Writer(random.Random(seed), parts, more)
    while True:
        yield writer.document()
