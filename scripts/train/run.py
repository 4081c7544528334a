"""Training one model: steps, validations, early stopping, checkpoints, and the export of the best weights."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from safetensors.numpy import load_file, save_file
from tqdm import tqdm

from ..bootstrap.files import replacing, sha256, sweep
from . import card, checkpoint, export, tokens
from .batches import Epochs
from .checkpoint import CheckpointError, Place
from .config import Config
from .learner import Learner, State, arrays, precision
from .models import LanguageModel
from .report import Report
from .validate import Validation

LOG_EVERY = 10  # steps
BEST, RESULT, MODEL = "best.safetensors", "result.json", "model"
HERE = Path(__file__).resolve().parent
# What decides the numbers of a run, beside its configuration, its corpus and the versions of packages.
SOURCES = ("batches.py", "tokens.py", "recurrent.py", "attention.py", "models.py", "learner.py", "requirements.txt")


class Stopped(Exception):
    """The run was asked to stop, and has; a checkpoint says where."""


@dataclass(frozen=True)
class Job:
    """One model to be trained."""

    config: Config
    corpus: Path
    out: Path  # the run's own folder
    cache: Path  # where encoded corpora are kept

    def begins(self) -> list[Path]:
        """The weights that it begins with, if those of an earlier run."""
        return [self.out.parent / self.config.train.start / BEST] if self.config.train.start else []


class Interrupts:
    """Turns Ctrl-C and SIGTERM into a question that is asked between steps; a second Ctrl-C ends at once."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Interrupts:
        self._before = {s: signal.signal(s, self._ask) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *args) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def identity(job: Job) -> str:
    """Names a run by what its numbers depend on."""
    digest = hashlib.sha256(json.dumps(job.config.to_json(), sort_keys=True).encode())
    sources = [*(HERE / name for name in SOURCES), *(job.corpus / f"{s}.jsonl" for s in ("train", "validation"))]
    for path in (*sources, *job.begins()):
        digest.update(sha256(path).encode())
    return digest.hexdigest()[:16]


