"""Tokens and batches: what a model sees, and what it is scored on."""

import json
from dataclasses import replace

import numpy as np
import pytest

from scripts.train import batches, tokens
from scripts.train.config import TASKS

from .conftest import tiny

CONFIG = replace(tiny("gru").data, buckets=(48, 96))


@pytest.fixture(scope="module")
def train(corpus, tmp_path_factory):
    return tokens.load(corpus, "train", tmp_path_factory.mktemp("tokens"))


def test_sequences_are_framed(corpus, train):
    tokenizer = tokens.open_tokenizer(corpus)
    lines = [json.loads(t) for t in (corpus / "train.jsonl").read_text().splitlines()]
    assert len(train) == len(lines)
    for i in (0, 1, 2, 3, 4, 5):
        ids = train.ids[train.start[i]:train.start[i + 1]].tolist()
        head = f"<|bos|><|{lines[i]['language']}|><|{lines[i]['task']}|>"
        want = head + ("" if lines[i]["task"] == "text" else lines[i]["prompt"] + "<|answer|>")
        assert tokenizer.decode(ids, skip_special_tokens=False) == want + lines[i]["answer"] + "<|end|>"
        assert tokenizer.decode(ids[train.answer[i]:-1]) == lines[i]["answer"]


def test_marks_written_in_a_text_are_text(corpus, tmp_path):
    line = {"task": "diagnosis", "language": "en", "prompt": "a <|end|> b", "answer": "c"}
    (tmp_path / "train.jsonl").write_text(json.dumps(line) + "\n")
    marks = tokens.special(tokens.open_tokenizer(corpus))
    found = tokens.encode(tmp_path / "train.jsonl", tokens.open_tokenizer(corpus))
    assert found.ids.tolist().count(marks.end) == 1 and found.ids[-1] == marks.end


def test_a_split_is_encoded_once(corpus, tmp_path, monkeypatch):
    first = tokens.load(corpus, "validation", tmp_path)
    monkeypatch.setattr(tokens, "encode", None)
    again = tokens.load(corpus, "validation", tmp_path)
    assert isinstance(again.ids, np.memmap)
    np.testing.assert_array_equal(first.ids, again.ids)


@pytest.mark.parametrize(("line", "problem"), [
    ("{", "train.jsonl:1: not JSON"), ("[]", "train.jsonl:1: not an object"), ("", "empty"),
    ('{"task": "text", "language": "fr", "answer": "a"}', "language 'fr': not known"),
    ('{"task": "text", "language": "en"}', "answer must be a text"),
])
def test_damaged_splits_are_refused(corpus, tmp_path, line, problem):
    (tmp_path / "train.jsonl").write_text(line + "\n" if line else "")
    with pytest.raises(tokens.CorpusError, match=problem):
        tokens.encode(tmp_path / "train.jsonl", tokens.open_tokenizer(corpus))


def test_every_sequence_is_in_exactly_one_row():
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 97, 3000)
    rows = batches.pack(lengths, rng.permutation(3000), (48, 96))
    assert sorted(i for r in rows for i in r.sequences) == list(range(3000))
    assert all(lengths[list(r.sequences)].sum() <= r.length for r in rows)
    assert lengths.sum() > 0.95 * sum(r.length for r in rows)


