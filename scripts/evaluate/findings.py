"""What was found of the four clinical functions, as the table of docs/evaluation.md."""

from __future__ import annotations

from . import tables
from .tables import LANGUAGES, cell

Row = tuple[str, object, str, str]
TREATMENT = (
    ("own covered", "own diagnosis: orders among what is suggested"),
    ("true covered", "true diagnosis: orders among what is suggested"),
    ("own jaccard", "own diagnosis: drugs that the model named, Jaccard"),
    ("true jaccard", "true diagnosis: drugs that the model named, Jaccard"),
)
VIOLATIONS = (
    ("contraindicated", "unmarked", "unmarked drugs and classes that are contraindicated"),
    ("allergic", "tried", "answers with an unmarked drug that an allergy was filed to"),
    ("doubled", "tried", "answers with an unmarked drug like one that was ordered"),
)
GRAPH = (
    ("precision", "statements of structured data: precision", ""), ("recall", "recall", ""), ("f1", "F1", "0.95"),
    ("linked", "concepts linked right by code", "0.97"), ("found by words", "concepts without a code that are linked", ""),
    ("right by words", "right of those", "0.97"),
)


def table(out: dict) -> str:
    """All parts that were judged."""
    rows = [*_summary(out), *_diagnosis(out), *_treatment(out)]
    if found := out.get("triples"):
        rows += [(f"graph, {name}", found["records"], cell(found[key], 4), bar) for key, name, bar in GRAPH]
    return tables.table(("what", "records", "found", "wanted"), rows)


def _summary(out: dict) -> list[Row]:
    rows: list[Row] = []
    for kind, label in (("facts", "the plain facts"), ("model", out.get("summarizer", {}).get("name", ""))):
        found = out.get("summary", {}).get(kind)
        if not found:
            continue
        for lang in ("en", "zh"):
            who = f"summary, {LANGUAGES[lang]}, {label if lang == 'en' else 'the plain facts'}"
            rows.append((f"{who}: critical facts told", found["records"], cell(found[f"{lang} recall"], 4), "0.95"))
            rows.append((f"{who}: sentences with something unsupported", found["records"],
                         cell(found[f"{lang} unsupported"], 4), "0"))
        rows.append((f"summary, {label}: facts told in both languages, of those told in either", found["records"],
                     cell(found["parity"], 4), "0.99"))
        if kind == "model":
            rows.append((f"summary, English, {label}: sentences in the model's words", found["records"],
                         cell(found["en by the model"]), ""))
    return rows


def _diagnosis(out: dict) -> list[Row]:
    found = out.get("diagnosis")
    if not found:
        return []
    rows = [(f"diagnosis, SuggestDiagnoses: {name}", found["records"], cell(found[key]), _beside(out, key))
            for key, name in (("top1", "top-1"), ("top3", "top-3"))]
    answered = f"{cell(found['answered'])}; {cell(found['right of those answered'])}"
    return [*rows, ("diagnosis: answered, and right of those", found["records"], answered, "")]


def _beside(out: dict, key: str) -> str:
    """What `Score` reaches on the corpus' own prompts of the same patients."""
    found = out.get("scored", {}).get("24h-visible")
    return f"Score: {cell(found[key])}" if found else ""


def _treatment(out: dict) -> list[Row]:
    rows: list[Row] = []
    for who, figure in out.get("orders", {}).items():
        if who != "records":
            bar = "0.60" if who.startswith("model, own") else ""
            rows.append((f"orders, {who}: Jaccard", out["orders"]["records"], cell(figure), bar))
    if found := out.get("treatment"):
        what = "treatment, SuggestTreatments,"
        rows += [(f"{what} {name}", found["records"], cell(found[key]), "") for key, name in TREATMENT]
        rows += [(f"treatment: {name}", found["records"], f"{found[key]['value']:.0f} of {found[of]['value']:.0f}", "0")
                 for key, of, name in VIOLATIONS]
    return rows
