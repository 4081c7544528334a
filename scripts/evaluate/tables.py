"""Reports as Markdown: a section for each model, and the tables of docs/evaluation.md."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ..bootstrap.files import replacing
from .diagnosis import BOTH, TARGET

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "evaluation.md"
BASELINES = Path(__file__).resolve().parent / "README.md"
SETS = ("1h-neutral", "24h-neutral", "1h-visible", "24h-visible")
FIGURES = ("top1", "top3", "macro_f1", "ece")
LANGUAGES = {"en": "English", "zh": "Chinese", BOTH: "both"}
USUAL = ("same set for all", "the disease's commonest set")


class TablesError(Exception):
    """A report or a marker is missing; the message says which."""


def cell(figure: dict | None, digits: int = 3) -> str:
    """A figure with its interval."""
    if not figure:
        return ""
    low, high = figure["interval"]
    return f"{figure['value']:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows in Markdown; a sentence where there are none."""
    if not rows:
        return "None of these models was judged on this.\n"
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines) + "\n"


def baselines(path: Path) -> list[tuple[str, str, list[str]]]:
    """Set, model and cells of the table that scripts/evaluate/baselines.py writes."""
    rows = [[c.strip() for c in line.strip("|\n ").split("|")] for line in path.read_text(encoding="utf-8").splitlines()
            if line.startswith("|")]
    return [(row[0], row[1], row[2:6]) for row in rows if row[0] in SETS and len(row) >= 6]


def diagnosis(reports: list[dict], beside: Path | None = None) -> str:
    """Diagnoses by set: models' languages together, beside models that read numbers and any that was not trained."""
    rows = []
    for kind in SETS:
        if beside:
            rows += [(kind, model, *cells) for of, model, cells in baselines(beside) if of == kind]
        for report in reports:
            for language in LANGUAGES:
                found = report["diagnosis"].get(kind, {}).get(language)
                if found:
                    who = f"{_name(report)}, {_by(report, language)}"
                    cells = [cell(found["figures"][figure]) for figure in FIGURES]
                    rows.append((kind, f"**{who}**" if language == BOTH else who, *cells))
    return table(("set", "model", "top-1", "top-3", "macro-F1", "calibration error"), rows)


def _by(report: dict, language: str) -> str:
    if _other(report):
        how = "in a chat" if report.get("chat") else "not trained for it"
        return f"{how}, {LANGUAGES[language]}, {report['patients']} patients"
    return LANGUAGES[language]


def _other(report: dict) -> bool:
    """Whether the model was asked in a chat, in one language, instead of by the device models' marks."""
    return report["zero_shot"] or report.get("chat", False)


def agreement(reports: list[dict]) -> str:
    """How often the first answer is the same in both languages."""
    rows = [(_name(r), *(cell(r["diagnosis"].get(kind, {}).get("agreement")) for kind in SETS)) for r in reports
            if r["diagnosis"] and not _other(r)]
    return table(("model", *SETS), rows)


def abstention(reports: list[dict]) -> str:
    """Accuracy where only the most confident answers are given, and what the threshold of validation does."""
    rows, head = [], None
    for report in reports:
        for kind in SETS:
            found = report["diagnosis"].get(kind, {})
            found = found.get(BOTH) or found.get("en")
            if not found:
                continue
            head = [f"{p['coverage']:.0%}" for p in found["curve"]]
            said = found["answered"]
            rows.append((_name(report), kind, *(f"{p['accuracy']:.3f}" for p in found["curve"]),
                         f"{said['share']:.0%}, {_share(said['accuracy'])}" if said else "none found"))
    last = f"answered with the threshold for {TARGET:.0%}, right of those"
    return table(("model", "set", *(head or []), last), rows)


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def perplexity(reports: list[dict]) -> str:
    """Perplexity by language and part; last, what makes tokenizers comparable."""
    rows, names = [], ("diagnosis", "treatment", "summary", "triples", "prompt", "text")
    for report in reports:
        for language, found in report.get("perplexity", {}).items():
            cells = [cell(found.get(name, {}).get("perplexity"), 2) for name in names]
            bits = [cell(found.get(name, {}).get("bits_per_byte"), 2) for name in names[:2]]
            rows.append((_name(report), LANGUAGES[language], *cells, *bits))
    return table(("model", "language", *(f"{name}: answers" for name in names[:4]), "prompts", "records as text",
                  "diagnosis: bits a byte", "treatment: bits a byte"), rows)


def treatment(reports: list[dict]) -> str:
    """Likeness to the orders of the record."""
    rows = []
    for report in reports:
        for language, found in report.get("treatment", {}).items():
            rows.append((_name(report), LANGUAGES[language], found["records"],
                         *(cell(found["jaccard"][who]) for who in ("model", *USUAL)), cell(found["exact"])))
    beside = [f"{who}: Jaccard" for who in USUAL]
    return table(("model", "language", "records", "Jaccard", *beside, "all orders right"), rows)


def summary(reports: list[dict]) -> str:
    """Facts of summaries."""
    names = ("recall", "unsupported", "strange_numbers")
    rows = [(_name(r), LANGUAGES[lang], found["records"], *(cell(found[n]) for n in names)) for r in reports
            for lang, found in r.get("summary", {}).items()]
    return table(("model", "language", "records", "facts told of the reference's", "facts told that are not in it",
                  "numbers told that are not in the prompt"), rows)


def triples(reports: list[dict]) -> str:
    """Whole triples."""
    names = ("precision", "recall", "f1")
    rows = [(_name(r), LANGUAGES[lang], found["records"], *(cell(found[n]) for n in names)) for r in reports
            for lang, found in r.get("triples", {}).items()]
    return table(("model", "language", "records", "precision", "recall", "F1"), rows)


