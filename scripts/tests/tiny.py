"""A tiny random Llama model as a GGUF file, and the same model in plain numpy."""

from pathlib import Path

import gguf
import numpy as np

HIDDEN, HEADS, KV_HEADS, DIM, INNER, LAYERS, CONTEXT = 64, 4, 2, 16, 96, 2, 64
THETA, EPS = 10000.0, 1e-5
# The 256 characters of the byte-level alphabet and three special tokens.
ALPHABET = [chr(c) for c in range(0x21, 0x7F)] + [chr(c) for c in range(0xA1, 0x100)] + [
    chr(c) for c in range(0x100, 0x143)]
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "Ab", *ALPHABET[:252]]
TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights under GGUF's names, in the published (half-split) order."""
    rng = np.random.default_rng(seed)

    def matrix(out: int, width: int) -> np.ndarray:
        return (rng.standard_normal((out, width)) / np.sqrt(width)).astype(np.float32)

    out = {"token_embd.weight": matrix(len(TOKENS), HIDDEN), "output_norm.weight": 1 + matrix(1, HIDDEN)[0]}
    for layer in range(LAYERS):
        p = f"blk.{layer}."
        out |= {
            p + "attn_norm.weight": 1 + matrix(1, HIDDEN)[0], p + "ffn_norm.weight": 1 + matrix(1, HIDDEN)[0],
            p + "attn_q.weight": matrix(HEADS * DIM, HIDDEN), p + "attn_k.weight": matrix(KV_HEADS * DIM, HIDDEN),
            p + "attn_v.weight": matrix(KV_HEADS * DIM, HIDDEN),
            p + "attn_output.weight": matrix(HIDDEN, HEADS * DIM),
            p + "ffn_gate.weight": matrix(INNER, HIDDEN), p + "ffn_up.weight": matrix(INNER, HIDDEN),
            p + "ffn_down.weight": matrix(HIDDEN, INNER),
        }
    return out


def interleave(weight: np.ndarray, heads: int) -> np.ndarray:
    """The row order in which GGUF keeps llama's query and key matrices."""
    out, width = weight.shape
    return weight.reshape(heads, 2, out // heads // 2, width).swapaxes(1, 2).reshape(out, width)


def write(path: Path, w: dict[str, np.ndarray], **changes) -> Path:
    """Write the GGUF file; `changes` replace hyper-parameters by name."""
    writer = gguf.GGUFWriter(path, changes.get("arch", "llama"))
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(changes.get("heads", HEADS))
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(changes.get("rope_dim", DIM))
    writer.add_rope_freq_base(THETA)
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3, 3] + [1] * (len(TOKENS) - 3))
    writer.add_token_merges(["A b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    for name, value in w.items():
        if name == changes.get("without"):
            continue
        heads = {"attn_q": HEADS, "attn_k": KV_HEADS}.get(name.split(".")[-2])
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
    angle = np.arange(len(x))[:, None] / THETA ** (np.arange(0, DIM, 2) / DIM)
    cos, sin = np.cos(angle)[:, None, :], np.sin(angle)[:, None, :]
    a, b = x[..., :DIM // 2], x[..., DIM // 2:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def attend(x: np.ndarray, w: dict[str, np.ndarray], p: str) -> np.ndarray:
    n = len(x)
    q = rotate((x @ w[p + "attn_q.weight"].T).reshape(n, HEADS, DIM))
    k = rotate((x @ w[p + "attn_k.weight"].T).reshape(n, KV_HEADS, DIM))
    v = (x @ w[p + "attn_v.weight"].T).reshape(n, KV_HEADS, DIM)
    out = np.empty((n, HEADS, DIM))
    for h in range(HEADS):
        kv = h // (HEADS // KV_HEADS)
        score = q[:, h] @ k[:, kv].T / np.sqrt(DIM)
        score[np.triu_indices(n, 1)] = -np.inf
        e = np.exp(score - score.max(axis=1, keepdims=True))
        out[:, h] = e / e.sum(axis=1, keepdims=True) @ v[:, kv]
    return out.reshape(n, -1) @ w[p + "attn_output.weight"].T


def forward(w: dict[str, np.ndarray], tokens: list[int]) -> np.ndarray:
    """Logits `[tokens, vocab]` in float64."""
    w = {k: v.astype(np.float64) for k, v in w.items()}
    x = w["token_embd.weight"][tokens]
    for layer in range(LAYERS):
        p = f"blk.{layer}."
        x = x + attend(norm(x, w[p + "attn_norm.weight"]), w, p)
        h = norm(x, w[p + "ffn_norm.weight"])
        gate = h @ w[p + "ffn_gate.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ w[p + "ffn_up.weight"].T)) @ w[p + "ffn_down.weight"].T
    return norm(x, w["output_norm.weight"]) @ w["token_embd.weight"].T
