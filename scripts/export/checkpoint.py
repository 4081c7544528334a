"""What training leaves: a folder with weights.safetensors, config.json and the tokenizer's files."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from tokenizers import Tokenizer

from .quantize import EMBED_BLOCK
from .source import ModelConfig, SourceError
from .tensorfile import Tensors

WEIGHTS, CONFIG, CARD = "weights.safetensors", "config.json", "card.md"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
RECURRENT = {"bedside-rnn": "rnn", "bedside-lstm": "lstm", "bedside-gru": "gru"}
LICENSE, LANGUAGES = "apache-2.0", ("en", "zh")
HEAD_MULTIPLE = 16  # measured: GroupQueryAttention of ONNX Runtime 1.32 refuses others
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


@dataclass(frozen=True)
class RecurrentConfig:
    """Hyper-parameters of a recurrent model."""

    kind: str  # rnn, lstm or gru
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    max_position_embeddings: int
    rms_norm_eps: float
    bos_token_id: int
    eos_token_ids: tuple[int, ...]
    license: str
    languages: tuple[str, ...]


class Checkpoint:
    """An opened folder. Raises SourceError, naming the file and the setting or tensor, where something is amiss."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.raw = _read_json(folder / CONFIG)
        self.model_type = self.raw.get("model_type")
        if self.model_type not in (*RECURRENT, "llama"):
            known = ", ".join(RECURRENT)
            raise SourceError(f"{CONFIG}: model_type is {self.model_type!r}; {known} and llama can be exported")
        self.tensors = Tensors(folder / WEIGHTS)
        if not (folder / TOKENIZER_FILES[0]).is_file():
            raise SourceError(f"{folder / TOKENIZER_FILES[0]}: no such file; copy the tokenizer beside the weights")
        self.config = self._llama() if self.model_type == "llama" else self._recurrent()

    def _size(self, key: str, default: int | None = None) -> int:
        value = self.raw.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise SourceError(f"{CONFIG}: {key} must be a positive whole number, it is {value!r}")
        return value

    def _number(self, key: str, default: float) -> float:
        value = self.raw.get(key, default)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value <= 0:
            raise SourceError(f"{CONFIG}: {key} must be a positive number, it is {value!r}")
        return float(value)

    def _tokens(self, key: str) -> tuple[int, ...]:
        """One token id or a list of them; where the configuration has none, what tokenizer_config.json names."""
        value = self.raw.get(key + "_token_id")
        if value is None:
            value = self._named(key)
        ids = value if isinstance(value, list) else [value]
        if not ids or any(not isinstance(i, int) or not 0 <= i < self._size("vocab_size") for i in ids):
            raise SourceError(f"{CONFIG}: {key}_token_id must name tokens of the vocabulary, it is {value!r}")
        return tuple(dict.fromkeys(ids))

    def _named(self, key: str) -> int | None:
        path = self.folder / TOKENIZER_FILES[1]
        name = _read_json(path).get(key + "_token") if path.is_file() else None
        if isinstance(name, dict):  # a token with its attributes
            name = name.get("content")
        return None if name is None else Tokenizer.from_file(str(self.folder / TOKENIZER_FILES[0])).token_to_id(name)

    def _recurrent(self) -> RecurrentConfig:
        if self.raw.get("tie_word_embeddings", True) is not True:
            raise SourceError(f"{CONFIG}: tie_word_embeddings must be true: recurrent models have no head of their own")
        return RecurrentConfig(
            kind=RECURRENT[self.model_type], vocab_size=self._size("vocab_size"), hidden_size=self._size("hidden_size"),
            num_hidden_layers=self._size("num_hidden_layers"),
            max_position_embeddings=self._size("max_position_embeddings"),
            rms_norm_eps=self._number("rms_norm_eps", 1e-5), bos_token_id=self._tokens("bos")[0],
            eos_token_ids=self._tokens("eos"), license=str(self.raw.get("license", LICENSE)),
            languages=tuple(self.raw.get("languages", LANGUAGES)),
        )

    def _llama(self) -> ModelConfig:
        hidden, heads = self._size("hidden_size"), self._size("num_attention_heads")
        if self.raw.get("rope_scaling") is not None:
            raise SourceError(f"{CONFIG}: rope_scaling: scaled rotary embeddings are not supported")
        if self.raw.get("attention_bias") or self.raw.get("mlp_bias"):
            raise SourceError(f"{CONFIG}: attention_bias and mlp_bias must be false")
        if hidden % heads and "head_dim" not in self.raw:
            raise SourceError(f"{CONFIG}: num_attention_heads does not divide hidden_size")
        head_dim = self._size("head_dim", hidden // heads)
        if head_dim % HEAD_MULTIPLE:
            raise SourceError(f"{CONFIG}: head_dim is {head_dim}; the runtime's attention takes multiples of "
                              f"{HEAD_MULTIPLE}: train with another number of heads, or another head_dim")
        if hidden % EMBED_BLOCK:
            raise SourceError(f"{CONFIG}: hidden_size is {hidden}; the 8-bit embedding takes multiples of {EMBED_BLOCK}")
        eos = self._tokens("eos")
        return ModelConfig(
            vocab_size=self._size("vocab_size"), hidden_size=hidden, intermediate_size=self._size("intermediate_size"),
            num_hidden_layers=self._size("num_hidden_layers"), num_attention_heads=heads,
            num_key_value_heads=self._size("num_key_value_heads", heads),
            head_dim=head_dim,
            max_position_embeddings=self._size("max_position_embeddings"),
            rope_theta=self._number("rope_theta", 10000.0), rms_norm_eps=self._number("rms_norm_eps", 1e-5),
            bos_token_id=self._tokens("bos")[0], eos_token_id=eos[0], eos_token_ids=eos,
            tie_word_embeddings=self.raw.get("tie_word_embeddings", "lm_head.weight" not in self.tensors) is True,
            license=str(self.raw.get("license", LICENSE)), languages=tuple(self.raw.get("languages", LANGUAGES)),
        )

    def files(self) -> list[Path]:
        """The files that are there beside the weights."""
        return [p for p in (self.folder / name for name in (CONFIG, CARD, *TOKENIZER_FILES)) if p.is_file()]

    def write_tokenizer(self, out: Path) -> None:
        """Copy the tokenizer's files as they are."""
        for name in TOKENIZER_FILES:
            if (self.folder / name).is_file():
                shutil.copyfile(self.folder / name, out / name)

    def card(self) -> str:
        """What training has to say for the model card; "" where it says nothing."""
        path = self.folder / CARD
        return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


class LlamaSource:
    """A checkpoint under Hugging Face's names, read by GGUF's, which the packed graph's builder goes by.

    Hugging Face keeps the rotated halves of a head half a head apart, which is what the graph takes.
    """

    NAMES: ClassVar = {
        "token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
        "output.weight": "lm_head.weight",
    }
    PARTS: ClassVar = {
        "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    }

    def __init__(self, checkpoint: Checkpoint):
        self._tensors, self.config = checkpoint.tensors, checkpoint.config
        c = self.config
        query = c.num_attention_heads * c.head_dim
        self._shapes = {
            "attn_norm": (c.hidden_size,), "ffn_norm": (c.hidden_size,), "attn_output": (c.hidden_size, query),
            "ffn_gate": (c.intermediate_size, c.hidden_size), "ffn_up": (c.intermediate_size, c.hidden_size),
            "ffn_down": (c.hidden_size, c.intermediate_size),
        }

    def tensor(self, name: str) -> np.ndarray:
        """The tensor as float32, `[out, in]` for matrices."""
        c = self.config
        if name in self.NAMES:
            shape = (c.hidden_size,) if "norm" in name else (c.vocab_size, c.hidden_size)
            return self._tensors.get(self.NAMES[name], *shape)
        _, layer, part, _ = name.split(".")
        return self._tensors.get(f"model.layers.{layer}.{self.PARTS[part]}.weight", *self._shapes[part])

    def qkv(self, layer: int) -> np.ndarray:
        """Query, key and value projections as one matrix `[(heads + 2*kv_heads)*head_dim, hidden]`."""
        c = self.config
        heads = (("q", c.num_attention_heads), ("k", c.num_key_value_heads), ("v", c.num_key_value_heads))
        return np.concatenate([
            self._tensors.get(f"model.layers.{layer}.self_attn.{part}_proj.weight", n * c.head_dim, c.hidden_size)
            for part, n in heads
        ])

    def head(self) -> np.ndarray:
        """The output projection `[vocab, hidden]`; the embedding where the two are tied."""
        return self.tensor("token_embd.weight" if self.config.tie_word_embeddings else "output.weight")


def _read_json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise SourceError(f"{path}: cannot be read: {err.strerror}") from err
    except ValueError as err:
        raise SourceError(f"{path}: not JSON: {err}") from err
    if not isinstance(value, dict):
        raise SourceError(f"{path}: not a JSON object")
    return value
