"""A decoder's configuration and weights under Hugging Face's names: config.json and safetensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .architecture import FAMILIES, HEAD_NORMS, WHOLE, Family, ModelConfig, Rotary, SourceError, by_pattern
from .quantize import EMBED_BLOCK
from .tensorfile import Shards, Tensors

CONFIG = "config.json"
HEAD_MULTIPLE = 16  # measured: GroupQueryAttention of ONNX Runtime 1.32 refuses others
BY_TYPE = {f.model_type: f for f in FAMILIES}
# Where the layers are: in files of a decoder, and in those of a model that sees images too.
PREFIXES = ("model.", "language_model.model.", "model.language_model.")
SLIDING = "sliding_attention"
FULL = "full_attention"
GELU = "gelu_pytorch_tanh"
# Settings that must be absent, or as here.
FIXED = {
    "mlp_bias": False, "attn_logit_softcapping": None, "final_logit_softcapping": None, "use_bidirectional_attention": False,
    "num_experts": 0, "partial_rotary_factor": 1.0,
}


class Settings:
    """config.json. Raises SourceError, naming the setting, where one is not what it must be."""

    def __init__(self, raw: dict[str, Any]):
        self._raw = {k: v for k, v in raw.items() if v is not None}

    def over(self, defaults: dict[str, Any]) -> Settings:
        """These, and the defaults of what is not among them."""
        return Settings(defaults | self._raw)

    def get(self, key: str, default: Any = None) -> Any:
        return self._raw.get(key, default)

    def size(self, key: str, default: int | None = None) -> int:
        """A positive whole number."""
        value = self.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise SourceError(f"{CONFIG}: {key} must be a positive whole number, it is {value!r}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A positive number."""
        value = self.get(key, default)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < math.inf:
            raise SourceError(f"{CONFIG}: {key} must be a positive number, it is {value!r}")
        return float(value)

    def group(self, key: str) -> Settings:
        """Settings within a setting; none where there is none."""
        value = self.get(key, {})
        if not isinstance(value, dict):
            raise SourceError(f"{CONFIG}: {key} must be an object, it is {value!r}")
        return Settings(value)


