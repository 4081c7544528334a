"""Judging one model on one split: what is asked, in which order, and what is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..bootstrap.files import replacing
from . import candidates, chat, counterfactual, diagnosis, generated, perplexity, zeroshot
from .corpus import Corpus, some
from .fit import CHOSEN
from .ledger import Ledger
from .serving import Served, reference

RESULT, SECTION = "evaluation.json", "evaluation.md"
WRITTEN = 128  # patients whose summaries and triples are written
PARTS = ("perplexity", "treatment", "summary", "triples", "counterfactual")
OF_OTHERS = ("perplexity",)  # what a model is judged on that does not know the device models' marks


@dataclass(frozen=True)
class Job:
    """What is judged, and how much of it."""

    corpus: Corpus
    split: str
    out: Path
    sample: int = 0  # patients; 0: all
    written: int = WRITTEN
    sequences: int = perplexity.SEQUENCES
    parts: tuple[str, ...] = PARTS
    sets: tuple[str, ...] | None = None  # records whose diagnosis is judged; None: all
    zero_shot: bool = False
    chat: bool = False
    again: bool = False
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def digest(self) -> str:
        """Of what is judged on."""
        return self.corpus.digests[f"{self.split}.jsonl"]


def run(served: Served, job: Job) -> dict:
    """The report, as written to evaluation.json."""
    began, model = time.monotonic(), reference(served.reference)
    if job.split == "test":
        job.ledger.check(model["digest"], job.digest, job.again)
    out = {"model": model | described(served.folder), "corpus": job.corpus.folder.name, "split": job.split,
           "split_sha256": job.digest, "sample": job.sample, "zero_shot": job.zero_shot, "chat": job.chat}
    scored = _diagnoses(served, job, job.split)
    out["chosen"] = chosen = _chosen(served, job, scored)
    out["patients"] = len(set(scored.patients.tolist()))
    out["diagnosis"] = diagnosis.judge(scored, chosen)
    out |= {name: judge() for name, judge in _others(served, job).items() if name in job.parts}
    out["seconds"] = round(time.monotonic() - began)
    if job.split == "test":
        # At the end: a run that was stopped has shown nobody anything.
        out["judged"] = job.ledger.add(model["name"], model["digest"], job.digest)
    folder(job, served.name).mkdir(parents=True, exist_ok=True)
    with replacing(folder(job, served.name) / RESULT) as temp:
        temp.write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return out


def folder(job: Job, name: str) -> Path:
    """Where a model's report on a split is."""
    return job.out / name / job.split


def described(model: Path) -> dict:
    """What the manifest says that a report needs."""
    manifest = json.loads((model / "bedside.json").read_text(encoding="utf-8"))
    size = sum(file["bytes"] for file in manifest["files"].values())
    return {"kind": manifest.get("kind", ""), "precision": manifest.get("precision", ""), "bytes": size}


def _diagnoses(served: Served, job: Job, split: str) -> diagnosis.Scored:
    if job.zero_shot:
        return zeroshot.diagnoses(served, job.corpus, split, job.sample or zeroshot.PATIENTS)
    if job.chat:
        return chat.diagnoses(served, job.corpus, split, job.sets, job.sample)
    return candidates.diagnoses(served, job.corpus, some(job.corpus.examples(split, ["diagnosis"], job.sets), job.sample))


def _chosen(served: Served, job: Job, scored: diagnosis.Scored) -> dict:
    """What was chosen on validation: by this run, by an earlier one of the same model, or now, by asking there as well."""
    path = job.out / served.name / CHOSEN
    basis = {"digest": served.reference.digest, "split_sha256": job.corpus.digests["validation.jsonl"],
             "sample": job.sample, "sets": job.sets and list(job.sets)}
    if job.split == "test":
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["basis"] == basis:
                return kept["chosen"]
        except (OSError, ValueError, KeyError):
            pass
        scored = _diagnoses(served, job, "validation")
    chosen = diagnosis.choose(scored)
    with replacing(path) as temp:
        temp.write_text(json.dumps({"basis": basis, "chosen": chosen}, indent=1) + "\n", encoding="utf-8")
    return chosen


def _others(served: Served, job: Job) -> dict[str, Callable[[], dict]]:
    def written(task: str, patients: int):
        return some(job.corpus.examples(job.split, [task]), patients)

    few, other = min(job.written, job.sample or job.written), job.zero_shot or job.chat
    out = {
        "perplexity": lambda: perplexity.judge(
            served, perplexity.sample(some(job.corpus.examples(job.split), job.sample), job.sequences),
            chat.parts if other else perplexity.parts),
        "treatment": lambda: generated.treatment(served, job.corpus, written("treatment", job.sample)),
        "summary": lambda: generated.summary(served, written("summary", few)),
        "triples": lambda: generated.triples(served, written("triples", few)),
        "counterfactual": lambda: counterfactual.judge(served, job.corpus, counterfactual.read()),
    }
    return {name: judge for name, judge in out.items() if not other or name in OF_OTHERS}