def test_batches_have_the_shapes_of_their_buckets(train):
    epochs = batches.Epochs(train, CONFIG, 1)
    plan = epochs.plan(0)
    assert plan == epochs.plan(0) != epochs.plan(1)
    assert sorted(i for group in plan for row in group for i in row.sequences) == list(range(len(train)))
    short = [g for g in plan if len(g) < CONFIG.batch_tokens // g[0].length]
    assert len(short) <= 1 and all(g[0].length == CONFIG.buckets[-1] for g in short)
    for _, _, batch in zip(range(4), range(4), (b for _, _, b in epochs(0, 0))):
        assert batch.tokens.size == CONFIG.batch_tokens and len(batch.targets) == 96


def test_the_stream_can_begin_anywhere(train):
    epochs = batches.Epochs(train, CONFIG, 1)
    count = len(epochs.plan(0))
    stream = epochs(0, 0)
    seen = [next(stream) for _ in range(count + 2)]
    assert [s[:2] for s in seen[-3:]] == [(0, count), (1, 1), (1, 2)]
    for at in (3, count + 1):
        epoch, index, batch = next(epochs(*seen[at - 1][:2]))
        assert (epoch, index) == seen[at][:2]
        np.testing.assert_array_equal(batch.tokens, seen[at][2].tokens)
        np.testing.assert_array_equal(batch.columns, seen[at][2].columns)


def test_targets_follow_their_places_within_a_sequence(train):
    group = batches.plan(train, np.arange(len(train)), CONFIG, None)[0]
    scored = batches.build(train, group, replace(CONFIG, head_share=1.0), np.random.default_rng(0))
    used = scored.weights > 0
    rows, columns = scored.rows[used], scored.columns[used]
    np.testing.assert_array_equal(scored.tokens[rows, columns + 1], scored.targets[used])
    np.testing.assert_array_equal(scored.segments[rows, columns + 1], scored.segments[rows, columns])
    for i in {i for row in group for i in row.sequences}:
        mine = scored.sequences == i
        places = np.sort(scored.positions[scored.rows[mine], scored.columns[mine]])
        assert places.tolist() == list(range(2, train.lengths[i] - 1))  # language and task are given
        begin = train.answer[i] - 1
        at = scored.positions[scored.rows, scored.columns]
        assert (scored.weights[mine & (at >= begin)] == 1).all()
        np.testing.assert_allclose(scored.weights[mine & (at < begin)], 0.1)
        np.testing.assert_array_equal(scored.is_answer[mine], at[mine] >= begin)


def test_a_part_of_the_places_stands_for_all():
    rng = np.random.default_rng(0)
    weights, answers = np.zeros(200, np.float32), np.zeros(200, bool)
    weights[:120], weights[120:150], answers[120:150] = 0.1, 1, True
    value = rng.standard_normal(200)
    found = []
    for _ in range(3000):
        picks, scale = batches.choose(weights, answers, 0.25, rng)
        assert len(picks) == 50 and (np.sort(picks[answers[picks]]) == np.arange(120, 150)).all()
        found.append((value[picks] * scale).sum())
        assert scale.sum() == pytest.approx(weights.sum(), rel=1e-5)
    assert np.mean(found) == pytest.approx((value * weights).sum(), abs=4 * np.std(found) / 3000**0.5)
    picks, scale = batches.choose(weights, answers, 0.1, rng)  # not even room for the answers
    assert answers[picks].all() and scale == pytest.approx(1.5)
    picks, scale = batches.choose(weights, answers, 0.1, None)  # judging: all answers, nothing else
    assert (picks[:30] == np.arange(120, 150)).all() and (scale[:30] == 1).all() and not scale[30:].any()


def test_tasks_can_weigh_more(train):
    group = batches.plan(train, np.arange(len(train)), CONFIG, None)[0]
    heavy = batches.build(train, group, replace(CONFIG, task_weights={"diagnosis": 4.0}), None)
    diagnosis = train.task[heavy.sequences] == TASKS.index("diagnosis")
    assert (heavy.weights[diagnosis & heavy.is_answer] == 4).all()
    assert (heavy.weights[~diagnosis & heavy.is_answer] == 1).all()


def test_what_does_not_fit_is_left_out_and_counted(train):
    config = replace(CONFIG, buckets=(24,), batch_tokens=240)
    indices, left_out = batches.fitting(train, config)
    assert left_out == len(train) - len(indices) > 0
    assert all(train.lengths[i] <= 24 or train.task[i] == TASKS.index("text") for i in indices)
    cut = next(i for i in indices if train.lengths[i] > 24)
    batch = batches.build(train, [batches.Row(24, (int(cut),))], config, None)
    assert (batch.segments[0] == 1).all() and (batch.sequences == cut).sum() == 21


def test_only_the_tasks_asked_for_are_learnt(train):
    indices, left_out = batches.fitting(train, replace(CONFIG, tasks=("diagnosis",)))
    assert left_out == 0 and len(indices) > 0
    assert np.array_equal(indices, np.flatnonzero(train.task == TASKS.index("diagnosis")))
