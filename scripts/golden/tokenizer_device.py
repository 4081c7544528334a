"""Writes the reference of the device language models' tokenizer: itself, and strings with the ids that it gives them.

Usage: tokenizer_device.py CORPUS OUT_DIR, where CORPUS is a corpus of scripts/corpus language.

Written to OUT_DIR: device-tokenizer.json.gz, the tokenizer.json of the corpus; device.jsonl.gz, 1,500 sequences of the
corpus' test set, with and without their special tokens, and 1,500 of the odd strings of tokenizer_corpus.py, in its format.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from pathlib import Path

from tokenizer_corpus import corpus as odd_strings
from tokenizer_corpus import encoded, write

COUNT = 1500
SEED = 20261


def sequences(path: Path, rng: random.Random) -> list[bytes]:
    """Sequences of the models, each cut somewhere in half of the cases: what streams see."""
    out = []
    for line in rng.sample(path.read_text(encoding="utf-8").splitlines(), COUNT):
        e = json.loads(line)
        text = f"<|bos|><|{e['language']}|><|{e['task']}|>{e['prompt']}<|answer|>{e['answer']}<|end|>"
        if rng.random() < 0.5:
            at = rng.randrange(len(text))
            text = text[at : at + rng.randrange(1, 200)]
        out.append(text.encode("utf-8"))
    return out


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    rng = random.Random(SEED)
    document = (source / "tokenizer.json").read_text(encoding="utf-8")
    strings = sequences(source / "test.jsonl", rng) + rng.sample(odd_strings(), COUNT)
    out.mkdir(parents=True, exist_ok=True)
    (out / "device-tokenizer.json.gz").write_bytes(gzip.compress(document.encode("utf-8"), compresslevel=9, mtime=0))
    write(out / "device.jsonl.gz", encoded(document, strings))


if __name__ == "__main__":
    main()
