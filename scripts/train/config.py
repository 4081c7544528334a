"""A run's settings: one TOML file a model, checked as a whole, so that a misspelt name never trains for hours."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

CONFIGS = Path(__file__).resolve().parent / "configs"
KINDS = ("rnn", "lstm", "gru", "attention")
TASKS = ("text", "summary", "diagnosis", "treatment", "triples")
SIZES = ("tiny", "small")
PRECISIONS = ("auto", "float32", "bfloat16")


class ConfigError(ValueError):
    """A setting is unknown, missing or out of range; the message names the file and the setting."""


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a model; the vocabulary comes from the tokenizer."""

    kind: str
    hidden_size: int
    layers: int
    dropout: float = 0.0  # of the embedding and of what each block adds
    likeness: float = 0.0  # how many steps of a scale (one to twenty) begin with embeddings alike; 0: each has its own
    # Attention alone.
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    intermediate_size: int = 0
    rope_theta: float = 10000.0
    # LSTM and GRU alone: gates begin with memories of 1 to so many tokens (chrono initialisation); 0: not.
    memory: int = 0


@dataclass(frozen=True)
class DataConfig:
    """How sequences become batches of fixed shapes."""

    buckets: tuple[int, ...]  # lengths of rows, in tokens; the last is the longest sequence taken
    batch_tokens: int  # tokens of a batch, padding included; each bucket divides it
    head_share: float  # share of a batch's positions whose logits are computed
    tasks: tuple[str, ...] = ()  # those that are learnt and judged; empty: all
    prompt_weight: float = 0.1  # of a prompt's token in the loss; an answer's weighs 1
    task_weights: dict[str, float] = field(default_factory=dict)  # factor on all weights of a task; unnamed ones have 1


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation: AdamW, warm-up and cosine, clipping, early stopping."""

    seed: int
    epochs: float  # passes over the training sequences
    learning_rate: float  # at its highest, after warm-up
    warmup: float = 0.05  # share of all steps
    final: float = 0.05  # learning rate at the end, as a share of the highest
    weight_decay: float = 0.05  # of matrices; norms and biases have none
    beta_1: float = 0.9
    beta_2: float = 0.98
    start: str = ""  # a run in the same folder, whose best weights this one begins with; empty: random ones
    clip_norm: float = 1.0  # of the gradient of all weights together
    validate_every: int = 200  # steps
    validation_sequences: int = 2000  # at most; a fixed choice
    patience: int = 5  # validations without improvement of the validation loss before the run ends
    precision: str = "auto"  # of activations and products: auto is bfloat16 on a GPU, float32 elsewhere


@dataclass(frozen=True)
class Config:
    """One run."""

    name: str
    model: ModelConfig
    data: DataConfig
    train: TrainConfig

    def to_json(self) -> dict[str, Any]:
        """Nested dictionaries, as they are kept beside checkpoints and metrics."""
        return asdict(self)


def paths(size: str) -> list[Path]:
    """The configurations of all four kinds of a size."""
    return [CONFIGS / f"{kind}-{size}.toml" for kind in KINDS]


def load(path: Path) -> Config:
    """Read and check a file; its name without the ending is the model's. Raises ConfigError."""
    config = Config(path.stem, **read(path, {"model": ModelConfig, "data": DataConfig, "train": TrainConfig}))
    check(path, [*_model(config.model), *learning(config.data, config.train)])
    return config


