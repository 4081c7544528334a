"""Who takes part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .side import Settings, Side, rival

OURS = "Bedside"


@dataclass(frozen=True)
class Rival:
    """One engine with one kind of weights."""

    name: str
    module: str  # of this folder
    model: str  # of weights.py
    most_streams: int = 1 << 20
    batching: bool = True  # whether a request can join running ones

    def can(self, cell: str) -> bool:
        """Whether it can do what a cell of cells.py asks."""
        kind, _, size = cell.partition("/")
        return (kind != "arrive" or self.batching) and (kind != "decode" or int(size) <= self.most_streams)

    def start(self, models: dict[str, Path], settings: Settings, scratch: Path) -> Side:
        """Its process."""
        return rival(self.name, self.module, models[self.model], settings, scratch)


RIVALS = (
    Rival("OpenVINO int8", "openvino", "openvino-int8"),
    Rival("OpenVINO int4", "openvino", "openvino-int4"),
    Rival("llama.cpp Q4_0", "llamacpp", "Q4_0"),
    Rival("llama.cpp Q4_1", "llamacpp", "Q4_1"),
    Rival("llama.cpp Q8_0", "llamacpp", "Q8_0"),
    Rival("ORT GenAI int4", "genai", "genai-int4", most_streams=32, batching=False),
)
FAMILIES = {  # a bar is against the fastest of several
    "OpenVINO": ("OpenVINO int8", "OpenVINO int4"),
    "llama.cpp": ("llama.cpp Q4_0", "llama.cpp Q4_1", "llama.cpp Q8_0"),
    "ORT GenAI": ("ORT GenAI int4",),
    # Whose likeliest token is float32's 92 times of 100 at least; with 4 bits made from float32 it is 68 to 74 times.
    "those as true to float32": ("OpenVINO int8", "llama.cpp Q4_1", "llama.cpp Q8_0"),
}
