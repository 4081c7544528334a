"""The packed, ragged decoder graph: dense layers see packed tokens, attention alone sees padded rows.

README.md in this folder is the contract of its inputs and outputs.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto

from .architecture import ModelConfig
from .builder import MS, Builder
from .quantize import EMBED_BLOCK, per_block, per_channel
from .source import Source

F32, I32, I64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64


class Dense32:
    """Float32 projections: the oracle."""

    name = "fp32"

    def __init__(self, b: Builder):
        self._b = b

    def embed(self, table: np.ndarray, ids: str, scale: np.float32) -> str:
        b = self._b
        x = b.node("Gather", [b.const("embed_tokens", table), ids], "embeds", axis=0)
        # The table itself stays as it is: the head may be tied to it.
        return x if scale == 1 else b.node("Mul", [x, b.const("embed_scale", np.array(scale))], "embeds.scaled")

    def prepare(self, x: str, rows: str) -> str:
        return x

    def project(self, x: str, weight: np.ndarray | str, name: str, bias: np.ndarray | None = None) -> str:
        w = weight if isinstance(weight, str) else self._b.const(name + ".weight", weight)
        return self._b.node("Gemm", [x, w] if bias is None else [x, w, self._b.const(name + ".bias", bias)], name, transB=1)

    def head(self, x: str, source: Source) -> str:
        tied = source.config.tie_word_embeddings
        return self.project(x, "embed_tokens" if tied else source.head(), "logits")

    def gated(self, x: str, gate: np.ndarray, up: np.ndarray, down: np.ndarray, gelu: bool, name: str) -> str:
        b = self._b
        act = activation(b, self.project(x, gate, name + ".gate"), gelu, name)
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

    def embed(self, table: np.ndarray, ids: str, scale: np.float32) -> str:
        return embed8(self._b, table, ids, scale)

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

    def project(self, x: Quantized, weight: np.ndarray, name: str, bias: np.ndarray | None = None) -> str:
        y = self._b.node("Mul", [self._integer(x, weight, name), x.column], name if bias is None else name + ".product")
        return y if bias is None else self._b.node("Add", [y, self._b.const(name + ".bias", bias)], name)

    def head(self, x: Quantized, source: Source) -> str:
        return self.project(x, source.head(), "logits")

    def gated(self, x: Quantized, gate: np.ndarray, up: np.ndarray, down: np.ndarray, gelu: bool, name: str) -> str:
        # The row's scale of `up` passes through the product and the next quantization unchanged,
        # so it is put back after `down`: a pass over the widest activation less.
        b = self._b
        act = activation(b, self.project(x, gate, name + ".gate"), gelu, name)
        act = b.node("Mul", [act, self._integer(x, up, name + ".up")], name + ".act")
        q = self.prepare(act, "input_ids")
        column = b.node("Mul", [q.column, x.column], name + ".act.rescale")
        return self._b.node("Mul", [self._integer(q, down, name + ".down"), column], name + ".down")


def embed8(b: Builder, table: np.ndarray, ids: str, by: np.float32) -> str:
    """The tokens' embeddings times `by`, from a table of 8 bits in blocks."""
    q, scale = per_block(table)
    data = [b.const("embed_tokens", q), ids, b.const("embed_tokens.scale", scale * by)]
    return b.node("GatherBlockQuantized", data, "embeds", MS, bits=8, block_size=EMBED_BLOCK, gather_axis=0, quantize_axis=1)


def activation(b: Builder, x: str, gelu: bool, name: str) -> str:
    """What the gate goes through: SiLU, or the tanh form of GELU."""
    if gelu:
        return b.node("Gelu", [x], name + ".gelu", approximate="tanh")
    return b.node("QuickGelu", [x], name + ".silu", MS, alpha=1.0)


def rope_consts(b: Builder, c: ModelConfig) -> dict[int, tuple[str, str]]:
    """The rotary tables of each layer, by their names."""
    names: dict = {}
    for rope in dict.fromkeys(c.rotary(layer) for layer in range(c.num_hidden_layers)):
        prefix = "rope" if rope == c.rope else "rope.local"
        tables = zip(("cos", "sin"), rope.tables(c.head_dim, c.max_position_embeddings))
        names[rope] = tuple(b.const(f"{prefix}.{part}", table) for part, table in tables)
    return {layer: names[c.rotary(layer)] for layer in range(c.num_hidden_layers)}


def head_norms(b: Builder, c: ModelConfig, qkv: str, weights: tuple[np.ndarray, ...], layer: int) -> str:
    """The packed projections with the heads of queries and keys normed, each by itself."""
    p, d = f"layers.{layer}.attn", c.head_dim
    sizes = np.array([c.num_attention_heads * d, c.num_key_value_heads * d, c.num_key_value_heads * d], np.int64)
    parts = [f"{p}.{x}" for x in "qkv"]
    b.node("Split", [qkv, b.const(p + ".sizes", sizes)], parts, axis=1)
    for i, weight in enumerate(weights):
        shape = b.const(parts[i] + ".heads", np.array([0, -1, d], np.int64))
        heads = b.node("Reshape", [parts[i], shape], parts[i] + "_split")
        normed = b.node("RMSNormalization", [heads, b.const(parts[i] + "_norm", weight)], parts[i] + "_normed", axis=-1,
                        epsilon=c.rms_norm_eps)
        flat = b.const(parts[i] + ".flat", np.array([0, -1], np.int64))
        parts[i] = b.node("Reshape", [normed, flat], parts[i] + "_flat")
    return b.node("Concat", parts, p + ".normed", axis=1)


