"""Where the tests find the exported model."""

import json
import os
import sys
from pathlib import Path

import pytest

from scripts.bootstrap.layout import MODEL_NAME, Layout, cache_folder
from scripts.export.cached import Cached
from scripts.export.packed import Packed

# These run in environments of their own: see scripts/test.sh.
collect_ignore = ["triton", "train", "evaluate"]

GOLDEN = Path(__file__).resolve().parents[2] / "testdata" / "golden" / "logits"


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of model folders; BEDSIDE_MODELS as set by the Makefile, else the cache's."""
    folder = Path(os.environ.get("BEDSIDE_MODELS") or Layout(cache_folder(os.environ, sys.platform)).models)
    if not (folder / MODEL_NAME / "bedside.json").exists():
        pytest.fail(f"no model in {folder}: run make setup")
    return folder


@pytest.fixture(scope="session")
def golden() -> dict:
    """Logits recorded with an independent implementation."""
    return json.loads((GOLDEN / f"{MODEL_NAME}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def oracle(models) -> Packed:
    """The float32 model with 50 slots of 256 tokens."""
    return Packed(str(models / f"{MODEL_NAME}-fp32" / "model.onnx"), 50, 256)


@pytest.fixture(scope="module")
def served(models) -> Cached:
    """The 8-bit model with 64 slots of 256 tokens."""
    return Cached(str(models / MODEL_NAME / "model.onnx"), 64, 256)
