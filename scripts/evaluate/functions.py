"""The four clinical functions as they are served: what each answers for a split's patients, and how good that is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bedside_client import v1
from bedside_client.v1.graph_pb2_grpc import KnowledgeGraphServiceStub

from . import candidates, diagnosis, facts, generated, metrics, pharmacy, statements, vocabulary, wards
from .corpus import LANGUAGES, SEED, Corpus, Example, opening, some
from .serving import Served
from .stays import Stay, allergy, bundle, hidden, ordered, wordless

PENICILLIN = ("7980", "Penicillin G")
SLOW = 4  # summaries at once: each has many sentences written at once
PATIENCE = 3600.0
KINDS = ("who", "diagnosis", "allergy", "NEWS2", "critical limit")


@dataclass(frozen=True)
class Patients:
    """Stays, and what they are called in figures."""

    stays: Sequence[Stay]

    @property
    def names(self) -> np.ndarray:
        """Their ids."""
        return np.array([s.patient for s in self.stays])


def summaries(served: Served, patients: Patients, model: str = "") -> dict:
    """Critical facts told, things told that do not stand, and whether both languages tell the same."""
    records = [[*s.resources, allergy(s.patient, *PENICILLIN)] for s in patients.stays]
    counts: dict[str, list[float]] = {}
    told = {}
    for language in LANGUAGES:
        async def call(client, resources, language=language):
            return await client.summarize(bundle(resources), language=language, model=model, timeout=PATIENCE)

        answers = served.ask(f"summaries, {language}", records, call, SLOW)
        told[language] = [[(s.text, list(s.evidence)) for section in a.sections for s in section.sentences] for a in answers]
        for resources, answer, sentences in zip(records, answers, told[language]):
            record, needed = wards.Record(resources), wards.critical(resources)
            right = [f.told(sentences, language) for f in needed]
            wrong = [why for text, evidence in sentences if (why := record.unsupported(text, evidence))]
            for name, value in {
                "facts": len(needed), "told": sum(right), "sentences": len(sentences), "unsupported": len(wrong),
                "by the model": answer.counts.model_sentences + answer.counts.rewritten_sentences,
                **{f"{kind} facts": sum(f.kind == kind for f in needed) for kind in KINDS},
                **{f"{kind} told": sum(ok for f, ok in zip(needed, right) if f.kind == kind) for kind in KINDS},
            }.items():
                counts.setdefault(f"{language} {name}", []).append(value)
    rests = {lang: [{frozenset(e) for _, e in sentences} for sentences in told[lang]] for lang in LANGUAGES}
    counts["same"] = [len(a & b) for a, b in zip(*rests.values())]
    counts["either"] = [len(a | b) for a, b in zip(*rests.values())]
    return {"records": len(records), "model": answers[0].model.name,
            **metrics.totals(patients.names, {k: np.array(v, float) for k, v in counts.items()}, _summary_figures)}


def _summary_figures(sums: dict[str, float]) -> dict[str, float]:
    out = {"parity": _ratio(sums["same"], sums["either"])}
    for lang in LANGUAGES:
        out |= {f"{lang} recall": _ratio(sums[f"{lang} told"], sums[f"{lang} facts"]),
                f"{lang} unsupported": _ratio(sums[f"{lang} unsupported"], sums[f"{lang} sentences"]),
                f"{lang} by the model": _ratio(sums[f"{lang} by the model"], sums[f"{lang} sentences"]),
                f"{lang} sentences": sums[f"{lang} sentences"]}
        out |= {f"{lang} {kind}": _ratio(sums[f"{lang} {kind} told"], sums[f"{lang} {kind} facts"]) for kind in KINDS}
    return out


def diagnoses(served: Served, patients: Patients) -> dict:
    """How high the true diagnosis stands, and how often the answer is to be relied on."""
    async def call(client, stay):
        return await client.diagnose(bundle(hidden(stay)), max_suggestions=3, readings=False)

    answers = served.ask("diagnoses", patients.stays, call)
    codes = [[s.code for s in a.suggestions] for a in answers]
    truth = [s.disease for s in patients.stays]
    answered = np.array([not a.HasField("abstention") for a in answers], float)
    right = np.array([c[:1] == [t] for c, t in zip(codes, truth)], float)
    found = metrics.averages(patients.names, {
        "top1": right, "top3": np.array([t in c[:3] for c, t in zip(codes, truth)], float), "answered": answered})
    sure = answered > 0
    found["right of those answered"] = metrics.averages(patients.names[sure], {"x": right[sure]})["x"]
    return {"records": len(answers), "model": answers[0].model.name, **found}


def scored(served: Served, corpus: Corpus, split: str, sample: int) -> tuple[dict, dict[str, dict[str, str]]]:
    """The same by `Score` over the corpus' own prompts, and the first answer of each set and patient."""
    examples = [e for e in some(corpus.examples(split, ["diagnosis"]), sample) if e.hours == 24]
    all_scores = candidates.diagnoses(served, corpus, examples)
    figures, first = {}, {}
    for kind in all_scores.kinds():
        s = diagnosis.readings(all_scores, kind)[diagnosis.BOTH]
        figures[kind] = metrics.report(np.exp(diagnosis.normalised(s.scores)), s.truth, s.patients)
        best = s.scores.argmax(1)
        first[kind] = {str(p): corpus.diseases[i] for p, i in zip(s.patients, best)}
    return figures, first


