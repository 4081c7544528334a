"""What the training tests share: a tiny corpus, tiny configurations of the four kinds, and a way to train them."""

import os
from dataclasses import replace

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import pytest

from scripts.train import config as configs
from scripts.train import run, toy

KINDS = configs.KINDS


def tiny(kind, **changes):
    """A configuration of a kind; `changes` go to the section that knows them."""
    attention = {"heads": 4, "kv_heads": 2, "head_dim": 4, "intermediate_size": 24} if kind == "attention" else {}
    model = configs.ModelConfig(kind, 16, 2, **attention)
    data = configs.DataConfig((96,), 384, 0.25)
    train = configs.TrainConfig(seed=3, epochs=1, learning_rate=1e-2, validate_every=5, validation_sequences=24)
    parts = []
    for part in (model, data, train):
        mine = {k: v for k, v in changes.items() if hasattr(part, k)}
        parts.append(replace(part, **mine))
    return configs.Config(f"{kind}-test", *parts)


@pytest.fixture(scope="session", autouse=True)
def compiled(tmp_path_factory):
    """What has been compiled once is not compiled again: most of these tests' time would go into that."""
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("compiled")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """The toy corpus with few patients."""
    patch = pytest.MonkeyPatch()
    patch.setattr(toy, "PATIENTS", {"train": 40, "validation": 8, "test": 2})
    patch.setattr(toy, "VOCABULARY", 320)
    yield toy.make(tmp_path_factory.mktemp("corpus") / "toy")
    patch.undo()


@pytest.fixture
def job(corpus, tmp_path):
    """Makes a job of a configuration."""
    return lambda config, name="run": run.Job(config, corpus, tmp_path / name, tmp_path / "tokens")
