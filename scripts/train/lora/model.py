"""A model with low-rank adapters beside its matrices: y = W x + (alpha / rank) B A x.

A [rank, in] begins at random, B [out, rank] at zero, so that the model begins as it was. W stays as it is: what is learnt is
2% of the weights or less, and W's gradient, a third of a step's work, need not be computed.

E. J. Hu et al., "LoRA: low-rank adaptation of large language models", arXiv:2106.09685.
"""

from __future__ import annotations

import json
from pathlib import Path

import jax
import keras
import numpy as np
from keras import ops
from safetensors.numpy import load_file, save_file

from ...bootstrap.files import replacing_folder
from ..attention import Attention, FeedForward, attend, normal, project, rotate
from ..config import ModelConfig
from ..models import LanguageModel
from .config import AdapterConfig

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


class Pairs:
    """The narrow matrices of one layer."""

    def __init__(self, layer: keras.layers.Layer, config: AdapterConfig, matrices: dict[str, keras.Variable]):
        self.scale, self.matrices = config.alpha / config.rank, matrices
        self.added = {
            name: (layer.add_weight((config.rank, w.shape[1]), name=f"{name}.lora_A", initializer=normal()),
                   layer.add_weight((w.shape[0], config.rank), name=f"{name}.lora_B", initializer="zeros"))
            for name, w in matrices.items() if f"{name}_proj" in config.targets}

    def project(self, x: jax.Array, name: str) -> jax.Array:
        """x times the matrix of this name, and what is added to it."""
        y = project(x, self.matrices[name])
        if name in self.added:
            a, b = self.added[name]
            y = y + self.scale * project(project(x, a), b)
        return y


class LowRankAttention(Attention):
    """Attention whose projections have adapters."""

    def __init__(self, config: ModelConfig, adapter: AdapterConfig, **kwargs):
        super().__init__(config, **kwargs)
        self.adapter = adapter

    def build(self, shape: tuple) -> None:
        super().build(shape)
        self.pairs = Pairs(self, self.adapter, dict(self.proj))

    def call(self, x: jax.Array, segments: jax.Array, positions: jax.Array) -> jax.Array:
        """See Attention."""
        c = self.config
        q, k, v = (ops.reshape(self.pairs.project(x, name), (*x.shape[:2], count, c.head_dim))
                   for name, count in (("q", c.heads), ("k", c.kv_heads), ("v", c.kv_heads)))
        q, k = rotate(q, positions, c.rope_theta), rotate(k, positions, c.rope_theta)
        return self.pairs.project(attend(q, k, v, segments), "o")


class LowRankFeedForward(FeedForward):
    """The gated layer whose matrices have adapters."""

    def __init__(self, config: ModelConfig, adapter: AdapterConfig, **kwargs):
        super().__init__(config, **kwargs)
        self.adapter = adapter

    def build(self, shape: tuple) -> None:
        super().build(shape)
        self.pairs = Pairs(self, self.adapter, {"gate": self.gate, "up": self.up, "down": self.down})

    def call(self, x: jax.Array) -> jax.Array:
        """See FeedForward."""
        return self.pairs.project(ops.silu(self.pairs.project(x, "gate")) * self.pairs.project(x, "up"), "down")


class LowRankModel(LanguageModel):
    """The attention model with adapters in every layer."""

    def __init__(self, config: ModelConfig, vocabulary: int, adapter: AdapterConfig, seed: int):
        super().__init__(config, vocabulary, seed)
        self.adapter = adapter
        kinds = {Attention: LowRankAttention, FeedForward: LowRankFeedForward}
        plain = list(self.parts)
        self.parts.clear()
        self.parts.extend(kinds[type(part)](config, adapter) for part in plain)

    def added(self) -> dict[str, keras.Variable]:
        """The adapters' weights, under the names that the peft package gives them."""
        out = {}
        for at, part in enumerate(self.parts):
            where = f"base_model.model.model.layers.{at // 2}.{'self_attn' if isinstance(part, Attention) else 'mlp'}"
            for name, pair in part.pairs.added.items():
                out |= {f"{where}.{name}_proj.lora_{side}.weight": v for side, v in zip("AB", pair)}
        return out


def save(folder: Path, model: LowRankModel, base: str) -> None:
    """Write the adapter as peft does; `base` names the model that it is for."""
    a = model.adapter
    with replacing_folder(folder) as temp:
        save_file({name: np.asarray(v.value, np.float32) for name, v in sorted(model.added().items())}, temp / WEIGHTS,
                  {"format": "pt"})
        text = json.dumps({
            "base_model_name_or_path": base, "bias": "none", "fan_in_fan_out": False, "inference_mode": True,
            "init_lora_weights": True, "lora_alpha": a.alpha, "lora_dropout": 0.0, "modules_to_save": None,
            "peft_type": "LORA", "r": a.rank, "target_modules": sorted(a.targets), "task_type": "CAUSAL_LM",
            "use_dora": False, "use_rslora": False}, indent=2)
        (temp / CONFIG).write_text(text + "\n", encoding="utf-8")


def load(folder: Path, model: LowRankModel) -> None:
    """Put an adapter's weights into a model of its shape."""
    tensors = load_file(folder / WEIGHTS)
    for name, variable in model.added().items():
        variable.assign(tensors[name])
