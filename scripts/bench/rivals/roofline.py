"""How near a step comes to what the machine's cores and its memory can do."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECONDS = 1.0
BEYOND_CACHES = 2 << 30
TABLE_BYTES = 1 + 4 / 32  # a value of the embedding's table: 8 bits, and a float32 for each 32


@dataclass(frozen=True)
class Shape:
    """What a step of a decoder costs, from its config.json and the size of its weights' file."""

    weights: int  # of all matrices that a token passes
    stored: int  # bytes of them
    attention: int  # multiply-adds a token needs for each token before it
    cached: int  # values of the cache that a token before it has

    @classmethod
    def read(cls, folder: Path) -> Shape:
        """Of a Llama-style model."""
        c = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        hidden, layers, head = c["hidden_size"], c["num_hidden_layers"], c["head_dim"]
        heads, kv = c["num_attention_heads"] * head, c["num_key_value_heads"] * head
        layer = hidden * (2 * heads + 2 * kv + 3 * c["intermediate_size"])
        table = hidden * c["vocab_size"]
        # The embedding's table, of which a step reads a row a token, lies in the file beside the matrices.
        stored = (folder / "model.onnx.data").stat().st_size - table * TABLE_BYTES
        return cls(layers * layer + table, int(stored), 2 * layers * heads, 2 * layers * kv)


@dataclass(frozen=True)
class Peak:
    """What the machine does at best with so many threads."""

    kernel: str
    macs: float  # 8-bit multiply-adds a second
    cached: float  # bytes a second, from as many as the weights have at one byte each
    memory: float  # bytes a second, from more than caches hold


def measure(threads: int, cpus: str, shape: Shape, scratch: Path) -> Peak:
    """By roofline.c."""
    program = scratch / "roofline"
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O3", "-o", str(program), str(HERE / "roofline.c"), "-lpthread"], check=True)
    pinned = ["taskset", "-c", cpus] if cpus else []
    ran = subprocess.run([*pinned, str(program), str(threads), str(SECONDS), str(shape.weights), str(BEYOND_CACHES)],
                         check=True, capture_output=True, text=True)
    found = json.loads(ran.stdout)
    return Peak(found["kernel"], found["macs"], *found["bandwidth"])


def shares(shape: Shape, peak: Peak, streams: int, context: float, step_s: float, cache_bytes: float) -> dict[str, float]:
    """The parts of a step's time that multiplying takes at the peak, and sending every byte once from memory.

    The cache counts `cache_bytes` a value.
    """
    macs = streams * (shape.weights + shape.attention * context)
    read = shape.stored + streams * context * shape.cached * cache_bytes
    return {"multiplying": macs / peak.macs / step_s, "reading": read / max(peak.cached, peak.memory) / step_s}
