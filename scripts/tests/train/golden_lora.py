"""Makes testdata/lora: a tiny base, an adapter of it as it is saved, and the logits that the trainer computes with both.

    KERAS_BACKEND=jax python -m scripts.tests.train.golden_lora

scripts/tests/test_adapter.py holds the merged export against the same logits.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from scripts.train import export, learner
from scripts.train.config import ModelConfig
from scripts.train.lora import model
from scripts.train.lora.config import AdapterConfig

FOLDER = Path(__file__).resolve().parents[3] / "testdata" / "lora"
SHAPE = ModelConfig("attention", 32, 2, heads=2, kv_heads=1, head_dim=16, intermediate_size=32, rope_theta=1000.0)
ADAPTER = AdapterConfig(rank=4, alpha=8)
MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TOKENS = [1, 40, 90, 41, 2, 1, 200, 3, 77, 78, 40, 2]


def tokenizer() -> Tokenizer:
    """Bytes and three marks."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    out = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(MARKS + alphabet)}, merges=[]))
    out.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    out.decoder = decoders.ByteLevel()
    out.add_special_tokens(MARKS)
    return out


def write_base(folder: Path, shape: ModelConfig = SHAPE) -> None:
    """A random model as scripts/adapter/base.py writes one. Half precision keeps it small."""
    words, rng = tokenizer(), np.random.default_rng(5)
    vocabulary = words.get_vocab_size()
    plain = model.LanguageModel(shape, vocabulary, seed=0).build_all()
    tensors = {}
    for name, variable in sorted(plain.named().items()):
        value = rng.standard_normal(variable.shape) / np.sqrt(variable.shape[-1])
        tensors[name] = (1 + value if len(variable.shape) == 1 else value).astype(np.float16)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / export.WEIGHTS)
    settings = {
        "attention_bias": False, "bos_token_id": 1, "eos_token_id": 2, "head_dim": shape.head_dim, "hidden_act": "silu",
        "hidden_size": shape.hidden_size, "intermediate_size": shape.intermediate_size, "max_position_embeddings": 256,
        "mlp_bias": False, "model_type": "llama", "num_attention_heads": shape.heads, "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv_heads, "rms_norm_eps": 1e-5, "rope_scaling": None, "rope_theta": shape.rope_theta,
        "tie_word_embeddings": True, "vocab_size": vocabulary}
    (folder / export.CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    words.save(str(folder / "tokenizer.json"), pretty=False)


def opened(base: Path) -> model.LowRankModel:
    """The base with an adapter that does nothing yet."""
    shape, vocabulary = export.shape_of(base)
    out = model.LowRankModel(shape, vocabulary, ADAPTER, seed=0).build_all()
    export.fill(out, base)
    return out


def main() -> None:
    """Write the folder."""
    write_base(FOLDER / "base")
    made, rng = opened(FOLDER / "base"), np.random.default_rng(6)
    for variable in made.added().values():
        variable.assign(rng.standard_normal(variable.shape).astype(np.float32) * 0.3)
    model.save(FOLDER / "adapter", made, "tiny")
    np.save(FOLDER / "logits.npy", learner.logits(made, [TOKENS])[0])
    (FOLDER / "tokens.json").write_text(json.dumps(TOKENS) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
