"""What models that read numbers reach on the corpus of the device language models.

    python -m scripts.evaluate.baselines CORPUS --out FOLDER [--draws 1] [--only gradient-boosting ...]

They see the very numbers that prompts are written from, of the same patients: the latest, least, greatest and mean value
and the slope of each measure. Settings and temperature are chosen on the validation set, the test set is judged once.
Writes baselines.json and baselines.md. It runs in the environment of scripts/corpus/language.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import QuantileTransformer

from ..bootstrap.progress import Progress
from . import metrics

SETS = ("1h-neutral", "24h-neutral", "1h-visible", "24h-visible")
SEED = 7


@dataclass(frozen=True)
class Records:
    """Rows of numbers, their diseases and patients."""

    values: np.ndarray
    diseases: np.ndarray
    patients: np.ndarray

    @classmethod
    def load(cls, corpus: Path, part: str, kind: str, draws: int) -> Records:
        """Of training records the first draws alone."""
        lines = (corpus / f"{part}-{kind}.tsv").read_text(encoding="utf-8").splitlines()
        columns = np.array([line.split("\t") for line in lines])
        kept = columns[:, 2].astype(int) < draws
        return cls(np.load(corpus / f"{part}-{kind}.npy")[kept], columns[kept, 1], columns[kept, 0])

    def only(self, columns: np.ndarray) -> Records:
        """With these columns alone."""
        return Records(self.values[:, columns], self.diseases, self.patients)


def telling(records: Records) -> np.ndarray:
    """The columns that have more than one value: a measure that no training patient had tells nothing."""
    missing = np.isnan(records.values)
    low = np.where(missing, np.inf, records.values).min(0)
    high = np.where(missing, -np.inf, records.values).max(0)
    return np.flatnonzero(low < high)


def numbers(model: ClassifierMixin) -> Pipeline:
    """A model that needs numbers on one scale and none missing; what is missing is told by columns of its own."""
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    return make_pipeline(fill, QuantileTransformer(n_quantiles=200, output_distribution="normal", random_state=SEED), model)


def filled(model: ClassifierMixin) -> Pipeline:
    """Trees need no scale; a median tells them what is missing."""
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), model)


Settings = Iterator[tuple[str, Callable[[], ClassifierMixin]]]


def majority() -> Settings:
    """Whatever is commonest."""
    yield "", lambda: DummyClassifier(strategy="prior")


def neighbours() -> Settings:
    """k nearest neighbours, weighted by distance."""
    for k in (15, 50):
        yield f"k={k}", lambda k=k: numbers(KNeighborsClassifier(k, weights="distance"))


def logistic() -> Settings:
    """Multinomial logistic regression."""
    for c in (0.01, 0.05):
        yield f"C={c}", lambda c=c: numbers(LogisticRegression(C=c, max_iter=300, tol=1e-3))


def extra_trees() -> Settings:
    """Extremely randomized trees (Geurts 2006)."""
    for leaf, share in ((1, "sqrt"), (3, 0.2)):
        yield (
            f"leaf={leaf}, features={share}",
            lambda leaf=leaf, share=share: filled(
                ExtraTreesClassifier(300, min_samples_leaf=leaf, max_features=share, random_state=SEED)
            ),
        )


def boosting() -> Settings:
    """Histogram gradient boosting; it stops by itself."""
    for rate in (0.1,):
        yield (
            f"rate={rate}",
            lambda rate=rate: HistGradientBoostingClassifier(
                learning_rate=rate,
                max_iter=100,
                max_leaf_nodes=15,
                min_samples_leaf=20,
                l2_regularization=1.0,
                max_features=0.3,
                early_stopping=True,
                validation_fraction=0.1,
                n_iter_no_change=5,
                random_state=SEED,
            ),
        )


MODELS: dict[str, Callable[[], Settings]] = {
    "majority": majority,
    "nearest-neighbours": neighbours,
    "logistic-regression": logistic,
    "extra-trees": extra_trees,
    "gradient-boosting": boosting,
}


def judge(name: str, train: Records, validation: Records, test: Records) -> dict:
    """Fits one kind of model with each setting, keeps the likeliest on validation, and judges that one on test."""
    classes = np.unique(train.diseases)
    truth = np.searchsorted(classes, validation.diseases)
    best: tuple[float, str, ClassifierMixin, float] | None = None
    began = time.monotonic()
    for setting, build in MODELS[name]():
        model = build().fit(train.values, train.diseases)
        found = model.predict_proba(validation.values)
        beta = metrics.temperature(found, truth)
        nll = metrics.figures(metrics.tempered(found, beta), truth)["nll"]
        if best is None or nll < best[0]:
            best = (nll, setting, model, beta)
    nll, setting, model, beta = best
    found = metrics.tempered(model.predict_proba(test.values), beta)
    return {
        "setting": setting,
        "exponent": round(beta, 3),
        "validation_nll": nll,
        "seconds": round(time.monotonic() - began, 1),
        "test": metrics.report(found, np.searchsorted(classes, test.diseases), test.patients),
    }


def run(corpus: Path, names: list[str], kinds: list[str], draws: int, kept: Path) -> dict:
    """All models on all sets; what is known so far is written after each set."""
    manifest = json.loads((corpus / "manifest.json").read_text(encoding="utf-8"))
    out: dict = {"train.jsonl": manifest["files"]["train.jsonl"], "draws": draws, "sets": {}}
    with Progress("baselines", len(names) * len(kinds)) as progress:
        for i, kind in enumerate(kinds):
            parts = [Records.load(corpus, part, kind, draws) for part in ("train", "validation", "test")]
            parts = [records.only(telling(parts[0])) for records in parts]
            out["sets"][kind] = {"records": [len(p.diseases) for p in parts], "models": {}}
            for j, name in enumerate(names):
                out["sets"][kind]["models"][name] = judge(name, *parts)
                progress.update(i * len(names) + j + 1, f"{kind} {name}")
            write(out, kept)
    return out


def write(found: dict, folder: Path) -> None:
    """Puts the figures into their two files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "baselines.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (folder / "baselines.md").write_text(table(found), encoding="utf-8")


def table(found: dict) -> str:
    """The figures as a Markdown table."""

    def cell(figure: dict) -> str:
        low, high = figure["interval"]
        return f"{figure['value']:.3f} ({low:.3f}-{high:.3f})"

    lines = ["| set | model | top-1 | top-3 | macro-F1 | calibration error |", "|---|---|---|---|---|---|"]
    for kind, of in found["sets"].items():
        for model, judged in of["models"].items():
            cells = [cell(judged["test"][name]) for name in ("top1", "top3", "macro_f1", "ece")]
            lines.append(f"| {kind} | {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=1, help="of what training records lack")
    parser.add_argument("--only", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    args = parser.parse_args()
    try:
        found = run(args.corpus, args.only, args.sets, args.draws, args.out)
    except KeyboardInterrupt:
        sys.exit(130)
    print(table(found))


if __name__ == "__main__":
    main()