def read_config(s: Settings, tokens: Callable[[str], tuple[int, ...]], tied: bool, about: dict[str, Any]) -> ModelConfig:
    """The configuration of a decoder, of settings with its family's defaults. `tokens` finds those that begin (bos) and end
    (eos) a text, `tied` is what tie_word_embeddings defaults to, `about` holds license and languages."""
    family = BY_TYPE[s.get("model_type")]
    _refuse(s, family)
    hidden, heads, layers = s.size("hidden_size"), s.size("num_attention_heads"), s.size("num_hidden_layers")
    if hidden % heads and s.get("head_dim") is None:
        raise SourceError(f"{CONFIG}: num_attention_heads does not divide hidden_size")
    head_dim = s.size("head_dim", hidden // heads)
    if head_dim % HEAD_MULTIPLE:
        raise SourceError(f"{CONFIG}: head_dim is {head_dim}; the runtime's attention takes multiples of "
                          f"{HEAD_MULTIPLE}: train with another number of heads, or another head_dim")
    if hidden % EMBED_BLOCK:
        raise SourceError(f"{CONFIG}: hidden_size is {hidden}; the 8-bit embedding takes multiples of {EMBED_BLOCK}")
    rope, local = _rotaries(s, family, head_dim)
    eos = tokens("eos")
    return ModelConfig(
        family=family, vocab_size=s.size("vocab_size"), hidden_size=hidden, intermediate_size=s.size("intermediate_size"),
        num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=s.size("num_key_value_heads", heads),
        head_dim=head_dim, max_position_embeddings=s.size("max_position_embeddings"), rope=rope,
        rms_norm_eps=s.number("rms_norm_eps", 1e-5), bos_token_id=tokens("bos")[0], eos_token_id=eos[0], eos_token_ids=eos,
        tie_word_embeddings=s.get("tie_word_embeddings", tied) is True,
        query_pre_attn_scalar=s.number("query_pre_attn_scalar", head_dim) if family.window_pattern else head_dim,
        local_rope=local, windows=_windows(s, family, layers), **about,
    )


def _refuse(s: Settings, family: Family) -> None:
    for key, must in FIXED.items():
        if s.get(key, must) != must:
            raise SourceError(f"{CONFIG}: {key} is {s.get(key)!r}, which is not supported")
    # Qwen2 has biases of its own, which no setting names.
    if s.get("attention_bias", False):
        raise SourceError(f"{CONFIG}: attention_bias must be false")
    act = s.get("hidden_activation", s.get("hidden_act", "silu"))
    if act != (GELU if family.gelu else "silu"):
        raise SourceError(f"{CONFIG}: hidden_act is {act!r}, which {family.title} models are not supported with")


def _rotaries(s: Settings, family: Family, head_dim: int) -> tuple[Rotary, Rotary | None]:
    """The rotary embeddings of layers that see all, and of those with a window where they have another.

    Older files have rope_theta, rope_local_base_freq and rope_scaling, newer ones rope_parameters, by the layers' type where
    there are two.
    """
    new, theta = s.group("rope_parameters"), s.number("rope_theta", 10000.0)
    longest = s.size("max_position_embeddings")
    if not family.window_pattern:
        flat = new if new.get("rope_theta") is not None else s.group("rope_scaling")
        return _rotary(flat, theta, head_dim, longest, "rope_scaling"), None
    near = s.number("rope_local_base_freq", 10000.0)
    if new.get(FULL) is None:
        return _rotary(s.group("rope_scaling"), theta, head_dim, longest, "rope_scaling"), Rotary(near)
    names = (FULL, theta), (SLIDING, near)
    both = [_rotary(new.group(kind), base, head_dim, longest, f"rope_parameters.{kind}") for kind, base in names]
    return both[0], both[1]


def _rotary(s: Settings, theta: float, head_dim: int, longest: int, where: str) -> Rotary:
    kind, theta = s.get("rope_type", s.get("type", "default")), s.number("rope_theta", theta)
    try:
        match kind:
            case "default":
                return Rotary(theta)
            case "linear":
                return Rotary(theta, (s.number("factor"),))
            case "llama3":
                return Rotary(theta, _llama3(s, theta, head_dim, longest))
    except SourceError as err:
        raise SourceError(f"{err} (in {where})") from err
    raise SourceError(f"{CONFIG}: {where}: rotary embeddings of type {kind!r} are not supported; linear and llama3 are")


def _llama3(s: Settings, theta: float, head_dim: int, longest: int) -> tuple[float, ...]:
    """Llama 3.1's: frequencies that turn often within the original context stay, slow ones are divided by `factor`, and
    between the two it goes over smoothly."""
    factor, low, high = s.number("factor"), s.number("low_freq_factor"), s.number("high_freq_factor")
    context = s.size("original_max_position_embeddings", longest)
    turns = context / (2 * np.pi * theta ** (np.arange(0, head_dim, 2) / head_dim))
    share = np.clip((turns - low) / (high - low), 0, 1)
    return tuple(float(f) for f in 1 / ((1 - share) / factor + share))


def _windows(s: Settings, family: Family, layers: int) -> tuple[int, ...]:
    """By layer, how many tokens a token sees; 0: all. () where no layer has a window."""
    if not (family.window_pattern or s.get("use_sliding_window", False)):
        return ()
    window, types = s.size("sliding_window"), s.get("layer_types")
    if types is None and family.window_pattern:
        return by_pattern(family, layers, window, s.size("sliding_window_pattern", family.window_pattern))
    if types is None:
        types = [SLIDING if layer >= s.get("max_window_layers", 28) else FULL for layer in range(layers)]
    if len(types) != layers or set(types) - {SLIDING, FULL}:
        raise SourceError(f"{CONFIG}: layer_types must name {SLIDING} or {FULL} for each of {layers} layers")
    return tuple(window if kind == SLIDING else 0 for kind in types)


class DecoderSource:
    """Weights under Hugging Face's names, read by GGUF's, which the graphs' builders go by.

    Hugging Face keeps the rotated halves of a head half a head apart, which is what the graphs take.
    """

    def __init__(self, tensors: Tensors | Shards, config: ModelConfig):
        self._tensors, self.config = tensors, config
        c = config
        self._prefix = next((p for p in PREFIXES if p + "embed_tokens.weight" in tensors), PREFIXES[0])
        query = c.num_attention_heads * c.head_dim
        self._shapes = {
            "attn_output": (c.hidden_size, query), "ffn_gate": (c.intermediate_size, c.hidden_size),
            "ffn_up": (c.intermediate_size, c.hidden_size), "ffn_down": (c.hidden_size, c.intermediate_size),
            **dict.fromkeys(HEAD_NORMS, (c.head_dim,)), **dict.fromkeys(c.family.norms, (c.hidden_size,)),
        }

    def tensor(self, name: str) -> np.ndarray:
        """The tensor as float32, `[out, in]` for matrices."""
        c, shift = self.config, np.float32(self.config.family.norm_shift if "norm" in name else 0)
        if name in WHOLE:
            shape = (c.hidden_size,) if "norm" in name else (c.vocab_size, c.hidden_size)
            at = WHOLE[name].replace(PREFIXES[0], self._prefix, 1)
        else:
            _, layer, part, _ = name.split(".")
            at, shape = f"{self._prefix}layers.{layer}.{c.family.parts[part]}.weight", self._shapes[part]
        value = self._tensors.get(at, *shape)
        return value + shift if shift else value

    def _projected(self, layer: int, kind: str, *width: int) -> np.ndarray:
        c = self.config
        heads = (("q", c.num_attention_heads), ("k", c.num_key_value_heads), ("v", c.num_key_value_heads))
        return np.concatenate([
            self._tensors.get(f"{self._prefix}layers.{layer}.self_attn.{part}_proj.{kind}", n * c.head_dim, *width)
            for part, n in heads
        ])

    def qkv(self, layer: int) -> np.ndarray:
        """Query, key and value projections as one matrix `[(heads + 2*kv_heads)*head_dim, hidden]`."""
        return self._projected(layer, "weight", self.config.hidden_size)

    def qkv_bias(self, layer: int) -> np.ndarray | None:
        """Their biases `[(heads + 2*kv_heads)*head_dim]`, where the family has them."""
        return self._projected(layer, "bias") if self.config.family.qkv_bias else None

    def head_norms(self, layer: int) -> tuple[np.ndarray, ...]:
        """Weights of the norms of query and key heads `[head_dim]`; none where the family has none."""
        names = HEAD_NORMS if self.config.family.head_norms else ()
        return tuple(self.tensor(f"blk.{layer}.{name}.weight") for name in names)

    def head(self) -> np.ndarray:
        """The output projection `[vocab, hidden]`; the embedding where the two are tied."""
        return self.tensor("token_embd.weight" if self.config.tie_word_embeddings else "output.weight")
