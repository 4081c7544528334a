"""The packed, ragged decoder graph: dense layers see packed tokens, attention alone sees padded rows.

README.md in this folder is the contract of its inputs and outputs.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto

from .builder import MS, Builder
from .quantize import EMBED_BLOCK, per_block, per_channel
from .source import ModelConfig, Source

F32, I32, I64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64


def rotary_tables(c: ModelConfig) -> tuple[np.ndarray, np.ndarray]:
    """cos and sin `[max_position, head_dim/2]` float32 (RoFormer, Su et al. 2021, section 3.2.2).

    The angle is rounded to float32 as in training; cos and sin are taken in float64, so that the bytes
    do not depend on the vector library of the machine that exports.
    """
    exponent = np.arange(0, c.head_dim, 2, dtype=np.float64) / c.head_dim
    frequency = (1.0 / c.rope_theta**exponent).astype(np.float32)
    angle = np.arange(c.max_position_embeddings, dtype=np.float32)[:, None] * frequency[None, :]
    wide = angle.astype(np.float64)
    return np.cos(wide).astype(np.float32), np.sin(wide).astype(np.float32)


class Dense32:
    """Float32 projections: the oracle."""

    name = "fp32"

    def __init__(self, b: Builder):
        self._b = b

    def embed(self, table: np.ndarray, ids: str) -> str:
        return self._b.node("Gather", [self._b.const("embed_tokens", table), ids], "embeds", axis=0)

    def prepare(self, x: str, rows: str) -> str:
        return x

    def project(self, x: str, weight: np.ndarray | str, name: str) -> str:
        w = weight if isinstance(weight, str) else self._b.const(name + ".weight", weight)
        return self._b.node("Gemm", [x, w], name, transB=1)

    def head(self, x: str, source: Source) -> str:
        tied = source.config.tie_word_embeddings
        return self.project(x, "embed_tokens" if tied else source.head(), "logits")

    def gated(self, x: str, gate: np.ndarray, up: np.ndarray, down: np.ndarray, name: str) -> str:
        b = self._b
        act = b.node("QuickGelu", [self.project(x, gate, name + ".gate")], name + ".silu", MS, alpha=1.0)
        act = b.node("Mul", [act, self.project(x, up, name + ".up")], name + ".act")
        return self.project(act, down, name + ".down")


class Quantized:
    """An activation quantized by row: uint8 values (zero point 128) and float32 scales `[rows]`, `[rows,1]`."""

    def __init__(self, values: str, scale: str, column: str):
        self.values, self.scale, self.column = values, scale, column


class DenseW8A8:
    """Int8 weights per output channel, activations quantized per row (ZeroQuant, Yao et al. 2022, section 3.2).

    Every scale belongs to one row alone, so no request's numbers depend on its neighbours.
    """

    name = "w8a8"

    def __init__(self, b: Builder):
        self._b = b
        b.const("q.axis", np.array([-1], np.int64))
        b.const("q.column", np.array([-1, 1], np.int64))
        b.const("q.floor", np.array(1e-8, np.float32))
        b.const("q.inverse_127", np.array(1 / 127, np.float32))
        b.const("q.zero", np.array(128, np.uint8))
        b.const("q.one", np.array(1, np.float32))
        self._zeros: dict[str, str] = {}

    def embed(self, table: np.ndarray, ids: str) -> str:
        q, scale = per_block(table)
        data = [self._b.const("embed_tokens", q), ids, self._b.const("embed_tokens.scale", scale)]
        return self._b.node("GatherBlockQuantized", data, "embeds", MS,
                            bits=8, block_size=EMBED_BLOCK, gather_axis=0, quantize_axis=1)

    def _row_zeros(self, rows: str) -> str:
        """QuantizeLinear wants one zero point for each scale; made once for each number of rows."""
        if rows not in self._zeros:
            b = self._b
            self._zeros[rows] = b.node("Expand", ["q.zero", b.node("Shape", [rows], rows + ".count")], rows + ".zeros")
        return self._zeros[rows]

    def prepare(self, x: str, rows: str) -> Quantized:
        b = self._b
        peak = b.node("ReduceMax", [b.node("Abs", [x], x + ".abs"), "q.axis"], x + ".peak", keepdims=0)
        peak = b.node("Max", [peak, "q.floor"], x + ".floored")
        scale = b.node("Mul", [peak, "q.inverse_127"], x + ".scale")
        values = b.node("QuantizeLinear", [x, scale, self._row_zeros(rows)], x + ".q", axis=0)
        return Quantized(values, scale, b.node("Reshape", [scale, "q.column"], x + ".column"))

    def _integer(self, x: Quantized, weight: np.ndarray, name: str) -> str:
        """The product without the row's scale."""
        q, scale = per_channel(weight)
        b = self._b
        w, s = b.const(name + ".weight", q), b.const(name + ".scale", scale)
        return b.node("MatMulIntegerToFloat", [x.values, w, "q.one", s, "q.zero"], name + ".unscaled", MS)

    def project(self, x: Quantized, weight: np.ndarray, name: str) -> str:
        return self._b.node("Mul", [self._integer(x, weight, name), x.column], name)

    def head(self, x: Quantized, source: Source) -> str:
        return self.project(x, source.head(), "logits")

    def gated(self, x: Quantized, gate: np.ndarray, up: np.ndarray, down: np.ndarray, name: str) -> str:
        # The row's scale of `up` passes through the product and the next quantization unchanged,
        # so it is put back after `down`: a pass over the widest activation less.
        b = self._b
        act = b.node("QuickGelu", [self.project(x, gate, name + ".gate")], name + ".silu", MS, alpha=1.0)
        act = b.node("Mul", [act, self._integer(x, up, name + ".up")], name + ".act")
        q = self.prepare(act, "input_ids")
        column = b.node("Mul", [q.column, x.column], name + ".act.rescale")
        return self._b.node("Mul", [self._integer(q, down, name + ".down"), column], name + ".down")