def read(path: Path, kinds: dict[str, type]) -> dict[str, Any]:
    """The sections of a file, each as the dataclass named for it, with every name and type checked."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ConfigError(f"{path}: cannot be read: {err.strerror}") from err
    except tomllib.TOMLDecodeError as err:
        raise ConfigError(f"{path}: not TOML: {err}") from err
    unknown = sorted(set(raw) - set(kinds))
    if unknown:
        *names, last = kinds
        raise ConfigError(f"{path}: unknown section {unknown[0]!r}; there are {', '.join(names)} and {last}")
    return {name: _section(kind, raw.get(name, {}), f"{path}: {name}") for name, kind in kinds.items()}


def check(path: Path, checks: list[tuple[bool, str]]) -> None:
    """Raises ConfigError with the text of the first check that does not hold."""
    problem = next((text for holds, text in checks if not holds), None)
    if problem:
        raise ConfigError(f"{path}: {problem}")


def _section(kind: type, raw: dict, where: str) -> Any:
    """A dataclass from a table, with every name and type checked."""
    known = {f.name: f for f in fields(kind)}
    for name in raw:
        if name not in known:
            raise ConfigError(f"{where}: unknown setting {name!r}; there are {', '.join(known)}")
    values = {}
    for name, f in known.items():
        if name not in raw:
            if f.default is MISSING and f.default_factory is MISSING:
                raise ConfigError(f"{where}: {name} is missing")
            continue
        values[name] = _value(f.type, raw[name], f"{where}: {name}")
    return kind(**values)


def _value(kind: str, value: Any, where: str) -> Any:
    """One setting as its field's type says."""
    if kind == "tuple[int, ...]" and isinstance(value, list) and value and all(type(v) is int for v in value):
        return tuple(value)
    if kind == "tuple[str, ...]" and isinstance(value, list) and all(type(v) is str for v in value):
        return tuple(value)
    if kind == "dict[str, float]" and isinstance(value, dict) and all(type(v) in (int, float) for v in value.values()):
        return {k: float(v) for k, v in value.items()}
    if kind == "float" and type(value) in (int, float):
        return float(value)
    if (kind == "int" and type(value) is int) or (kind == "str" and type(value) is str):
        return value
    raise ConfigError(f"{where} must be of type {kind}, it is {value!r}")


def _model(m: ModelConfig) -> list[tuple[bool, str]]:
    """What a model's shape has to keep."""
    attention = m.kind == "attention"
    return [
        (m.kind in KINDS, f"model.kind must be one of {', '.join(KINDS)}"),
        (m.hidden_size > 0 and m.layers > 0, "model.hidden_size and model.layers must be positive"),
        (m.likeness >= 0, "model.likeness must not be negative"),
        (0 <= m.dropout < 1, "model.dropout must be in [0, 1)"),
        (not attention or min(m.heads, m.kv_heads, m.head_dim, m.intermediate_size) > 0,
         "model: attention needs heads, kv_heads, head_dim and intermediate_size"),
        (not attention or m.kv_heads < 1 or m.heads % m.kv_heads == 0, "model.kv_heads must divide model.heads"),
        (m.head_dim % 2 == 0, "model.head_dim must be even: rotary embeddings turn pairs"),
        (m.memory == 0 or (m.kind in ("lstm", "gru") and m.memory > 2), "model.memory is for lstm and gru, and above 2"),
    ]


def learning(d: DataConfig, t: TrainConfig) -> list[tuple[bool, str]]:
    """What batches and optimisation have to keep."""
    return [
        (list(d.buckets) == sorted(set(d.buckets)) and min(d.buckets) > 1, "data.buckets must increase from 2 or more"),
        (all(d.batch_tokens % b == 0 for b in d.buckets), "data.batch_tokens must be a multiple of every bucket"),
        (set(d.tasks) <= set(TASKS), f"data.tasks may name {', '.join(TASKS)}"),
        (0 < d.head_share <= 1, "data.head_share must be in (0, 1]"),
        (0 <= d.prompt_weight <= 1, "data.prompt_weight must be in [0, 1]"),
        (all(w > 0 for w in d.task_weights.values()), "data.task_weights must be positive"),
        (t.epochs > 0 and t.learning_rate > 0, "train.epochs and train.learning_rate must be positive"),
        (0 <= t.warmup < 1 and 0 <= t.final <= 1, "train.warmup must be in [0, 1) and train.final in [0, 1]"),
        (t.weight_decay >= 0, "train.weight_decay must not be negative"),
        (t.start == Path(t.start).name, "train.start must be a run's name"),
        (t.clip_norm > 0, "train.clip_norm must be positive"),
        (0 <= t.beta_1 < 1 and 0 <= t.beta_2 < 1, "train.beta_1 and train.beta_2 must be in [0, 1)"),
        (min(t.validate_every, t.validation_sequences, t.patience) > 0,
         "train.validate_every, train.validation_sequences and train.patience must be positive"),
        (t.precision in PRECISIONS, f"train.precision must be one of {', '.join(PRECISIONS)}"),
    ]
