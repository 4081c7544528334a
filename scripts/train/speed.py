"""How fast a configuration trains: `python3 -m scripts.train speed --config FILE`.

The sequences are random tokens in the shape of the clinical corpus: prompts of 100 to 900 tokens, short answers. Both the
clock's time and the processors' are told, since a machine that others use makes the first worth little.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import jax
import keras
import numpy as np

from . import config as configs
from .batches import Batch, Epochs, build
from .learner import Learner, arrays, precision
from .models import LanguageModel
from .tokens import Tokens

SEQUENCES = 4000


def sequences(vocabulary: int, longest: int, seed: int = 0) -> Tokens:
    """Random tokens. Of five sequences one is all answer (plain text); the others' answers have 8 to 60 tokens."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(100, 900, SEQUENCES).clip(max=longest)
    text = rng.random(SEQUENCES) < 0.2
    answer = np.where(text, 3, lengths - rng.integers(8, 60, SEQUENCES)).astype(np.int32)
    start = np.concatenate([[0], np.cumsum(lengths)])
    task = np.where(text, configs.TASKS.index("text"), configs.TASKS.index("diagnosis")).astype(np.uint8)
    ids = rng.integers(0, vocabulary, start[-1]).astype(np.uint16)
    return Tokens(ids, start, answer, task, np.zeros(SEQUENCES, np.uint8))


def measure(config: configs.Config, vocabulary: int, steps: int) -> dict:
    """Train `steps` steps on batches of each bucket, after one that compiles."""
    keras.config.set_dtype_policy(precision(config.train.precision))
    model = LanguageModel(config.model, vocabulary, config.train.seed).build_all()
    learner = Learner(model, config.train, 1000)
    state = learner.initial()
    epochs = Epochs(sequences(vocabulary, config.data.buckets[-1]), config.data, config.train.seed)
    by_length: dict[int, list[Batch]] = {}
    for group in epochs.plan(0):
        mine = by_length.setdefault(group[0].length, [])
        if len(mine) < steps:
            mine.append(build(epochs.tokens, group, config.data, np.random.default_rng(len(mine))))
    result = {"name": config.name, "device": jax.devices()[0].device_kind, "parameters": model.parameters(), "buckets": {}}
    for length, batches in sorted(by_length.items()):
        began = time.monotonic()
        state, metrics = learner.train(state, arrays(batches[0]))
        jax.block_until_ready(metrics)
        compiling = time.monotonic() - began
        began, cpu = time.monotonic(), time.process_time()
        for batch in batches:
            state, metrics = learner.train(state, arrays(batch))
        jax.block_until_ready(metrics)
        tokens = sum(int((b.segments > 0).sum()) for b in batches)
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        result["buckets"][length] = {
            "first_step_seconds": round(compiling, 1), "seconds_per_step": round(seconds / len(batches), 3),
            "tokens_per_second": round(tokens / seconds), "tokens_per_cpu_second": round(tokens / cpu),
            "padding": round(1 - tokens / (len(batches) * config.data.batch_tokens), 3)}
    return result


def main(argv: list[str] | None = None) -> int:
    """Prints a JSON object a configuration; the exit status is 0, or 1 after an error."""
    p = argparse.ArgumentParser(prog="python3 -m scripts.train speed", description=__doc__.splitlines()[0])
    p.add_argument("--config", type=Path, action="append", required=True)
    p.add_argument("--vocabulary", type=int, default=6144)
    p.add_argument("--steps", type=int, default=3, help="of each bucket")
    args = p.parse_args(argv)
    try:
        for path in args.config:
            print(json.dumps(measure(configs.load(path), args.vocabulary, args.steps)), flush=True)
    except (configs.ConfigError, OSError) as err:
        print(f"speed: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
