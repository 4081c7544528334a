"""The tiny decoders of testdata/families as graphs of our own operators, for the Go tests; all of a graph in one file."""

from __future__ import annotations

from pathlib import Path

from scripts.export import fused
from scripts.export.decoder import DecoderSource
from scripts.export.folder import write_manifest
from scripts.export.run import DATA, MODEL
from scripts.export.tensorfile import Tensors
from scripts.tests import tiny_family as families

INLINE = 1 << 30  # bytes: everything


def write(root: Path) -> None:
    """Write a folder for each family under `root`."""
    for name in families.NAMES:
        folder = root / name
        folder.mkdir(parents=True)
        config = families.config(name)
        source = DecoderSource(Tensors(families.FOLDER / name / "model.safetensors"), config)
        graph = fused.build(source, fused.FusedInt8, None, DATA, inline=INLINE)
        (folder / MODEL).write_bytes(graph.SerializeToString(deterministic=True))
        write_manifest(folder, config, name, fused.FusedInt8.name, None, None)
