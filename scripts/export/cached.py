"""Driving a `fused-int8` graph from Python: one ragged step over any cache slots."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

from ..bootstrap.layout import Layout, cache_folder
from .packed import Row
from .pages import slot_bytes

ALIGNED = 64  # bytes, for the cache


def operators() -> Path:
    """The library of our operators, which the set-up compiles."""
    named = os.environ.get("BEDSIDE_OPERATORS")
    path = Path(named) if named else Layout(cache_folder(os.environ, sys.platform)).operators
    if not path.exists():
        raise FileNotFoundError(f"{path}: our operators are not there; run the set-up (make setup)")
    return path


class Cached:
    """A session with its cache: `[slots, bytes]` uint8."""

    def __init__(self, path: str, slots: int, capacity: int, threads: int = 2):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        options.register_custom_ops_library(str(operators()))
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.capacity = capacity
        self.vocab = self.session.get_outputs()[0].shape[1]
        size = slot_bytes(self.session.get_modelmeta().custom_metadata_map, capacity)
        memory = np.zeros(slots * size + ALIGNED, np.uint8)
        start = -memory.ctypes.data % ALIGNED
        self.cache = memory[start:start + slots * size].reshape(slots, size)

    def feeds(self, rows: list[Row]) -> dict[str, np.ndarray]:
        """The plan's input tensors. Row i works on slot i; idle rows are left out."""
        active = [(i, r) for i, r in enumerate(rows) if r.tokens]
        count = np.array([len(r.tokens) for _, r in active], np.int32)
        start = np.concatenate([[0], np.cumsum(count)[:-1]])
        if max(r.past + len(r.tokens) for _, r in active) > self.capacity:
            raise ValueError("a row passes the cache's capacity")
        wanted = [np.arange(s if r.all_logits else s + n - 1, s + n) for (_, r), s, n in zip(active, start, count)]
        return {
            "input_ids": np.concatenate([np.asarray(r.tokens, np.int64) for _, r in active]),
            "logits_index": np.concatenate(wanted).astype(np.int64),
            "slots": np.array([i for i, _ in active], np.int32), "starts": np.array([r.past for _, r in active], np.int32),
            "counts": count, "cache": self.cache,
        }

    def run(self, feeds: dict[str, np.ndarray]) -> np.ndarray:
        """Logits `[L, vocab]` of the rows asked for; the cache, bound where it lies, is updated in place."""
        out = np.empty((len(feeds["logits_index"]), self.vocab), np.float32)
        binding = self.session.io_binding()
        for name, value in feeds.items():
            binding.bind_input(name, "cpu", 0, value.dtype.type, value.shape, value.ctypes.data)
        binding.bind_output("logits", "cpu", 0, np.float32, out.shape, out.ctypes.data)
        self.session.run_with_iobinding(binding)
        return out

    def step(self, rows: list[Row]) -> np.ndarray:
        """Run one step; logits in the order of the rows that are not idle."""
        return self.run(self.feeds(rows))

    def extend(self, tokens: list[int], past: int) -> np.ndarray:
        """Logits of every token of a text's next part, in slot 0."""
        return self.step([Row(tokens, past, all_logits=True)])