def attention(b: Builder, c: ModelConfig, qkv: str, rope: tuple[str, str], layer: int) -> str:
    """GroupQueryAttention (Ainslie et al. 2023) over the padded rows; returns packed `[N, heads*head_dim]`."""
    p = f"layers.{layer}.attn"
    padded = b.node("Gather", [qkv, "pad_index"], p + ".padded", axis=0)
    past = [f"past_key_values.{layer}.{side}" for side in ("key", "value")]
    inputs = [padded, "", "", *past, "seqlens_k", "total_seq", *rope]
    inputs += [""] * (16 - len(inputs)) + ["query_seqlens"]
    outputs = [p + ".rows", f"present.{layer}.key", f"present.{layer}.value"]
    more: dict = {"local_window_size": c.window(layer)} if c.window(layer) else {}
    if c.query_pre_attn_scalar != c.head_dim:
        more["scale"] = c.score_scale
    b.node("GroupQueryAttention", inputs, outputs, MS, num_heads=c.num_attention_heads,
           kv_num_heads=c.num_key_value_heads, do_rotary=1, rotary_interleaved=0, **more)
    flat = b.node("Reshape", [outputs[0], "flat"], p + ".flat")
    return b.node("Gather", [flat, "unpad_index"], p + ".packed", axis=0)


def build(source: Source, dense_kind: type, data, data_name: str, tick=lambda: None) -> ModelProto:
    """Write the graph of `source`; weights go to `data` under the name `data_name`; `tick` is called by layer."""
    c, b = source.config, Builder(data, data_name)
    dense = dense_kind(b)
    ropes = rope_consts(b, c)
    b.const("flat", np.array([-1, c.num_attention_heads * c.head_dim], np.int64))
    x = dense.embed(source.tensor("token_embd.weight"), "input_ids", c.embedding_scale)
    h = _norm(b, c, x, source.tensor("blk.0.attn_norm.weight"), "layers.0.attn")
    tick()
    for layer in range(c.num_hidden_layers):
        x, h = _block(b, c, dense, source, ropes[layer], layer, x, h)
        tick()
    rows = b.node("Gather", [h, "logits_index"], "head_in", axis=0)
    dense.head(dense.prepare(rows, "logits_index"), source)
    tick()
    return b.model("packed-gqa", *signature(c))


def _block(b: Builder, c: ModelConfig, dense, source: Source, rope: tuple[str, str], layer: int, x: str,
           h: str) -> tuple[str, str]:
    """One decoder layer: residual x and its norm h in, the same two of the next layer out."""
    p, g = f"layers.{layer}", f"blk.{layer}"
    qkv = dense.project(dense.prepare(h, "input_ids"), source.qkv(layer), p + ".qkv", source.qkv_bias(layer))
    if norms := source.head_norms(layer):
        qkv = head_norms(b, c, qkv, norms, layer)
    mixed = dense.prepare(attention(b, c, qkv, rope, layer), "input_ids")
    o = dense.project(mixed, source.tensor(g + ".attn_output.weight"), p + ".attn_out")
    if c.family.post_norms:
        o = _norm(b, c, o, source.tensor(g + ".post_attention_norm.weight"), p + ".attn_post")
    x, h = _add_norm(b, c, x, o, source.tensor(g + ".ffn_norm.weight"), p + ".ffn")
    ffn = [source.tensor(f"{g}.ffn_{part}.weight") for part in ("gate", "up", "down")]
    d = dense.gated(dense.prepare(h, "input_ids"), *ffn, c.family.gelu, p + ".mlp")
    if c.family.post_norms:
        d = _norm(b, c, d, source.tensor(g + ".post_ffw_norm.weight"), p + ".ffn_post")
    last = layer == c.num_hidden_layers - 1
    weight = source.tensor("output_norm.weight" if last else f"blk.{layer + 1}.attn_norm.weight")
    return _add_norm(b, c, x, d, weight, "final" if last else f"layers.{layer + 1}.attn")


def _norm(b: Builder, c: ModelConfig, x: str, weight: np.ndarray, name: str) -> str:
    """RMS norm (Zhang and Sennrich 2019)."""
    return b.node("RMSNormalization", [x, b.const(name + "_norm", weight)], name + "_in", axis=-1, epsilon=c.rms_norm_eps)


def _add_norm(b: Builder, c: ModelConfig, x: str, y: str, weight: np.ndarray, name: str) -> tuple[str, str]:
    """Residual sum and RMS norm in one pass; returns (sum, norm)."""
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
