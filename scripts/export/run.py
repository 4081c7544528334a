"""The export as a whole: graph, tokenizer, measurement, card and manifest, for each precision."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import onnx
from onnx import ModelProto
from tokenizers import Tokenizer

from ..bootstrap.current import MANIFEST, digest_of, is_current, origin
from ..bootstrap.files import replacing_folder, sha256, sweep
from ..bootstrap.progress import Progress
from . import fused, graph, recurrent
from .architecture import ModelConfig, SourceError
from .cached import Cached
from .checkpoint import TOKENIZER_FILES, WEIGHTS, Checkpoint, RecurrentConfig, copy_tokenizer
from .decoder import DecoderSource
from .devicecard import write_device_card
from .evaluate import Scorer, compare
from .folder import About, write_card, write_configs, write_manifest
from .fused import FusedInt8
from .graph import Dense32, DenseW8A8
from .heldout import read_tokens
from .packed import Packed
from .recurrent import Stored8, Stored16, Stored32
from .source import Source
from .stateful import Stateful
from .tokenizer import check_tokenizer, write_tokenizer

HERE = Path(__file__).resolve().parent
HELDOUT = HERE.parent.parent / "testdata" / "eval" / "heldout.en.txt"
MODEL, DATA = "model.onnx", "model.onnx.data"
LEAST_TOKENS = 3


class Exported(Protocol):
    """A model to export, read from wherever its weights lie."""

    config: ModelConfig | RecurrentConfig
    forms: tuple[type, ...]  # how its weights can be written: the float32 reference first, the one to be served next

    def build(self, form: type, data, tick: Callable[[], None]) -> ModelProto: ...
    def write_tokenizer(self, folder: Path) -> None: ...
    def write_card(self, folder: Path, name: str, form: type, quality: dict, made_from: dict) -> None: ...
    def open(self, path: str, form: type, room: int) -> Scorer: ...


def decoder_forms(config: ModelConfig) -> tuple[type, ...]:
    """How a decoder with attention can be written: by our own operators where its shape is one that they take."""
    return (Dense32, FusedInt8, DenseW8A8) if fused.fits(config) else (Dense32, DenseW8A8)


def build_decoder(source: Source | DecoderSource, form: type, data, tick: Callable[[], None]) -> ModelProto:
    """The graph of a decoder with attention."""
    return (fused if form is FusedInt8 else graph).build(source, form, data, DATA, tick)


def open_decoder(path: str, form: type, room: int) -> Scorer:
    """A decoder's graph with one slot."""
    return (Cached if form is FusedInt8 else Packed)(path, 1, room)


class FromGGUF:
    """A GGUF file; its tokenizer, or that of a folder of Hugging Face's."""

    def __init__(self, path: Path, tokenizer: Path | None = None):
        self._path, self._source, self._tokenizer = path, Source(str(path)), tokenizer
        self.config = self._source.config
        if tokenizer and not (tokenizer / TOKENIZER_FILES[0]).is_file():
            raise SourceError(f"{tokenizer / TOKENIZER_FILES[0]}: no such file")
        if tokenizer is None:
            check_tokenizer(str(path))  # before an hour's work, not after it
        self.forms = decoder_forms(self.config)

    def build(self, form: type, data, tick: Callable[[], None]) -> ModelProto:
        return build_decoder(self._source, form, data, tick)

    def write_tokenizer(self, folder: Path) -> None:
        if self._tokenizer:
            copy_tokenizer(self._tokenizer, folder)
        else:
            write_tokenizer(str(self._path), str(folder))

    def origin(self, heldout: Path) -> dict:
        """The manifest's `source`."""
        made = origin(self._path.name, sha256(self._path), heldout)
        beside = [p for p in (self._tokenizer / name for name in TOKENIZER_FILES) if p.is_file()] if self._tokenizer else []
        return made | {"beside_sha256": digest_of(beside)} if beside else made

    def write_card(self, folder: Path, name: str, form: type, quality: dict, made_from: dict) -> None:
        about = About(self._source.name, f"stored as {', '.join(self._source.types)}")
        write_card(folder, self.config, name, form.name, quality, made_from, about)

    def open(self, path: str, form: type, room: int) -> Scorer:
        return open_decoder(path, form, room)


