"""A tiny random Llama model as a GGUF file, and the same model in plain numpy."""

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np


@dataclass(frozen=True)
class Size:
    hidden: int = 64
    heads: int = 4
    kv_heads: int = 2
    dim: int = 16
    inner: int = 96
    layers: int = 2


SIZE = Size()
CONTEXT = 64
THETA, EPS = 10000.0, 1e-5
# The 256 characters of the byte-level alphabet and three special tokens.
ALPHABET = [chr(c) for c in range(0x21, 0x7F)] + [chr(c) for c in range(0xA1, 0x100)] + [
    chr(c) for c in range(0x100, 0x143)]
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "Ab", *ALPHABET[:252]]
TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"


def weights(seed: int = 0, size: Size = SIZE) -> dict[str, np.ndarray]:
    """Random weights under GGUF's names, in the published (half-split) order."""
    rng = np.random.default_rng(seed)

    def matrix(out: int, width: int) -> np.ndarray:
        return (rng.standard_normal((out, width)) / np.sqrt(width)).astype(np.float32)

    out = {"token_embd.weight": matrix(len(TOKENS), size.hidden), "output_norm.weight": 1 + matrix(1, size.hidden)[0]}
    for layer in range(size.layers):
        p = f"blk.{layer}."
        out |= {
            p + "attn_norm.weight": 1 + matrix(1, size.hidden)[0], p + "ffn_norm.weight": 1 + matrix(1, size.hidden)[0],
            p + "attn_q.weight": matrix(size.heads * size.dim, size.hidden),
            p + "attn_k.weight": matrix(size.kv_heads * size.dim, size.hidden),
            p + "attn_v.weight": matrix(size.kv_heads * size.dim, size.hidden),
            p + "attn_output.weight": matrix(size.hidden, size.heads * size.dim),
            p + "ffn_gate.weight": matrix(size.inner, size.hidden), p + "ffn_up.weight": matrix(size.inner, size.hidden),
            p + "ffn_down.weight": matrix(size.hidden, size.inner),
        }
    return out


def interleave(weight: np.ndarray, heads: int) -> np.ndarray:
    """The row order in which GGUF keeps llama's query and key matrices."""
    out, width = weight.shape
    return weight.reshape(heads, 2, out // heads // 2, width).swapaxes(1, 2).reshape(out, width)


def add_vocabulary(writer: gguf.GGUFWriter) -> None:
    """A tokenizer of 256 tokens."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3, 3] + [1] * (len(TOKENS) - 3))
    writer.add_token_merges(["A b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)


def write(path: Path, w: dict[str, np.ndarray], size: Size = SIZE, **changes) -> Path:
    """Write the GGUF file; `changes` replace hyper-parameters by name."""
    writer = gguf.GGUFWriter(path, changes.get("arch", "llama"))
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(size.hidden)
    writer.add_block_count(size.layers)
    writer.add_feed_forward_length(size.inner)
    writer.add_head_count(changes.get("heads", size.heads))
    writer.add_head_count_kv(size.kv_heads)
    writer.add_rope_dimension_count(changes.get("rope_dim", size.dim))
    writer.add_rope_freq_base(THETA)
    writer.add_layer_norm_rms_eps(EPS)
    add_vocabulary(writer)
    for name, value in w.items():
        if name == changes.get("without"):
            continue
        heads = {"attn_q": size.heads, "attn_k": size.kv_heads}.get(name.split(".")[-2])
        writer.add_tensor(name, interleave(value, heads) if heads else value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def norm(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + EPS) * weight


def rotate(x: np.ndarray) -> np.ndarray:
    """Rotary embedding of x `[tokens, heads, dim]` at positions 0, 1, ..."""
    half = x.shape[-1] // 2
    angle = np.arange(len(x))[:, None] / THETA ** (np.arange(half) / half)
    cos, sin = np.cos(angle)[:, None, :], np.sin(angle)[:, None, :]
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def attend(x: np.ndarray, w: dict[str, np.ndarray], p: str, size: Size) -> np.ndarray:
    n = len(x)
    q = rotate((x @ w[p + "attn_q.weight"].T).reshape(n, size.heads, size.dim))
    k = rotate((x @ w[p + "attn_k.weight"].T).reshape(n, size.kv_heads, size.dim))
    v = (x @ w[p + "attn_v.weight"].T).reshape(n, size.kv_heads, size.dim)
    out = np.empty((n, size.heads, size.dim))
    for h in range(size.heads):
        kv = h // (size.heads // size.kv_heads)
        score = q[:, h] @ k[:, kv].T / np.sqrt(size.dim)
        score[np.triu_indices(n, 1)] = -np.inf
        e = np.exp(score - score.max(axis=1, keepdims=True))
        out[:, h] = e / e.sum(axis=1, keepdims=True) @ v[:, kv]
    return out.reshape(n, -1) @ w[p + "attn_output.weight"].T


def forward(w: dict[str, np.ndarray], tokens: list[int], size: Size = SIZE) -> np.ndarray:
    """Logits `[tokens, vocab]` in float64."""
    w = {k: v.astype(np.float64) for k, v in w.items()}
    x = w["token_embd.weight"][tokens]
    for layer in range(size.layers):
        p = f"blk.{layer}."
        x = x + attend(norm(x, w[p + "attn_norm.weight"]), w, p, size)
        h = norm(x, w[p + "ffn_norm.weight"])
        gate = h @ w[p + "ffn_gate.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ w[p + "ffn_up.weight"].T)) @ w[p + "ffn_down.weight"].T
    return norm(x, w["output_norm.weight"]) @ w["token_embd.weight"].T
