"""The export as a whole: graph, tokenizer, measurement, card and manifest, for each precision."""

from __future__ import annotations

from pathlib import Path

import onnx

from ..bootstrap.current import is_current
from ..bootstrap.files import replacing_folder, sweep
from ..bootstrap.progress import Progress
from .evaluate import compare
from .folder import write_card, write_config, write_manifest, write_tokenizer
from .graph import Encoder32, EncoderW8A8, build
from .source import Source

MODEL, DATA = "model.onnx", "model.onnx.data"
# The least cosine with the recorded vectors for a folder to be written.
LEAST = {Encoder32: 0.999, EncoderW8A8: 0.99}


def export_one(source: Source, kind: type, tokenizer: Path, folder: Path, recorded: Path, made_from: dict) -> dict:
    """Write one model folder, whole or not at all; returns its quality."""
    with replacing_folder(folder) as temp:
        with Progress(f"writing {folder.name}", source.config.num_hidden_layers + 1) as progress:
            write_graph(source, kind, temp, progress)
        write_tokenizer(tokenizer, temp)
        write_config(temp, source.config)
        with Progress("comparing with recorded vectors") as progress:
            quality = compare(str(temp / MODEL), recorded, LEAST[kind], progress.update)
        write_card(temp, source.config, folder.name, kind.name, quality, made_from)
        write_manifest(temp, source.config, folder.name, kind.name, quality, made_from)
    return quality


def write_graph(source: Source, kind: type, folder: Path, progress: Progress) -> None:
    """model.onnx and model.onnx.data."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress.update(done)

    with open(folder / DATA, "wb") as data:
        model = build(source, kind, data, DATA, tick)
    (folder / MODEL).write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(folder / MODEL))


def export_all(weights: Path, tokenizer: Path, models: Path, name: str, recorded: Path, made_from: dict,
               force: bool = False) -> None:
    """The float32 folder, then the 8-bit one that is served. Both are held against the same recorded vectors."""
    sweep(models)
    for kind, folder in ((Encoder32, models / f"{name}-fp32"), (EncoderW8A8, models / name)):
        if not force and is_current(folder, made_from):
            continue
        quality = export_one(Source(weights), kind, tokenizer, folder, recorded, made_from)
        print(f"{folder.name}: cosine {quality['cosine_min']} at least, {quality['cosine_mean']} on average", flush=True)
