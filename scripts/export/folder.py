"""The files of a model folder beside the graph and the tokenizer: configuration, card, manifest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..bootstrap.current import MANIFEST
from ..bootstrap.files import sha256
from .architecture import ModelConfig
from .checkpoint import RecurrentConfig
from .decoder import FULL, GELU, SLIDING
from .fused import FusedInt8
from .pages import GRAPH

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
    write_json(folder / "config.json", decoder_config(c))
    write_json(folder / "generation_config.json", {
        "bos_token_id": c.bos_token_id, "eos_token_id": list(c.eos_token_ids), "pad_token_id": c.eos_token_id,
    })


def decoder_config(c: ModelConfig) -> dict:
    """config.json of a decoder, which transformers reads too."""
    out = {
        "architectures": [c.family.architecture], "model_type": c.family.model_type,
        "attention_bias": False, "attention_dropout": 0.0, "mlp_bias": False, "hidden_act": "silu",
        "vocab_size": c.vocab_size, "hidden_size": c.hidden_size, "intermediate_size": c.intermediate_size,
        "num_hidden_layers": c.num_hidden_layers, "num_attention_heads": c.num_attention_heads,
        "num_key_value_heads": c.num_key_value_heads, "head_dim": c.head_dim,
        "max_position_embeddings": c.max_position_embeddings, "rope_theta": c.rope.theta,
        "rope_scaling": rope_scaling(c), "rms_norm_eps": c.rms_norm_eps, "tie_word_embeddings": c.tie_word_embeddings,
        "bos_token_id": c.bos_token_id, "eos_token_id": c.eos_token_id, "torch_dtype": "float32", "use_cache": True,
    }
    if c.family.gelu:
        out["hidden_activation"] = GELU
        del out["hidden_act"]
    if any(c.windows):
        kinds = [SLIDING if window else FULL for window in c.windows]
        out |= {"use_sliding_window": True, "sliding_window": max(c.windows), "layer_types": kinds}
    if c.local_rope:
        out |= {"rope_local_base_freq": c.local_rope.theta, "query_pre_attn_scalar": c.query_pre_attn_scalar}
    return out


def rope_scaling(c: ModelConfig) -> dict | None:
    """How frequencies are stretched. Each by a factor of its own is what Hugging Face calls longrope: GGUF has the factors
    alone, not how Llama 3's came about."""
    factors = list(c.rope.factors)
    if len(factors) < 2:
        return {"rope_type": "linear", "factor": factors[0]} if factors else None
    return {"rope_type": "longrope", "short_factor": factors, "long_factor": factors, "attention_factor": 1.0,
            "original_max_position_embeddings": c.max_position_embeddings}


# Model cards and GGUF files name licences in lower case; the manifest gives the SPDX identifier.
SPDX = {"apache-2.0": "Apache-2.0", "mit": "MIT"}


def graph_of(c: ModelConfig | RecurrentConfig, precision: str) -> dict:
    """The manifest's part that says what kind of model it is."""
    if isinstance(c, RecurrentConfig):
        return {"kind": c.kind, "graph": "recurrent", "batch_invariant": True}
    return {
        "kind": "attention", "graph": GRAPH if precision == FusedInt8.name else "packed-gqa",
        "num_heads": c.num_attention_heads, "num_kv_heads": c.num_key_value_heads, "head_dim": c.head_dim,
        "batch_invariant": precision != "fp32",
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

{what}: a {family} decoder of {layers} layers, hidden size {hidden}, {heads} attention heads
over {kv_heads} key/value heads, vocabulary {vocab}, context {context} tokens, as one ONNX graph for ONNX Runtime 1.32 or
later. License: {license}.

## How it was made
The weights come from `{file}` (SHA-256 `{sha256}`), {stored}, turned into float32.
This folder is not a copy of the original checkpoint: what was lost where its weights were made smaller is lost here too.

{precision_text}

## Measured
{quality_text}

## Use
{graph_text} `bedside.json` holds the digests of all files.

## Limits
A general model. It may know little medicine, makes things up, and has had no clinical
validation. In Bedside every sentence it writes is checked against the record before anyone sees it. Its text supports
a clinician and decides nothing.
"""

PACKED = ("Graph `packed-gqa`: dense layers see packed tokens, attention alone sees padded rows; the cache is passed in\n"
          "and out explicitly.")
FUSED = "Graph `fused-int8`, of Bedside's own operators: the cache is passed in, and written to."

PRECISION = {
    "fp32": "All weights and activations are float32: the reference that the quantized folders are held against.",
    "w8a8g16": "Weights are int8 with one scale per output channel, activations 8 bits with one scale per row and a shift\n"
               "of 0 to 3 bits for 16 of them, the cache int8 with one scale per token and head; products are summed as\n"
               "integers. Weights that came in 4 bits are kept so until they are multiplied. The embedding keeps 8 bits in\n"
               "blocks of 32, norms are float32. No scale spans two rows, so a request's numbers do not depend on its\n"
               "neighbours.",
    "w8a8": "Weights are int8 with one scale per output channel, activations 8 bits with one scale per row, symmetric\n"
            "both; products are summed in int32. The embedding keeps 8 bits in blocks of 32. Norms, attention and the\n"
            "cache are float32. No scale spans two rows, so a request's numbers do not depend on its neighbours.",
}


def graph_text(precision: str) -> str:
    """What a card says of a decoder's graph."""
    return FUSED if precision == FusedInt8.name else PACKED


@dataclass(frozen=True)
class About:
    """What a card says of where the weights come from."""

    what: str  # the model
    stored: str  # how its weights lay


def write_card(folder: Path, c: ModelConfig, name: str, precision: str, quality: dict, source: dict, about: About) -> None:
    """README.md, the model card."""
    if precision == "fp32":
        text = f"Perplexity on the held-out text ({quality['tokens']} tokens): {quality['perplexity']}."
    else:
        text = (f"Against `{quality['reference']}`, on {quality['tokens']} tokens of held-out text:\n\n"
                "| mean KL (nats) | top-1 agreement | perplexity | reference's perplexity |\n|---|---|---|---|\n"
                f"| {quality['mean_kl']} | {quality['top1_agreement']} | {quality['perplexity']} "
                f"| {quality['reference_perplexity']} |")
    (folder / "README.md").write_text(CARD.format(
        name=name, what=about.what, stored=about.stored, family=c.family.title, license=c.license,
        languages="\n".join(f"- {x}" for x in c.languages),
        layers=c.num_hidden_layers, hidden=c.hidden_size, heads=c.num_attention_heads,
        kv_heads=c.num_key_value_heads, vocab=c.vocab_size, context=c.max_position_embeddings,
        file=source["file"], sha256=source["sha256"], precision_text=PRECISION[precision], quality_text=text,
        graph_text=graph_text(precision),
    ), encoding="utf-8")
