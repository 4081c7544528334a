"""Reading a GGUF file: its hyper-parameters, and its tensors as float32."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gguf import GGUFReader, dequantize

END_OF_TEXT = "<|endoftext|>"


class SourceError(ValueError):
    """The GGUF file lacks something, or is of a kind this exporter does not write."""


@dataclass(frozen=True)
class ModelConfig:
    """Hyper-parameters of a Llama-style decoder, under their Hugging Face names."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    rope_theta: float
    rms_norm_eps: float
    bos_token_id: int
    eos_token_id: int
    eos_token_ids: tuple[int, ...]
    tie_word_embeddings: bool
    license: str
    languages: tuple[str, ...]


class Source:
    """An opened GGUF file of architecture `llama`.

    Raises SourceError, naming the GGUF key or tensor, when the file is not one.
    """

    def __init__(self, path: str):
        self._reader = GGUFReader(path)
        self._tensors = {t.name: t for t in self._reader.tensors}
        self.config = self._read_config()

    def _field(self, key: str, default=None):
        field = self._reader.fields.get(key)
        if field is not None:
            return field.contents()
        if default is None:
            raise SourceError(f"{key}: missing from the GGUF file")
        return default

    def _read_config(self) -> ModelConfig:
        arch = self._field("general.architecture")
        if arch != "llama":
            raise SourceError(f"general.architecture: {arch!r}, only 'llama' can be exported")
        if self._reader.fields.get("llama.rope.scaling.type") is not None:
            raise SourceError("llama.rope.scaling.type: scaled rotary embeddings are not supported")
        hidden = int(self._field("llama.embedding_length"))
        heads = int(self._field("llama.attention.head_count"))
        if hidden % heads:
            raise SourceError("llama.attention.head_count: does not divide llama.embedding_length")
        head_dim = hidden // heads
        eos = int(self._field("tokenizer.ggml.eos_token_id"))
        if int(self._field("llama.rope.dimension_count", head_dim)) != head_dim:
            raise SourceError("llama.rope.dimension_count: partial rotary is not supported")
        return ModelConfig(
            vocab_size=int(self._tensor("token_embd.weight").shape[1]),
            hidden_size=hidden,
            intermediate_size=int(self._field("llama.feed_forward_length")),
            num_hidden_layers=int(self._field("llama.block_count")),
            num_attention_heads=heads,
            num_key_value_heads=int(self._field("llama.attention.head_count_kv", heads)),
            head_dim=head_dim,
            max_position_embeddings=int(self._field("llama.context_length")),
            rope_theta=float(self._field("llama.rope.freq_base", 10000.0)),
            rms_norm_eps=_shortest(self._field("llama.attention.layer_norm_rms_epsilon")),
            bos_token_id=int(self._field("tokenizer.ggml.bos_token_id")),
            eos_token_id=eos,
            eos_token_ids=self._stops(eos),
            tie_word_embeddings="output.weight" not in self._tensors,
            license=str(self._field("general.license", "unknown")),
            languages=tuple(self._field("general.languages", ["en"])),
        )

    def _stops(self, eos: int) -> tuple[int, ...]:
        """The end of a chat turn, and the end of a document, with which a plain completion stops."""
        tokens = self._field("tokenizer.ggml.tokens")
        end = [tokens.index(END_OF_TEXT)] if END_OF_TEXT in tokens else []
        return (eos, *(i for i in end if i != eos))

    def _tensor(self, name: str):
        if name not in self._tensors:
            raise SourceError(f"{name}: tensor missing from the GGUF file")
        return self._tensors[name]

    def tensor(self, name: str) -> np.ndarray:
        """The tensor as float32, `[out, in]` for matrices."""
        t = self._tensor(name)
        flat = dequantize(t.data, t.tensor_type)
        return np.ascontiguousarray(flat.reshape(t.shape[::-1]), np.float32)

    def qkv(self, layer: int) -> np.ndarray:
        """Query, key and value projections as one matrix `[(heads + 2*kv_heads)*head_dim, hidden]`."""
        c = self.config
        return np.concatenate([
            half_split(self.tensor(f"blk.{layer}.attn_q.weight"), c.num_attention_heads),
            half_split(self.tensor(f"blk.{layer}.attn_k.weight"), c.num_key_value_heads),
            self.tensor(f"blk.{layer}.attn_v.weight"),
        ])

    def head(self) -> np.ndarray:
        """The output projection `[vocab, hidden]`; the embedding where the two are tied."""
        return self.tensor("token_embd.weight" if self.config.tie_word_embeddings else "output.weight")


def half_split(weight: np.ndarray, heads: int) -> np.ndarray:
    """Undo GGUF's row order for llama's rotary embedding.

    GGUF stores each head's rows so that rotated pairs stand side by side (0, D/2, 1, D/2+1, ...);
    the published order, which GroupQueryAttention takes with rotary_interleaved=0, has them half a head apart.
    """
    out, hidden = weight.shape
    pairs = weight.reshape(heads, out // heads // 2, 2, hidden)
    return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(out, hidden))


def _shortest(value: float) -> float:
    """The shortest decimal that names the same float32: GGUF holds 1e-05 as 9.999999747378752e-06."""
    return float(str(np.float32(value)))
