"""The tiny decoders of testdata/families, which transformers made: as folders with a tokenizer, and as GGUF files."""

import json
import shutil
import tempfile
from pathlib import Path

import gguf
import numpy as np

from scripts.export.architecture import ModelConfig
from scripts.export.checkpoint import Checkpoint
from scripts.export.tokenizer import write_tokenizer

from . import tiny

FOLDER = Path(__file__).resolve().parents[2] / "testdata" / "families"
NAMES = ("llama", "llama3", "qwen2", "qwen3", "gemma3")
SOURCE = ("config.json", "generation_config.json", "model.safetensors")
# Tensors of a layer as llama.cpp's converter names them, where the end of Hugging Face's name does not say it.
PARTS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "input_layernorm": "attn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}


def recorded(name: str) -> dict:
    """The text, and transformers' logits."""
    return json.loads((FOLDER / name / "logits.json").read_text(encoding="utf-8"))


def folder(name: str, out: Path) -> Path:
    """The model as Hugging Face's folders are, with a tokenizer of 256 tokens."""
    out.mkdir(parents=True)
    for file in SOURCE:
        shutil.copyfile(FOLDER / name / file, out / file)
    write_tokenizer(str(tiny.write(out / "tiny.gguf", tiny.weights())), str(out))
    (out / "tiny.gguf").unlink()
    return out


def config(name: str) -> ModelConfig:
    """Its configuration."""
    with tempfile.TemporaryDirectory() as scratch:
        return Checkpoint(folder(name, Path(scratch) / name)).config


def tensors(name: str) -> dict[str, np.ndarray]:
    """Its weights as float32; they lie as bfloat16."""
    data = (FOLDER / name / "model.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    out = {}
    for key, entry in json.loads(data[8:start]).items():
        if key != "__metadata__":
            begin, end = (start + at for at in entry["data_offsets"])
            bits = np.frombuffer(data[begin:end], "<u2").astype(np.uint32) << 16
            out[key] = bits.view(np.float32).reshape(entry["shape"])
    return out


def gguf_name(name: str, gemma: bool) -> str:
    if name in WHOLE:
        return WHOLE[name]
    _, _, layer, *parts, kind = name.split(".")
    part = ".".join(parts)
    # What Llama calls so stands before the feed-forward part, what Gemma calls so behind attention.
    after = {"post_attention_layernorm": "post_attention_norm" if gemma else "ffn_norm"}
    return f"blk.{layer}.{(PARTS | after)[part]}.{kind}"


def llama3_factors(c: dict) -> np.ndarray:
    """What llama.cpp's converter writes for rope_type llama3."""
    r, half = c["rope_parameters"], c["head_dim"] // 2
    out = []
    for i in range(half):
        wave = 2 * np.pi * r["rope_theta"] ** (i / half)
        context, low, high = r["original_max_position_embeddings"], r["low_freq_factor"], r["high_freq_factor"]
        smooth = (context / wave - low) / (high - low)
        mixed = 1 / ((1 - smooth) / r["factor"] + smooth)
        out.append(1 if wave < context / high else r["factor"] if wave > context / low else mixed)
    return np.array(out, np.float32)


def write_gguf(name: str, path: Path, **more) -> Path:
    """The model as llama.cpp's converter writes it; `more` are further keys of the architecture."""
    c = json.loads((FOLDER / name / "config.json").read_text(encoding="utf-8"))
    arch = {"llama3": "llama"}.get(name, name)
    writer, rope = gguf.GGUFWriter(path, arch), c["rope_parameters"]
    head_dim = c.get("head_dim", c["hidden_size"] // c["num_attention_heads"])
    rope = rope.get("full_attention", rope)
    writer.add_context_length(c["max_position_embeddings"])
    writer.add_embedding_length(c["hidden_size"])
    writer.add_block_count(c["num_hidden_layers"])
    writer.add_feed_forward_length(c["intermediate_size"])
    writer.add_head_count(c["num_attention_heads"])
    writer.add_head_count_kv(c["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(c["rms_norm_eps"])
    writer.add_rope_freq_base(rope["rope_theta"])
    if "head_dim" in c:
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if arch == "gemma3":
        writer.add_sliding_window(c["sliding_window"])
        writer.add_attention_scale(c["query_pre_attn_scalar"] ** -0.5)
    for key, value in more.items():
        writer.add_uint32(f"{arch}.{key}", value)
    tiny.add_vocabulary(writer)
    for key, value in tensors(name).items():
        if arch == "llama" and key.endswith(("q_proj.weight", "k_proj.weight")):
            value = tiny.interleave(value, len(value) // head_dim)
        if arch == "gemma3" and key.endswith("norm.weight"):
            value = value + 1
        writer.add_tensor(gguf_name(key, arch == "gemma3"), value)
    if name == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(c))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
