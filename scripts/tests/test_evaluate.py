"""The judging of language models: figures, facts, the ledger, pairs, tables."""

import json
from collections import Counter

import numpy as np
import pytest

from scripts.evaluate import counterfactual, diagnosis, facts, fit, metrics, perplexity, tables
from scripts.evaluate.candidates import CandidateError, shortest
from scripts.evaluate.corpus import Corpus, CorpusError, Example, some
from scripts.evaluate.generated import _commonest
from scripts.evaluate.ledger import JudgedError, Ledger


def example(patient="p1", language="en", task="diagnosis", prompt="F59 1h HR⑰", answer="K35.80 acute appendicitis", **rest):
    fields = {"disease": "K35.80", "hours": 1, "tests": "neutral"} | rest
    return Example(patient=patient, language=language, task=task, prompt=prompt, answer=answer, **fields)


def scored(scores, languages, patients, truth):
    return diagnosis.Scored(np.array(patients), np.array(["1h-neutral"] * len(truth)), np.array(languages),
                            np.array(truth), np.array(scores, float))


def test_shortest_beginnings_tell_texts_apart():
    assert shortest([[1, 2, 3], [1, 2, 4, 5], [9, 9]]) == [3, 3, 1]
    with pytest.raises(CandidateError):
        shortest([[1, 2], [1, 2, 3]])


def test_question_has_the_marks_of_training():
    assert example(language="zh", task="treatment", prompt="男5 1h").question == "<|bos|><|zh|><|treatment|>男5 1h<|answer|>"
    assert perplexity.parts(example(task="text", prompt="", answer="a")) == [("text", "<|bos|><|en|><|text|>", "a")]


def test_perplexity_is_of_as_many_sequences_of_each_task():
    examples = [example(patient=f"p{i}", language=language, task=task) for i in range(9) for language in ("en", "zh")
                for task in ("diagnosis", "treatment")]
    drawn = perplexity.sample(examples, 3)
    assert drawn == perplexity.sample(examples, 3) and len(set(drawn)) == 12
    assert Counter((e.language, e.task) for e in drawn).most_common(1)[0][1] == 3
    assert len(perplexity.sample(examples, 100)) == len(examples)


def test_the_languages_together_are_the_mean_of_their_log_probabilities():
    found = scored([[0, -1], [-3, 0], [-9, -10], [0, 0]], ["en", "en", "zh", "zh"], ["b", "a", "b", "a"], [0, 1, 0, 1])
    both = diagnosis.readings(found, "1h-neutral")[diagnosis.BOTH]
    assert both.patients.tolist() == ["a", "b"]
    assert both.scores[1, 0] - both.scores[1, 1] == pytest.approx(1)  # a constant added to all candidates changes nothing
    assert both.scores[0, 1] - both.scores[0, 0] == pytest.approx(1.5)
    report = diagnosis.judge(found, diagnosis.choose(found))["1h-neutral"]
    assert report["agreement"]["value"] == 0.5
    assert report["en"]["figures"]["top1"]["value"] == 1


def test_languages_of_different_patients_are_refused():
    with pytest.raises(ValueError, match="different patients"):
        diagnosis.readings(scored([[0, -1], [0, -1]], ["en", "zh"], ["a", "b"], [0, 0]), "1h-neutral")


def test_threshold_and_curve():
    confidence = np.linspace(0.99, 0.51, 40)
    probabilities, truth = np.stack([confidence, 1 - confidence], 1), np.array([0] * 27 + [1] * 13)
    assert diagnosis.threshold(probabilities, truth) == pytest.approx(confidence[29])  # 27 of 30 are right
    assert diagnosis.threshold(probabilities, np.ones(40, int)) is None
    curve = diagnosis.curve(probabilities, truth)
    assert curve[0] == {"coverage": 1.0, "accuracy": 27 / 40} and curve[-1] == {"coverage": 0.1, "accuracy": 1.0}


def test_totals_are_ratios_of_sums_with_intervals():
    groups, counts = np.array(["a", "a", "b"]), {"right": np.array([1.0, 0, 3]), "all": np.array([2.0, 2, 4])}
    found = metrics.totals(groups, counts, lambda s: {"share": s["right"] / s["all"]})["share"]
    assert found["value"] == 0.5 and found["interval"] == [0.25, 0.75]


