"""Writes a Hugging Face tokenizer (tokenizer.json and its companions) from a GGUF file.

Three files are written: tokenizer.json, tokenizer_config.json and chat_template.jinja. Their bytes
depend on the GGUF's metadata alone, so their digests can be pinned.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf

from .architecture import SourceError

# Token kinds of the GGUF specification (tokenizer.ggml.token_type). Unused ones fill a vocabulary up; no text has them.
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5

BYTE_LEVEL: dict[str, Any] = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": True,
}


@dataclass(frozen=True)
class Pre:
    """What GGUF names a pre-tokenizer, Hugging Face spells out."""

    steps: dict[str, Any]
    nfc: bool = False
    ignore_merges: bool = False
    bos: bool = False  # whether a text begins with a token of its own where no key says so


def split(digits: str) -> dict[str, Any]:
    """The pattern that Llama 3 and Qwen 2 share, but for how many digits stand together."""
    pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits +
               r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    return {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
        BYTE_LEVEL | {"use_regex": False},
    ]}


# `smollm` splits digits one by one before the byte-level pattern; leaving that step out changes about one string in twenty.
PRE_TOKENIZERS: dict[str, Pre] = {
    "gpt-2": Pre(BYTE_LEVEL),
    "smollm": Pre({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, BYTE_LEVEL]}),
    "qwen2": Pre(split(r"\p{N}"), nfc=True),
    "llama-bpe": Pre(split(r"\p{N}{1,3}"), ignore_merges=True, bos=True),
}


class UnsupportedTokenizer(SourceError):
    """The GGUF's tokenizer is not one this module can write exactly."""


def write_tokenizer(gguf_path: str, out_dir: str) -> None:
    """Writes tokenizer.json, tokenizer_config.json and chat_template.jinja into out_dir.

    Raises UnsupportedTokenizer when the GGUF holds another kind of tokenizer, and ValueError when
    its tables contradict each other. Each file is replaced whole or not at all.
    """
    meta = _Metadata(gguf_path)
    documents = {
        "tokenizer.json": _dump(tokenizer_json(meta)),
        "tokenizer_config.json": _dump(tokenizer_config(meta)),
    }
    if meta.chat_template is not None:
        documents["chat_template.jinja"] = meta.chat_template
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        _replace(out / name, text.encode("utf-8"))


def check_tokenizer(gguf_path: str) -> None:
    """Raises what write_tokenizer would."""
    _Metadata(gguf_path)


