"""The `recurrent` graph: Elman RNN, LSTM and GRU language models on ONNX's own operators, their states explicit.

The rows of a step are padded to the longest in time, `[S, B]`, which is how the operators take them; they are told how
long each row is, so padding changes no state. README.md in this folder is the contract of inputs and outputs.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto

from .builder import ALIGNMENT, Builder
from .checkpoint import GATES, Checkpoint, RecurrentConfig
from .quantize import per_row

F32, I32, I64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64
OPERATORS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
# What a slot keeps between steps, for each layer.
STATES = {"rnn": ("h",), "lstm": ("h", "c"), "gru": ("h",)}


class Stored32:
    """Weights stored as they are: the oracle."""

    name = "fp32"

    @staticmethod
    def weight(b: Builder, name: str, value: np.ndarray) -> str:
        return b.const(name, value)


class Stored16:
    """Weights stored in half precision. The runtime widens them once, when it loads the graph."""

    name = "fp16"

    @staticmethod
    def weight(b: Builder, name: str, value: np.ndarray) -> str:
        return b.node("Cast", [b.const(name + ".half", value.astype(np.float16))], name, to=F32)


class Stored8:
    """Weights stored as int8 with one scale per output channel, multiplied out once, when the graph is loaded.

    Cast and Mul, not DequantizeLinear: the runtime folds the former into constants, which it then lays out for its
    kernels, while it leaves the latter in the graph to be run at every step.
    """

    name = "int8"

    @staticmethod
    def weight(b: Builder, name: str, value: np.ndarray) -> str:
        q, scale = per_row(value)
        wide = b.node("Cast", [b.const(name + ".int8", q)], name + ".wide", to=F32)
        return b.node("Mul", [wide, b.const(name + ".scale", scale)], name)


def build(checkpoint: Checkpoint, stored: type, data, data_name: str, tick=lambda: None,
          inline: int = ALIGNMENT) -> ModelProto:
    """Write the graph of `checkpoint`; weights go to `data` under the name `data_name`; `tick` is called by layer.

    Tensors of fewer bytes than `inline` stay in the graph: these models are small, and most would not fill a page.
    """
    c, t = checkpoint.config, checkpoint.tensors
    b = Builder(data, data_name, inline)
    b.const("direction", np.array([1], np.int64))
    b.const("flat", np.array([-1, c.hidden_size], np.int64))
    table = stored.weight(b, "embed_tokens", t.get("model.embed_tokens.weight", c.vocab_size, c.hidden_size))
    x = b.node("Gather", [table, "input_ids"], "embeds", axis=0)
    tick()
    for layer in range(c.num_hidden_layers):
        y = _cell(b, checkpoint, stored, layer, _norm(b, c, x, t, f"model.layers.{layer}.norm.weight", f"layers.{layer}.in"))
        x = b.node("Add", [x, y], f"layers.{layer}.sum")
        tick()
    rows = b.node("Gather", [b.node("Reshape", [x, "flat"], "places"), "logits_index"], "head_in", axis=0)
    b.node("Gemm", [_norm(b, c, rows, t, "model.norm.weight", "final"), table], "logits", transB=1)
    tick()
    return b.model("recurrent", *signature(c))


def _norm(b: Builder, c: RecurrentConfig, x: str, tensors, weight: str, name: str) -> str:
    scale = b.const(name + "_norm", tensors.get(weight, c.hidden_size))
    return b.node("RMSNormalization", [x, scale], name, axis=-1, epsilon=c.rms_norm_eps)


def _cell(b: Builder, checkpoint: Checkpoint, stored: type, layer: int, x: str) -> str:
    """One layer's operator over `[S, B, hidden]`; returns what it gives for each place."""
    c, t = checkpoint.config, checkpoint.tensors
    p, source = f"layers.{layer}.cell", f"model.layers.{layer}.cell"
    width = GATES[c.kind] * c.hidden_size
    weights = [
        stored.weight(b, f"{p}.{side}", t.get(f"{source}.weight_{side}", width, c.hidden_size)[None])
        for side in ("ih", "hh")
    ]
    bias = np.concatenate([t.get(f"{source}.bias_{side}", width) for side in ("ih", "hh")])
    inputs = [x, *weights, b.const(p + ".bias", bias[None]), "sequence_lens"]
    outputs = [p + ".all"]
    for state in STATES[c.kind]:
        inputs.append(f"past.{layer}.{state}")
        outputs.append(f"present.{layer}.{state}")
    attributes = {"hidden_size": c.hidden_size}
    if c.kind == "gru":
        attributes["linear_before_reset"] = 1
    b.node(OPERATORS[c.kind], inputs, outputs, **attributes)
    return b.node("Squeeze", [outputs[0], "direction"], p)


def signature(c: RecurrentConfig) -> tuple[list, list]:
    """Inputs and outputs as (name, element type, shape)."""
    state = [1, "B", c.hidden_size]
    inputs = [("input_ids", I64, ["S", "B"]), ("sequence_lens", I32, ["B"]), ("logits_index", I64, ["L"])]
    outputs = [("logits", F32, ["L", c.vocab_size])]
    for layer in range(c.num_hidden_layers):
        for name in STATES[c.kind]:
            inputs.append((f"past.{layer}.{name}", F32, state))
            outputs.append((f"present.{layer}.{name}", F32, state))
    return inputs, outputs
