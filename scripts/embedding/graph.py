"""The packed encoder graph: dense layers see packed tokens, attention alone sees padded rows.

README.md in this folder is the contract of its inputs and outputs.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto

from ..export.builder import MS, Builder
from ..export.graph import DenseW8A8, Quantized
from .source import BLOCK, EncoderConfig, Source

F32, I32, I64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64

# Weights stay within 7 bits: processors without VNNI add two products of a uint8 and an int8 in 16 bits, which
# 255 * 63 * 2 fits and 255 * 127 * 2 does not. So the fast product is exact on every processor.
WEIGHT_PEAK = 63
# GELU's least value is -0.17, so its outputs are quantized about 32 rather than 128: finer steps for the same 8 bits.
GELU_FLOOR, GELU_ZERO = 0.17, 32
# Added to the scores of padded places; the smallest that still leaves exp() an exact zero.
MASKED = -1e9


def per_channel(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantize `[out, in]` float32 to int8 `[in, out]` in -63..63 and scale float32 `[out]`."""
    peak = np.abs(weight).max(axis=1)
    scale = np.maximum(peak, np.float32(1e-12)) / np.float32(WEIGHT_PEAK)
    q = np.rint(weight / scale[:, None]).clip(-WEIGHT_PEAK, WEIGHT_PEAK).astype(np.int8)
    return np.ascontiguousarray(q.T), scale.astype(np.float32)


class Encoder32:
    """Float32 projections: the reference."""

    name = "fp32"

    def __init__(self, b: Builder):
        self._b = b

    def prepare(self, x: str) -> str:
        return x

    def prepare_gelu(self, x: str) -> str:
        return x

    def project(self, x: str, weight: np.ndarray, name: str) -> str:
        return self._b.node("MatMul", [x, self._b.const(name + ".weight", np.ascontiguousarray(weight.T))], name)


class EncoderW8A8(DenseW8A8):
    """Int8 weights per output channel, activations quantized per row; see DenseW8A8."""

    def __init__(self, b: Builder):
        super().__init__(b)
        b.const("q.gelu_least", np.array(GELU_FLOOR / GELU_ZERO, np.float32))
        b.const("q.gelu_inverse", np.array(1 / (255 - GELU_ZERO), np.float32))
        b.const("q.gelu_zero", np.array(GELU_ZERO, np.uint8))
        self._gelu_zeros = ""

    def prepare(self, x: str) -> tuple[Quantized, str]:
        return super().prepare(x, "input_ids"), "q.zero"

    def prepare_gelu(self, x: str) -> tuple[Quantized, str]:
        b = self._b
        if not self._gelu_zeros:
            count = b.node("Shape", ["input_ids"], "q.gelu_count")
            self._gelu_zeros = b.node("Expand", ["q.gelu_zero", count], "q.gelu_zeros")
        peak = b.node("ReduceMax", [x, "q.axis"], x + ".peak", keepdims=0)
        scale = b.node("Max", [b.node("Mul", [peak, "q.gelu_inverse"], x + ".step"), "q.gelu_least"], x + ".scale")
        values = b.node("QuantizeLinear", [x, scale, self._gelu_zeros], x + ".q", axis=0)
        return Quantized(values, scale, b.node("Reshape", [scale, "q.column"], x + ".column")), "q.gelu_zero"

    def project(self, x: tuple[Quantized, str], weight: np.ndarray, name: str) -> str:
        b, (rows, zero) = self._b, x
        q, scale = per_channel(weight)
        inputs = [rows.values, b.const(name + ".weight", q), "q.one", b.const(name + ".scale", scale), zero]
        return b.node("Mul", [b.node("MatMulIntegerToFloat", inputs, name + ".unscaled", MS), rows.column], name)


def embed(b: Builder, c: EncoderConfig, source: Source) -> str:
    """Word, position and type embeddings, summed and normalized. Word rows keep the 4 bits that they come with, exactly."""
    values, scale = source.blocks("emb.word", c.vocab_size, c.hidden_size)
    data = [b.const("words", values[:, 0::2] | values[:, 1::2] << 4), "input_ids", b.const("words.scale", scale)]
    words = b.node("GatherBlockQuantized", data, "words.rows", MS,
                   bits=4, block_size=BLOCK, gather_axis=0, quantize_axis=1)
    # Every token is of the first type, so its row is added to the positions once and for all.
    places = source.tensor("emb.pos", c.max_position_embeddings, c.hidden_size)
    places = places + source.tensor("emb.type", c.type_vocab_size, c.hidden_size)[0]
    places = b.node("Gather", [b.const("places", places), "position_ids"], "places.rows")
    return normalize(b, c, source, b.node("Add", [words, places], "embeddings.sum"), "emb.ln")


