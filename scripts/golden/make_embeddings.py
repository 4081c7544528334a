"""Record golden embeddings with an independent implementation: transformers' BertModel on torch, in float32.

    python -m venv .venv && .venv/bin/pip install -r scripts/golden/requirements.txt
    .venv/bin/python scripts/golden/make_embeddings.py --weights e5-small-q4.bin --tokenizer FOLDER/tokenizer.json

Nothing of the exporter is used: the weights file is read here once more, and what the layers do is transformers' affair.
Texts are cut at 512 tokens, averaged over all of them and scaled to length 1, as the model's card says.
Each vector is written as base64 of little-endian float32, beside the token ids it was made from.
"""

from __future__ import annotations

import argparse
import base64
import json
import struct
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer

FOLDER = Path(__file__).resolve().parents[2] / "testdata" / "golden" / "embeddings"
LONGEST = 512
NAMES = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
}
TOP = {"emb.word": "word_embeddings.weight", "emb.pos": "position_embeddings.weight",
       "emb.type": "token_type_embeddings.weight", "emb.ln.w": "LayerNorm.weight", "emb.ln.b": "LayerNorm.bias"}


def parameter(name: str) -> str:
    """The name under which transformers knows a tensor of the file."""
    if name in TOP:
        return "embeddings." + TOP[name]
    layer, part, side = name.split(".")
    return f"encoder.layer.{layer[1:]}.{NAMES[part]}.{'weight' if side == 'w' else 'bias'}"


def values(data: bytes, kind: int, count: int, offset: int) -> np.ndarray:
    """Float32 as it stands, or ggml's Q4_0: blocks of a float16 scale and 32 halves of bytes, low ones first, 8 is zero."""
    if kind == 0:
        return np.frombuffer(data, np.float32, count, offset)
    out = np.empty((count // 32, 32), np.float32)
    block = np.dtype([("scale", "<f2"), ("low_high", "u1", 16)])
    raw = np.frombuffer(data, block, count // 32, offset)
    scale = raw["scale"].astype(np.float32)[:, None]
    out[:, :16] = (raw["low_high"] % 16).astype(np.float32) - 8
    out[:, 16:] = (raw["low_high"] // 16).astype(np.float32) - 8
    return (out * scale).reshape(-1)


def load(path: Path) -> transformers.BertModel:
    """The file as a transformers model."""
    data = path.read_bytes()
    hidden, layers, heads, inner, vocab, places, types, eps = struct.unpack_from("<7if", data, 8)
    at = 8 + 36
    pieces, blob = struct.unpack_from("<i16xQ", data, at)
    at += 28 + 4 * (pieces + 1) + 4 * pieces + blob
    at += 8 + struct.unpack_from("<iI", data, at)[1]
    model = transformers.BertModel(transformers.BertConfig(
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inner,
        vocab_size=vocab, max_position_embeddings=places, type_vocab_size=types, layer_norm_eps=eps,
        hidden_act="gelu", attn_implementation="eager"), add_pooling_layer=False).eval()
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    state = {}
    count, = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(count):
        length, = struct.unpack_from("<H", data, at)
        name = parameter(data[at + 2:at + 2 + length].decode())
        at += 2 + length
        kind, size, offset = struct.unpack_from("<BIQ", data, at)
        at += 21
        state[name] = torch.from_numpy(values(data, kind, size, offset).copy()).reshape(shapes[name])
    missing = set(shapes) - set(state) - {"embeddings.position_ids", "embeddings.token_type_ids"}
    if missing:
        raise SystemExit(f"{path.name} lacks {sorted(missing)}")
    model.load_state_dict(state, strict=False)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json of the exported model")
    parser.add_argument("--out", type=Path, default=FOLDER / "multilingual-e5-small.json")
    args = parser.parse_args()
    model = load(args.weights)
    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    tokenizer.enable_truncation(LONGEST)
    rows = []
    for row in json.loads((FOLDER / "texts.json").read_text(encoding="utf-8")):
        ids = tokenizer.encode(f"{row['kind']}: {row['text']}").ids
        with torch.inference_mode():
            hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
            vector = torch.nn.functional.normalize(hidden.mean(dim=0), dim=0)
        packed = base64.b64encode(vector.numpy().astype("<f4").tobytes()).decode("ascii")
        rows.append({"id": row["id"], "tokens": ids, "vector": packed})
        print(row["id"], len(ids), flush=True)
    head = {"made_with": f"transformers {transformers.__version__}, torch {torch.__version__}",
            "weights": args.weights.name}
    lines = ",\n".join(json.dumps(row) for row in rows)
    args.out.write_text(json.dumps(head)[:-1] + ',\n"texts": [\n' + lines + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
