"""The project's table of terms, read from its files: names, codes, reference ranges, drugs' ATC codes."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "clinical" / "terms" / "data"
CLAIMS = ("drug", "diagnosis", "allergen", "vaccine", "procedure")
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Term:
    """A row of the table: codes begin with their system's letter (L LOINC, I ICD-10, R RxNorm)."""

    kind: str
    codes: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    range: tuple[float, ...]


def _rows(name: str) -> list[dict[str, str]]:
    with open(DATA / f"{name}.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (text or "").split("|")))


@cache
def terms() -> tuple[Term, ...]:
    """All rows."""
    return tuple(
        Term(row["kind"], _parts(row["codes"]),
             {lang: (row[lang], *_parts(row[f"aliases_{lang}"])) for lang in ("en", "zh")},
             tuple(float(n) for n in NUMBER.findall(row["range"] or "")))
        for name in ("measures", "diagnoses", "drugs", "words") for row in _rows(name))


@cache
def by_code(kind: str, coded: str) -> Term | None:
    """The row of a kind with a code and its letter."""
    return next((t for t in terms() if t.kind == kind and coded in t.codes), None)


@cache
def by_name(kind: str, name: str) -> Term | None:
    """The row of a kind with a name in either language, in any case."""
    wanted = name.lower()
    own = (t for t in terms() if t.kind == kind)
    return next((t for t in own if any(n.lower() == wanted for of in t.names.values() for n in of)), None)


@cache
def names() -> tuple[tuple[str, Term], ...]:
    """Every name in small letters, longest first."""
    all_names = [(name.lower(), term) for term in terms() for of in term.names.values() for name in of]
    return tuple(sorted(all_names, key=lambda pair: -len(pair[0])))


@cache
def atc() -> dict[str, frozenset[str]]:
    """ATC codes by a drug's English name."""
    return {row["en"]: frozenset(_parts(row["atc"])) for row in _rows("atc")}


@cache
def classes() -> dict[str, tuple[str, ...]]:
    """ATC groups by the English name of a class of drugs."""
    return {row["en"]: _parts(row["atc"]) for row in _rows("drug_classes")}


def drug(rxnorm: str) -> str:
    """The English name of a drug by its ingredient's code, or nothing."""
    found = by_code("drug", "R" + rxnorm)
    return found.names["en"][0] if found else ""


def belongs(name: str, of: str) -> bool:
    """Whether a drug is of a class."""
    return any(code.startswith(group) for code in atc().get(name, ()) for group in classes().get(of, ()))
