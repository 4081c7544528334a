"""The files of a model folder beside the graph: tokenizer, configuration, card, manifest."""

from __future__ import annotations

import json
from pathlib import Path

from ..bootstrap.current import MANIFEST
from ..bootstrap.files import sha256
from ..export.folder import FORMAT_VERSION, write_json
from .source import EncoderConfig

PREFIXES = {"query": "query: ", "passage": "passage: "}
LANGUAGES = ("en", "zh")
LICENSE = "MIT"


def write_tokenizer(source: Path, folder: Path) -> None:
    """tokenizer.json as it came, without the blanks that make up half of it."""
    document = json.loads(source.read_text(encoding="utf-8"))
    (folder / "tokenizer.json").write_text(
        json.dumps(document, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "XLMRobertaTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
        "pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>", "model_max_length": 512,
    })


def write_config(folder: Path, c: EncoderConfig) -> None:
    """config.json, under Hugging Face's names."""
    write_json(folder / "config.json", {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu",
        "hidden_size": c.hidden_size, "num_hidden_layers": c.num_hidden_layers,
        "num_attention_heads": c.num_attention_heads, "intermediate_size": c.intermediate_size,
        "vocab_size": c.vocab_size, "max_position_embeddings": c.max_position_embeddings,
        "type_vocab_size": c.type_vocab_size, "layer_norm_eps": c.layer_norm_eps, "position_embedding_type": "absolute",
        "tokenizer_class": "XLMRobertaTokenizer", "torch_dtype": "float32",
    })


def write_manifest(folder: Path, c: EncoderConfig, name: str, precision: str, quality: dict, source: dict) -> None:
    """bedside.json, the last file written: where it stands, the folder is whole."""
    files = {
        p.name: {"sha256": sha256(p), "bytes": p.stat().st_size}
        for p in sorted(folder.iterdir()) if p.name != MANIFEST
    }
    write_json(folder / MANIFEST, {
        "format_version": FORMAT_VERSION, "name": name, "version": "1", "kind": "embedding", "graph": "packed-encoder",
        "precision": precision, "languages": list(LANGUAGES), "license": LICENSE,
        "context_length": c.max_position_embeddings, "vocab_size": c.vocab_size, "hidden_size": c.hidden_size,
        "num_layers": c.num_hidden_layers, "num_heads": c.num_attention_heads,
        "num_kv_heads": c.num_attention_heads, "head_dim": c.head_dim,
        "dimensions": c.hidden_size, "max_length": c.max_position_embeddings,
        "pooling": "mean", "normalize": True, "prefixes": PREFIXES,
        "batch_invariant": precision == "w8a8",
        "source": source, "quality": quality, "files": files,
    })


CARD = """---
license: mit
language:
- en
- zh
library_name: onnx
pipeline_tag: sentence-similarity
---
# {name}

multilingual-e5-small (Wang et al. 2024, "Multilingual E5 Text Embeddings"), a BERT encoder of {layers} layers, hidden size
{hidden}, {heads} attention heads, vocabulary {vocab}, texts of up to {places} tokens, as one ONNX graph for ONNX Runtime
1.32 or later. A text becomes a vector of {hidden} numbers and length 1; texts of like meaning lie close together, in one
language or across two. License: MIT.

## How it was made
The weights come from `{file}` (SHA-256 `{sha256}`): blocks of 4 bits (Q4_0), turned back into float32. This folder is not
a copy of the original checkpoint: what those 4 bits lost is lost here too.

{precision_text}

## Measured
Cosine with the vectors of {reference}, in float32 with the same weights, over {texts} texts
in English and Chinese ({tokens} tokens, 6 to 512 each): {cosine_min} at least, {cosine_mean} on average.

## Use
Graph `packed-encoder`: dense layers see packed tokens, attention alone sees padded rows; mean and scaling to length 1 are
part of it. Texts begin with `query: ` or `passage: `, as in training. `bedside.json` holds the digests of all files.

## Limits
A small general model. Cosines are high throughout (mostly above 0.7): their order means something, their size little.
It has had no clinical validation. What it finds supports a clinician and decides nothing.
"""

PRECISION = {
    "fp32": "All weights and activations are float32, but for the word embedding, which keeps its 4 bits: the reference.",
    "w8a8": "Weights are int8 with one scale per output channel, within -63 to 63 so that the 8-bit products of every\n"
            "processor are exact. Activations are 8 bits with one scale per token; products are summed in int32. The word\n"
            "embedding keeps its 4 bits. Norms, attention and the mean are float32. No scale spans two tokens.",
}


def write_card(folder: Path, c: EncoderConfig, name: str, precision: str, quality: dict, source: dict) -> None:
    """README.md, the model card."""
    (folder / "README.md").write_text(CARD.format(
        name=name, layers=c.num_hidden_layers, hidden=c.hidden_size, heads=c.num_attention_heads, vocab=c.vocab_size,
        places=c.max_position_embeddings, precision_text=PRECISION[precision], **quality,
        **{key: source[key] for key in ("file", "sha256")},
    ), encoding="utf-8")
