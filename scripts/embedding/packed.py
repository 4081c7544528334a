"""Driving an exported encoder from Python: texts as lists of token ids in, one vector each out."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort


def session(path: str, threads: int = 2) -> ort.InferenceSession:
    """Open `path` (model.onnx) on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def feeds(texts: list[list[int]], width: int = 0) -> dict[str, np.ndarray]:
    """The graph's inputs for texts padded to `width` places (0: to the longest); see "The contract" in README.md."""
    lengths = np.array([len(t) for t in texts], np.int64)
    start = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    width = width or int(lengths.max())
    if lengths.min() < 1 or lengths.max() > width:
        raise ValueError(f"texts must have 1 to {width} tokens")
    places = np.arange(width)
    return {
        "input_ids": np.concatenate([np.asarray(t, np.int64) for t in texts]),
        "position_ids": np.concatenate([np.arange(n) for n in lengths]).astype(np.int64),
        "pad_index": np.minimum(start[:, None] + places, (start + lengths - 1)[:, None]).astype(np.int64),
        "unpad_index": np.concatenate([i * width + np.arange(n) for i, n in enumerate(lengths)]).astype(np.int64),
        "lengths": lengths,
    }


def embed(model: ort.InferenceSession, texts: list[list[int]], width: int = 0) -> np.ndarray:
    """Vectors `[len(texts), dimensions]` float32, each of length 1."""
    return model.run(["embeddings"], feeds(texts, width))[0]
