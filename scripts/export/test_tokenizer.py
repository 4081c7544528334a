"""Tests of tokenizer.py on small GGUF files written here, so that no download is needed."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path

import gguf
from tokenizers import Tokenizer

from scripts.export import tokenizer as export

TOKENS = ["<|end|>", "<|start|>", "1", "2", "a", "b", "Ġ", "ab", "Ġab", "12", "<note>"]
KINDS = [3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 4]
MERGES = ["a b", "Ġ ab", "1 2"]
TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"


class WriteTokenizer(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def gguf(self, **changes: object) -> str:
        fields = {"model": "gpt2", "pre": "smollm", "tokens": TOKENS, "kinds": KINDS, "merges": MERGES, **changes}
        path = self.folder / "model.gguf"
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_context_length(128)
        writer.add_tokenizer_model(fields["model"])
        writer.add_tokenizer_pre(fields["pre"])
        writer.add_token_list(fields["tokens"])
        writer.add_token_types(fields["kinds"])
        writer.add_token_merges(fields["merges"])
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(0)
        writer.add_chat_template(TEMPLATE)
        if changes.get("add_bos"):
            writer.add_add_bos_token(True)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        return str(path)

    def write(self, **changes: object) -> Path:
        out = self.folder / "out"
        export.write_tokenizer(self.gguf(**changes), str(out))
        return out

    def test_digits_are_split_only_by_smollm(self) -> None:
        for pre, want in (("smollm", ["1", "2"]), ("gpt-2", ["12"])):
            with self.subTest(pre):
                out = self.write(pre=pre)
                self.assertEqual(Tokenizer.from_file(str(out / "tokenizer.json")).encode("12").tokens, want)

    def test_tokens_merge_and_special_tokens_are_parsed(self) -> None:
        tokenizer = Tokenizer.from_file(str(self.write() / "tokenizer.json"))
        self.assertEqual(tokenizer.encode("ab ab<|end|>").tokens, ["ab", "Ġab", "<|end|>"])
        self.assertEqual(tokenizer.decode([1, 7, 8, 10, 0]), "ab ab<note>")

    def test_missing_bytes_are_left_out(self) -> None:
        tokenizer = Tokenizer.from_file(str(self.write() / "tokenizer.json"))
        self.assertEqual(tokenizer.encode("azb").tokens, ["ab"])

    def test_companion_files(self) -> None:
        out = self.write()
        config = json.loads((out / "tokenizer_config.json").read_text("utf-8"))
        self.assertEqual((config["bos_token"], config["eos_token"], config["pad_token"]), ("<|start|>", "<|end|>", None))
        self.assertEqual((config["model_max_length"], config["chat_template"]), (128, TEMPLATE))
        self.assertEqual((out / "chat_template.jinja").read_text("utf-8"), TEMPLATE)

    def test_bytes_are_the_same_every_time(self) -> None:
        first = {p.name: p.read_bytes() for p in self.write().iterdir()}
        self.assertEqual({p.name: p.read_bytes() for p in self.write().iterdir()}, first)
        self.assertEqual(sorted(first), ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json"])

    def test_what_cannot_be_written_is_named(self) -> None:
        cases: list[tuple[dict[str, object], str]] = [
            ({"model": "llama"}, "tokenizer.ggml.model is 'llama'"),
            ({"pre": "llama-bpe"}, "tokenizer.ggml.pre is 'llama-bpe'"),
            ({"add_bos": True}, "tokenizer.ggml.add_bos_token"),
            ({"kinds": KINDS[:-1]}, "differ in length"),
            ({"kinds": KINDS[:-1] + [6]}, r"kinds \[6\]"),
            ({"tokens": TOKENS[:-1] + ["a"]}, "token twice"),
            ({"merges": ["ab"]}, "'ab' is not two tokens"),
            ({"merges": ["b a"]}, "'b' [+] 'a' is not in the vocabulary"),
        ]
        for changes, message in cases:
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                self.write(**changes)


if __name__ == "__main__":
    unittest.main()
