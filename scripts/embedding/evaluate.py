"""How close an exported model's vectors are to those of an independent implementation."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .packed import embed, session


class QualityError(ValueError):
    """The exported graph does not give the vectors that it should."""


def golden(path: Path) -> tuple[str, list[tuple[list[int], np.ndarray]]]:
    """What recorded the vectors, and for each text its token ids and vector (see scripts/golden/make_embeddings.py)."""
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = [(row["tokens"], np.frombuffer(base64.b64decode(row["vector"]), "<f4")) for row in content["texts"]]
    return content["made_with"], rows


def compare(model: str, recorded: Path, least: float, tick: Callable[[int], None] = lambda done: None) -> dict:
    """Cosines of the model's vectors (path of model.onnx) with the recorded ones.

    Returns cosine_min and cosine_mean (over the texts), tokens (of all texts together), texts and reference.
    Raises QualityError when a cosine is below `least`.
    """
    reference, rows = golden(recorded)
    running, cosines, done = session(model), [], 0
    for tokens, vector in rows:
        cosines.append(float(embed(running, [tokens])[0].astype(np.float64) @ vector.astype(np.float64)))
        done += len(tokens)
        tick(done)
    if min(cosines) < least:
        raise QualityError(f"{Path(model).parent.name}: a cosine of {min(cosines):.4f} with the recorded vectors, "
                           f"at least {least} was expected")
    # Rounded down: 0.99996 is not 1.
    return {"cosine_min": _floor(min(cosines)), "cosine_mean": _floor(sum(cosines) / len(cosines)),
            "texts": len(rows), "tokens": done, "reference": reference}


def _floor(value: float) -> float:
    return float(np.floor(min(value, 1.0) * 1e5) / 1e5)
