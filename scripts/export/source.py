"""Reading a GGUF file: its hyper-parameters, and its tensors as float32."""

from __future__ import annotations

import numpy as np
from gguf import GGUFReader, dequantize

from .architecture import FAMILIES, HEAD_NORMS, ModelConfig, Rotary, SourceError, by_pattern

END_OF_TEXT = "<|endoftext|>"
CITATIONS = {"smollm2": 'SmolLM2 (Hugging Face TB; Allal et al. 2025, "SmolLM2: When Smol Goes Big")'}
ROPE_FACTORS = "rope_freqs.weight"
# With this many layers Gemma 3 divides scores by the root of hidden/heads; no key says so.
GEMMA3_27B_LAYERS = 62


class Source:
    """An opened GGUF file of one of the families in architecture.py.

    Raises SourceError, naming the GGUF key or tensor, when the file is not one.
    """

    def __init__(self, path: str):
        self._reader = GGUFReader(path)
        self._tensors = {t.name: t for t in self._reader.tensors}
        name = self._field("general.architecture")
        families = {f.gguf: f for f in FAMILIES}
        if name not in families:
            raise SourceError(f"general.architecture: {name!r}; {', '.join(families)} can be exported")
        self._family = families[name]
        self.config = self._read_config()

    @property
    def name(self) -> str:
        """What the file calls the model, and who made it."""
        base = str(self._field("general.basename", ""))
        if base in CITATIONS:
            return CITATIONS[base]
        maker = str(self._field("general.organization", ""))
        return str(self._field("general.name", "A language model")) + (f" of {maker}" if maker else "")

    @property
    def types(self) -> list[str]:
        """The types that its tensors are stored in."""
        return sorted({t.tensor_type.name for t in self._tensors.values()})

    def _field(self, key: str, default=None):
        field = self._reader.fields.get(key)
        if field is not None:
            return field.contents()
        if default is None:
            raise SourceError(f"{key}: missing from the GGUF file")
        return default

    def _own(self, key: str, default=None):
        """A key of this architecture."""
        return self._field(f"{self._family.gguf}.{key}", default)

    def _refuse(self, key: str, why: str):
        raise SourceError(f"{self._family.gguf}.{key}: {why}")

    def _read_config(self) -> ModelConfig:
        hidden, heads = int(self._own("embedding_length")), int(self._own("attention.head_count"))
        if hidden % heads and f"{self._family.gguf}.attention.key_length" not in self._reader.fields:
            self._refuse("attention.head_count", f"does not divide {self._family.gguf}.embedding_length")
        head_dim, layers = int(self._own("attention.key_length", hidden // heads)), int(self._own("block_count"))
        self._check(head_dim)
        eos = int(self._field("tokenizer.ggml.eos_token_id"))
        return ModelConfig(
            family=self._family, vocab_size=int(self._tensor("token_embd.weight").shape[1]), hidden_size=hidden,
            intermediate_size=int(self._own("feed_forward_length")), num_hidden_layers=layers,
            num_attention_heads=heads, num_key_value_heads=int(self._own("attention.head_count_kv", heads)),
            head_dim=head_dim, max_position_embeddings=int(self._own("context_length")), rope=self._rope(head_dim),
            rms_norm_eps=_shortest(self._own("attention.layer_norm_rms_epsilon")),
            bos_token_id=int(self._field("tokenizer.ggml.bos_token_id", eos)), eos_token_id=eos,
            eos_token_ids=self._stops(eos), tie_word_embeddings="output.weight" not in self._tensors,
            license=str(self._field("general.license", "unknown")),
            languages=tuple(self._field("general.languages", ["en"])),
            query_pre_attn_scalar=self._scalar(head_dim, hidden, heads, layers),
            local_rope=Rotary(_shortest(self._own("rope.freq_base_swa", 10000.0))) if self._family.window_pattern else None,
            windows=self._windows(layers),
        )

    def _windows(self, layers: int) -> tuple[int, ...]:
        window = int(self._own("attention.sliding_window", 0)) if self._family.window_pattern else 0
        pattern = self._own("attention.sliding_window_pattern", 0)
        if isinstance(pattern, list):
            return tuple(window if local else 0 for local in pattern)
        return by_pattern(self._family, layers, window, int(pattern))

    def _check(self, head_dim: int) -> None:
        if int(self._own("attention.value_length", head_dim)) != head_dim:
            self._refuse("attention.value_length", "values of another size than keys are not supported")
        if int(self._own("rope.dimension_count", head_dim)) != head_dim:
            self._refuse("rope.dimension_count", "partial rotary is not supported")
        if int(self._own("expert_count", 0)):
            self._refuse("expert_count", "mixtures of experts are not supported")
        for key in ("attn_logit_softcapping", "final_logit_softcapping"):
            if float(self._own(key, 0.0)):
                self._refuse(key, "capped scores and logits are not supported")
        for name in ("attn_q", "attn_output", "ffn_gate", "ffn_down"):
            if f"blk.0.{name}.bias" in self._tensors and not (self._family.qkv_bias and name == "attn_q"):
                raise SourceError(f"blk.0.{name}.bias: {self._family.gguf} with this bias is not supported")

    def _rope(self, head_dim: int) -> Rotary:
        theta, kind = _shortest(self._own("rope.freq_base", 10000.0)), self._own("rope.scaling.type", "none")
        if ROPE_FACTORS in self._tensors:
            factors = self.tensor(ROPE_FACTORS)
            if factors.shape != (head_dim // 2,):
                raise SourceError(f"{ROPE_FACTORS}: has shape {list(factors.shape)}, not [{head_dim // 2}]")
            return Rotary(theta, tuple(_shortest(f) for f in factors))
        if kind not in ("none", "linear"):
            self._refuse("rope.scaling.type", f"{kind!r} is not supported; none, linear and the tensor {ROPE_FACTORS} are")
        return Rotary(theta, (_shortest(self._own("rope.scaling.factor")),) if kind == "linear" else ())

    def _scalar(self, head_dim: int, hidden: int, heads: int, layers: int) -> float:
        scale = self._own("attention.scale", 0.0)
        if scale:
            return _shortest(scale) ** -2
        return hidden / heads if self._family.window_pattern and layers == GEMMA3_27B_LAYERS else head_dim

    def _stops(self, eos: int) -> tuple[int, ...]:
        """The end of a chat turn, and the end of a document, with which a plain completion stops."""
        tokens = self._field("tokenizer.ggml.tokens")
        turn = int(self._field("tokenizer.ggml.eot_token_id", eos))
        end = [tokens.index(END_OF_TEXT)] if END_OF_TEXT in tokens else []
        return tuple(dict.fromkeys((eos, turn, *end)))

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
        q, k, v = (self.tensor(f"blk.{layer}.attn_{part}.weight") for part in "qkv")
        if c.family.pairs_together:
            q, k = half_split(q, c.num_attention_heads), half_split(k, c.num_key_value_heads)
        return np.concatenate([q, k, v])

    def qkv_bias(self, layer: int) -> np.ndarray | None:
        """Their biases `[(heads + 2*kv_heads)*head_dim]`, where the family has them."""
        if not self.config.family.qkv_bias:
            return None
        return np.concatenate([self.tensor(f"blk.{layer}.attn_{part}.bias") for part in "qkv"])

    def head_norms(self, layer: int) -> tuple[np.ndarray, ...]:
        """Weights of the norms of query and key heads `[head_dim]`; none where the family has none."""
        names = HEAD_NORMS if self.config.family.head_norms else ()
        return tuple(self.tensor(f"blk.{layer}.{name}.weight") for name in names)

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
