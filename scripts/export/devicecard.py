"""The model card of this project's own language models."""

from __future__ import annotations

from pathlib import Path

from .checkpoint import Checkpoint, RecurrentConfig
from .folder import graph_text

CARD = """---
license: {license}
language:
{languages}
library_name: onnx
pipeline_tag: text-generation
---
# {name}

{what}

Vocabulary {vocab} (byte-level BPE), context {context} tokens, one ONNX graph for ONNX Runtime 1.32 or later.
License: {license}.

## How it was made
Trained by this project's `scripts/train`, written by `scripts/export` from `{file}` (SHA-256 `{sha256}`).

{precision}

## What the precision costs
{quality}
{rest}
## Use
{use} `bedside.json` holds the digests of all files.

## Limits
A small model for readings of devices. It makes things up, and has had no clinical validation. In Bedside what it writes
is checked against the record before anyone sees it. Its text supports a clinician and decides nothing.
"""

CELLS = {
    "rnn": "an Elman network (tanh)", "lstm": "an LSTM", "gru": "a GRU whose reset gate acts after the recurrent product",
}
PRECISION = {
    "fp32": "All weights are float32: the reference that smaller folders are held against.",
    "fp16": "Weights are stored in half precision and widened when the graph is loaded; every sum is float32.",
    "int8": "Weight matrices are stored as int8 with one scale per output channel, and multiplied out when the graph is\n"
            "loaded; norms, biases and every sum are float32.",
    "w8a8g16": "int8 with one scale per output channel; activations 8 bits with a shift for 16 inputs, the cache int8",
    "w8a8": "Weights are int8 with one scale per output channel, activations 8 bits with one scale per row, symmetric\n"
            "both; products are summed in int32. Norms, attention and the cache are float32.",
}


def _what(checkpoint: Checkpoint) -> str:
    c = checkpoint.config
    if isinstance(c, RecurrentConfig):
        return (f"A language model over device data: {c.num_hidden_layers} layers of {CELLS[c.kind]}, hidden size "
                f"{c.hidden_size},\neach with a norm before it (RMSNorm) and a residual around it; embedding and output\n"
                "share their weights.")
    return (f"A language model over device data: a Llama-style decoder of {c.num_hidden_layers} layers, hidden size "
            f"{c.hidden_size},\n{c.num_attention_heads} attention heads over {c.num_key_value_heads} key/value heads.")


def _quality(quality: dict) -> str:
    if quality["reference"] == "itself":
        return f"Perplexity on the held-out text ({quality['tokens']} tokens): {quality['perplexity']}."
    return (f"Against `{quality['reference']}`, on {quality['tokens']} tokens of held-out text:\n\n"
            "| mean KL (nats) | top-1 agreement | perplexity | reference's perplexity |\n|---|---|---|---|\n"
            f"| {quality['mean_kl']} | {quality['top1_agreement']} | {quality['perplexity']} "
            f"| {quality['reference_perplexity']} |")


def _use(checkpoint: Checkpoint, precision: str) -> str:
    if isinstance(checkpoint.config, RecurrentConfig):
        return ("Graph `recurrent`: rows padded in time, states passed in and out explicitly; a sequence takes a few KB, "
                "however long.")
    return graph_text(precision)


def write_device_card(folder: Path, checkpoint: Checkpoint, name: str, precision: str, quality: dict, source: dict) -> None:
    """README.md, the model card; what training left to say (card.md) stands in the middle."""
    c, rest = checkpoint.config, checkpoint.card()
    (folder / "README.md").write_text(CARD.format(
        name=name, license=c.license, languages="\n".join(f"- {x}" for x in c.languages), what=_what(checkpoint),
        vocab=c.vocab_size, context=c.max_position_embeddings, file=source["file"], sha256=source["sha256"],
        precision=PRECISION[precision], quality=_quality(quality), rest=f"\n{rest}\n" if rest else "",
        use=_use(checkpoint, precision),
    ), encoding="utf-8")