def begin(model: LanguageModel, path: Path) -> None:
    """Puts an earlier run's weights into a model of the same shape. Raises CheckpointError."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; train the run that this one starts from first")
    found, variables = load_file(path), model.trainable_variables
    if [found[name].shape for name in sorted(found)] != [tuple(v.shape) for v in variables]:
        raise CheckpointError(f"{path}: the weights have other shapes than this model's")
    for name, variable in zip(sorted(found), variables):
        variable.assign(found[name])


class Run:
    """A job under way."""

    def __init__(self, job: Job):
        self.job, config = job, job.config
        keras.config.set_dtype_policy(precision(config.train.precision))
        tokenizer = tokens.open_tokenizer(job.corpus)
        self.marks, vocabulary = tokens.special(tokenizer), tokenizer.get_vocab_size()
        self.epochs = Epochs(tokens.load(job.corpus, "train", job.cache), config.data, config.train.seed)
        self.validation = Validation(tokens.load(job.corpus, "validation", job.cache), config)
        self.steps = max(1, round(config.train.epochs * len(self.epochs.plan(0))))
        self.model = LanguageModel(config.model, vocabulary, config.train.seed, tokens.scale(tokenizer)).build_all()
        for path in job.begins():
            begin(self.model, path)
        self.learner = Learner(self.model, config.train, self.steps)

    def start(self) -> tuple[State, Place]:
        """Where an earlier run was left, or the beginning."""
        run, initial = identity(self.job), self.learner.initial()
        return checkpoint.load(self.job.out, initial, run) or (initial, Place(run))

    def train(self, stop_at: int | None = None) -> dict:
        """Train to the end and export; the result as written to result.json.

        Raises Stopped, after a checkpoint, when asked to stop by a signal or before step `stop_at` + 1.
        """
        out = self.job.out
        out.mkdir(parents=True, exist_ok=True)
        sweep(out)
        state, place = self.start()
        report = Report(out, self.job.config.name, place.step)
        with contextlib.closing(report), Interrupts() as interrupts, self._bar(place) as bar:
            if not place.ended:
                state, place = self._steps(state, place, report, interrupts, bar, stop_at)
            report.draw()
        return self._finish(place)

    def _bar(self, place: Place) -> tqdm:
        return tqdm(total=self.steps, initial=place.step, desc=self.job.config.name, unit="step", disable=None)

    def _steps(self, state: State, place: Place, report: Report, interrupts: Interrupts, bar: tqdm,
               stop_at: int | None) -> tuple[State, Place]:
        every, window = self.job.config.train.validate_every, []
        for epoch, index, batch in self.epochs(place.epoch, place.index):
            began = time.monotonic()
            state, metrics = self.learner.train(state, arrays(batch))
            window.append({k: float(v) for k, v in metrics.items()})
            place = place.moved(step=place.step + 1, epoch=epoch, index=index,
                                tokens=place.tokens + int((batch.segments > 0).sum()),
                                seconds=place.seconds + time.monotonic() - began)
            bar.update()
            if place.step % LOG_EVERY == 0 or place.step == self.steps:
                mean = {k: float(np.mean([m[k] for m in window])) for k in window[0]}
                report.write("train", place.step, place.tokens, mean | {"tokens_per_second": place.tokens / place.seconds})
                bar.set_postfix(loss=f"{mean['loss']:.3f}", best=f"{place.best_loss:.3f}",
                                tokens=f"{place.tokens / place.seconds:,.0f}/s")
                window = []
            last = place.step >= self.steps
            if place.step % every == 0 or last:
                place = self._validate(state, place, report, last)
                checkpoint.save(self.job.out, state, place)
            if place.ended:
                return state, place
            if interrupts.asked or place.step == stop_at:
                checkpoint.save(self.job.out, state, place)
                raise Stopped(f"{self.job.config.name} stopped after step {place.step} of {self.steps}")
        raise AssertionError("epochs never end")

    def _validate(self, state: State, place: Place, report: Report, last: bool) -> Place:
        """Judge the state; keep it where it is the best so far; say whether the run is over."""
        metrics = self.validation.run(self.learner, state)
        report.write("validation", place.step, place.tokens, metrics)
        report.draw()
        speed = place.tokens / place.seconds if place.seconds else 0
        tqdm.write(f"{self.job.config.name}: step {place.step} of {self.steps}, {place.tokens / 1e6:.1f} million tokens, "
                   f"{speed:,.0f}/s: validation loss {metrics['loss']:.4f}", file=sys.stderr)
        if metrics["loss"] < place.best_loss:
            place = place.moved(best_loss=metrics["loss"], best_step=place.step, since_best=0)
            with replacing(self.job.out / BEST) as temp:
                save_file({f"{i:04}": np.asarray(w) for i, w in enumerate(state["weights"])}, temp)
            with replacing(self.job.out / "best.json") as temp:
                temp.write_text(json.dumps(metrics), encoding="utf-8")
        else:
            place = place.moved(since_best=place.since_best + 1)
        if last:
            return place.moved(ended="all steps made")
        if place.since_best >= self.job.config.train.patience:
            return place.moved(ended=f"no better validation loss in {place.since_best} validations")
        return place

    def _finish(self, place: Place) -> dict:
        """Export the best weights and say what came of the run."""
        out, config = self.job.out, self.job.config
        best = load_file(out / BEST)
        self.learner.assign([best[name] for name in sorted(best)])
        export.write(out / MODEL, self.model, config.data.buckets[-1], self.marks, self.job.corpus)
        result = {
            "name": config.name, "kind": config.model.kind, "parameters": self.model.parameters(),
            "steps": place.step, "best_step": place.best_step, "tokens": place.tokens, "ended": place.ended,
            "tokens_per_second": round(place.tokens / place.seconds) if place.seconds else 0,
            "left_out": {"train": self.epochs.left_out, "validation": self.validation.left_out},
            "validation": json.loads((out / "best.json").read_text(encoding="utf-8")),
            "config": config.to_json(),
        }
        with replacing(out / RESULT) as temp:
            temp.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        with replacing(out / MODEL / "card.md") as temp:
            temp.write_text(card.write(result, self.job.corpus.name, len(self.epochs.indices)), encoding="utf-8")
        return result


def fresh(out: Path) -> None:
    """Forget an earlier run."""
    shutil.rmtree(out, ignore_errors=True)


def train_all(jobs: list[Job]) -> Iterator[dict]:
    """Train one after the other."""
    for job in jobs:
        yield Run(job).train()