def test_facts_of_a_summary():
    english = ("Female, 59 years, 24 h after admission. White blood cell count too high: 15.2 ×10^9/L (13 to 15.2). "
               "Within range: Hb, PLT.")
    assert facts.facts(english, "en") == {
        "Female", "59 years", "24 h after admission", "White blood cell count too high: 15.2 ×10^9/L (13 to 15.2)",
        "Within range: Hb", "Within range: PLT"}
    assert facts.facts("女性，59岁，入院后1小时。体温偏高：38.5 ℃。范围内：Hb、PLT。", "zh") == {
        "女性", "59岁", "入院后1小时", "体温偏高：38.5 ℃", "范围内：Hb", "范围内：PLT"}
    assert facts.numbers("F59 WBC15↑(13-15.2) 3 ×10^9/L") == ["59", "15", "13", "15.2", "3"]


def test_orders_and_their_likeness():
    a, b = facts.orders("acetaminophen, cefazolin", "en"), facts.orders("cefazolin, acetaminophen, ketorolac", "en")
    assert facts.jaccard(a, b) == pytest.approx(2 / 3) and facts.jaccard(frozenset(), frozenset()) == 1
    assert facts.orders("头孢唑林、甲硝唑", "zh") == {"头孢唑林", "甲硝唑"}


def test_commonest_does_not_depend_on_the_order():
    first, second = frozenset({"a", "c"}), frozenset({"b"})
    assert _commonest({"x": {first: 2, second: 2}}) == _commonest({"x": {second: 2, first: 2}}) == {"x": first}


def test_a_test_set_is_judged_once(tmp_path):
    ledger = Ledger(tmp_path / "data" / "judged.jsonl")
    ledger.check("sha256:a", "t", again=False)
    assert ledger.add("gru", "sha256:a", "t") == 1
    ledger.check("sha256:b", "t", again=False)
    ledger.check("sha256:a", "other", again=False)
    with pytest.raises(JudgedError, match="1 time"):
        ledger.check("sha256:a", "t", again=False)
    ledger.check("sha256:a", "t", again=True)
    assert ledger.add("gru", "sha256:a", "t") == 2


def test_corpus_reads_what_is_asked_for(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"splits": {"train": {"K35.80": 1, "A41.9": 1}}, "files": {}}))
    lines = [vars(example(task=task, patient=p)) for task in ("diagnosis", "treatment") for p in "abc"]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    corpus = Corpus(tmp_path)
    assert corpus.diseases == ["A41.9", "K35.80"]
    assert [e.patient for e in corpus.examples("test", ["treatment"])] == ["a", "b", "c"]
    drawn = {e.patient for e in some(corpus.examples("test"), 2)}
    assert len(drawn) == 2 and drawn == {e.patient for e in some(corpus.examples("test", ["treatment"]), 2)}
    with pytest.raises(CorpusError, match="nothing of what"):
        corpus.examples("test", ["summary"])
    (tmp_path / "test.jsonl").write_text('{"task": "text"}\n')
    with pytest.raises(CorpusError, match=r"test\.jsonl:1"):
        corpus.examples("test")
    with pytest.raises(CorpusError):
        Corpus(tmp_path / "absent")


def test_committed_pairs_are_those_that_the_code_makes():
    pairs = counterfactual.read()
    assert pairs == counterfactual.make() and len(pairs) == 200
    for pair in pairs:
        for language in ("en", "zh"):
            one, other = (pair[which][language].split(" ") for which in ("against", "speaking"))
            assert len(one) == len(other) and sum(a != b for a, b in zip(one, other)) == 1


def test_baselines_are_read_from_their_table():
    found = tables.baselines(tables.BASELINES)
    assert {kind for kind, _, _ in found} == set(tables.SETS) and len(found) == 20
    assert found[4][:2] == ("1h-neutral", "gradient boosting") and found[4][2][0].startswith("0.6")


