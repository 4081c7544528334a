"""The committed test models are those that the scripts write, and the decoders among them are right."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from scripts.testmodels import device, fused, genai, repository, traps
from scripts.tests import tiny

COMMITTED = Path(__file__).resolve().parents[2] / "testdata"


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(("name", "write", "most"), [
    ("models", repository.write, 256), ("genai", genai.write, 256), ("device", device.write, 256),
    ("traps", traps.write, 256), ("fused", fused.write, 768),
])
def test_committed_models_are_current(tmp_path, name, write, most):
    write(tmp_path)
    want, got = contents(tmp_path), contents(COMMITTED / name)
    assert list(got) == list(want)
    stale = [file for file in want if got[file] != want[file]]
    assert not stale, "run: python -m scripts.testmodels --out testdata"
    assert sum(map(len, got.values())) < most * 1024


@pytest.mark.parametrize(("form", "tolerance"), [("fused", 2e-5), ("separate", 2e-2)])
def test_decoder_equals_numpy(form, tolerance):
    """A prompt in two chunks, the cache extended in place as onnxruntime-genai does."""
    folder = COMMITTED / "genai" / form
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    ids = {p.name for p in session.get_inputs()}
    kind, size = genai.FORMS[form], genai.SIZE
    shape = (1, size.kv_heads, tiny.CONTEXT, size.dim)
    cache = {f"{layer}.{side}": onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(shape, kind))
             for layer in range(size.layers) for side in ("key", "value")}
    for prompt in json.loads((COMMITTED / "genai" / "golden.json").read_text())["prompts"]:
        tokens = prompt["tokens"]
        cut = len(tokens) // 2
        for first, last in ((0, cut), (cut, len(tokens))):
            if first == last:
                continue
            bound = session.io_binding()
            bound.bind_cpu_input("input_ids", np.array([tokens[first:last]], np.int64))
            bound.bind_cpu_input("attention_mask", np.ones((1, last), np.int64))
            if "position_ids" in ids:
                bound.bind_cpu_input("position_ids", np.arange(first, last, dtype=np.int64)[None])
            for name, value in cache.items():
                bound.bind_ortvalue_input(f"past_key_values.{name}", value)
            bound.bind_output("logits")
            for name, value in cache.items():
                bound.bind_ortvalue_output(f"present.{name}", value)
            session.run_with_iobinding(bound)
            logits = bound.get_outputs()[0].numpy()
        np.testing.assert_allclose(logits[0, -1], prompt["logits"], atol=tolerance)