def attention(b: Builder, c: ModelConfig, qkv: str, layer: int) -> str:
    """GroupQueryAttention (Ainslie et al. 2023) over the padded rows; returns packed `[N, heads*head_dim]`."""
    p = f"layers.{layer}.attn"
    padded = b.node("Gather", [qkv, "pad_index"], p + ".padded", axis=0)
    past = [f"past_key_values.{layer}.{side}" for side in ("key", "value")]
    inputs = [padded, "", "", *past, "seqlens_k", "total_seq", "rope.cos", "rope.sin"]
    inputs += [""] * (16 - len(inputs)) + ["query_seqlens"]
    outputs = [p + ".rows", f"present.{layer}.key", f"present.{layer}.value"]
    b.node("GroupQueryAttention", inputs, outputs, MS, num_heads=c.num_attention_heads,
           kv_num_heads=c.num_key_value_heads, do_rotary=1, rotary_interleaved=0)
    flat = b.node("Reshape", [outputs[0], "flat"], p + ".flat")
    return b.node("Gather", [flat, "unpad_index"], p + ".packed", axis=0)


def build(source: Source, dense_kind: type, data, data_name: str, tick=lambda: None) -> ModelProto:
    """Write the graph of `source`; weights go to `data` under the name `data_name`; `tick` is called by layer."""
    c, b = source.config, Builder(data, data_name)
    dense = dense_kind(b)
    cos, sin = rotary_tables(c)
    b.const("rope.cos", cos)
    b.const("rope.sin", sin)
    b.const("flat", np.array([-1, c.num_attention_heads * c.head_dim], np.int64))
    x = dense.embed(source.tensor("token_embd.weight"), "input_ids")
    norm = b.const("layers.0.attn_norm", source.tensor("blk.0.attn_norm.weight"))
    h = b.node("RMSNormalization", [x, norm], "layers.0.attn_in", axis=-1, epsilon=c.rms_norm_eps)
    tick()
    for layer in range(c.num_hidden_layers):
        x, h = _block(b, c, dense, source, layer, x, h)
        tick()
    rows = b.node("Gather", [h, "logits_index"], "head_in", axis=0)
    dense.head(dense.prepare(rows, "logits_index"), source)
    tick()
    return b.model("packed-gqa", *signature(c))


def _block(b: Builder, c: ModelConfig, dense, source: Source, layer: int, x: str, h: str) -> tuple[str, str]:
    """One decoder layer: residual x and its norm h in, the same two of the next layer out."""
    p, g = f"layers.{layer}", f"blk.{layer}"
    qkv = dense.project(dense.prepare(h, "input_ids"), source.qkv(layer), p + ".qkv")
    mixed = dense.prepare(attention(b, c, qkv, layer), "input_ids")
    o = dense.project(mixed, source.tensor(g + ".attn_output.weight"), p + ".attn_out")
    x, h = _add_norm(b, c, x, o, source.tensor(g + ".ffn_norm.weight"), p + ".ffn")
    ffn = [source.tensor(f"{g}.ffn_{part}.weight") for part in ("gate", "up", "down")]
    d = dense.gated(dense.prepare(h, "input_ids"), *ffn, p + ".mlp")
    last = layer == c.num_hidden_layers - 1
    weight = source.tensor("output_norm.weight" if last else f"blk.{layer + 1}.attn_norm.weight")
    return _add_norm(b, c, x, d, weight, "final" if last else f"layers.{layer + 1}.attn")


def _add_norm(b: Builder, c: ModelConfig, x: str, y: str, weight: np.ndarray, name: str) -> tuple[str, str]:
    """Residual sum and RMS norm in one pass (Zhang and Sennrich 2019); returns (sum, norm)."""
    outputs = [name + "_in", "", "", name + "_sum"]
    b.node("SkipSimplifiedLayerNormalization", [x, y, b.const(name + "_norm", weight)], outputs, MS,
           epsilon=c.rms_norm_eps)
    return outputs[3], outputs[0]


def signature(c: ModelConfig) -> tuple[list, list]:
    """Inputs and outputs as (name, element type, shape)."""
    cache = ["B", c.num_key_value_heads, "C", c.head_dim]
    inputs = [
        ("input_ids", I64, ["N"]), ("pad_index", I64, ["B", "S"]), ("unpad_index", I64, ["N"]),
        ("logits_index", I64, ["L"]), ("seqlens_k", I32, ["B"]), ("total_seq", I32, [1]),
        ("query_seqlens", I32, ["B"]),
    ]
    outputs = [("logits", F32, ["L", c.vocab_size])]
    for layer in range(c.num_hidden_layers):
        for side in ("key", "value"):
            inputs.append((f"past_key_values.{layer}.{side}", F32, cache))
            outputs.append((f"present.{layer}.{side}", F32, cache))
    return inputs, outputs
