"""The rivals' models, all made from the one GGUF file that Bedside's are made from."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from ... import testenv
from ...bootstrap.files import lock, replacing_folder
from ...bootstrap.layout import MODEL_NAME, SCRIPTS, Layout
from ...bootstrap.steps import GGUF, GGUF_SHA256, check_space

HERE = Path(__file__).resolve().parent
EXPORTER = HERE / "requirements-export.txt"
EXPORT_BYTES = 10_000_000_000  # PyTorch as its index has it, with CUDA
PURPOSE = "exporting the rivals' models"
LLAMACPP = {"Q4_0": 2, "Q8_0": 7}  # llama_ftype; Q4_1 is the file as it was published


def prepare(layout: Layout) -> dict[str, Path]:
    """Each kind's path, made where it is missing."""
    key = hashlib.sha256(GGUF_SHA256.encode() + EXPORTER.read_bytes() + (HERE / "export.py").read_bytes()).hexdigest()[:12]
    folder = layout.cache / "rivals" / key
    with lock(layout.cache / "rivals.lock"):
        if not folder.exists():
            export(layout, folder)
        for kind, number in LLAMACPP.items():
            if not (folder / f"{kind}.gguf").exists():
                quantize(layout.downloads / GGUF, folder / f"{kind}.gguf", number)
    return {
        "Q4_1": layout.downloads / GGUF, **{kind: folder / f"{kind}.gguf" for kind in LLAMACPP},
        **{path.name: path for path in folder.iterdir() if path.is_dir()},
    }


def export(layout: Layout, folder: Path) -> None:
    """Those that need PyTorch, in an environment that is removed afterwards."""
    check_space(layout.cache, EXPORT_BYTES)
    python = testenv.make(layout, offline=False, requirements=EXPORTER, purpose=PURPOSE)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with replacing_folder(folder) as temp:
        subprocess.run([str(python), "-m", "scripts.bench.rivals.export", str(layout.downloads / GGUF),
                        str(layout.models / f"{MODEL_NAME}-fp32"), str(temp)], cwd=SCRIPTS.parent, check=True)
    shutil.rmtree(python.parent.parent)


def quantize(source: Path, target: Path, kind: int) -> None:
    """By llama.cpp itself, from the dequantized weights."""
    import llama_cpp as llama
    params = llama.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize = kind, True
    temp = target.with_suffix(".partial")
    if llama.llama_model_quantize(str(source).encode(), str(temp).encode(), ctypes.byref(params)):
        raise RuntimeError(f"llama.cpp did not write {target}")
    os.replace(temp, target)
