"""Training an adapter: the loop of ../run.py over other weights and other examples."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import keras
from safetensors.numpy import load_file
from tqdm import tqdm

from ...bootstrap.files import replacing, sha256
from .. import checkpoint, export, report, run, tokens
from ..batches import Epochs
from ..checkpoint import Place
from ..learner import State, precision
from ..report import Report
from ..validate import Validation
from . import examples, model
from .config import LoraConfig
from .learner import LowRankLearner

ADAPTER = "adapter"
HERE = Path(__file__).resolve().parent
SOURCES = (*(run.HERE / name for name in run.SOURCES), *(HERE / f"{n}.py" for n in ("chat", "examples", "learner", "model")))


@dataclass(frozen=True)
class Job:
    """One adapter to be trained."""

    config: LoraConfig
    corpus: Path
    base: Path  # the model's folder: weights.safetensors, config.json, tokenizer.json
    out: Path  # the run's own folder


def identity(job: Job) -> str:
    """Names a run by what its numbers depend on."""
    digest = hashlib.sha256(json.dumps(job.config.to_json(), sort_keys=True).encode())
    splits = (job.corpus / f"{split}.jsonl" for split in ("train", "validation"))
    for path in (*SOURCES, job.base / export.WEIGHTS, job.base / "tokenizer.json", *splits):
        digest.update(sha256(path).encode())
    return digest.hexdigest()[:16]


class LoraRun(run.Run):
    """A job under way. Its first validation is of the model as it was."""

    def __init__(self, job: Job):
        self.job, config = job, job.config
        keras.config.set_dtype_policy(precision(config.train.precision))
        shape, vocabulary = export.shape_of(job.base)
        if shape.kind != "attention":
            raise export.ExportError(f"{job.base}: adapters are for models with attention")
        tokenizer = tokens.open_tokenizer(job.base)
        self.lines = {split: examples.read(job.corpus, split, config.data.tasks, config.examples)
                      for split in ("train", "validation")}
        self.lines["train"] = examples.some(self.lines["train"], config.examples.train, config.train.seed)
        train, valid = (examples.encode(tokenizer, self.lines[split]) for split in ("train", "validation"))
        self.epochs = Epochs(train, config.data, config.train.seed)
        self.validation = Validation(valid, config)
        self.steps = max(1, round(config.train.epochs * len(self.epochs.plan(0))))
        self.model = model.LowRankModel(shape, vocabulary, config.adapter, config.train.seed).build_all()
        export.fill(self.model, job.base)
        self.learner = LowRankLearner(self.model, config.train, self.steps)

    def start(self) -> tuple[State, Place]:
        """Where an earlier run was left, or the beginning."""
        name, initial = identity(self.job), self.learner.initial()
        return checkpoint.load(self.job.out, initial, name) or (initial, Place(name))

    def _steps(self, state: State, place: Place, told: Report, interrupts: run.Interrupts, bar: tqdm,
               stop_at: int | None) -> tuple[State, Place]:
        if place.best_loss == float("inf"):  # not validated yet
            place = self._validate(state, place, told, last=False)
            checkpoint.save(self.job.out, state, place)
        return super()._steps(state, place, told, interrupts, bar, stop_at)

    def _finish(self, place: Place) -> dict:
        """Write the best adapter and say what came of the run."""
        out, config = self.job.out, self.job.config
        best = load_file(out / run.BEST)
        self.learner.assign([best[name] for name in sorted(best)])
        model.save(out / ADAPTER, self.model, self.job.base.name)
        before = next(line for line in report.read(out) if line["split"] == "validation" and line["step"] == 0)
        result = {
            "name": config.name, "base": self.job.base.name, "base_sha256": sha256(self.job.base / export.WEIGHTS),
            "parameters": sum(v.value.size for v in self.learner.added), "steps": place.step, "best_step": place.best_step,
            "tokens": place.tokens, "ended": place.ended,
            "tokens_per_second": round(place.tokens / place.seconds) if place.seconds else 0,
            "left_out": {"train": self.epochs.left_out, "validation": self.validation.left_out},
            "before": {k: v for k, v in before.items() if k not in ("split", "step", "tokens")},
            "validation": json.loads((out / "best.json").read_text(encoding="utf-8")), "config": config.to_json(),
        }
        with replacing(out / run.RESULT) as temp:
            temp.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        return result
