"""Tiny random checkpoints as training leaves them, and the same models in plain numpy, float64."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from scripts.export import tensorfile
from scripts.export.tokenizer import write_tokenizer

from . import tiny

HIDDEN, LAYERS, CONTEXT, EPS = 16, 2, 64, 1e-5
VOCAB = len(tiny.TOKENS)
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
LLAMA = tiny.Size(hidden=32, heads=2, kv_heads=1, dim=16, inner=32, layers=LAYERS)


def weights(kind: str, seed: int = 0, hidden: int = HIDDEN, layers: int = LAYERS,
            vocab: int = VOCAB) -> dict[str, np.ndarray]:
    """Random weights of a recurrent model, under the checkpoint's names."""
    rng = np.random.default_rng(seed)

    def matrix(out: int, width: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.standard_normal((out, width)) / np.sqrt(width)).astype(np.float32)

    out = {"model.embed_tokens.weight": matrix(vocab, hidden, 3), "model.norm.weight": 1 + matrix(1, hidden)[0]}
    for layer in range(layers):
        p, width = f"model.layers.{layer}.", GATES[kind] * hidden
        out |= {p + "norm.weight": 1 + matrix(1, hidden)[0],
                p + "cell.weight_ih": matrix(width, hidden), p + "cell.weight_hh": matrix(width, hidden),
                p + "cell.bias_ih": matrix(1, width)[0], p + "cell.bias_hh": matrix(1, width)[0]}
    return out


def llama_weights(seed: int = 0, layers: int = LAYERS) -> dict[str, np.ndarray]:
    """Random weights of a decoder, under Hugging Face's names; tiny.weights has them under GGUF's."""
    return {hugging_face(name): value for name, value in tiny.weights(seed, replace(LLAMA, layers=layers)).items()}


def hugging_face(name: str) -> str:
    whole = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    if name in whole:
        return whole[name]
    _, layer, part, _ = name.split(".")
    parts = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_output": "self_attn.o_proj"}
    parts |= {f"attn_{x}": f"self_attn.{x}_proj" for x in "qkv"}
    parts |= {f"ffn_{x}": f"mlp.{x}_proj" for x in ("gate", "up", "down")}
    return f"model.layers.{layer}.{parts[part]}.weight"


def config(kind: str, hidden: int = HIDDEN, layers: int = LAYERS, vocab: int = VOCAB) -> dict:
    common = {
        "vocab_size": vocab, "max_position_embeddings": CONTEXT, "rms_norm_eps": EPS, "bos_token_id": 1,
        "eos_token_id": [2, 0],
    }
    if kind == "llama":
        return common | {
            "model_type": "llama", "hidden_size": LLAMA.hidden, "num_hidden_layers": layers,
            "intermediate_size": LLAMA.inner, "num_attention_heads": LLAMA.heads, "num_key_value_heads": LLAMA.kv_heads,
            "rope_theta": tiny.THETA, "tie_word_embeddings": True,
        }
    return common | {"model_type": f"bedside-{kind}", "hidden_size": hidden, "num_hidden_layers": layers}


def write(folder: Path, kind: str, seed: int = 0, changes: dict | None = None, without: str = "", **size: int) -> Path:
    """Write the checkpoint; `changes` replace settings (None: leave out), `without` names a tensor left out."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = llama_weights(seed, **size) if kind == "llama" else weights(kind, seed, **size)
    tensorfile.write(folder / "weights.safetensors", {k: v for k, v in tensors.items() if k != without})
    settings = config(kind, **size) | (changes or {})
    (folder / "config.json").write_text(json.dumps({k: v for k, v in settings.items() if v is not None}), encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        write_tokenizer(str(tiny.write(Path(scratch) / "tiny.gguf", tiny.weights())), str(folder))
    return folder


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def rnn_cell(x, state, w_ih, w_hh, b_ih, b_hh):
    """h' = tanh(W x + R h + b): Elman 1990."""
    h = np.tanh(x @ w_ih.T + b_ih + state[0] @ w_hh.T + b_hh)
    return h, [h]


def lstm_cell(x, state, w_ih, w_hh, b_ih, b_hh):
    """Gates in the order i, o, f, c; c' = f c + i tanh(...), h' = o tanh(c'): Gers et al. 2000."""
    h, c = state
    i, o, f, g = np.split(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, [h, c]


def gru_cell(x, state, w_ih, w_hh, b_ih, b_hh):
    """Gates in the order z, r, h, the reset gate after the recurrent product: Cho et al. 2014, version 1 of the paper."""
    h = state[0]
    (zx, rx, hx), (zh, rh, hh) = np.split(x @ w_ih.T + b_ih, 3), np.split(h @ w_hh.T + b_hh, 3)
    z, r = sigmoid(zx + zh), sigmoid(rx + rh)
    h = (1 - z) * np.tanh(hx + r * hh) + z * h
    return h, [h]


CELLS = {"rnn": (rnn_cell, 1), "lstm": (lstm_cell, 2), "gru": (gru_cell, 1)}


def forward(kind: str, w: dict[str, np.ndarray], tokens: list[int]) -> np.ndarray:
    """Logits `[tokens, vocab]` in float64, a token at a time."""
    w = {k: v.astype(np.float64) for k, v in w.items()}
    cell, states = CELLS[kind]
    x = w["model.embed_tokens.weight"][tokens]
    layer = 0
    while (p := f"model.layers.{layer}.") + "norm.weight" in w:
        state = [np.zeros(x.shape[1])] * states
        parts = [w[p + f"cell.{n}"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        for t, row in enumerate(tiny.norm(x, w[p + "norm.weight"])):
            y, state = cell(row, state, *parts)
            x[t] = x[t] + y
        layer += 1
    return tiny.norm(x, w["model.norm.weight"]) @ w["model.embed_tokens.weight"].T
