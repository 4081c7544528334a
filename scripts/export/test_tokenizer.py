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
        for flag in ("add_bos", "add_eos"):
            if flag in changes:
                getattr(writer, f"add_{flag}_token")(changes[flag])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        return str(path)

    def write(self, **changes: object) -> Path:
        out = self.folder / "out"
        export.write_tokenizer(self.gguf(**changes), str(out))
        return out

    def test_digits_are_split_as_the_pre_tokenizer_says(self) -> None:
        for pre, want in (("smollm", ["1", "2"]), ("gpt-2", ["12"]), ("qwen2", ["1", "2"]), ("llama-bpe", ["12"])):
            with self.subTest(pre):
                out = self.write(pre=pre)
                tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
                self.assertEqual(tokenizer.encode("12", add_special_tokens=False).tokens, want)

    def test_tokens_merge_and_special_tokens_are_parsed(self) -> None:
        tokenizer = Tokenizer.from_file(str(self.write() / "tokenizer.json"))
        self.assertEqual(tokenizer.encode("ab ab<|end|>").tokens, ["ab", "Ġab", "<|end|>"])
        self.assertEqual(tokenizer.decode([1, 7, 8, 10, 0]), "ab ab<note>")

    def test_qwen_composes_characters(self) -> None:
        changes = {"tokens": [*TOKENS, "Ã", "©", "Ã©"], "kinds": [*KINDS, 1, 1, 1], "merges": [*MERGES, "Ã ©"]}
        for pre, want in (("qwen2", ["Ã©"]), ("llama-bpe", [])):
            with self.subTest(pre):
                tokenizer = Tokenizer.from_file(str(self.write(pre=pre, **changes) / "tokenizer.json"))
                self.assertEqual(tokenizer.encode("e\u0301", add_special_tokens=False).tokens, want)

    def test_whole_words_go_before_merges_in_llama_3(self) -> None:
        for pre, want in (("llama-bpe", ["aab"]), ("qwen2", ["a", "ab"])):
            with self.subTest(pre):
                out = self.write(pre=pre, tokens=[*TOKENS, "aab"], kinds=[*KINDS, 1])
                tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
                self.assertEqual(tokenizer.encode("aab", add_special_tokens=False).tokens, want)

    def test_a_text_begins_as_the_file_says(self) -> None:
        for changes, want in (({"pre": "llama-bpe"}, ["<|start|>", "ab"]), ({"pre": "llama-bpe", "add_bos": False}, ["ab"]),
                              ({"pre": "qwen2"}, ["ab"]), ({"pre": "qwen2", "add_bos": True}, ["<|start|>", "ab"])):
            with self.subTest(changes):
                out = self.write(**changes)
                self.assertEqual(Tokenizer.from_file(str(out / "tokenizer.json")).encode("ab").tokens, want)

    def test_unused_tokens_are_left_out(self) -> None:
        tokenizer = Tokenizer.from_file(str(self.write(tokens=[*TOKENS, "[PAD11]"], kinds=[*KINDS, 5]) / "tokenizer.json"))
        self.assertIsNone(tokenizer.token_to_id("[PAD11]"))
        self.assertEqual(tokenizer.get_vocab_size(), len(TOKENS))

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
            ({"pre": "tekken"}, "tokenizer.ggml.pre is 'tekken'"),
            ({"add_eos": True}, "tokenizer.ggml.add_eos_token"),
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
