"""Tiny random models of the kinds that training leaves, as the exporter writes them, with the logits they should give.

The graphs under `wide` are of the size that is served and come without their weights: the Go tests and benchmarks that
need as much work as the real models do fill the data file with random numbers.
"""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import numpy as np

from scripts.bootstrap.current import MANIFEST
from scripts.bootstrap.files import sha256
from scripts.export import recurrent
from scripts.export.builder import INLINE_LIMIT
from scripts.export.checkpoint import WEIGHTS, RecurrentConfig
from scripts.export.folder import write_configs, write_manifest
from scripts.export.graph import DenseW8A8
from scripts.export.recurrent import Stored8, Stored32
from scripts.export.run import DATA, MODEL, FromCheckpoint, write_graph
from scripts.tests import tiny_checkpoint as tiny

# Folder: kind and precision.
MODELS = {
    "rnn": ("rnn", Stored32), "lstm": ("lstm", Stored32), "gru": ("gru", Stored32), "gru-int8": ("gru", Stored8),
    "attention": ("llama", DenseW8A8),
}
PROMPTS = (40,)  # lengths, in tokens
SEED = 11


def golden() -> dict:
    """By kind: prompts, and the logits of the last token of each."""
    rng, out = np.random.default_rng(12), {}
    for kind in ("rnn", "lstm", "gru"):
        weights = tiny.weights(kind, SEED)
        prompts = [rng.integers(0, tiny.VOCAB, n).tolist() for n in PROMPTS]
        last = [[round(float(v), 5) for v in tiny.forward(kind, weights, p)[-1]] for p in prompts]
        out[kind] = {"prompts": [{"tokens": p, "logits": v} for p, v in zip(prompts, last)]}
    return out


def write_model(folder: Path, kind: str, form: type) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        layers = {"layers": 1} if kind == "llama" else {}  # every kilobyte is committed
        source = tiny.write(Path(scratch) / kind, kind, SEED, **layers)
        model = FromCheckpoint(source)
        write_graph(model, form, folder)
        model.write_tokenizer(folder)
        write_configs(folder, model.config)
        made_from = {"file": WEIGHTS, "sha256": sha256(source / WEIGHTS)}
    write_manifest(folder, model.config, folder.name, form.name, None, made_from)


class Wide:
    """A checkpoint of the size that is served, whose matrices are nowhere."""

    def __init__(self, kind: str, hidden: int, layers: int):
        self._rng = np.random.default_rng(SEED)
        self.tensors = self
        self.config = RecurrentConfig(
            kind=kind, vocab_size=6144, hidden_size=hidden, num_hidden_layers=layers, max_position_embeddings=65536,
            rms_norm_eps=1e-5, bos_token_id=1, eos_token_ids=(2,), license="apache-2.0", languages=("en",))

    def get(self, name: str, *shape: int) -> np.ndarray:
        spread = 0.1 if "norm" in name else 0
        return (bool(spread) + self._rng.uniform(-spread, spread, shape)).astype(np.float32)


WIDE = {"rnn": (512, 3), "lstm": (384, 2), "gru": (384, 2)}  # hidden size and layers: 4 to 5 million weights


def write_wide(folder: Path, kind: str) -> None:
    """model.onnx, and a manifest that lists no files but says how long the data file is to be."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint, data = Wide(kind, *WIDE[kind]), io.BytesIO()
    graph = recurrent.build(checkpoint, Stored32, data, DATA, inline=INLINE_LIMIT)
    (folder / MODEL).write_bytes(graph.SerializeToString(deterministic=True))
    write_manifest(folder, checkpoint.config, f"{kind}-wide", "fp32", None, None)
    path = folder / MANIFEST
    path.write_text(path.read_text().replace('"files": {', f'"data_bytes": {data.tell()},\n  "files": {{', 1))


def write(root: Path) -> None:
    """Write models/, wide/ and golden.json under `root`."""
    for name, (kind, form) in MODELS.items():
        write_model(root / "models" / name, kind, form)
    for kind in WIDE:
        write_wide(root / "wide" / kind, kind)
    (root / "golden.json").write_text(json.dumps(golden()) + "\n", encoding="utf-8")
