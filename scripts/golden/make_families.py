"""Make tiny random decoders of each family with transformers, and record the logits that it computes with them.

    python -m venv .venv && .venv/bin/pip install -r scripts/golden/requirements.txt
    .venv/bin/python scripts/golden/make_families.py

Nothing of the exporter is used. Weights are random, large enough that each part of a layer tells in the logits, and stored as
bfloat16, which they are rounded to beforehand; transformers computes with them in float32. Each folder under testdata/families
gets config.json and model.safetensors as transformers writes them, and logits.json: a text of random tokens, longer than a page
of the cache, than the window and than the context that Llama 3's frequencies are scaled from, and the logits after some of them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
import transformers
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

FOLDER = Path(__file__).resolve().parents[2] / "testdata" / "families"
VOCABULARY, LENGTH, EVERY = 256, 100, 11
COMMON = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64, "max_position_embeddings": 128,
    "num_attention_heads": 4, "num_key_value_heads": 2, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 1000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
TWO_ROPES = {
    "full_attention": {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
}
MODELS = {
    "llama": (LlamaForCausalLM, LlamaConfig(
        **COMMON, num_hidden_layers=2, head_dim=32, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0})),
    "llama3": (LlamaForCausalLM, LlamaConfig(
        **COMMON, num_hidden_layers=2, head_dim=32, tie_word_embeddings=True, rope_parameters=LLAMA3)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(
        **(COMMON | {"hidden_size": 64, "num_attention_heads": 2, "num_key_value_heads": 1}), num_hidden_layers=2, tie_word_embeddings=True)),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(
        **COMMON, num_hidden_layers=2, head_dim=32, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})),
    "gemma3": (Gemma3ForCausalLM, Gemma3TextConfig(
        **(COMMON | {"num_key_value_heads": 1, "eos_token_id": [2, 0]}), num_hidden_layers=6, head_dim=32,
        query_pre_attn_scalar=48, sliding_window=24, tie_word_embeddings=True, rope_parameters=TWO_ROPES)),
}


def fill(model: torch.nn.Module, seed: int) -> None:
    """Random weights that bfloat16 has: matrices of variance 1/width, norms that differ from one another, biases that tell."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in sorted(model.named_parameters()):
            noise = torch.randn(value.shape, generator=random)
            if "norm" in name:
                value.add_(0.3 * noise)
            elif value.ndim == 1:
                value.copy_(noise)
            else:
                value.copy_(noise / value.shape[1] ** 0.5)


def record(model: torch.nn.Module, seed: int) -> dict:
    """A text, and the logits after every so many of its tokens and after the last."""
    tokens = torch.randint(0, VOCABULARY, (LENGTH,), generator=torch.Generator().manual_seed(seed)).tolist()
    positions = [*range(0, LENGTH - 1, EVERY), LENGTH - 1]
    with torch.inference_mode():
        logits = model(torch.tensor([tokens])).logits[0].float()
    return {"tokens": tokens, "positions": positions, "logits": [[round(x, 5) for x in logits[p].tolist()] for p in positions]}


def main() -> None:
    for seed, (name, (kind, config)) in enumerate(sorted(MODELS.items())):
        folder = FOLDER / name
        shutil.rmtree(folder, ignore_errors=True)
        made = kind(config)
        fill(made, seed)
        made.to(torch.bfloat16).save_pretrained(folder)
        model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        head = {"made_with": f"transformers {transformers.__version__}, torch {torch.__version__.partition('+')[0]}"}
        (folder / "logits.json").write_text(json.dumps(head | record(model, seed)) + "\n", encoding="utf-8")
        print(name, flush=True)


if __name__ == "__main__":
    main()
