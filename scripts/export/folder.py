"""The files of a model folder beside the graph and the tokenizer: configuration, card, manifest."""

from __future__ import annotations

import json
from pathlib import Path

from ..bootstrap.current import MANIFEST
from ..bootstrap.files import sha256
from .checkpoint import RecurrentConfig
from .fused import FusedInt8
from .source import ModelConfig

FORMAT_VERSION = 1


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_configs(folder: Path, c: ModelConfig | RecurrentConfig) -> None:
    """config.json and generation_config.json, under Hugging Face's names."""
    if isinstance(c, RecurrentConfig):
        eos = list(c.eos_token_ids)
        write_json(folder / "config.json", {
            "model_type": f"bedside-{c.kind}", "vocab_size": c.vocab_size, "hidden_size": c.hidden_size,
            "num_hidden_layers": c.num_hidden_layers, "max_position_embeddings": c.max_position_embeddings,
            "rms_norm_eps": c.rms_norm_eps, "tie_word_embeddings": True,
            "bos_token_id": c.bos_token_id, "eos_token_id": eos,
        })
        write_json(folder / "generation_config.json", {
            "bos_token_id": c.bos_token_id, "eos_token_id": eos, "pad_token_id": eos[0],
        })
        return
    write_json(folder / "config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "attention_bias": False, "attention_dropout": 0.0, "mlp_bias": False, "hidden_act": "silu",
        "vocab_size": c.vocab_size, "hidden_size": c.hidden_size, "intermediate_size": c.intermediate_size,
        "num_hidden_layers": c.num_hidden_layers, "num_attention_heads": c.num_attention_heads,
        "num_key_value_heads": c.num_key_value_heads, "head_dim": c.head_dim,
        "max_position_embeddings": c.max_position_embeddings, "rope_theta": c.rope_theta, "rope_scaling": None,
        "rms_norm_eps": c.rms_norm_eps, "tie_word_embeddings": c.tie_word_embeddings,
        "bos_token_id": c.bos_token_id, "eos_token_id": c.eos_token_id, "torch_dtype": "float32", "use_cache": True,
    })
    write_json(folder / "generation_config.json", {
        "bos_token_id": c.bos_token_id, "eos_token_id": list(c.eos_token_ids), "pad_token_id": c.eos_token_id,
    })


# Model cards and GGUF files name licences in lower case; the manifest gives the SPDX identifier.
SPDX = {"apache-2.0": "Apache-2.0", "mit": "MIT"}


def graph_of(c: ModelConfig | RecurrentConfig, precision: str) -> dict:
    """The manifest's part that says what kind of model it is."""
    if isinstance(c, RecurrentConfig):
        return {"kind": c.kind, "graph": "recurrent", "batch_invariant": True}
    return {
        "kind": "attention", "graph": "fused-int8" if precision == FusedInt8.name else "packed-gqa",
        "num_heads": c.num_attention_heads, "num_kv_heads": c.num_key_value_heads, "head_dim": c.head_dim, "batch_invariant": precision != "fp32",
    }


def write_manifest(folder: Path, c: ModelConfig | RecurrentConfig, name: str, precision: str, quality: dict,
                   source: dict) -> None:
    """bedside.json, the last file written: where it stands, the folder is whole."""
    files = {
        p.name: {"sha256": sha256(p), "bytes": p.stat().st_size}
        for p in sorted(folder.iterdir()) if p.name != MANIFEST
    }
    write_json(folder / MANIFEST, {
        "format_version": FORMAT_VERSION, "name": name, "version": "1", **graph_of(c, precision),
        "precision": precision, "languages": list(c.languages), "license": SPDX.get(c.license, c.license),
        "context_length": c.max_position_embeddings, "vocab_size": c.vocab_size, "hidden_size": c.hidden_size,
        "num_layers": c.num_hidden_layers, "bos_token_id": c.bos_token_id, "eos_token_ids": list(c.eos_token_ids),
        "source": source, "quality": quality, "files": files,
    })


CARD = """---
license: {license}
language:
{languages}
library_name: onnx
pipeline_tag: text-generation
---
# {name}

SmolLM2-135M-Instruct (Hugging Face TB; Allal et al. 2025, "SmolLM2: When Smol Goes Big"), a Llama-style decoder of
{layers} layers, hidden size {hidden}, {heads} attention heads over {kv_heads} key/value heads, vocabulary {vocab},
context {context} tokens, as one ONNX graph for ONNX Runtime 1.32 or later. License: {license}.

## How it was made
The weights come from `{file}` (SHA-256 `{sha256}`): 4- and 8-bit blocks (Q4_1, Q8_0), turned back into float32.
This folder is not a copy of the original checkpoint: what those 4 bits lost is lost here too.

{precision_text}

## Measured
{quality_text}

## Use
{graph_text} `bedside.json` holds the digests of all files.

## Limits
A small general model in English. It knows little medicine, makes things up, and has had no clinical
validation. In Bedside every sentence it writes is checked against the record before anyone sees it. Its text supports
a clinician and decides nothing.
"""

PACKED = ("Graph `packed-gqa`: dense layers see packed tokens, attention alone sees padded rows; the cache is passed in\n"
          "and out explicitly.")
FUSED = "Graph `fused-int8`, of Bedside's own operators: the cache is passed in, and written to."

PRECISION = {
    "fp32": "All weights and activations are float32: the reference that the quantized folders are held against.",
    "w8a14": "Weights are int8 with one scale per output channel, activations 14 bits with one scale per row, the cache\n"
             "int8 with one scale per token and head; products are summed as integers. The embedding keeps 8 bits in\n"
             "blocks of 32, norms are float32. No scale spans two rows, so a request's numbers do not depend on its neighbours.",
    "w8a8": "Weights are int8 with one scale per output channel, activations 8 bits with one scale per row, symmetric\n"
            "both; products are summed in int32. The embedding keeps 8 bits in blocks of 32. Norms, attention and the\n"
            "cache are float32. No scale spans two rows, so a request's numbers do not depend on its neighbours.",
}


def graph_text(precision: str) -> str:
    """What a card says of a decoder's graph."""
    return FUSED if precision == FusedInt8.name else PACKED


def write_card(folder: Path, c: ModelConfig, name: str, precision: str, quality: dict, source: dict) -> None:
    """README.md, the model card."""
    if precision == "fp32":
        text = f"Perplexity on the held-out text ({quality['tokens']} tokens of clinical and general English): " \
               f"{quality['perplexity']}."
    else:
        text = (f"Against `{quality['reference']}`, on {quality['tokens']} tokens of held-out clinical and general "
                f"English:\n\n| mean KL (nats) | top-1 agreement | perplexity | reference's perplexity |\n"
                f"|---|---|---|---|\n| {quality['mean_kl']} | {quality['top1_agreement']} | {quality['perplexity']} "
                f"| {quality['reference_perplexity']} |")
    (folder / "README.md").write_text(CARD.format(
        name=name, license=c.license, languages="\n".join(f"- {x}" for x in c.languages),
        layers=c.num_hidden_layers, hidden=c.hidden_size, heads=c.num_attention_heads,
        kv_heads=c.num_key_value_heads, vocab=c.vocab_size, context=c.max_position_embeddings,
        file=source["file"], sha256=source["sha256"], precision_text=PRECISION[precision], quality_text=text,
        graph_text=graph_text(precision),
    ), encoding="utf-8")
