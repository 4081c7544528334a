"""What a model reads in notes, held against the statements that they were written with, beside the rules.

    python -m scripts.evaluate notes MODELFOLDER --corpus FOLDER --split validation --out FOLDER [--write]

FOLDER is what scripts/corpus/notes wrote. Without MODELFOLDER the rules alone are judged. --write enters what was chosen
on validation, the probability below which a statement is not taken, in the model's folder as notes.json: that makes it
the server's model for notes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from bedside_client import v1

from ..bootstrap.files import replacing, sha256
from . import metrics, tables
from .corpus import LANGUAGES, CorpusError
from .fit import MANIFEST, FitError, enter
from .ledger import DEFAULT, Ledger
from .serving import ROOT, Served, reference

NAME, CHOSEN = "notes.json", "notes-chosen.json"
RULES, RULE_FILES = "rules", ROOT / "clinical" / "note"
# The words of lines, in both languages, and the graph's relations.
RELATIONS = {
    "diagnosis": "has_diagnosis", "诊断": "has_diagnosis",
    "history": "had_diagnosis", "既往": "had_diagnosis",
    "possible": "suspected_of", "疑似": "suspected_of",
    "denied": "denied", "否认": "denied",
    "family": "family_history", "家族": "family_history",
    "given": "was_given", "给予": "was_given",
    "ordered": "was_prescribed", "医嘱": "was_prescribed",
    "allergy": "allergic_to", "过敏": "allergic_to",
    "done": "underwent", "操作": "underwent",
    "value": "value", "数值": "value",
    "named": "mentions", "提及": "mentions",
}
ANY = ROOT / "models" / "bedside-gru"  # a server has a model, which rules do not ask
NOTHING = "mentions"  # the note names it, and states nothing
THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(20))


@dataclass(frozen=True)
class Statement:
    """A triple of a note: the name as it stands there, the relation, the value where there is one."""

    name: str
    relation: str
    value: str = ""


@dataclass
class Note:
    """A note, the statements that it was written with, and what its names were drawn as."""

    id: str
    patient: str
    language: str
    text: str
    answer: list[Statement]
    links: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """What was read of a name."""

    statement: Statement
    node: str
    probability: float


def line(text: str) -> Statement:
    """A line of an answer."""
    name, word, value = text.split("|")
    relation = RELATIONS[word]
    return Statement(name.removeprefix(" "), relation, value if relation == "value" else "")


def read(folder: Path, part: str) -> list[Note]:
    """The notes of a set."""
    try:
        with open(folder / f"links-{part}.jsonl", encoding="utf-8") as lines:
            links = {e["id"]: e["links"] for e in map(json.loads, lines)}
        with open(folder / f"notes-{part}.jsonl", encoding="utf-8") as lines:
            return [Note(e["id"], e["patient"], e["language"], e["prompt"], [line(a) for a in e["answer"].splitlines()],
                         links[e["id"]]) for e in map(json.loads, lines)]
    except (OSError, ValueError, KeyError) as err:
        raise CorpusError(f"{folder}: no notes of scripts/corpus/notes: {err!r}") from err


def ask(served: Served, notes: list[Note], by_rule: bool) -> list[list[Said]]:
    """What the server reads in each note."""
    def call(client, note: Note):
        given = [v1.GraphNote(id="note", text=note.text)]
        return client.read_notes(given, model="" if by_rule else served.name, by_rule=by_rule)

    answers = served.ask("notes by rule" if by_rule else "notes", notes, call)
    return [[Said(Statement(s.name, s.relation, s.value), s.node.id, s.probability) for s in a.notes[0].statements]
            for a in answers]


def counted(note: Note, said: Iterable[Said], wanted: Callable[[Note, Statement], bool]) -> tuple[int, int, int]:
    """Statements told, those of the note, and those that are both; of the kinds that are wanted."""
    told = Counter(s.statement for s in said if wanted(note, s.statement))
    true = Counter(s for s in note.answer if wanted(note, s))
    return told.total(), true.total(), (told & true).total()


def f1(sums: dict[str, float]) -> dict[str, float]:
    """Precision, recall and F1 of whole triples."""
    return {"precision": sums["right"] / (sums["told"] or 1), "recall": sums["right"] / (sums["true"] or 1),
            "f1": 2 * sums["right"] / ((sums["told"] + sums["true"]) or 1)}


def kinds() -> dict[str, Callable[[Note, Statement], bool]]:
    """What figures are given of: all that is stated, each relation, names that the table of terms lacks."""
    out: dict[str, Callable[[Note, Statement], bool]] = {"all": lambda _, s: s.relation != NOTHING}
    for relation in dict.fromkeys(RELATIONS.values()):
        out[relation] = lambda _, s, relation=relation: s.relation == relation
    # A name that was drawn from none of the table; one that was never drawn is told wrongly of either kind.
    out["not in the table"] = lambda note, s: s.relation != NOTHING and note.links.get(s.name, "") == ""
    return out


def judge(notes: list[Note], said: list[list[Said]]) -> dict:
    """The figures by language and kind."""
    out = {}
    for language in (*LANGUAGES, "both"):
        at = [i for i, n in enumerate(notes) if language in (n.language, "both")]
        if not at:
            continue
        patients = np.array([notes[i].patient for i in at])
        found = {}
        for kind, wanted in kinds().items():
            rows = np.array([counted(notes[i], said[i], wanted) for i in at], float)
            if not rows.any():
                continue
            counts = dict(zip(("told", "true", "right"), rows.T))
            found[kind] = {"statements": int(rows[:, 1].sum()), **metrics.totals(patients, counts, f1)}
        links = np.array([linked(notes[i], said[i]) for i in at], float)
        found["links"] = metrics.totals(patients, {"names": links[:, 0], "right": links[:, 1]},
                                        lambda sums: {"accuracy": sums["right"] / (sums["names"] or 1)})
        quiet = np.array([unstated(notes[i], said[i]) for i in at], float)
        found["silence"] = metrics.totals(patients, {"names": quiet[:, 0], "right": quiet[:, 1]},
                                          lambda sums: {"kept": sums["right"] / (sums["names"] or 1)})
        out[language] = {"notes": len(at)} | found
    return out


def linked(note: Note, said: list[Said]) -> tuple[int, int]:
    """Names that were read and had been drawn, and those led to what they were drawn as: a node, or none."""
    names = [s for s in said if s.statement.name in note.links]
    return len(names), sum(s.node == note.links[s.statement.name] for s in names)


def unstated(note: Note, said: list[Said]) -> tuple[int, int]:
    """Names of which the note states nothing, and those of which nothing was stated."""
    names = Counter(s.name for s in note.answer if s.relation == NOTHING)
    told = Counter(s.statement.name for s in said if s.statement.relation != NOTHING)
    return names.total(), names.total() - (names & told).total()


def above(said: list[list[Said]], least: float) -> list[list[Said]]:
    """What is taken of a model with a threshold."""
    return [[s for s in of if s.probability >= least] for of in said]


def threshold(notes: list[Note], said: list[list[Said]]) -> float:
    """The probability below which leaving a statement out makes F1 the highest; of equals the lowest."""
    def score(least: float) -> float:
        rows = np.array([counted(n, s, kinds()["all"]) for n, s in zip(notes, above(said, least))])
        return f1(dict(zip(("told", "true", "right"), rows.sum(0).tolist())))["f1"]

    return max(THRESHOLDS, key=lambda least: (round(score(least), 4), -least))


def section(report: dict) -> str:
    """The report in Markdown."""
    rows, each = [], []
    for who, of in report["judged"].items():
        for language, found in of.items():
            figures = [tables.cell(found["all"][f]) for f in ("precision", "recall", "f1")]
            beside = found.get("denied", {}).get("f1"), found["silence"]["kept"], found["links"]["accuracy"]
            figures += map(tables.cell, beside)
            rows.append((who, tables.LANGUAGES[language], found["notes"], found["all"]["statements"], *figures))
    both = {who: of["both"] for who, of in report["judged"].items()}
    for kind in kinds():
        found = [of.get(kind) for of in both.values()]
        if kind not in ("all", NOTHING) and any(found):
            name = kind if " " in kind else f"`{kind}`"
            cells = [tables.cell(f["f1"]) if f else "" for f in found]
            each.append((name, next(f for f in found if f)["statements"], *cells))
    head = ("read by", "language", "notes", "statements", "precision", "recall", "F1", "F1 of what is denied",
            "silent where nothing is stated", "linking")
    return tables.table(head, rows) + "\n" + tables.table(("relation", "statements", *both), each)


def rules() -> dict[str, str]:
    """What the rules are called in the ledger: by the digest of their files, so that other rules are another reader."""
    digest = hashlib.sha256()
    for path in sorted(p for p in RULE_FILES.rglob("*") if p.is_file() and not p.name.endswith("_test.go")):
        digest.update(f"{path.name} {sha256(path)}\n".encode())
    return {"name": f"{RULES} of notes", "digest": f"sha256:{digest.hexdigest()}"}


def run_rules(served: Served, args: argparse.Namespace) -> dict:
    """Judge the rules alone; on the test set once, as a model."""
    reader, test, ledger = rules(), sha256(args.corpus / f"notes-{args.split}.jsonl"), Ledger(args.ledger)
    if args.split == "test":
        ledger.check(reader["digest"], test, args.again)
    notes = read(args.corpus, args.split)
    judged = {RULES: judge(notes, ask(served, notes, by_rule=True))}
    out = {"model": reader, "split": args.split, "split_sha256": test, "judged": judged}
    if args.split == "test":
        out["times"] = ledger.add(reader["name"], reader["digest"], test)
    return out


def run(served: Served, args: argparse.Namespace) -> dict:
    """Judge on a split; the threshold is validation's."""
    model, test = reference(served.reference), sha256(args.corpus / f"notes-{args.split}.jsonl")
    ledger, kept = Ledger(args.ledger), args.out / served.name / CHOSEN
    if args.split == "test":
        ledger.check(model["digest"], test, args.again)
    notes = read(args.corpus, args.split)
    said = ask(served, notes, by_rule=False)
    if args.split == "validation":
        least = threshold(notes, said)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({"least": least}) + "\n", encoding="utf-8")
    elif kept.is_file():
        least = json.loads(kept.read_text(encoding="utf-8"))["least"]
    else:
        raise FitError(f"{kept}: not there: judge the model on validation first")
    judged = {served.name: judge(notes, above(said, least)), RULES: judge(notes, ask(served, notes, by_rule=True))}
    out = {"model": model, "split": args.split, "split_sha256": test, "least": least, "judged": judged}
    if args.split == "test":
        out["times"] = ledger.add(model["name"], model["digest"], test)
    return out


