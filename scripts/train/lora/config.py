"""The settings of an adapter's run: the sections adapter, examples, data and train of a TOML file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import config as configs
from ..config import DataConfig, TrainConfig
from ..tokens import LANGUAGES
from .chat import SYSTEM

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
TESTS, HOURS = ("neutral", "visible"), (1, 24)


@dataclass(frozen=True)
class AdapterConfig:
    """What is added to the model. All matrices of a layer by default: T. Dettmers et al., arXiv:2305.14314, section 4."""

    rank: int
    alpha: float  # what the product of the two narrow matrices is scaled by, times the rank
    targets: tuple[str, ...] = TARGETS


@dataclass(frozen=True)
class ExamplesConfig:
    """Which of the corpus' examples are learnt, drawn by lot. Empty: all."""

    train: int  # at most
    tests: tuple[str, ...] = ()
    hours: tuple[int, ...] = ()
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoraConfig:
    """One run."""

    name: str
    adapter: AdapterConfig
    examples: ExamplesConfig
    data: DataConfig
    train: TrainConfig

    def to_json(self) -> dict[str, Any]:
        """Nested dictionaries, as they are kept beside checkpoints and metrics."""
        return asdict(self)


def load(path: Path) -> LoraConfig:
    """Read and check a file; its name without the ending is the adapter's. Raises configs.ConfigError."""
    sections = configs.read(path, {"adapter": AdapterConfig, "examples": ExamplesConfig, "data": DataConfig,
                                   "train": TrainConfig})
    config = LoraConfig(path.stem, **sections)
    a, e = config.adapter, config.examples
    configs.check(path, [
        (a.rank > 0 and a.alpha > 0, "adapter.rank and adapter.alpha must be positive"),
        (bool(a.targets) and set(a.targets) <= set(TARGETS), f"adapter.targets may name {', '.join(TARGETS)}"),
        (e.train > 0, "examples.train must be positive"),
        (set(e.tests) <= set(TESTS), f"examples.tests may name {' and '.join(TESTS)}"),
        (set(e.hours) <= set(HOURS), "examples.hours may name 1 and 24"),
        (set(e.languages) <= set(LANGUAGES), f"examples.languages may name {' and '.join(LANGUAGES)}"),
        (bool(config.data.tasks) and set(config.data.tasks) <= set(SYSTEM),
         f"data.tasks must name some of {', '.join(SYSTEM)}"),
        *configs.learning(config.data, config.train)])
    return config
