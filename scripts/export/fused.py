"""The decoder graph of our own operators: int8 weights, 8-bit activations with a shift for 16 inputs, an int8 cache.

README.md in this folder is the contract of its inputs and outputs, runtime/ort/internal/kernels/ops.h that of the operators.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, helper

from .architecture import ModelConfig
from .builder import INLINE_LIMIT, OWN, Builder
from .graph import embed8, rope_consts
from .pages import GRAPH, PAGE_BYTES, page_bytes
from .quantize import four_bits, per_row
from .source import Source

F32, I32, I64, U8 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8

BLOCK = 16  # outputs that lie together
SILU, GELU = 1, 2


class FusedInt8:
    """How the form is called in a manifest: weights and activations of 8 bits, 16 of which share a shift."""

    name = "w8a8g16"


def fits(c: ModelConfig) -> bool:
    """Whether the operators take a model of this shape."""
    groups = c.num_attention_heads // c.num_key_value_heads
    return c.hidden_size % 32 == 0 and c.intermediate_size % 32 == 0 and c.head_dim % 32 == 0 and \
        c.head_dim <= 256 and groups <= 16 and c.vocab_size % BLOCK == 0


def in_blocks(q: np.ndarray) -> np.ndarray:
    """Weights `[outputs, inputs]` as the operators take them, `[outputs/16, inputs/4, 16, 4]`."""
    outputs, inputs = q.shape
    return np.ascontiguousarray(q.reshape(outputs // BLOCK, BLOCK, inputs // 4, 4).swapaxes(1, 2))


def in_nibbles(q: np.ndarray) -> np.ndarray:
    """4-bit weights `[outputs, inputs]` as the operators take them: int8 `[outputs/16, inputs/8, 16, 4]`, see kernels.h."""
    outputs, inputs = q.shape
    eight = q.reshape(outputs // BLOCK, BLOCK, inputs // 8, 8).swapaxes(1, 2)[..., [0, 1, 4, 5, 2, 3, 6, 7]]
    return np.ascontiguousarray(eight[..., ::2] | eight[..., 1::2] << 4).view(np.int8)


def steps_in_blocks(step: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Steps and offsets `[outputs, inputs/32]` as the operators take them, `[outputs/16, inputs/32, 16, 2]`."""
    outputs, blocks = step.shape
    return np.ascontiguousarray(np.stack([step, offset], -1).reshape(outputs // BLOCK, BLOCK, blocks, 2).swapaxes(1, 2))


def taking_turns(gate: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Two matrices as one whose blocks of outputs come from one and the other by turns."""
    width = gate.shape[1]
    pair = np.stack([gate.reshape(-1, BLOCK, width), up.reshape(-1, BLOCK, width)], axis=1)
    return pair.reshape(-1, width)


class Writer:
    """Writes the nodes of one graph."""

    def __init__(self, b: Builder, c: ModelConfig):
        self._b, self._c = b, c

    def linear(self, x: str, weight: np.ndarray, name: str, norm: np.ndarray | None = None, bias: np.ndarray | None = None,
               add: str = "", gated: int = 0) -> str:
        b, small = self._b, four_bits(weight)
        if small is None:
            q, scale = per_row(weight)
            scale, stored = scale[:, 0], in_blocks(q)
        else:
            q, scale = small.eight()
            stored = in_nibbles(small.q)
        inputs = [
            x, b.const(name + ".weight", stored), b.const(name + ".scale", scale),
            b.const(name + ".zero", 64 * q.sum(axis=1, dtype=np.int32)),
            b.const(name + ".norm", norm) if norm is not None else "",
            b.const(name + ".bias", bias) if bias is not None else "", add,
            b.const(name + ".steps", steps_in_blocks(*small.steps())) if small is not None else "",
        ]
        return b.node("QuantLinear", without_end(inputs), name, OWN, epsilon=self._c.rms_norm_eps, gated=gated)

    def onto(self, x: str, y: str, weight: np.ndarray, name: str, norm: np.ndarray | None) -> str:
        """The product of y added to the residual x, after a norm of its own where there is one."""
        if norm is None:
            return self.linear(y, weight, name, add=x)
        y = self.linear(y, weight, name)
        return self._b.node("NormAdd", [y, self._b.const(name + ".post", norm), x], name + ".sum", OWN,
                            epsilon=self._c.rms_norm_eps)

    def attention(self, qkv: str, rope: tuple[str, str], norms: tuple[np.ndarray, ...], layer: int) -> str:
        c, p = self._c, f"layers.{layer}.attn"
        inputs = [qkv, *rope, "slots", "starts", "counts", "cache"]
        inputs += [self._b.const(f"{p}.{side}_norm", weight) for side, weight in zip("qk", norms)]
        return self._b.node(
            "CachedAttention", inputs, p, OWN, heads=c.num_attention_heads, kv_heads=c.num_key_value_heads, dim=c.head_dim,
            layer=layer, layers=c.num_hidden_layers, window=c.window(layer), scale=c.score_scale, epsilon=c.rms_norm_eps)

    def block(self, x: str, source: Source, rope: tuple[str, str], layer: int) -> str:
        """One decoder layer over the residual x."""
        p, family = f"layers.{layer}", self._c.family

        def weight(part: str) -> np.ndarray:
            return source.tensor(f"blk.{layer}.{part}.weight")

        posts = [weight(part) if family.post_norms else None for part in ("post_attention_norm", "post_ffw_norm")]
        qkv = self.linear(x, source.qkv(layer), p + ".qkv", weight("attn_norm"), source.qkv_bias(layer))
        mixed = self.attention(qkv, rope, source.head_norms(layer), layer)
        x = self.onto(x, mixed, weight("attn_output"), p + ".attn_out", posts[0])
        pair = taking_turns(weight("ffn_gate"), weight("ffn_up"))
        act = self.linear(x, pair, p + ".gate_up", weight("ffn_norm"), gated=GELU if family.gelu else SILU)
        return self.onto(x, act, weight("ffn_down"), p + ".down", posts[1])


def without_end(inputs: list[str]) -> list[str]:
    """A node's inputs without the optional ones at the end that are not there."""
    while inputs[-1] == "":
        inputs = inputs[:-1]
    return inputs


def build(source: Source, _form: type, data, data_name: str, tick=lambda: None, inline: int = INLINE_LIMIT) -> ModelProto:
    """Write the graph of `source`; weights go to `data` under the name `data_name`; `tick` is called by layer."""
    c, b = source.config, Builder(data, data_name, inline)
    w = Writer(b, c)
    ropes = rope_consts(b, c)
    x = embed8(b, source.tensor("token_embd.weight"), "input_ids", c.embedding_scale)
    tick()
    for layer in range(c.num_hidden_layers):
        x = w.block(x, source, ropes[layer], layer)
        tick()
    rows = b.node("Gather", [x, "logits_index"], "head_in", axis=0)
    w.linear(rows, source.head(), "logits", source.tensor("output_norm.weight"))
    tick()
    page = page_bytes(c.head_dim) * c.num_key_value_heads * c.num_hidden_layers
    model = b.model(GRAPH, *signature(c))
    helper.set_model_props(model, {PAGE_BYTES: str(page)})
    return model


def signature(c: ModelConfig) -> tuple[list, list]:
    """Inputs and outputs as (name, element type, shape)."""
    inputs = [
        ("input_ids", I64, ["N"]), ("logits_index", I64, ["L"]), ("slots", I32, ["B"]), ("starts", I32, ["B"]),
        ("counts", I32, ["B"]), ("cache", U8, ["S", "bytes"]),
    ]
    return inputs, [("logits", F32, ["L", c.vocab_size])]