def orders(served: Served, corpus: Corpus, split: str, sample: int, predicted: dict[str, dict[str, str]]) -> dict:
    """What the model orders for a diagnosis that it has suggested itself, against what was ordered."""
    examples = [e for e in some(corpus.examples(split, ["treatment"]), sample) if e.hours == 24 and e.language == "en"]
    everyone, each = generated.usual(corpus)
    named = {e.disease: e.answer for e in corpus.examples("validation", ["diagnosis"]) if e.language == "en"}
    truth = [facts.orders(e.answer, e.language) for e in examples]
    given = {"true diagnosis": {e.patient: e.disease for e in examples},
             **{f"own diagnosis, {kind}": first for kind, first in predicted.items()}}
    sets: dict[str, list[frozenset[str]]] = {"the same set for all": [everyone["en"]] * len(examples)}
    for who, of in given.items():
        sets[f"commonest set of the {who}"] = [each.get(("en", of[e.patient]), frozenset()) for e in examples]
        questions = [_treating(e, named[of[e.patient]]) for e in examples]

        async def call(client, question):
            return await client.generate(question)

        said = served.ask(f"orders, {who}", questions, call)
        sets[f"model, {who}"] = [facts.orders(a.text, "en") for a in said]
    names = np.array([e.patient for e in examples])
    return {"records": len(examples), **metrics.averages(
        names, {who: np.array([facts.jaccard(a, b) for a, b in zip(of, truth)]) for who, of in sets.items()})}


def _treating(example: Example, diagnosed: str) -> str:
    """The question of an example with another diagnosis, whose line comes last."""
    line = example.prompt.rsplit("\n", 1)[0]
    return f"{opening(example.language, example.task)}{line}\n{diagnosed}<|answer|>"


def treatments(served: Served, patients: Patients) -> dict:
    """What is suggested for our own diagnosis and the true one, against orders; and what stands unmarked that must not."""
    lot, rows = random.Random(SEED), []
    records = [hidden(s) for s in patients.stays]

    def ask(label: str, questions: list[tuple[list[dict], str]]) -> list[v1.SuggestTreatmentsResponse]:
        async def call(client, question):
            return await client.treat(bundle(question[0]), diagnosis=question[1])

        return served.ask(label, questions, call)

    own = ask("treatments", [(r, "") for r in records])
    true = ask("treatments, true diagnosis", [(r, s.disease) for r, s in zip(records, patients.stays)])
    drugs = [sorted(s.name for s in pharmacy.unmarked(a) if s.kind == "drug" and s.code) for a in true]
    picked = [lot.choice(of) if of else "" for of in drugs]
    codes = {s.name: s.code for a in true for s in a.suggestions if s.kind == "drug"}
    tricked = [i for i, name in enumerate(picked) if name]

    def tried(label: str, made_up) -> dict[int, v1.SuggestTreatmentsResponse]:
        added = [made_up(patients.stays[i], codes[picked[i]], picked[i]) for i in tricked]
        asked = [([*records[i], resource], patients.stays[i].disease) for i, resource in zip(tricked, added)]
        return dict(zip(tricked, ask(label, asked)))

    warned = tried("treatments, with an allergy", lambda stay, rxnorm, name: allergy(stay.patient, rxnorm, name))
    having = tried("treatments, with an order", _order)
    for i, stay in enumerate(patients.stays):
        was = sorted(filter(None, {vocabulary.drug(c) for c in ordered(stay)}))
        who = {code: pharmacy.Patient.read(records[i], code) for code in (stay.disease, own[i].diagnosis.code)}
        rows.append({
            "answered": own[i].HasField("diagnosis") and not own[i].HasField("abstention"),
            "own jaccard": facts.jaccard(pharmacy.named(own[i]), frozenset(was)),
            "true jaccard": facts.jaccard(pharmacy.named(true[i]), frozenset(was)),
            "orders": len(was),
            "own covered": pharmacy.covered(own[i], was), "true covered": pharmacy.covered(true[i], was),
            "unmarked": len(pharmacy.unmarked(true[i])) + len(pharmacy.unmarked(own[i])),
            "contraindicated": len(pharmacy.contraindicated(true[i], who[stay.disease]))
            + len(pharmacy.contraindicated(own[i], who[own[i].diagnosis.code])),
            "tried": i in warned, "allergic": bool(i in warned and pharmacy.allergic(warned[i], picked[i])),
            "doubled": bool(i in having and pharmacy.doubled(having[i], picked[i])), "one": 1.0,
        })
    counts = {name: np.array([row[name] for row in rows], float) for name in rows[0]}
    return {"records": len(rows), **metrics.totals(patients.names, counts, _treatment_figures)}


