"""Writes a small tokenizer of Gemma's kind, and the ids that Hugging Face's tokenizers gives with it.

Usage: tokenizer_sentence.py TESTDATA, the folder that holds tokenizer/corpus.jsonl.gz and eval/heldout.en.txt.

Written to TESTDATA/tokenizer:
  sentence-tokenizer.json.gz  SentencePiece's BPE as transformers' GemmaTokenizer sets it up (spaces as U+2581, no split before
                              merging, characters that the vocabulary lacks as bytes), trained on a part of the corpus
  sentence.jsonl.gz           every fifth text of the corpus, and some of spaces and bytes, each line one object: "t" or "b"
                              as in corpus.jsonl.gz, "i": ids with added tokens read as ordinary text, "s": ids with them
                              parsed (left out when the same), "d": the decoded ids (left out when they are the text)
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
PLAIN = ["\n", "\n\n", "\n\n\n", "<table>"]  # added tokens that are not special, as Gemma has them
BYTES = [f"<0x{value:02X}>" for value in range(256)]
VOCABULARY, ALPHABET = 1500, 400
EXTRA = ["", " ", "  ", "   a", "a   ", "▁", "a▁b", "a ▁ b", "\n", "\n\n\n\n", "a\n\nb", "<table>x</table>", "<0x41>", "<bos>hi<eos>",
         "\u0000\u0001", "𝄞 clef", "é e\u0301", "e\u0301\u0301", "<start_of_turn>user\nHi<end_of_turn>\n", "a" * 500, " " * 300]


def train(texts: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Tokens and merges; words are kept apart in training, as SentencePiece does."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(Regex("▁?[^▁\n]+|▁+|\n+"), "isolated")
    made.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=VOCABULARY, limit_alphabet=ALPHABET, show_progress=False))
    model = json.loads(made.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].get), [tuple(m) for m in model["merges"]]


def tokenizer(tokens: list[str], merges: list[tuple[str, str]]) -> Tokenizer:
    """The pipeline of transformers.GemmaTokenizer."""
    vocab = {token: i for i, token in enumerate(dict.fromkeys([*SPECIAL, *BYTES, *PLAIN, "▁", *tokens]))}
    merges = list(dict.fromkeys([("\n", "\n"), ("\n\n", "\n"), *merges]))
    out = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    out.normalizer = normalizers.Replace(" ", "▁")
    out.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    out.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return out


def added(plain: Tokenizer) -> Tokenizer:
    """The same with its added tokens."""
    document = json.loads(plain.to_str())
    document["added_tokens"] = [
        {"id": plain.token_to_id(token), "content": token, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": token in SPECIAL} for token in (*SPECIAL, *PLAIN)]
    return Tokenizer.from_str(json.dumps(document))


def write(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def main() -> None:
    root = Path(sys.argv[1])
    with gzip.open(root / "tokenizer" / "corpus.jsonl.gz", "rt", encoding="utf-8") as corpus:
        lines = [json.loads(line) for line in corpus]
    known = [line["t"] for i, line in enumerate(lines) if "t" in line and i % 5]
    plain = tokenizer(*train([*known, (root / "eval" / "heldout.en.txt").read_text(encoding="utf-8")]))
    parsing = added(plain)
    out = []
    for line in [*({"t": text} for text in EXTRA), *lines[::5]]:
        entry = {key: line[key] for key in ("t", "b") if key in line}
        text = line["t"] if "t" in line else base64.b64decode(line["b"]).decode("utf-8", "replace")
        entry["i"] = plain.encode(text, add_special_tokens=False).ids
        parsed, decoded = parsing.encode(text, add_special_tokens=False).ids, plain.decode(entry["i"])
        out.append(entry | ({"s": parsed} if parsed != entry["i"] else {}) | ({"d": decoded} if decoded != text else {}))
    write(root / "tokenizer" / "sentence-tokenizer.json.gz", parsing.to_str())
    write(root / "tokenizer" / "sentence.jsonl.gz", "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in out))
    print(len(out), "texts,", plain.get_vocab_size(), "tokens")


if __name__ == "__main__":
    main()
