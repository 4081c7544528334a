"""The export as a whole: graph, tokenizer, measurement, card and manifest, for each precision."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
from tokenizers import Tokenizer

from ..bootstrap.current import MANIFEST, is_current, origin
from ..bootstrap.files import replacing_folder, sha256, sweep
from ..bootstrap.progress import Progress
from .evaluate import compare
from .folder import write_card, write_configs, write_manifest
from .graph import Dense32, DenseW8A8, build
from .source import Source
from .tokenizer import write_tokenizer

HERE = Path(__file__).resolve().parent
HELDOUT = HERE.parent.parent / "testdata" / "eval" / "heldout.en.txt"
MODEL, DATA = "model.onnx", "model.onnx.data"
LEAST_TOKENS = 3


def write_graph(source: Source, kind: type, folder: Path) -> None:
    """model.onnx and model.onnx.data."""
    layers = source.config.num_hidden_layers
    with Progress(f"writing the {kind.name} graph", layers + 2) as progress, open(folder / DATA, "wb") as data:
        done = 0

        def tick() -> None:
            nonlocal done
            done += 1
            progress.update(done)

        model = build(source, kind, data, DATA, tick)
    (folder / MODEL).write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(folder / MODEL))


def export_one(gguf: Path, folder: Path, name: str, kind: type, reference: Path | None, heldout: Path,
               made_from: dict) -> None:
    """Write one model folder, whole or not at all."""
    with replacing_folder(folder) as temp:
        source = Source(str(gguf))
        write_graph(source, kind, temp)
        write_tokenizer(str(gguf), str(temp))
        write_configs(temp, source.config)
        quality = measure(temp, reference, heldout, source.config.max_position_embeddings)
        write_card(temp, source.config, name, kind.name, quality, made_from)
        write_manifest(temp, source.config, name, kind.name, quality, made_from)


def measure(folder: Path, reference: Path | None, heldout: Path, context: int) -> dict:
    """Quality against the reference folder; against itself where there is none."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokens = tokenizer.encode(heldout.read_text(encoding="utf-8"), add_special_tokens=False).ids
    if len(tokens) < LEAST_TOKENS:
        raise ValueError(f"{heldout.name}: too short to measure anything")
    base = reference or folder
    with Progress(f"measuring on {len(tokens)} tokens of held-out text", len(tokens)) as progress:
        result = compare(str(base / MODEL), str(folder / MODEL), tokens, context, progress.update)
    return {**result, "reference": reference.name if reference else "itself"}


def export_all(gguf: Path, models: Path, name: str, heldout: Path = HELDOUT, force: bool = False) -> None:
    """The float32 folder first, then the 8-bit one, which is measured against it."""
    sweep(models)
    made_from = origin(gguf.name, sha256(gguf), heldout)
    oracle = models / f"{name}-fp32"
    for kind, folder, reference in ((Dense32, oracle, None), (DenseW8A8, models / name, oracle)):
        if not force and is_current(folder, made_from):
            continue
        export_one(gguf, folder, folder.name, kind, reference, heldout, made_from)
        quality = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["quality"]
        shown = ", ".join(f"{key} {value}" for key, value in quality.items())
        print(f"{folder.name}: {shown}", flush=True)
