"""The tokenizer of the device language models: byte-level BPE over both languages, digits one by one.

Its settings are among those that runtime/tokenizer reads exactly: no normalizer, the published pattern that splits each
digit off, bytes, merges. The bytes of what is written depend on the texts alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

TASKS = ("text", "summary", "diagnosis", "treatment", "triples")
LANGUAGES = ("en", "zh")
END, BOS, PAD, ANSWER = "<|end|>", "<|bos|>", "<|pad|>", "<|answer|>"
# Their place is their id.
SPECIAL = (END, BOS, PAD, ANSWER, *(f"<|{name}|>" for name in (*LANGUAGES, *TASKS)))
# As published with Qwen 2 (Apache-2.0): words with one character before them, each digit alone, runs of signs, spaces.
PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LONGEST = 24  # characters of a token, in bytes' letters
REPEATED = 3  # times that names of the table of terms are read


def sequence(example: dict) -> str:
    """What a model reads and writes of an example, as one text with special tokens."""
    head = f"{BOS}<|{example['language']}|><|{example['task']}|>"
    if example["task"] == "text":
        return head + example["answer"] + END
    return head + example["prompt"] + ANSWER + example["answer"] + END


def plain(example: dict) -> list[str]:
    """The texts of an example as they stand between special tokens."""
    return [text for text in (example["prompt"], example["answer"]) if text]


def terms(folder: Path) -> list[str]:
    """All names of the table of terms (clinical/terms/data), each as a line has it and after a space.

    They stand here as often as a merge needs: names that no generated patient has are to be short, too.
    """
    out = []
    for path in sorted(folder.glob("*.tsv")):
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        columns = [i for i, name in enumerate(rows[0]) if name in ("en", "zh", "aliases_en", "aliases_zh", "abbr")]
        for row in rows[1:]:
            names = {name for i in columns for name in row[i].split("|") if name}
            out += [text for name in sorted(names) for text in (name, " " + name)]
    return out * REPEATED


def train(texts: Iterable[str] | Iterator[str], size: int) -> Tokenizer:
    """A tokenizer of at most `size` tokens; fewer where the texts have no more pairs that stand twice."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=2,
        max_token_length=LONGEST,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path, longest: int) -> None:
    """Writes tokenizer.json and tokenizer_config.json; `longest` is the models' longest sequence."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": END,
        "pad_token": PAD,
        "model_max_length": longest,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
