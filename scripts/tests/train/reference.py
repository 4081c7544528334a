"""The four models in plain numpy, float64, from exported tensors: short, and written from the formulas alone."""

import numpy as np

EPS = 1e-5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def cell(kind, x, w_ih, w_hh, b_ih, b_hh):
    """The states h along x [T, D], one token after the other."""
    n, out = w_hh.shape[1], []
    h, c = np.zeros(n), np.zeros(n)
    for t in range(len(x)):
        a, b = w_ih @ x[t] + b_ih, w_hh @ h + b_hh
        if kind == "rnn":
            h = np.tanh(a + b)
        elif kind == "lstm":  # i, o, f, c
            i, o, f = (sigmoid((a + b)[k * n:(k + 1) * n]) for k in range(3))
            c = f * c + i * np.tanh((a + b)[3 * n:])
            h = o * np.tanh(c)
        else:  # z, r, h
            z, r = sigmoid((a + b)[:n]), sigmoid((a + b)[n:2 * n])
            h = (1 - z) * np.tanh(a[2 * n:] + r * b[2 * n:]) + z * h
        out.append(h)
    return np.array(out)


def norm(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * weight


def rotate(x, theta):
    half = x.shape[-1] // 2
    turn = np.exp(1j * np.arange(len(x))[:, None] / theta ** (np.arange(half) / half))[:, None, :]
    y = (x[..., :half] + 1j * x[..., half:]) * turn
    return np.concatenate([y.real, y.imag], -1)


def attention(x, w, p, c):
    heads, kv, dim = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
    q, k, v = ((x @ w[f"{p}self_attn.{n}_proj.weight"].T).reshape(len(x), -1, dim) for n in "qkv")
    q, k, out = rotate(q, c["rope_theta"]), rotate(k, c["rope_theta"]), np.zeros((len(x), heads, dim))
    for h in range(heads):
        for i in range(len(x)):
            e = np.exp(q[i, h] @ k[:i + 1, h // (heads // kv)].T / np.sqrt(dim))
            out[i, h] = e / e.sum() @ v[:i + 1, h // (heads // kv)]
    return out.reshape(len(x), -1) @ w[f"{p}self_attn.o_proj.weight"].T


def logits(config, w, tokens):
    """Logits [T, V] of one sequence."""
    w = {k: v.astype(np.float64) for k, v in w.items()}
    x = w["model.embed_tokens.weight"][tokens]
    for layer in range(config["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        if config["model_type"] == "llama":
            x = x + attention(norm(x, w[p + "input_layernorm.weight"]), w, p, config)
            y = norm(x, w[p + "post_attention_layernorm.weight"])
            gate = y @ w[p + "mlp.gate_proj.weight"].T
            x = x + (gate * sigmoid(gate) * (y @ w[p + "mlp.up_proj.weight"].T)) @ w[p + "mlp.down_proj.weight"].T
        else:
            kind = config["model_type"].removeprefix("bedside-")
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            x = x + cell(kind, norm(x, w[p + "norm.weight"]), *(w[f"{p}cell.{n}"] for n in names))
    return norm(x, w["model.norm.weight"]) @ w["model.embed_tokens.weight"].T
