"""What the corpus' answers say, as sets: orders, facts of a summary, triples, numbers."""

from __future__ import annotations

import re

ORDERS = {"en": ", ", "zh": "、"}
SENTENCES = {"en": re.compile(r"\.(?:\s+|$)"), "zh": re.compile("。")}
WITHIN = {"en": "Within range: ", "zh": "范围内："}
COLON = {"en": ": ", "zh": "："}
COMMA = {"en": ", ", "zh": "，"}
NUMBER = re.compile(r"(?<![\d.])\d+(?:\.\d+)?")
# A unit has numbers that are no reading's: 10^9/L.
POWER = re.compile(r"10\^\d+")


def orders(answer: str, language: str) -> frozenset[str]:
    """What a treatment's answer orders."""
    return _parts(answer, ORDERS[language])


def triples(answer: str) -> frozenset[str]:
    """The lines that have a subject, a relation and an object; others count as they stand, and are in no reference."""
    return _parts(answer, "\n")


def facts(summary: str, language: str) -> frozenset[str]:
    """A summary's facts: each thing said of the patient, each measure beyond its range with its grade and values, each
    measure within it. A fact is right only if all of that is."""
    out: set[str] = set()
    for sentence in SENTENCES[language].split(summary.strip()):
        within = WITHIN[language]
        if sentence.startswith(within):
            out |= {within + name for name in _parts(sentence.removeprefix(within), ORDERS[language])}
        elif COLON[language] in sentence:
            out.add(sentence.strip())
        else:
            out |= _parts(sentence, COMMA[language])
    return frozenset(out)


def numbers(text: str) -> list[str]:
    """The numbers in a text, without those of units."""
    return NUMBER.findall(POWER.sub("", text))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """The share of what either has that both have; of two empty sets, 1."""
    return len(a & b) / len(a | b) if a | b else 1.0


def _parts(text: str, separator: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(separator) if part.strip())