def normalize(b: Builder, c: EncoderConfig, source: Source, x: str, name: str) -> str:
    """Layer normalization (Ba et al. 2016). Not SkipLayerNormalization, which takes eight times as long on a CPU."""
    inputs = [x, b.const(name + ".weight", source.tensor(name + ".w", c.hidden_size)),
              b.const(name + ".bias", source.tensor(name + ".b", c.hidden_size))]
    return b.node("LayerNormalization", inputs, name, axis=-1, epsilon=c.layer_norm_eps)


class Places:
    """Indices between packed `[N]` and padded `[B,heads,S]` rows of one head, and the mask; made once for all layers.

    A packed row of query, key and value is 3*heads rows of head_dim, so one Gather cuts, pads and transposes.
    """

    def __init__(self, b: Builder, c: EncoderConfig):
        heads = c.num_attention_heads
        count = b.const("at.heads", np.array(heads, np.int64))
        b.const("at.head_rows", np.array([-1, c.head_dim], np.int64))
        b.const("at.token_rows", np.array([-1, c.hidden_size], np.int64))
        b.const("at.axis", np.array([1], np.int64))
        b.const("at.axes", np.array([1, 2], np.int64))
        index = b.const("at.head", np.arange(heads, dtype=np.int64).reshape(1, heads, 1))
        first = b.node("Mul", ["pad_index", b.const("at.rows", np.array(3 * heads, np.int64))], "at.first")
        self.query = b.node("Add", [b.node("Unsqueeze", [first, "at.axis"], "at.first.rows"), index], "at.query")
        self.key = b.node("Add", [self.query, count], "at.key")
        self.value = b.node("Add", [self.key, count], "at.value")
        self.width = b.node("Gather", [b.node("Shape", ["pad_index"], "at.shape"),
                                       b.const("at.one", np.array(1, np.int64))], "at.width")
        self.valid = self._valid(b)
        self.back = self._back(b, heads)
        hidden = b.node("Not", [self.valid], "at.hidden")
        scores = b.node("Mul", [b.node("Cast", [hidden], "at.hidden.float", to=F32),
                                b.const("at.masked", np.array(MASKED, np.float32))], "at.scores")
        self.mask = b.node("Unsqueeze", [scores, "at.axes"], "at.mask")

    def _valid(self, b: Builder) -> str:
        """Which padded places hold a token, bool `[B,S]`."""
        places = b.node("Range", [b.const("at.zero", np.array(0, np.int64)), self.width, "at.one"], "at.places")
        return b.node("Less", [places, b.node("Unsqueeze", ["lengths", "at.axis"], "at.lengths")], "at.valid")

    def _back(self, b: Builder, heads: int) -> str:
        """Rows of the padded `[B,heads,S]` that make up each packed token, `[N,heads]`."""
        # Place (b,j) is b*S + j in unpad_index and (b*heads + h)*S + j here.
        row = b.node("Div", ["unpad_index", self.width], "at.row")
        skipped = b.node("Mul", [row, b.node("Mul", [self.width, b.const("at.others", np.array(heads - 1, np.int64))],
                                             "at.row.width")], "at.skipped")
        base = b.node("Unsqueeze", [b.node("Add", ["unpad_index", skipped], "at.base"), "at.axis"], "at.base.rows")
        head = b.node("Mul", [b.const("at.head.row", np.arange(heads, dtype=np.int64).reshape(1, heads)), self.width],
                      "at.head.offset")
        return b.node("Add", [base, head], "at.back")