class FromCheckpoint:
    """A folder that training left, or of Hugging Face's (see checkpoint.py)."""

    def __init__(self, folder: Path):
        self._checkpoint = Checkpoint(folder)
        self.config = self._checkpoint.config
        self._recurrent = isinstance(self.config, RecurrentConfig)
        self.forms = (Stored32, Stored8, Stored16) if self._recurrent else decoder_forms(self.config)

    def origin(self, heldout: Path) -> dict:
        """The manifest's `source`."""
        return self._checkpoint.origin(heldout)

    def build(self, form: type, data, tick: Callable[[], None]) -> ModelProto:
        if self._recurrent:
            return recurrent.build(self._checkpoint, form, data, DATA, tick)
        return build_decoder(DecoderSource(self._checkpoint.tensors, self.config), form, data, tick)

    def write_tokenizer(self, folder: Path) -> None:
        self._checkpoint.write_tokenizer(folder)

    def write_card(self, folder: Path, name: str, form: type, quality: dict, made_from: dict) -> None:
        if self._checkpoint.weights.name == WEIGHTS:
            write_device_card(folder, self._checkpoint, name, form.name, quality, made_from)
        else:
            about = About(f"`{name.removesuffix('-fp32')}`", "safetensors")
            write_card(folder, self.config, name, form.name, quality, made_from, about)

    def open(self, path: str, form: type, room: int) -> Scorer:
        return Stateful(path, 1) if self._recurrent else open_decoder(path, form, room)


def write_graph(model: Exported, form: type, folder: Path) -> None:
    """model.onnx and model.onnx.data."""
    steps = model.config.num_hidden_layers + 2
    with Progress(f"writing the {form.name} graph", steps) as progress, open(folder / DATA, "wb") as data:
        done = 0

        def tick() -> None:
            nonlocal done
            done += 1
            progress.update(done)

        written = model.build(form, data, tick)
    (folder / MODEL).write_bytes(written.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(folder / MODEL))


def export_one(model: Exported, form: type, folder: Path, reference: Path | None, heldout: Path, made_from: dict) -> dict:
    """Write one model folder, whole or not at all; returns its quality."""
    with replacing_folder(folder) as temp:
        write_graph(model, form, temp)
        model.write_tokenizer(temp)
        write_configs(temp, model.config)
        quality = measure(model, form, temp, reference, heldout)
        model.write_card(temp, folder.name, form, quality, made_from)
        write_manifest(temp, model.config, folder.name, form.name, quality, made_from)
    return quality


def measure(model: Exported, form: type, folder: Path, reference: Path | None, heldout: Path) -> dict:
    """Quality against the reference folder; against itself where there is none."""
    tokens = read_tokens(heldout, Tokenizer.from_file(str(folder / "tokenizer.json")))
    if len(tokens) < LEAST_TOKENS:
        raise SourceError(f"{heldout}: too short to measure anything")
    base = reference or folder
    forms = {str(base / MODEL): model.forms[0], str(folder / MODEL): form}
    with Progress(f"measuring on {len(tokens)} tokens of held-out text", len(tokens)) as progress:
        result = compare(lambda path, room: model.open(path, forms[path], room), str(base / MODEL), str(folder / MODEL),
                         tokens, model.config.max_position_embeddings, progress.update)
    return {**result, "reference": reference.name if reference else "itself"}


def export_forms(model: Exported, models: Path, name: str, heldout: Path, made_from: dict, force: bool,
                 served: str | None = None) -> None:
    """The float32 folder NAME-fp32 first, then NAME, which is measured against it, in the precision `served`."""
    sweep(models)
    smaller = {form.name: form for form in model.forms[1:]}
    if served is not None and served not in smaller:
        raise SourceError(f"precision {served}: this model can be written as {', '.join(smaller)}")
    oracle = models / f"{name}-fp32"
    small = smaller[served] if served else model.forms[1]
    for form, folder, reference in ((model.forms[0], oracle, None), (small, models / name, oracle)):
        if not force and is_current(folder, made_from) and written_as(folder) == form.name:
            continue
        quality = export_one(model, form, folder, reference, heldout, made_from)
        print(f"{folder.name}: " + ", ".join(f"{key} {value}" for key, value in quality.items()), flush=True)


def written_as(folder: Path) -> str:
    """The precision of a whole folder."""
    return json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("precision", "")


def export_all(gguf: Path, models: Path, name: str, heldout: Path = HELDOUT, force: bool = False,
               tokenizer: Path | None = None) -> None:
    """Both folders of a GGUF file."""
    model = FromGGUF(gguf, tokenizer)
    export_forms(model, models, name, heldout, model.origin(heldout), force)


def export_checkpoint(folder: Path, models: Path, name: str, heldout: Path = HELDOUT, force: bool = False,
                      served: str | None = None) -> None:
    """Both folders of a checkpoint."""
    model = FromCheckpoint(folder)
    export_forms(model, models, name, heldout, model.origin(heldout), force, served)