def test_runs_stand_beside_the_report_of_their_model(tmp_path):
    figures = {name: {"value": 0.5, "interval": [0.4, 0.6]} for name in tables.FIGURES}
    reports = [{"model": {"name": name, "kind": kind}, "zero_shot": False,
                "diagnosis": {"1h-neutral": {"both": {"figures": figures | {"top1": {"value": top, "interval": [0, 1]}}}}}}
               for name, kind, top in (("device-gru", "gru", 0.61), ("lstm-a", "lstm", 0.62), ("lstm-b", "lstm", 0.63))]
    runs = []
    for name, kind in (("gru-small", "gru"), ("lstm-b", "lstm"), ("lstm-c", "lstm")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(json.dumps({
            "name": name, "kind": kind, "parameters": 3_200_000, "tokens": 9_000_000, "tokens_per_second": 5000,
            "validation": {"loss": 0.25, "exact.diagnosis": 0.7}}))
        runs.append(tmp_path / name)
    gru, named, unknown = tables.ablation(reports, runs).splitlines()[2:]
    assert "| 3.20M | 9.0M | 5,000 | 0.250 | 0.700 |" in gru and "0.610" in gru
    assert "0.630" in named  # by its name
    assert unknown.endswith("|  |  |")  # two of its kind: which one is not said


def test_tables_go_between_their_markers():
    page = "a\n<!-- evaluation: models -->\nold\n<!-- /evaluation -->\nb\n<!-- evaluation: pairs -->\n<!-- /evaluation -->\n"
    assert tables.fill(page, "models", "new\n") == page.replace("old", "new")
    with pytest.raises(tables.TablesError):
        tables.fill(page, "other", "")


def test_perplexity_is_told_from_validation(tmp_path):
    """All else is told from the test set."""
    figure = {"value": 1.5, "interval": [1.25, 2.0]}
    for split in ("test", "validation"):
        (tmp_path / "m" / split).mkdir(parents=True)
        report = {"model": {"name": "m", "kind": "gru", "precision": "int8", "bytes": 1, "digest": f"sha256:{split}"},
                  "zero_shot": False, "patients": 2, "diagnosis": {}}
        if split == "validation":
            report["perplexity"] = {"en": {"diagnosis": {"perplexity": figure, "bits_per_byte": figure, "tokens": 3}}}
        (tmp_path / "m" / split / "evaluation.json").write_text(json.dumps(report))
    page = tmp_path / "page.md"
    page.write_text(tables.DOCS.read_text(encoding="utf-8"), encoding="utf-8")
    assert tables.main([str(tmp_path), "--docs", str(page)]) == 0
    assert "| m | English | 1.50 (1.25-2.00) |" in page.read_text(encoding="utf-8")
    assert "`test`" in page.read_text(encoding="utf-8") and "`validation`" not in page.read_text(encoding="utf-8")


def test_the_page_has_a_place_for_every_table():
    page = tables.DOCS.read_text(encoding="utf-8")
    for name in (*tables.PARTS, "ablation"):
        tables.fill(page, name, "")


def test_what_was_chosen_goes_into_the_models_folder(tmp_path):
    both = {"1h-visible": {"both": {"exponent": 1.25, "threshold": 0.3}},
            "24h-visible": {"both": {"exponent": 0.5, "threshold": 0.4}}}
    (tmp_path / "chosen.json").write_text(json.dumps({"chosen": both}))
    (tmp_path / "bedside.json").write_text(json.dumps({"name": "m", "files": {"model.onnx": {"sha256": "0", "bytes": 1}}}))
    written = fit.write(tmp_path, tmp_path, ["K35.80", "A41.9"])
    found = json.loads(written.read_text())
    assert found == {"temperature": {"1": 0.8, "24": 2.0}, "threshold": 0.4, "codes": ["A41.9", "K35.80"]}
    files = json.loads((tmp_path / "bedside.json").read_text())["files"]
    assert list(files) == ["diagnosis.json", "model.onnx"] and files["diagnosis.json"]["bytes"] == written.stat().st_size
    both["1h-visible"]["both"]["threshold"] = None
    with pytest.raises(fit.FitError, match="nine times in ten"):
        fit.fitted(both, ["A41.9", "K35.80"])