def pairs(reports: list[dict]) -> str:
    """Counterfactual pairs."""
    of = [r for r in reports if r.get("counterfactual")]
    rules = list(dict.fromkeys(rule for r in of for rule in r["counterfactual"]["rules"]))
    rows = [(_name(r), *(cell(r["counterfactual"]["right"][lang]) for lang in ("en", "zh")),
             *(f"{r['counterfactual']['rules'][rule]:.2f}" for rule in rules)) for r in of]
    return table(("model", "English", "Chinese", *rules), rows)


def models(reports: list[dict]) -> str:
    """What was judged."""
    rows = [(_name(r), r["model"]["kind"], r["model"]["precision"], f"{r['model']['bytes'] / 1e6:.1f} MB",
             f"`{r['model']['digest'].removeprefix('sha256:')[:12]}`", r["patients"], r.get("judged", "")) for r in reports]
    return table(("model", "kind", "precision", "size", "digest", "patients", "times judged"), rows)


def ablation(reports: list[dict], runs: Sequence[Path]) -> str:
    """The kinds side by side: what training says, and the diagnosis on validation."""
    rows = []
    for run in runs:
        result = json.loads((run / "result.json").read_text(encoding="utf-8"))
        judged = _of(reports, result).get("diagnosis", {})
        tops = [cell(judged.get(kind, {}).get(BOTH, {}).get("figures", {}).get("top1")) for kind in SETS[:2]]
        found = result["validation"]
        rows.append((result["name"], result["kind"], f"{result['parameters'] / 1e6:.2f}M", f"{result['tokens'] / 1e6:.1f}M",
                     f"{result['tokens_per_second']:,}", f"{found['loss']:.3f}",
                     *(f"{found[f'exact.{t}']:.3f}" if f"exact.{t}" in found else "" for t in
                       ("diagnosis", "treatment", "summary", "triples")), *tops))
    return table(("model", "kind", "parameters", "tokens trained on", "tokens/s", "validation loss", "exact diagnosis",
                  "exact treatment", "exact summary", "exact triples", "top-1, 1h-neutral", "top-1, 24h-neutral"), rows)


def _of(reports: list[dict], result: dict) -> dict:
    """The report on what a run trained: by its name or that behind a prefix, else the only one of its kind."""
    trained = [r for r in reports if not _other(r)]
    named = [r for r in trained if _name(r) == result["name"] or _name(r).endswith(f"-{result['name']}")]
    found = named or [r for r in trained if r["model"]["kind"] == result["kind"]]
    return found[0] if len(found) == 1 else {}


PARTS: dict[str, tuple[str, Callable[[list[dict]], str]]] = {
    "models": ("What was judged", models), "diagnosis": ("Diagnosis", diagnosis),
    "agreement": ("Same first diagnosis in both languages", agreement), "abstention": ("Abstaining", abstention),
    "perplexity": ("Perplexity", perplexity), "treatment": ("Treatment", treatment), "summary": ("Summaries", summary),
    "triples": ("Triples", triples), "pairs": ("Counterfactual pairs", pairs),
}


def section(report: dict) -> str:
    """One model's report."""
    lines = [f"## {_name(report)}, {report['split']}\n"]
    if report.get("judged", 1) > 1:
        lines.append(f"This model was judged on the test set {report['judged']} times.\n")
    for title, write in PARTS.values():
        text = write([report])
        if text.count("\n") > 2:
            lines.append(f"### {title}\n\n{text}")
    return "\n".join(lines)


def _name(report: dict) -> str:
    return report["model"]["name"]


def load(out: Path, split: str) -> list[dict]:
    """All reports on a split, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(out.glob(f"*/{split}/evaluation.json"))]


def fill(text: str, name: str, content: str) -> str:
    """Puts a table between its markers."""
    begin, end = f"<!-- evaluation: {name} -->", "<!-- /evaluation -->"
    found = re.search(re.escape(begin) + r".*?" + re.escape(end), text, re.DOTALL)
    if not found:
        raise TablesError(f"no markers {begin} ... {end}")
    return text[:found.start()] + f"{begin}\n{content}{end}" + text[found.end():]


def main(argv: list[str]) -> int:
    """Writes the tables into the page."""
    p = argparse.ArgumentParser(prog="python -m scripts.evaluate tables", description=(
        "Write the tables of docs/evaluation.md between their markers, from the reports in a folder."))
    p.add_argument("out", type=Path, metavar="FOLDER", help="where reports were written: MODEL/SPLIT/evaluation.json")
    p.add_argument("--docs", type=Path, default=DOCS)
    p.add_argument("--baselines", type=Path, default=BASELINES, help=(
        "a file with the table of scripts/evaluate/baselines.py"))
    p.add_argument("--runs", type=Path, nargs="*", default=[], metavar="RUN", help=(
        "folders that training left (with result.json), for the comparison of the kinds"))
    args = p.parse_args(argv)
    reports, validated = load(args.out, "test"), load(args.out, "validation")
    if not reports:
        raise TablesError(f"{args.out}: no report on a test set (MODEL/test/evaluation.json)")
    for run in args.runs:
        if not (run / "result.json").is_file():
            raise TablesError(f"{run}: no result.json")
    text = args.docs.read_text(encoding="utf-8")
    for name, (_, write) in PARTS.items():
        # Of perplexity the test set has nothing to tell that validation has not.
        judged = validated if name == "perplexity" else reports
        text = fill(text, name, diagnosis(judged, args.baselines) if name == "diagnosis" else write(judged))
    if args.runs:
        text = fill(text, "ablation", ablation(validated, args.runs))
    with replacing(args.docs) as temp:
        temp.write_text(text, encoding="utf-8")
    print(f"wrote {args.docs}")
    return 0
