"""Tiny random decoders in the layout of onnxruntime-genai's model builder, with the logits that they should give.

Two forms of what the builder writes: `fused`, float32, where attention takes packed projections and applies the rotary
embedding itself; `separate`, float16, where an operator before it does, at the positions that come in.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from scripts.export.tokenizer import write_tokenizer
from scripts.tests import tiny

MS = "com.microsoft"
SIZE = tiny.Size(hidden=32, heads=2, kv_heads=1, dim=16, inner=32)
VOCAB = len(tiny.TOKENS)
FORMS = {"fused": np.float32, "separate": np.float16}
PROMPTS = (1, 2, 17, 40)  # lengths, in tokens


class Graph:
    """The graph of one form, written layer by layer."""

    def __init__(self, weights: dict[str, np.ndarray], form: str):
        self._weights, self._kind, self._fused = weights, FORMS[form], form == "fused"
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, np.ndarray] = {}

    def _const(self, name: str, value: np.ndarray) -> str:
        self._constants[name] = np.ascontiguousarray(value)
        return name

    def _weight(self, *names: str) -> str:
        """Matrices side by side, `[in, out]`; a vector as it is."""
        return self._const(names[0], np.concatenate([self._weights[n] for n in names]).T.astype(self._kind))

    def _node(self, op: str, inputs: list[str], *outputs: str, domain: str = "", **attributes) -> str:
        self._nodes.append(helper.make_node(op, inputs, outputs, name=outputs[0], domain=domain, **attributes))
        return outputs[0]

    def _project(self, x: str, *names: str) -> str:
        return self._node("MatMul", [x, self._weight(*names)], names[0] + ".out")

    def _mask(self) -> None:
        """What attention wants to know: the last place of each row, and the longest row."""
        one = self._const("one", np.array(1, np.int64))
        ones = self._const("ones", np.array([1], np.int64))
        count = self._node("ReduceSum", ["attention_mask", ones], "mask.count", keepdims=0)
        self._node("Cast", [self._node("Sub", [count, ones], "mask.last")], "seqlens_k", to=TensorProto.INT32)
        width = self._node("Gather", [self._node("Shape", ["attention_mask"], "mask.shape"), one], "mask.width", axis=0)
        self._node("Cast", [width], "total_seq", to=TensorProto.INT32)

    def _rotary(self) -> None:
        half = SIZE.dim // 2
        angle = np.arange(tiny.CONTEXT)[:, None] / tiny.THETA ** (np.arange(half) / half)
        self._const("cos", np.cos(angle).astype(self._kind))
        self._const("sin", np.sin(angle).astype(self._kind))

    def _attention(self, x: str, layer: int) -> str:
        p = f"blk.{layer}."
        past = [f"past_key_values.{layer}.{side}" for side in ("key", "value")]
        present = [f"present.{layer}.{side}" for side in ("key", "value")]
        if self._fused:
            packed = self._project(x, *(p + f"attn_{n}.weight" for n in "qkv"))
            inputs = [packed, "", "", *past, "seqlens_k", "total_seq", "cos", "sin"]
        else:
            q, k, v = (self._project(x, p + f"attn_{n}.weight") for n in "qkv")
            turned = [self._node("RotaryEmbedding", [t, "position_ids", "cos", "sin"], t + ".turned", domain=MS)
                      for t in (q, k)]
            inputs = [*turned, v, *past, "seqlens_k", "total_seq"]
        out = self._node("GroupQueryAttention", inputs, p + "attn", *present, domain=MS, num_heads=SIZE.heads,
                         kv_num_heads=SIZE.kv_heads, do_rotary=int(self._fused), rotary_interleaved=0)
        return self._project(out, p + "attn_output.weight")

    def _add_norm(self, x: str, y: str, weight: str) -> tuple[str, str]:
        """The sum, and its norm."""
        total, normed = weight + ".sum", weight + ".normed"
        self._node("SkipSimplifiedLayerNormalization", [x, y, self._weight(weight)], normed, "", "", total,
                   domain=MS, epsilon=tiny.EPS)
        return total, normed

    def _layer(self, x: str, h: str, layer: int) -> tuple[str, str]:
        p = f"blk.{layer}."
        x, h = self._add_norm(x, self._attention(h, layer), p + "ffn_norm.weight")
        gate = self._project(h, p + "ffn_gate.weight")
        silu = self._node("Mul", [gate, self._node("Sigmoid", [gate], p + "sigmoid")], p + "silu")
        inner = self._node("Mul", [silu, self._project(h, p + "ffn_up.weight")], p + "inner")
        last = layer == SIZE.layers - 1
        following = "output_norm.weight" if last else f"blk.{layer + 1}.attn_norm.weight"
        return self._add_norm(x, self._project(inner, p + "ffn_down.weight"), following)

    def model(self) -> ModelProto:
        self._mask()
        self._rotary()
        table = self._const("embed", self._weights["token_embd.weight"].astype(self._kind))
        x = self._node("Gather", [table, "input_ids"], "embeds", axis=0)
        h = self._node("SimplifiedLayerNormalization", [x, self._weight("blk.0.attn_norm.weight")], "normed", axis=-1,
                       epsilon=tiny.EPS)
        for layer in range(SIZE.layers):
            x, h = self._layer(x, h, layer)
        self._node("MatMul", [h, self._weight("token_embd.weight")], "logits")
        graph = helper.make_graph(self._nodes, "decoder", *self._ports(),
                                  [numpy_helper.from_array(v, k) for k, v in self._constants.items()])
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MS, 1)]
        return helper.make_model(graph, ir_version=10, opset_imports=opsets, producer_name="bedside")

    def _ports(self) -> tuple[list, list]:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self._kind))
        ids, total, cache = ["batch", "length"], ["batch", "total"], ["batch", SIZE.kv_heads, "total", SIZE.dim]
        inputs = [("input_ids", TensorProto.INT64, ids), ("attention_mask", TensorProto.INT64, total)]
        if not self._fused:
            inputs.append(("position_ids", TensorProto.INT64, ids))
        outputs = [("logits", kind, [*ids, VOCAB])]
        for layer in range(SIZE.layers):
            inputs += [(f"past_key_values.{layer}.{side}", kind, cache) for side in ("key", "value")]
            outputs += [(f"present.{layer}.{side}", kind, cache) for side in ("key", "value")]
        return tuple([helper.make_tensor_value_info(*p) for p in side] for side in (inputs, outputs))


def config(form: str) -> dict:
    inputs = {"input_ids": "input_ids", "attention_mask": "attention_mask"}
    if form == "separate":
        inputs["position_ids"] = "position_ids"
    inputs |= {"past_key_names": "past_key_values.%d.key", "past_value_names": "past_key_values.%d.value"}
    outputs = {"logits": "logits", "present_key_names": "present.%d.key", "present_value_names": "present.%d.value"}
    return {
        "model": {
            "bos_token_id": 1,
            "context_length": tiny.CONTEXT,
            "decoder": {
                "session_options": {"log_id": "onnxruntime-genai", "provider_options": []},
                "filename": "model.onnx",
                "head_size": SIZE.dim,
                "hidden_size": SIZE.hidden,
                "inputs": inputs,
                "outputs": outputs,
                "num_attention_heads": SIZE.heads,
                "num_hidden_layers": SIZE.layers,
                "num_key_value_heads": SIZE.kv_heads,
            },
            "eos_token_id": [2, 0] if form == "fused" else 2,
            "pad_token_id": 2,
            "type": "llama",
            "vocab_size": VOCAB,
        },
        "search": {"do_sample": False, "max_length": tiny.CONTEXT, "past_present_share_buffer": True},
    }


def golden() -> dict:
    """Prompts, and the logits of the last token of each, of the weights as they are (float32)."""
    weights = tiny.weights(5, SIZE)
    rng = np.random.default_rng(6)
    prompts = [rng.integers(0, VOCAB, n).tolist() for n in PROMPTS]
    last = [[round(float(v), 5) for v in tiny.forward(weights, p, SIZE)[-1]] for p in prompts]
    return {"prompts": [{"tokens": p, "logits": v} for p, v in zip(prompts, last)]}


def write(root: Path) -> None:
    """Write a folder for each form, and golden.json, under `root`."""
    weights = tiny.weights(5, SIZE)
    for form in FORMS:
        folder = root / form
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            write_tokenizer(str(tiny.write(Path(scratch) / "tiny.gguf", weights, SIZE)), str(folder))
        onnx.save(Graph(weights, form).model(), folder / "model.onnx")
        (folder / "genai_config.json").write_text(json.dumps(config(form), indent=2) + "\n", encoding="utf-8")
    (root / "golden.json").write_text(json.dumps(golden()) + "\n", encoding="utf-8")
