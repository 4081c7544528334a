"""An adapter's files, named as the peft package names them: adapter_config.json and adapter_model.safetensors.

An adapter adds to a matrix W [out, in] the product of two narrow ones, (alpha / rank) B A, with A [rank, in] and
B [out, rank]. E. J. Hu et al., "LoRA: low-rank adaptation of large language models", arXiv:2106.09685. The file format:
https://huggingface.co/docs/peft/developer_guides/checkpoint.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from ..export.source import SourceError
from ..export.tensorfile import Tensors

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
NAME = re.compile(r"base_model\.model\.(model\.layers\.\d+\.(?:self_attn\.[qkvo]|mlp\.(?:gate|up|down))_proj)"
                  r"\.lora_[AB]\.weight")
# Variants that compute something else; each must be absent or say no.
VARIANTS = ("use_rslora", "use_dora", "fan_in_fan_out", "lora_bias", "modules_to_save", "rank_pattern", "alpha_pattern",
            "layer_replication", "target_parameters", "trainable_token_indices")


class Adapter:
    """An opened adapter. Raises SourceError, naming the file and the setting or tensor, where something is amiss."""

    def __init__(self, folder: Path):
        try:
            raw = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        except OSError as err:
            raise SourceError(f"{folder / CONFIG}: cannot be read: {err.strerror}") from err
        except ValueError as err:
            raise SourceError(f"{folder / CONFIG}: not JSON: {err}") from err
        if not isinstance(raw, dict) or raw.get("peft_type") != "LORA" or raw.get("bias", "none") != "none":
            raise SourceError(f"{CONFIG}: peft_type must be LORA and bias none")
        if asked := [name for name in VARIANTS if raw.get(name)]:
            raise SourceError(f"{CONFIG}: {asked[0]}: this variant cannot be merged")
        self.rank, alpha = raw.get("r"), raw.get("lora_alpha")
        if type(self.rank) is not int or self.rank < 1 or type(alpha) not in (int, float):
            raise SourceError(f"{CONFIG}: r must be a positive whole number and lora_alpha a number")
        self.scale = alpha / self.rank
        self._tensors = Tensors(folder / WEIGHTS)
        found = {name: NAME.fullmatch(name) for name in sorted(self._tensors.names())}
        if strange := [name for name, match in found.items() if not match]:
            raise SourceError(f"{strange[0]}: not a projection that an adapter here can change")
        self.changed = {match[1] for match in found.values()}

    def delta(self, name: str, out: int, width: int) -> np.ndarray:
        """What is added to the matrix of this name [out, width], float64; 0 where the adapter leaves it alone."""
        if name not in self.changed:
            return np.zeros(())
        a = self._tensors.get(f"base_model.model.{name}.lora_A.weight", self.rank, width)
        b = self._tensors.get(f"base_model.model.{name}.lora_B.weight", out, self.rank)
        return self.scale * (b.astype(np.float64) @ a.astype(np.float64))

    def merged(self, name: str, weight: np.ndarray) -> np.ndarray:
        """W + (alpha / rank) B A, float32; the very W where nothing is added, so that even the sign of a zero stays."""
        delta = self.delta(name, *weight.shape)
        return (weight + delta).astype(np.float32) if delta.any() else weight
