"""Writes the tokenizer's reference corpus: 5,000 strings with the ids that Hugging Face's tokenizers gives them.

Usage: tokenizer_corpus.py MODEL_DIR OUT_DIR, where MODEL_DIR holds tokenizer.json.

Written to OUT_DIR, each line one JSON object:
  corpus.jsonl.gz    {"t": text} or {"b": base64 of bytes that are no valid UTF-8}, and
                     "i": ids with special tokens read as ordinary text,
                     "s": ids with special tokens parsed (left out when the same),
                     "d": the decoded ids (left out when it is the text).
  variants.jsonl.gz  {"n": line of the corpus, "v": {name: ids}}: the same vocabulary under the
                     pre-tokenizers of other model families; a name is left out when "i" holds,
                     and named in "x" when it is not compared.
  decode.jsonl.gz    {"i": random ids, "d": text with, "k": text without special tokens}.

Invalid UTF-8 is read as WHATWG's decoder does: each maximal part of a sequence that is cut short, or
else each single byte, becomes one U+FFFD. Python's errors="replace" is that rule.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tokenizers import Tokenizer

import tokenizer_words as words

SEED = 20260
COUNT = 5000
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
PLAIN = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def split_then_bytes(pattern: str) -> dict:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [split, PLAIN]}


# What each variant changes in tokenizer.json; runtime/tokenizer's tests make the same changes.
VARIANTS: dict[str, dict] = {
    "gpt2": {"pre_tokenizer": {**PLAIN, "use_regex": True}},
    "gpt2-prefix": {"pre_tokenizer": {**PLAIN, "use_regex": True, "add_prefix_space": True}},
    "llama3": {"pre_tokenizer": split_then_bytes(LLAMA3), "ignore_merges": True},
    "qwen2": {"pre_tokenizer": split_then_bytes(QWEN2), "normalizer": {"type": "NFC"}},
}

LONG_MARKS = re.compile("\u0301{31}")
Rng = random.Random


def clinical(rng: Rng) -> str:
    return rng.choice(words.SENTENCES_EN).format(**words.fill(rng))


def chinese(rng: Rng) -> str:
    return rng.choice(words.SENTENCES_ZH).format(**words.fill(rng))


def quantity(rng: Rng) -> str:
    sign = rng.choice(["", "", "<", ">", "≥", "≤", "±", "~", "≈", "-", "+", "−"])
    gap = rng.choice(["", " ", "\u00a0", "\u2009", "\u202f"])
    value = rng.choice(
        [
            str(rng.randrange(10 ** rng.randrange(1, 12))),
            f"{rng.uniform(0, 500):.{rng.randrange(4)}f}",
            f"{rng.randrange(1, 300):,}.{rng.randrange(100)}",
            f"{rng.randrange(1, 99)}/{rng.randrange(1, 99)}",
            f"{rng.randrange(1, 9)}×10{rng.choice(['^9', '⁹', '^12', '¹²', '³'])}",
            rng.choice(["½", "¼", "Ⅳ", "٣٤", "१२", "１２０", "②", "〇", "十二", "1e-3", "0x1F"]),
        ]
    )
    return f"{rng.choice(words.LABS)}{rng.choice([' ', ': ', '=', '：'])}{sign}{value}{gap}{rng.choice(words.UNITS)}"


def timestamps(rng: Rng) -> str:
    day = f"{rng.randrange(1900, 2100)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
    clock = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
    return rng.choice([f"{day}T{clock}+08:00", f"{day} {clock}.{rng.randrange(1000):03}", f"({day})", f"{clock}|{day}"])


def emoji(rng: Rng) -> str:
    parts = [rng.choice(words.EMOJI + ["", " ", "ok", "\ufe0f"]) for _ in range(rng.randrange(1, 9))]
    return "".join(parts)


def spaces(rng: Rng) -> str:
    parts = []
    for _ in range(rng.randrange(1, 8)):
        parts.append(rng.choice(words.SPACES) * rng.choice([1, 1, 1, 2, 3, 7, 40]))
        parts.append(rng.choice(["", "a", "word", "9", "。", "'s", "(", "x1", "中"]))
    return "".join(parts)


def special(rng: Rng) -> str:
    marks = words.SPECIAL + ["<|im_end", "|>", "<|", "<|IM_END|>", "< |im_end|>", "<|im_<|im_end|>", "<repo_name><reponame"]
    parts = [rng.choice(marks + ["", " ", "\n", "user", "system\n", "忽略", "1"]) for _ in range(rng.randrange(1, 7))]
    return "".join(parts)


def scripts(rng: Rng) -> str:
    return " ".join(rng.choice(words.SCRIPTS) for _ in range(rng.randrange(1, 5)))


def combining(rng: Rng) -> str:
    letters = "aeinouAEN가क일o"
    marks = "\u0301\u0308\u0327\u0323\u0338\u20dd\u0e31\u093f\u064b\u3099"
    return "".join(
        rng.choice(letters) + "".join(rng.choice(marks) for _ in range(rng.randrange(4))) for _ in range(rng.randrange(1, 9))
    )


def contractions(rng: Rng) -> str:
    ends = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "'Re", "’s", "'", "''", "'x", "'1", "'ſ"]
    return " ".join(
        rng.choice(["patient", "he", "We", "DON", "it", "", "5", "他"]) + rng.choice(ends)
        for _ in range(rng.randrange(1, 6))
    )


def long_words(rng: Rng) -> str:
    unit = rng.choice(
        ["a", "ab", "aaaaaaab", "GATTACA", "=", "-", "_", " ", "\n", "9", "中", "é", "😷", "\u0301", "ha!", "\t", "xyZ0"]
    )
    return unit * rng.randrange(10, 700 // len(unit)) + rng.choice(["", "a", " ", "\n"])


def code(rng: Rng) -> str:
    return rng.choice(words.CODE).format(**words.fill(rng))


def any_characters(rng: Rng) -> str:
    # fmt: off
    ranges = [(1, 0x7F), (0x80, 0x24F), (0x370, 0x6FF), (0x900, 0x9FF), (0x2000, 0x206F), (0x2190, 0x22FF),
              (0x3000, 0x30FF), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xE000, 0xE100), (0xFF00, 0xFFEF), (0x1F300, 0x1F5FF), (0x20000, 0x20100)]
    # fmt: on
    picked = [rng.choice(ranges) for _ in range(rng.randrange(1, 4))]
    return "".join(chr(rng.randint(*rng.choice(picked))) for _ in range(rng.randrange(1, 30)))


def controls(rng: Rng) -> str:
    return "".join(
        rng.choice(
            [
                chr(rng.randrange(32)),
                "a",
                "in",
                "the",
                "\x7f",
                "\x00",
                "\ufeff",
                "\ufffd",
                "\ufdd0",
                "\U000fffff",
                "\U00050000",
            ]
        )
        for _ in range(rng.randrange(1, 10))
    )


def mixed(rng: Rng) -> str:
    kinds = [clinical, chinese, quantity, timestamps, emoji, spaces, special, scripts, combining, contractions, code]
    return rng.choice(["", " ", "\n", "，", "; "]).join(rng.choice(kinds)(rng) for _ in range(rng.randrange(2, 5)))


def broken(rng: Rng) -> bytes:
    data = bytearray(mixed(rng).encode("utf-8"))
    # fmt: off
    bad = [b"\x80", b"\xbf\xbf", b"\xc0\xaf", b"\xc3", b"\xe4\xb8", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\xf5", b"\xfe\xff", b"\xff"]
    # fmt: on
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data) + 1)
        if rng.random() < 0.3 and at < len(data):
            del data[at]
        else:
            data[at:at] = rng.choice(bad)
    return bytes(data)


# fmt: off
KINDS: list[tuple[Callable[[Rng], str | bytes], int]] = [
    (clinical, 18), (chinese, 18), (quantity, 14), (timestamps, 3), (emoji, 6), (spaces, 9), (special, 8), (scripts, 5), (combining, 4),
    (contractions, 5), (long_words, 4), (code, 4), (any_characters, 6), (controls, 5), (mixed, 10), (broken, 8),
]
# fmt: on


def corpus() -> list[bytes]:
    rng = random.Random(SEED)
    generators, weights = zip(*KINDS, strict=True)
    seen: dict[bytes, None] = {b"": None}
    while len(seen) < COUNT:
        text = rng.choices(generators, weights)[0](rng)
        seen[text if isinstance(text, bytes) else text.encode("utf-8")] = None
    return list(seen)


def variant(document: dict, changes: dict) -> Tokenizer:
    changed = json.loads(json.dumps(document))
    changed["pre_tokenizer"] = changes["pre_tokenizer"]
    changed["normalizer"] = changes.get("normalizer")
    changed["model"]["ignore_merges"] = changes.get("ignore_merges", False)
    return ordinary(json.dumps(changed))


def ordinary(document: str) -> Tokenizer:
    tokenizer = Tokenizer.from_str(document)
    tokenizer.encode_special_tokens = True  # read special tokens in text as ordinary text
    return tokenizer


def encoded(document: str, strings: list[bytes]) -> Iterable[dict]:
    plain, parsing = ordinary(document), Tokenizer.from_str(document)
    for data in strings:
        text = data.decode("utf-8", errors="replace")
        valid = text.encode("utf-8") == data
        line: dict = {"t": text} if valid else {"b": base64.b64encode(data).decode("ascii")}
        line["i"] = plain.encode(text, add_special_tokens=False).ids
        parsed = parsing.encode(text, add_special_tokens=False).ids
        decoded = plain.decode(line["i"], skip_special_tokens=False)
        if parsed != line["i"]:
            line["s"] = parsed
        if decoded != text:
            line["d"] = decoded
        yield line


def varied(document: str, lines: list[dict], strings: list[bytes]) -> Iterable[dict]:
    tokenizers = {name: variant(json.loads(document), changes) for name, changes in VARIANTS.items()}
    for n in range(0, len(lines), 4):
        text = strings[n].decode("utf-8", errors="replace")
        ids = {name: t.encode(text, add_special_tokens=False).ids for name, t in tokenizers.items()}
        if LONG_MARKS.search(text):
            del ids["qwen2"]  # Go's NFC is the stream-safe one of UAX 15: it breaks up more than 30 marks in a row
        yield {
            "n": n,
            "v": {name: i for name, i in ids.items() if i != lines[n]["i"]},
            "x": [name for name in tokenizers if name not in ids],
        }


def decoded(document: str, count: int = 600) -> Iterable[dict]:
    rng, tokenizer = random.Random(SEED + 1), Tokenizer.from_str(document)
    size = tokenizer.get_vocab_size()
    single = [i for i in range(size) if len(tokenizer.id_to_token(i)) == 1]
    for _ in range(count):
        ids = [
            rng.choice([rng.randrange(size), rng.choice(single), rng.choice(single), rng.randrange(17)])
            for _ in range(rng.randrange(30))
        ]
        yield {"i": ids, "d": tokenizer.decode(ids, skip_special_tokens=False), "k": tokenizer.decode(ids)}


def write(path: Path, lines: Iterable[dict]) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0))


def main() -> None:
    model, out = Path(sys.argv[1]), Path(sys.argv[2])
    document = (model / "tokenizer.json").read_text("utf-8")
    strings = corpus()
    lines = list(encoded(document, strings))
    out.mkdir(parents=True, exist_ok=True)
    write(out / "corpus.jsonl.gz", lines)
    write(out / "variants.jsonl.gz", varied(document, lines, strings))
    write(out / "decode.jsonl.gz", decoded(document))


if __name__ == "__main__":
    main()
