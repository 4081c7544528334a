"""Writes the models of OpenVINO GenAI (by optimum-intel) and onnxruntime-genai (by its model builder); see weights.py.

`python -m scripts.bench.rivals.export GGUF TOKENIZER_FOLDER OUT`, in the environment of requirements-export.txt.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from ...export.source import Source, half_split

COPIED = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
PLAIN = {
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
}


def weights(source: Source) -> dict[str, np.ndarray]:
    """Float32, under transformers' names."""
    c = source.config
    out = {"model.embed_tokens.weight": source.tensor("token_embd.weight"),
           "model.norm.weight": source.tensor("output_norm.weight")}
    for i in range(c.num_hidden_layers):
        for name, theirs in PLAIN.items():
            out[f"model.layers.{i}.{theirs}.weight"] = source.tensor(f"blk.{i}.{name}.weight")
        for name, heads in (("q", c.num_attention_heads), ("k", c.num_key_value_heads)):
            matrix = half_split(source.tensor(f"blk.{i}.attn_{name}.weight"), heads)
            out[f"model.layers.{i}.self_attn.{name}_proj.weight"] = matrix
    return out


def main(gguf: str, tokenizer: str, out: str) -> None:
    """Everything into folders of `out`."""
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "hf"
        folder.mkdir()
        save_file(weights(Source(gguf)), folder / "model.safetensors", metadata={"format": "pt"})
        for name in COPIED:
            shutil.copy(Path(tokenizer) / name, folder / name)
        openvino = [str(programs / "optimum-cli"), "export", "openvino", "--model", str(folder),
                    "--task", "text-generation-with-past"]
        int4 = ["--weight-format", "int4", "--group-size", "64", "--ratio", "1.0"]
        subprocess.run([*openvino, "--weight-format", "int8", f"{out}/openvino-int8"], check=True)
        subprocess.run([*openvino, *int4, f"{out}/openvino-int4"], check=True)
        subprocess.run([sys.executable, "-m", "onnxruntime_genai.models.builder", "-m", "smollm2", "-i", str(folder),
                        "-o", f"{out}/genai-int4", "-p", "int4", "-e", "cpu", "-c", f"{scratch}/cache"], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
