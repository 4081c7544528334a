"""How far each side's numbers stray from the float32 model's."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from ...bootstrap.current import MANIFEST
from ...export.cached import Cached
from ...export.packed import Packed
from ...export.pages import GRAPH
from .side import Side
from .text import documents

WINDOW = 512
CHUNK = 128

Logits = Callable[[list[int]], np.ndarray]


def folder(path: Path, threads: int) -> Logits:
    """Of a model folder that this project exports, run by ONNX Runtime."""
    graph = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["graph"]
    model = (Cached if graph == GRAPH else Packed)(str(path / "model.onnx"), 1, WINDOW, threads)

    def logits(tokens: list[int]) -> np.ndarray:
        return np.concatenate([model.extend(tokens[i:i + CHUNK], i) for i in range(0, len(tokens), CHUNK)])
    return logits


def process(side: Side) -> Logits:
    """Of a rival's process."""
    def logits(tokens: list[int]) -> np.ndarray:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "logits.npy"
            side.ask({"logits": tokens, "path": str(path)})
            return np.load(path)
    return logits


def windows(tokenizer: Tokenizer) -> tuple[list[list[int]], dict]:
    """The texts' tokens in pieces, and what they are."""
    texts = documents()
    out, counts = [], {}
    for name, text in texts.items():
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        counts[name] = len(ids)
        out += [ids[i:i + WINDOW] for i in range(0, len(ids), WINDOW)]
    digest = hashlib.sha256("\0".join(texts.values()).encode()).hexdigest()
    return out, {"tokens": sum(counts.values()), "parts": counts, "sha256": digest}


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Row by row, in place where that can be."""
    out = logits.astype(np.float32)
    out -= out.max(axis=1, keepdims=True)
    out -= np.log(np.exp(out).sum(axis=1, keepdims=True, dtype=np.float64)).astype(np.float32)
    return out


def compare(reference: Logits, candidates: dict[str, Logits], pieces: list[list[int]],
            tick: Callable[[int], None] = lambda done: None) -> dict[str, dict]:
    """Each candidate's mean_kl (nats, of the reference's distribution to its own), top1 and tokens, window by window."""
    kl, same, done = dict.fromkeys(candidates, 0.0), dict.fromkeys(candidates, 0), 0
    for piece in pieces:
        p = log_probabilities(reference(piece))
        weight, best = np.exp(p), p.argmax(axis=1)
        for name, logits in candidates.items():
            q = log_probabilities(logits(piece))
            same[name] += int((q.argmax(axis=1) == best).sum())
            np.subtract(p, q, out=q)
            kl[name] += float(np.einsum("ij,ij->", weight, q, dtype=np.float64))
        done += len(piece)
        tick(done)
    return {name: {"mean_kl": kl[name] / done, "top1": same[name] / done, "tokens": done} for name in candidates}
