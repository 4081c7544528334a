"""A model with an adapter merged into its weights, exported as any other: serving costs what the base costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from onnx import ModelProto

from ..bootstrap.current import digest_of
from ..bootstrap.files import sha256
from ..export.architecture import SourceError
from ..export.checkpoint import Checkpoint, RecurrentConfig
from ..export.decoder import DecoderSource
from ..export.evaluate import Scorer
from ..export.run import Exported, FromCheckpoint, FromGGUF, build_decoder, export_forms
from ..export.source import Source
from .files import CONFIG, WEIGHTS, Adapter

CARD = """
## Adapter
A low-rank adapter (Hu et al., "LoRA", arXiv:2106.09685; rank {rank}, scale {scale:g}) was trained with
`scripts/train lora` and is merged into these weights: `{name}`, SHA-256 `{digest}`.
"""


class Adapted:
    """A model's weights with the adapter's added, for the packed graph's builder, which goes by GGUF's names."""

    def __init__(self, source: Source | DecoderSource, adapter: Adapter):
        self._source, self._adapter, self.config = source, adapter, source.config
        layers = {int(name.split(".")[2]) for name in adapter.changed}
        if layers and max(layers) >= self.config.num_hidden_layers:
            raise SourceError(f"{WEIGHTS}: has layer {max(layers)}, the model has {self.config.num_hidden_layers}: it is "
                              "another model's")

    def tensor(self, name: str) -> np.ndarray:
        """The tensor as float32, `[out, in]` for matrices."""
        value, parts = self._source.tensor(name), name.split(".")
        part = self.config.family.parts.get(parts[2], "") if parts[0] == "blk" else ""
        return self._adapter.merged(f"model.layers.{parts[1]}.{part}", value) if part.endswith("_proj") else value

    def qkv(self, layer: int) -> np.ndarray:
        """Query, key and value projections as one matrix, in the published order, which is the adapter's too."""
        c = self.config
        ends = np.cumsum([c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim])
        parts = zip("qkv", np.split(self._source.qkv(layer), ends))
        return np.concatenate([self._adapter.merged(f"model.layers.{layer}.self_attn.{p}_proj", w) for p, w in parts])

    def qkv_bias(self, layer: int) -> np.ndarray | None:
        """Their biases, which no adapter here changes."""
        return self._source.qkv_bias(layer)

    def head_norms(self, layer: int) -> tuple[np.ndarray, ...]:
        """Norms of query and key heads, which no adapter here changes."""
        return self._source.head_norms(layer)

    def head(self) -> np.ndarray:
        """The output projection, which no adapter here changes."""
        return self._source.head()


class Merged:
    """A model to export (see export.run.Exported): the base, with other weights and a word more in its card."""

    def __init__(self, base: Exported, source: Source | DecoderSource, adapter: Path):
        self._base, self._folder, self._adapter = base, adapter, Adapter(adapter)
        self._source = Adapted(source, self._adapter)
        self.config, self.forms = base.config, base.forms

    def build(self, form: type, data, tick: Callable[[], None]) -> ModelProto:
        return build_decoder(self._source, form, data, tick)

    def write_tokenizer(self, folder: Path) -> None:
        self._base.write_tokenizer(folder)

    def write_card(self, folder: Path, name: str, form: type, quality: dict, made_from: dict) -> None:
        self._base.write_card(folder, name, form, quality, made_from)
        with open(folder / "README.md", "a", encoding="utf-8") as card:
            card.write(CARD.format(rank=self._adapter.rank, scale=self._adapter.scale, name=self._folder.resolve().name,
                                   digest=made_from["adapter"]["sha256"]))

    def open(self, path: str, form: type, room: int) -> Scorer:
        return self._base.open(path, form, room)


def made_with(adapter: Path) -> dict:
    """The manifest's part on the adapter: which weights, which settings, which code merged them."""
    here = Path(__file__).resolve().parent
    try:
        return {"file": WEIGHTS, "sha256": sha256(adapter / WEIGHTS), "config_sha256": sha256(adapter / CONFIG),
                "merger_sha256": digest_of(sorted(here.glob("*.py")))}
    except OSError as err:
        raise SourceError(f"{err.filename}: cannot be read: {err.strerror}") from err


def export_merged(base: Path, adapter: Path, models: Path, name: str, heldout: Path, force: bool = False) -> None:
    """Both folders of a GGUF file, or of a folder that training left, with the adapter merged."""
    model: FromCheckpoint | FromGGUF
    if base.is_dir():
        model = FromCheckpoint(base)
        if isinstance(model.config, RecurrentConfig):
            raise SourceError("adapters are for models with attention")
        source: Source | DecoderSource = DecoderSource(Checkpoint(base).tensors, model.config)
    else:
        model, source = FromGGUF(base), Source(str(base))
    made_from = model.origin(heldout)
    made_from |= {"adapter": made_with(adapter)}
    export_forms(Merged(model, source, adapter), models, name, heldout, made_from, force)