class _Metadata:
    """The tokenizer's part of a GGUF file, checked."""

    def __init__(self, gguf_path: str) -> None:
        self._fields = gguf.GGUFReader(gguf_path).fields
        model = self._need("tokenizer.ggml.model")
        if model != "gpt2":
            raise UnsupportedTokenizer(f"tokenizer.ggml.model is {model!r}; only 'gpt2' (byte-level BPE) is written. "
                                       "Copy the published one with --tokenizer")
        self.pre: str = self._get("tokenizer.ggml.pre", "gpt-2")
        if self.pre not in PRE_TOKENIZERS:
            known = ", ".join(sorted(PRE_TOKENIZERS))
            raise UnsupportedTokenizer(f"tokenizer.ggml.pre is {self.pre!r}; known are: {known}")
        for flag in ("add_space_prefix", "add_eos_token"):
            if self._get(f"tokenizer.ggml.{flag}", False):
                raise UnsupportedTokenizer(f"tokenizer.ggml.{flag} is set; that is not written")
        self.tokens: list[str] = self._need("tokenizer.ggml.tokens")
        self.kinds: list[int] = self._need("tokenizer.ggml.token_type")
        self.merges = [self._pair(m) for m in self._need("tokenizer.ggml.merges")]
        self.chat_template: str | None = self._get("tokenizer.chat_template", None)
        begins = self._get("tokenizer.ggml.add_bos_token", PRE_TOKENIZERS[self.pre].bos)
        self.bos: str | None = self.named("bos") if begins else None
        self.context_length: int | None = self._get(f"{self._need('general.architecture')}.context_length", None)
        self._check()

    def _get(self, key: str, default: Any) -> Any:
        field = self._fields.get(key)
        return default if field is None else field.contents()

    def _need(self, key: str) -> Any:
        if key not in self._fields:
            raise ValueError(f"the GGUF has no {key}")
        return self._get(key, None)

    @staticmethod
    def _pair(merge: str) -> list[str]:
        pair = merge.split(" ")
        if len(pair) != 2 or not all(pair):
            raise ValueError(f"tokenizer.ggml.merges: {merge!r} is not two tokens")
        return pair

    def _check(self) -> None:
        if len(self.kinds) != len(self.tokens):
            raise ValueError("tokenizer.ggml.tokens and tokenizer.ggml.token_type differ in length")
        vocab = set(self.tokens)
        if len(vocab) != len(self.tokens):
            raise ValueError("tokenizer.ggml.tokens has a token twice")
        unknown = set(self.kinds) - {NORMAL, CONTROL, USER_DEFINED, UNUSED}
        if unknown:
            raise UnsupportedTokenizer(f"tokenizer.ggml.token_type has kinds {sorted(unknown)}; known are 1, 3, 4 and 5")
        for left, right in self.merges:
            if left not in vocab or right not in vocab or left + right not in vocab:
                raise ValueError(f"tokenizer.ggml.merges: {left!r} + {right!r} is not in the vocabulary")

    def named(self, name: str) -> str | None:
        """The token that plays a role (bos, eos, unknown, padding), or None."""
        index = self._get(f"tokenizer.ggml.{name}_token_id", None)
        return None if index is None else self.tokens[index]


def tokenizer_json(meta: _Metadata) -> dict[str, Any]:
    added = [
        {
            "id": index,
            "content": text,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind == CONTROL,
        }
        for index, (text, kind) in enumerate(zip(meta.tokens, meta.kinds, strict=True))
        if kind not in (NORMAL, UNUSED)
    ]
    pre = PRE_TOKENIZERS[meta.pre]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "NFC"} if pre.nfc else None,
        "pre_tokenizer": pre.steps,
        "post_processor": None if meta.bos is None else beginning(meta.bos, meta.tokens.index(meta.bos)),
        "decoder": BYTE_LEVEL,
        "model": {
            "type": "BPE",
            "dropout": None,
            # No unknown token: a byte the vocabulary lacks is left out, as the published tokenizer
            # does. Mapping it to <|endoftext|> would let text end a document.
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": pre.ignore_merges,
            "vocab": {text: index for index, (text, kind) in enumerate(zip(meta.tokens, meta.kinds)) if kind != UNUSED},
            "merges": meta.merges,
        },
    }


def beginning(token: str, index: int) -> dict[str, Any]:
    """A post-processor that puts a token before a text."""
    first, text, other = ({"SpecialToken": {"id": token, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                          {"Sequence": {"id": "B", "type_id": 1}})
    return {"type": "TemplateProcessing", "single": [first, text], "pair": [first, text, other],
            "special_tokens": {token: {"id": token, "ids": [index], "tokens": [token]}}}


def tokenizer_config(meta: _Metadata) -> dict[str, Any]:
    config: dict[str, Any] = {"tokenizer_class": "GPT2Tokenizer"}
    for role, name in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("unk", "unknown")):
        config[f"{role}_token"] = meta.named(name)
    config["add_prefix_space"] = False
    if meta.bos is not None:
        config["add_bos_token"] = True
    config["clean_up_tokenization_spaces"] = False
    if meta.context_length is not None:
        config["model_max_length"] = meta.context_length
    if meta.chat_template is not None:
        config["chat_template"] = meta.chat_template
    return config


def _dump(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gguf", help="the GGUF file")
    parser.add_argument("out", help="the folder to write to")
    arguments = parser.parse_args()
    write_tokenizer(arguments.gguf, arguments.out)


if __name__ == "__main__":
    main()
