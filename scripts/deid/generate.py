#!/usr/bin/env python3
"""Write notes with identifiers whose places are known, to measure de-identification on.

One JSON object a line: lang, text, spans (type, start, end) and hard (start, end) of what looks like an identifier and is
none. Offsets are bytes of UTF-8.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from scripts.deid import templates_dev, templates_second, templates_test, templates_trial, templates_validation
from scripts.deid.parts import PARTS
from scripts.deid.slots import Values

SLOT = re.compile(r"\{([A-Za-z.]+)\}")
HARD = ("\x04", "\x05")
TEMPLATES = {
    "dev": templates_dev, "trial": templates_trial, "second": templates_second, "test": templates_test,
    "validation": templates_validation,
}
# Sentences for validation draw their values, names above all, from what "second" has.
VALUES_OF = {part: part for part in PARTS} | {"validation": "second"}
MARKS = re.compile("\x01([A-Z_]+)\x02|\x03|\x04|\x05")


def note(rng: random.Random, part: str, lang: str) -> dict[str, object]:
    """One note: three to seven sentences with identifiers, one to three without, in any order."""
    templates = TEMPLATES[part]
    plain = rng.sample(getattr(templates, lang.upper()), rng.randint(3, 7))
    others = rng.sample(getattr(templates, lang.upper() + "_HARD"), rng.randint(1, 3))
    hard = [t.replace("<", HARD[0]).replace(">", HARD[1]) for t in others]
    sentences = plain + hard
    rng.shuffle(sentences)
    values = Values(rng, VALUES_OF[part], lang)
    text = rng.choice([" ", "\n"] if lang == "en" else ["", "\n"]).join(sentences)
    return placed(lang, SLOT.sub(lambda m: values.value(m.group(1)), text))


def placed(lang: str, marked: str) -> dict[str, object]:
    """The text without its marks, and where they stood."""
    out, spans, hard, opened, at = [], [], [], [], 0
    last = 0
    for m in MARKS.finditer(marked):
        piece = marked[last : m.start()]
        last = m.end()
        out.append(piece)
        at += len(piece.encode())
        sign = m.group(0)[0]
        if sign in "\x01\x04":
            opened.append((m.group(1), at))
        else:
            kind, start = opened.pop()
            if kind:
                spans.append({"type": kind, "start": start, "end": at})
            else:
                hard.append({"start": start, "end": at})
    out.append(marked[last:])
    return {"lang": lang, "text": "".join(out), "spans": spans, "hard": hard}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=sorted(TEMPLATES), default="dev")
    parser.add_argument("--lang", choices=["en", "zh"], required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(f"{args.part} {args.lang} {args.seed}")
    for _ in range(args.count):
        print(json.dumps(note(rng, args.part, args.lang), ensure_ascii=False))


if __name__ == "__main__":
    main()
