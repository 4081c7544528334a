"""Driving an exported graph from Python: one packed, ragged step over a range of cache slots."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime as ort


@dataclass
class Row:
    """One slot's share of a step: `tokens` follow `past` tokens already in the cache; none: the slot is idle."""

    tokens: list[int] = field(default_factory=list)
    past: int = 0
    all_logits: bool = False


def needs_exact_products() -> bool:
    """True on x86-64 without VNNI, where the fast 8-bit product overflows its 16-bit sums; see "Session settings"."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    try:
        return "vnni" not in Path("/proc/cpuinfo").read_text()
    except OSError:
        return True


def session(path: str, threads: int = 2) -> ort.InferenceSession:
    """Open `path` (model.onnx) on the CPU as the server does: see "Session settings" in README.md."""
    os.environ["ORT_GQA_DISABLE_FLASH_ATTENTION"] = "1"
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if needs_exact_products():
        options.add_session_config_entry("session.x64quantprecision", "1")
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Packed:
    """A session with its cache: `[slots, kv_heads, capacity, head_dim]` float32 for each layer and side."""

    def __init__(self, path: str, slots: int, capacity: int, threads: int = 2):
        self.session = session(path, threads)
        self.capacity = capacity
        shapes = {i.name: i.shape for i in self.session.get_inputs()}
        self.vocab = self.session.get_outputs()[0].shape[1]
        self.cache = {
            name: np.zeros((slots, s[1], capacity, s[3]), np.float32)
            for name, s in shapes.items() if name.startswith("past_key_values.")
        }

    def feeds(self, rows: list[Row]) -> dict[str, np.ndarray]:
        """The plan's input tensors. Row i works on slot i."""
        count = np.array([len(r.tokens) for r in rows], np.int32)
        past = np.array([r.past for r in rows], np.int32)
        start = np.concatenate([[0], np.cumsum(count)[:-1]])
        width, total = int(count.max()), int(count.sum())
        active = count > 0
        if (past + width)[active].max() > self.capacity:
            raise ValueError("a padded row passes the cache's capacity: choose smaller chunks")
        wanted = [np.arange(s if r.all_logits else s + n - 1, s + n) for r, s, n in zip(rows, start, count) if n]
        return {
            "input_ids": np.concatenate([np.asarray(r.tokens, np.int64) for r in rows]),
            "pad_index": np.minimum(start[:, None] + np.arange(width), total - 1).astype(np.int64),
            "unpad_index": np.concatenate([i * width + np.arange(n) for i, n in enumerate(count)]).astype(np.int64),
            "logits_index": np.concatenate(wanted).astype(np.int64),
            "seqlens_k": np.where(active, past + count - 1, 0).astype(np.int32),
            "total_seq": np.array([(past + count)[active].max()], np.int32),
            "query_seqlens": count,
        }

    def run(self, feeds: dict[str, np.ndarray]) -> np.ndarray:
        """Logits `[L, vocab]` of the rows asked for; the cache of the first B slots is updated in place."""
        batch = len(feeds["query_seqlens"])
        out = np.empty((len(feeds["logits_index"]), self.vocab), np.float32)
        binding = self.session.io_binding()
        for name, value in feeds.items():
            binding.bind_cpu_input(name, value)
        binding.bind_output("logits", "cpu", 0, np.float32, out.shape, out.ctypes.data)
        for name, cache in self.cache.items():
            shape, at = (batch, *cache.shape[1:]), cache.ctypes.data
            binding.bind_input(name, "cpu", 0, np.float32, shape, at)
            binding.bind_output(name.replace("past_key_values", "present"), "cpu", 0, np.float32, shape, at)
        self.session.run_with_iobinding(binding)
        return out

    def step(self, rows: list[Row]) -> np.ndarray:
        """Run one step; logits in the order of the rows that are not idle."""
        return self.run(self.feeds(rows))

    def extend(self, tokens: list[int], past: int) -> np.ndarray:
        """Logits of every token of a text's next part, in slot 0."""
        return self.step([Row(tokens, past, all_logits=True)])
