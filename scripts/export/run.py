"""The export as a whole: graph, tokenizer, measurement, card and manifest, for each precision."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import onnx
from tokenizers import Tokenizer

from ..bootstrap.files import replacing_folder, sha256, sweep
from ..bootstrap.progress import Progress
from .evaluate import compare
from .folder import MANIFEST, write_card, write_configs, write_manifest
from .graph import Dense32, DenseW8A8, build
from .source import Source
from .tokenizer import write_tokenizer

HERE = Path(__file__).resolve().parent
HELDOUT = HERE.parent.parent / "testdata" / "eval" / "heldout.en.txt"
MODEL, DATA = "model.onnx", "model.onnx.data"
LEAST_TOKENS = 3


def exporter_digest(heldout: Path) -> str:
    """Digest of everything of ours that the result depends on; a change of it asks for a new export."""
    digest = hashlib.sha256()
    for path in [*sorted(HERE.glob("*.py")), heldout]:
        if not path.name.startswith("test_"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def is_current(folder: Path, source: dict) -> bool:
    """Whether `folder` is a whole export of this source by this exporter (sizes are checked, not digests)."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sizes = all((folder / n).stat().st_size == f["bytes"] for n, f in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return sizes and manifest.get("source") == source


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
               origin: dict) -> None:
    """Write one model folder, whole or not at all."""
    with replacing_folder(folder) as temp:
        source = Source(str(gguf))
        write_graph(source, kind, temp)
        write_tokenizer(str(gguf), str(temp))
        write_configs(temp, source.config)
        quality = measure(temp, reference, heldout)
        write_card(temp, source.config, name, kind.name, quality, origin)
        write_manifest(temp, source.config, name, kind.name, quality, origin)


def measure(folder: Path, reference: Path | None, heldout: Path) -> dict:
    """Quality against the reference folder; against itself where there is none."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokens = tokenizer.encode(heldout.read_text(encoding="utf-8"), add_special_tokens=False).ids
    if len(tokens) < LEAST_TOKENS:
        raise ValueError(f"{heldout.name}: too short to measure anything")
    base = reference or folder
    with Progress(f"measuring on {len(tokens)} tokens of held-out text", len(tokens)) as progress:
        result = compare(str(base / MODEL), str(folder / MODEL), tokens, progress.update)
    return {**result, "reference": reference.name if reference else "itself"}


def export_all(gguf: Path, models: Path, name: str, heldout: Path = HELDOUT, force: bool = False) -> None:
    """The float32 folder first, then the 8-bit one, which is measured against it."""
    sweep(models)
    origin = {"file": gguf.name, "sha256": sha256(gguf), "exporter_sha256": exporter_digest(heldout)}
    oracle = models / f"{name}-fp32"
    for kind, folder, reference in ((Dense32, oracle, None), (DenseW8A8, models / name, oracle)):
        if not force and is_current(folder, origin):
            continue
        export_one(gguf, folder, folder.name, kind, reference, heldout, origin)
        quality = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["quality"]
        shown = ", ".join(f"{key} {value}" for key, value in quality.items())
        print(f"{folder.name}: {shown}", flush=True)
