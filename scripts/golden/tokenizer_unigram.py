"""Writes the reference ids of a Unigram tokenizer: the strings of tokenizer_corpus.py, and more that try its normalizer.

Usage: tokenizer_unigram.py MODEL_DIR OUT_DIR, where MODEL_DIR holds tokenizer.json of the embedding model and OUT_DIR
corpus.jsonl.gz.

Written to OUT_DIR/unigram.jsonl.gz, each line one JSON object: {"i": ids} for each line of corpus.jsonl.gz, then
{"t": text, "i": ids} for the strings that are only here. Ids are those that Hugging Face's tokenizers gives, the tokens
around a text included. Special tokens have no pieces there: text must never become one, and in the file as it is
"</s>" is the likeliest piece of all.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import sys
from pathlib import Path

from tokenizers import Tokenizer

from tokenizer_corpus import SEED, any_characters, mixed, write

MORE = 2500
SPACES = [" ", "  ", "\u2581", "\u2581\u2581", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2009", "\u200b", "\ufeff", "\u00ad", ""]
# fmt: off
# Letters that become others, marks that join them, marks that go before.
BASES = ["e", "A", "ﬁ", "Å", "ｶ", "가", "①", "½", "㎎", "℃", "µ", "ǅ", "ø", "𝐀", "क", "ำ", "١", "中", "㍻", "ﷺ", "…", "\u1100", "😷", "\u0600", "-", "1"]
MARKS = ["\u0301", "\u0308", "\u0327", "\u20dd", "\u3099", "\u0e31", "\u0ee9", "\u093f", "\u064b", "\u200d", "\ufe0f", "\u1161", "\u11a8", "\u0345", ""]
# fmt: on


def joined(rng: random.Random) -> str:
    parts = []
    for _ in range(rng.randrange(1, 10)):
        parts.append(rng.choice(BASES) + "".join(rng.choice(MARKS) for _ in range(rng.randrange(4))))
        parts.append(rng.choice(SPACES) if rng.random() < 0.4 else "")
    return "".join(parts)


def spaced(rng: random.Random) -> str:
    return "".join(rng.choice([*SPACES, "word", "心率", "9", "</s>", "<unk>", "<mask>"]) for _ in range(rng.randrange(1, 12)))


def everything(rng: random.Random) -> str:
    picked = [rng.randrange(1, 0x30000) for _ in range(rng.randrange(1, 20))]
    return "".join(chr(c) for c in picked if not 0xD800 <= c < 0xE000)


def without_special_pieces(document: dict) -> str:
    special = {token["content"] for token in document["added_tokens"]}
    for number, (text, score) in enumerate(document["model"]["vocab"]):
        if text in special:
            # No text becomes this: the normalizer takes control characters away.
            document["model"]["vocab"][number] = [f"\x01{text}", score]
    # The template and the unknown token go by id and by name, so that the names must stay known; but never in text.
    return json.dumps(document)


def main() -> None:
    model, out = Path(sys.argv[1]), Path(sys.argv[2])
    document = json.loads((model / "tokenizer.json").read_text("utf-8"))
    tokenizer = Tokenizer.from_str(without_special_pieces(document))
    tokenizer.encode_special_tokens = True
    rng = random.Random(SEED + 2)
    lines = []
    for line in gzip.decompress((out / "corpus.jsonl.gz").read_bytes()).decode("utf-8").strip("\n").split("\n"):
        entry = json.loads(line)
        text = entry["t"] if "t" in entry else base64.b64decode(entry["b"]).decode("utf-8", errors="replace")
        lines.append({"i": tokenizer.encode(text).ids})
    for number in range(MORE):
        text = [joined, spaced, everything, any_characters, mixed][number % 5](rng)
        lines.append({"t": text, "i": tokenizer.encode(text).ids})
    write(out / "unigram.jsonl.gz", lines)


if __name__ == "__main__":
    main()
