"""Record golden logits with an independent implementation: transformers on torch, reading the GGUF itself.

    python -m venv .venv && .venv/bin/pip install -r scripts/golden/requirements.txt
    .venv/bin/python scripts/golden/make_logits.py --gguf FILE --tokenizer FOLDER/tokenizer.json

Nothing of the exporter is used: transformers dequantizes the file, orders its rows and runs the model in float32.
The result holds, for each prompt, its token ids and of the last position the 16 likeliest tokens
and the logits of 128 fixed vocabulary ids.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer

FOLDER = Path(__file__).resolve().parents[2] / "testdata" / "golden" / "logits"
TOP = 16
PROBES = 128


def probe_ids(vocab: int) -> list[int]:
    """Ids spread evenly over the vocabulary, the first and the last among them."""
    return [round(i * (vocab - 1) / (PROBES - 1)) for i in range(PROBES)]


def record(model, tokens: list[int], probes: list[int]) -> dict:
    """Top and probe logits of the last position."""
    with torch.inference_mode():
        logits = model(torch.tensor([tokens])).logits[0, -1].float()
    top = torch.topk(logits, TOP)
    return {
        "tokens": tokens,
        "top": [[i, round(x, 5)] for i, x in zip(top.indices.tolist(), top.values.tolist(), strict=True)],
        "probe": [round(x, 5) for x in logits[probes].tolist()],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json of the exported model")
    parser.add_argument("--out", type=Path, default=FOLDER / "smollm2-135m-instruct.json")
    args = parser.parse_args()
    model = transformers.AutoModelForCausalLM.from_pretrained(
        args.gguf.parent, gguf_file=args.gguf.name, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    probes = probe_ids(model.config.vocab_size)
    prompts = json.loads((FOLDER / "prompts.json").read_text(encoding="utf-8"))
    rows = []
    for prompt in prompts:
        tokens = tokenizer.encode(prompt["text"], add_special_tokens=False).ids
        rows.append({"id": prompt["id"], **record(model, tokens, probes)})
        print(prompt["id"], len(tokens), flush=True)
    head = {"made_with": f"transformers {transformers.__version__}, torch {torch.__version__}",
            "gguf": args.gguf.name, "probe_ids": probes}
    lines = ",\n".join(json.dumps(row) for row in rows)
    args.out.write_text(json.dumps(head)[:-1] + ',\n"prompts": [\n' + lines + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
