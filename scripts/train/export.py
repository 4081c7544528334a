"""A trained model as a folder: weights.safetensors, config.json and the tokenizer's files, which scripts/export takes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from ..bootstrap.files import replacing_folder
from .config import ModelConfig
from .models import EPSILON, LanguageModel
from .tokens import Special

WEIGHTS, CONFIG = "weights.safetensors", "config.json"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


class ExportError(ValueError):
    """The folder holds no model of these kinds; the message names the file and what is wrong with it."""


def describe(config: ModelConfig, vocabulary: int, longest: int, marks: Special) -> dict[str, Any]:
    """config.json, under Hugging Face's names. `longest` is the longest sequence it was trained on, in tokens."""
    common = {
        "vocab_size": vocabulary, "hidden_size": config.hidden_size, "num_hidden_layers": config.layers,
        "max_position_embeddings": longest, "rms_norm_eps": EPSILON, "tie_word_embeddings": True,
        "bos_token_id": marks.bos, "eos_token_id": marks.end, "torch_dtype": "float32",
    }
    if config.kind != "attention":
        return {"model_type": f"bedside-{config.kind}"} | common
    return {"model_type": "llama", "architectures": ["LlamaForCausalLM"]} | common | {
        "intermediate_size": config.intermediate_size, "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads, "head_dim": config.head_dim, "rope_theta": config.rope_theta,
        "rope_scaling": None, "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
    }


def write(folder: Path, model: LanguageModel, longest: int, marks: Special, corpus: Path) -> None:
    """Write the model's present weights, float32, and what belongs to them."""
    vocabulary = model.embed.weight.shape[0]
    with replacing_folder(folder) as temp:
        tensors = {name: np.asarray(v.value, np.float32) for name, v in sorted(model.named().items())}
        save_file(tensors, temp / WEIGHTS, {"format": "np"})
        text = json.dumps(describe(model.config, vocabulary, longest, marks), indent=2)
        (temp / CONFIG).write_text(text + "\n", encoding="utf-8")
        for name in TOKENIZER_FILES:
            if (corpus / name).is_file():
                shutil.copyfile(corpus / name, temp / name)


def read(folder: Path) -> LanguageModel:
    """The model of an exported folder."""
    shape, vocabulary = shape_of(folder)
    model = LanguageModel(shape, vocabulary, seed=0).build_all()
    fill(model, folder)
    return model


def shape_of(folder: Path) -> tuple[ModelConfig, int]:
    """The shape of an exported folder's model, and its vocabulary's size."""
    try:
        raw = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ExportError(f"{folder}: no exported model: {err}") from err
    kind = "attention" if raw["model_type"] == "llama" else raw["model_type"].removeprefix("bedside-")
    shape = ModelConfig(kind, raw["hidden_size"], raw["num_hidden_layers"])
    if kind == "attention":
        shape = ModelConfig(
            kind, raw["hidden_size"], raw["num_hidden_layers"], heads=raw["num_attention_heads"],
            kv_heads=raw["num_key_value_heads"], head_dim=raw["head_dim"], intermediate_size=raw["intermediate_size"],
            rope_theta=raw["rope_theta"])
    return shape, raw["vocab_size"]


def fill(model: LanguageModel, folder: Path) -> None:
    """Put an exported folder's weights into a model of its shape."""
    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, ValueError) as err:
        raise ExportError(f"{folder}: no exported model: {err}") from err
    named = model.named()
    if set(named) != set(tensors):
        raise ExportError(f"{folder / WEIGHTS}: has other tensors: {', '.join(sorted(set(named) ^ set(tensors))[:4])}")
    for name, variable in named.items():
        if tuple(variable.shape) != tensors[name].shape:
            raise ExportError(f"{folder / WEIGHTS}: {name} has shape {tensors[name].shape}, not {tuple(variable.shape)}")
        variable.assign(tensors[name])