def _treatment_figures(sums: dict[str, float]) -> dict[str, float]:
    return {
        "answered": sums["answered"] / sums["one"],
        "own jaccard": sums["own jaccard"] / sums["one"], "true jaccard": sums["true jaccard"] / sums["one"],
        **{who: _ratio(sums[who], sums["orders"]) for who in ("own covered", "true covered")},
        **{name: sums[name] for name in ("unmarked", "contraindicated", "tried", "allergic", "doubled")},
    }


def _order(stay: Stay, rxnorm: str, name: str) -> dict:
    made = allergy(stay.patient, rxnorm, name)
    return {"resourceType": "MedicationRequest", "id": "made-up-order", "status": "active", "intent": "order",
            "subject": made["patient"], "authoredOn": stay.admitted.isoformat(), "medicationCodeableConcept": made["code"]}


def triples(served: Served, patients: Patients) -> dict:
    """Precision, recall and F1 of whole statements; and concepts linked right, by code and by their words alone."""
    async def call(client, question):
        tenant, resources = question
        whose = {"bedside-tenant": tenant}  # each record has a graph of its own
        request = v1.IngestRecordRequest(
            source=v1.RecordSource(fhir_json=bundle(resources)), all_readings=True, include_references=True)
        answer = await KnowledgeGraphServiceStub(client.channel).IngestRecord(request, metadata=tuple(whose.items()))
        pieces = [piece async for piece in client.export_graph(metadata=whose)]
        return dict(answer.references), answer.patient_node, statements.exported(b"".join(pieces).decode())

    rows = []
    coded = served.ask("graph", [(f"c-{s.patient}", s.resources) for s in patients.stays], call, SLOW)
    words = served.ask("graph, words alone", [(f"w-{s.patient}", wordless(s)) for s in patients.stays], call, SLOW)
    for stay, (refs, patient, told), (other_refs, _, other) in zip(patients.stays, coded, words):
        have = statements.comparable(told, refs, patient)
        want = statements.reference(stay.resources, refs, patient)
        by_code, by_words = statements.links(told, refs), statements.links(other, other_refs)
        expected = statements.expected_links(stay.resources)
        rows.append({
            "told": len(have), "reference": len(want), "right": len(have & want), "concepts": len(expected),
            "linked": sum(by_code.get(k) == v for k, v in expected.items()),
            "by words": sum(not by_words.get(k, "unlinked/").startswith("unlinked/") for k in expected),
            "right by words": sum(by_words.get(k) == v for k, v in expected.items()),
        })
    counts = {name: np.array([row[name] for row in rows], float) for name in rows[0]}
    return {"records": len(rows), **metrics.totals(patients.names, counts, _triple_figures)}


def _triple_figures(sums: dict[str, float]) -> dict[str, float]:
    return {
        "precision": _ratio(sums["right"], sums["told"]), "recall": _ratio(sums["right"], sums["reference"]),
        "f1": _ratio(2 * sums["right"], sums["told"] + sums["reference"]), "statements": sums["reference"],
        "linked": _ratio(sums["linked"], sums["concepts"]), "found by words": _ratio(sums["by words"], sums["concepts"]),
        "right by words": _ratio(sums["right by words"], sums["by words"]),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