def main(argv: list[str]) -> int:
    """Returns the exit status."""
    about = str(__doc__).split("\n\n", maxsplit=1)[0]
    p = argparse.ArgumentParser(prog="python -m scripts.evaluate notes", description=about)
    p.add_argument("model", type=Path, nargs="?", metavar="MODELFOLDER", help="without it the rules alone are judged")
    p.add_argument("--corpus", type=Path, required=True, metavar="FOLDER", help="what scripts/corpus/notes wrote")
    p.add_argument("--split", choices=("validation", "test"), required=True, help="test judges a model once")
    p.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    p.add_argument("--write", action="store_true", help="enter the threshold of validation in the model's folder")
    p.add_argument("--again", action="store_true", help="judge on the test set once more")
    p.add_argument("--ledger", type=Path, default=DEFAULT, help="where judgements on test sets are noted")
    p.add_argument("--binary", type=Path, help="the server (default: bin/bedside)")
    p.add_argument("--threads", type=int, default=0)
    args = p.parse_args(argv)
    if args.write and not args.model:
        p.error("--write needs a model")
    with Served(args.model or ANY, args.binary, args.threads) as served:
        report = run(served, args) if args.model else run_rules(served, args)
    folder = args.out / (args.model.resolve().name if args.model else RULES) / args.split
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "notes.json") as temp:
        temp.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = section(report)
    (folder / "notes.md").write_text(text, encoding="utf-8")
    print(text)
    if args.write:
        manifest = json.loads((args.model / MANIFEST).read_text(encoding="utf-8"))
        print(enter(args.model, manifest, NAME, {"least": report["least"]}))
    return 0