def attention(b: Builder, c: EncoderConfig, at: Places, qkv: str, query_bias: np.ndarray, name: str) -> str:
    """Scaled dot-product attention (Vaswani et al. 2017, section 3.2) within each row; packed `[N,hidden]`.

    Written out: on a CPU it takes two thirds of the time of MultiHeadAttention with a mask of lengths.
    """
    rows = b.node("Reshape", [qkv, "at.head_rows"], name + ".rows")
    query = b.node("Gather", [rows, at.query], name + ".query")
    bias = query_bias.reshape(c.num_attention_heads, 1, c.head_dim)
    query = b.node("Add", [query, b.const(name + ".query.bias", bias)], name + ".query.biased")
    key = b.node("Gather", [rows, at.key], name + ".key")
    value = b.node("Gather", [rows, at.value], name + ".value")
    scores = b.node("FusedMatMul", [query, key], name + ".scores", MS, transB=1, alpha=c.head_dim**-0.5)
    weights = b.node("Softmax", [b.node("Add", [scores, at.mask], name + ".masked")], name + ".weights", axis=-1)
    mixed = b.node("MatMul", [weights, value], name + ".mixed")
    mixed = b.node("Reshape", [mixed, "at.head_rows"], name + ".mixed.rows")
    mixed = b.node("Gather", [mixed, at.back], name + ".packed.heads")
    return b.node("Reshape", [mixed, "at.token_rows"], name + ".packed")


def layer(b: Builder, c: EncoderConfig, dense, source: Source, at: Places, x: str, number: int) -> str:
    """One encoder layer, normalized after each residual sum (Devlin et al. 2019)."""
    p, hidden, inner = f"l{number}", c.hidden_size, c.intermediate_size
    square = {side: source.tensor(f"{p}.{side}.w", hidden, hidden) for side in ("q", "k", "v", "ao")}
    qkv = dense.project(dense.prepare(x), np.concatenate([square[s] for s in ("q", "k", "v")]), p + ".qkv")
    mixed = attention(b, c, at, qkv, source.tensor(p + ".q.b", hidden), p + ".attention")
    o = dense.project(dense.prepare(mixed), square["ao"], p + ".ao")
    # A key's bias adds the same to all scores of a query, which softmax takes away. Weights sum to 1, so that a value's
    # bias passes through attention unchanged and joins the output's.
    bias = source.tensor(p + ".ao.b", hidden) + square["ao"] @ source.tensor(p + ".v.b", hidden)
    x = normalize(b, c, source, residual(b, x, o, bias, p + ".ao"), p + ".aln")
    up = dense.project(dense.prepare(x), source.tensor(p + ".fi.w", inner, hidden), p + ".fi")
    up = b.node("BiasGelu", [up, b.const(p + ".fi.bias", source.tensor(p + ".fi.b", inner))], p + ".gelu", MS)
    down = dense.project(dense.prepare_gelu(up), source.tensor(p + ".fo.w", hidden, inner), p + ".fo")
    return normalize(b, c, source, residual(b, x, down, source.tensor(p + ".fo.b", hidden), p + ".fo"), p + ".oln")


def residual(b: Builder, x: str, y: str, bias: np.ndarray, name: str) -> str:
    biased = b.node("Add", [y, b.const(name + ".bias", bias)], name + ".biased")
    return b.node("Add", [biased, x], name + ".sum")


def pool(b: Builder, at: Places, x: str) -> None:
    """The mean of each row's tokens, scaled to length 1; dividing by their number would change nothing after that."""
    rows = b.node("Gather", [x, "pad_index"], "pool.rows")
    ones = b.node("Unsqueeze", [b.node("Cast", [at.valid], "pool.valid", to=F32), "at.axis"], "pool.ones")
    total = b.node("Squeeze", [b.node("MatMul", [ones, rows], "pool.sum"), "at.axis"], "pool.total")
    b.node("LpNormalization", [total], "embeddings", axis=-1, p=2)


def build(source: Source, dense_kind: type, data, data_name: str, tick=lambda: None) -> ModelProto:
    """Write the graph of `source`; weights go to `data` under the name `data_name`; `tick` is called by layer."""
    c, b = source.config, Builder(data, data_name)
    dense = dense_kind(b)
    at = Places(b, c)
    x = embed(b, c, source)
    tick()
    for number in range(c.num_hidden_layers):
        x = layer(b, c, dense, source, at, x, number)
        tick()
    pool(b, at, x)
    return b.model("packed-encoder", *signature(c))


def signature(c: EncoderConfig) -> tuple[list, list]:
    """Inputs and outputs as (name, element type, shape)."""
    inputs = [("input_ids", I64, ["N"]), ("position_ids", I64, ["N"]), ("pad_index", I64, ["B", "S"]),
              ("unpad_index", I64, ["N"]), ("lengths", I64, ["B"])]
    return inputs, [("embeddings", F32, ["B", c.hidden_size])]
