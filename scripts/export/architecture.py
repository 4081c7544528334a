"""The decoders that are exported: what sets one family apart from another, and the hyper-parameters of one model."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


class SourceError(ValueError):
    """The weights lack something, or are of a kind this exporter does not write."""


# Tensors of a layer: the part of GGUF's name, and of Hugging Face's.
COMMON = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}
HEAD_NORMS = {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}
AROUND = {
    "ffn_norm": "pre_feedforward_layernorm", "post_attention_norm": "post_attention_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


@dataclass(frozen=True)
class Family:
    """An architecture, as it differs from the plainest."""

    model_type: str  # Hugging Face's name
    architecture: str  # the class that config.json names
    gguf: str  # GGUF's name
    title: str
    parts: dict[str, str] = field(default_factory=lambda: COMMON)
    defaults: dict = field(default_factory=dict)  # of config.json, where they are not those of `checkpoint.py`
    qkv_bias: bool = False
    head_norms: bool = False  # RMS norm of each query and key head, before the rotation
    post_norms: bool = False  # RMS norm of what attention and the feed-forward part give, before it is added
    gelu: bool = False  # the tanh form of GELU instead of SiLU
    scaled_embedding: bool = False  # by the root of hidden_size
    norm_shift: float = 0.0  # what norm weights are short of, in Hugging Face's files; in GGUF's they are whole
    pairs_together: bool = False  # GGUF keeps the rows of queries and keys so that rotated pairs stand side by side
    window_pattern: int = 0  # one layer of so many looks at the whole text, the others through a window

    @property
    def norms(self) -> tuple[str, ...]:
        """The parts that are norms over hidden_size."""
        return tuple(part for part in self.parts if part.endswith("_norm") and part not in HEAD_NORMS)


LLAMA = Family("llama", "LlamaForCausalLM", "llama", "Llama-style", pairs_together=True)
QWEN2 = Family("qwen2", "Qwen2ForCausalLM", "qwen2", "Qwen2-style", qkv_bias=True, defaults={"rms_norm_eps": 1e-6})
QWEN3 = Family("qwen3", "Qwen3ForCausalLM", "qwen3", "Qwen3-style", COMMON | HEAD_NORMS, head_norms=True,
               defaults={"rms_norm_eps": 1e-6, "head_dim": 128})
GEMMA3 = Family(
    "gemma3_text", "Gemma3ForCausalLM", "gemma3", "Gemma3-style", COMMON | HEAD_NORMS | AROUND, head_norms=True,
    post_norms=True, gelu=True, scaled_embedding=True, norm_shift=1.0, window_pattern=6, defaults={
        # Files of the larger models leave out what is the same in all of them.
        "vocab_size": 262_208, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
        "max_position_embeddings": 131_072, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "rope_local_base_freq": 1e4,
        "query_pre_attn_scalar": 256, "sliding_window": 4096, "hidden_activation": "gelu_pytorch_tanh",
        "tie_word_embeddings": True,
    })
FAMILIES = (LLAMA, QWEN2, QWEN3, GEMMA3)


@dataclass(frozen=True)
class Rotary:
    """A rotary embedding (RoFormer, Su et al. 2021, section 3.2.2), perhaps stretched to longer texts."""

    theta: float
    factors: tuple[float, ...] = ()  # each frequency is divided by its own; where there is one, all are divided by it

    def tables(self, dim: int, positions: int) -> tuple[np.ndarray, np.ndarray]:
        """cos and sin `[positions, dim/2]` float32.

        The angle is rounded to float32 as in training; cos and sin are taken in float64, so that the bytes
        do not depend on the vector library of the machine that exports.
        """
        exponent = np.arange(0, dim, 2, dtype=np.float64) / dim
        frequency = (1.0 / self.theta**exponent).astype(np.float32)
        if self.factors:
            frequency /= np.array(self.factors, np.float32)
        angle = np.arange(positions, dtype=np.float32)[:, None] * frequency[None, :]
        wide = angle.astype(np.float64)
        return np.cos(wide).astype(np.float32), np.sin(wide).astype(np.float32)


@dataclass(frozen=True)
class ModelConfig:
    """Hyper-parameters of a decoder, under their Hugging Face names where they have one there."""

    family: Family
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    rope: Rotary
    rms_norm_eps: float
    bos_token_id: int
    eos_token_id: int
    eos_token_ids: tuple[int, ...]
    tie_word_embeddings: bool
    license: str
    languages: tuple[str, ...]
    query_pre_attn_scalar: float  # scores are divided by its root; head_dim with most
    local_rope: Rotary | None = None  # of layers with a window; None: as the others
    windows: tuple[int, ...] = ()  # by layer: how many tokens a token sees, itself among them; 0, or no such tuple: all

    @property
    def score_scale(self) -> float:
        return float(self.query_pre_attn_scalar) ** -0.5

    @property
    def embedding_scale(self) -> np.float32:
        """Rounded to float32, as everything else is."""
        return np.sqrt(np.float32(self.hidden_size)) if self.family.scaled_embedding else np.float32(1)

    def window(self, layer: int) -> int:
        return self.windows[layer] if self.windows else 0

    def rotary(self, layer: int) -> Rotary:
        return self.local_rope if self.local_rope and self.window(layer) else self.rope


def by_pattern(family: Family, layers: int, window: int, pattern: int = 0) -> tuple[int, ...]:
    """The layers' windows where one of `pattern` has none."""
    every = pattern or family.window_pattern
    return tuple(window if (layer + 1) % every else 0 for layer in range(layers)) if every > 1 and window else ()
