"""Reading and writing weights.safetensors: an 8-byte length, a JSON header, then the tensors' bytes, little endian.

The format: https://github.com/huggingface/safetensors. A file is mapped, so that only what is asked for is read.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from .architecture import SourceError

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100 << 20  # the format's own limit
TYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


class Tensors:
    """An opened file. Raises SourceError, naming the file or the tensor, where it is not what the format says."""

    def __init__(self, path: Path):
        self._path = path
        if not path.is_file():
            raise SourceError(f"{path}: no such file")
        size = path.stat().st_size
        if size < LENGTH_BYTES:
            raise SourceError(f"{path}: too short for safetensors")
        self._bytes = np.memmap(path, np.uint8, "r")
        length = int(self._bytes[:LENGTH_BYTES].view("<u8")[0])
        if length > min(MAX_HEADER_BYTES, size - LENGTH_BYTES):
            raise SourceError(f"{path}: the header is longer than the file")
        self._start = LENGTH_BYTES + length
        try:
            self._header = dict(json.loads(self._bytes[LENGTH_BYTES:self._start].tobytes()))
        except ValueError as err:
            raise SourceError(f"{path}: the header is not JSON: {err}") from err
        self._header.pop("__metadata__", None)

    def __contains__(self, name: str) -> bool:
        return name in self._header

    def names(self) -> set[str]:
        return set(self._header)

    def get(self, name: str, *shape: int) -> np.ndarray:
        """The tensor as float32, contiguous. It must be there and of this shape."""
        if name not in self._header:
            raise SourceError(f"{name}: not in {self._path.name}")
        try:
            entry = self._header[name]
            kind, found, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        except (KeyError, TypeError, ValueError) as err:
            raise SourceError(f"{name}: its entry in the header of {self._path.name} is malformed") from err
        if kind not in TYPES:
            raise SourceError(f"{name}: type {kind} is not supported, only {', '.join(TYPES)}")
        if found != shape:
            raise SourceError(f"{name}: has shape {list(found)}, the configuration asks for {list(shape)}")
        if end - begin != math.prod(shape) * TYPES[kind].itemsize or not 0 <= begin <= end <= len(self._bytes) - self._start:
            raise SourceError(f"{name}: its bytes lie outside {self._path.name}")
        # Offsets need not be multiples of the element's size, and a view must be.
        raw = np.frombuffer(self._bytes[self._start + begin:self._start + end].tobytes(), TYPES[kind]).reshape(shape)
        if kind == "BF16":
            return (raw.astype(np.uint32) << 16).view(np.float32)
        return raw.astype(np.float32)


class Shards:
    """Tensors in several files, as an index lists them."""

    def __init__(self, index: Path):
        try:
            places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
            self._places = {str(name): str(file) for name, file in places.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
            raise SourceError(f"{index}: not an index with a weight_map of names and files") from err
        self.paths = [index.parent / file for file in sorted(set(self._places.values()))]
        if any(path.name != file for path, file in zip(self.paths, sorted(set(self._places.values())))):
            raise SourceError(f"{index}: weight_map names a file outside its folder")
        self._index, self._files = index, {path.name: Tensors(path) for path in self.paths}

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def get(self, name: str, *shape: int) -> np.ndarray:
        """As Tensors.get."""
        if name not in self._places:
            raise SourceError(f"{name}: not in {self._index.name}")
        return self._files[self._places[name]].get(name, *shape)


def write(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Write float32 tensors, by name; the same tensors give the same bytes."""
    header, at = {}, 0
    for name in sorted(tensors):
        value = tensors[name]
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + 4 * value.size]}
        at += 4 * value.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(LENGTH_BYTES, "little") + text)
        for name in sorted(tensors):
            f.write(np.ascontiguousarray(tensors[name], "<f4").tobytes())
