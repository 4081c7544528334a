"""What the comparison with other engines makes of the times that it gets; the engines themselves run in `make bench`."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

from scripts.bench.rivals import cells, driver, environment, quality, report, roofline


class Counting:
    """An engine that writes a token to each stream a step."""

    version = "1"

    def __init__(self):
        self.running: dict[int, int] = {}
        self.joined: list[tuple[int, int]] = []
        self.steps = 0

    def begin(self, requests):
        self.running = {}

    def add(self, number, request):
        self.running[number] = request["tokens"]
        self.joined.append((number, self.steps))

    def step(self):
        self.steps += 1
        got = list(self.running)
        self.running = {n: left - 1 for n, left in self.running.items() if left > 1}
        return got

    def logits(self, tokens):
        return np.zeros((len(tokens), 2), np.float32)


def test_a_request_is_sent_when_every_first_stream_has_its_tokens():
    engine = Counting()
    answer = driver.serve(engine, [{"tokens": 5, "after": 0}, {"tokens": 2, "after": 3}, {"tokens": 4, "after": 0}])
    assert engine.joined == [(0, 0), (2, 0), (1, 3)]
    assert [len(t) for t in answer["times"]] == [5, 2, 4]
    assert answer["times"][1][0][0] >= answer["sent"][1] > answer["times"][0][2][0]


def test_only_the_time_in_which_all_streams_write_counts():
    first = [[float(i), i / 2] for i in range(20)]
    second = [[i + 4.5, (i + 4.5) / 2] for i in range(10)]  # from 4.5 to 13.5
    found = cells.window([first, second])
    assert found["rate"] == pytest.approx((9 + 9) / 9)
    assert found["cpu_rate"] == pytest.approx(2 * found["rate"])
    assert found["step_ms"] == pytest.approx(1000)


def test_a_stream_that_ends_early_is_no_measurement():
    assert cells.window([[[float(i), float(i)] for i in range(20)], [[float(i), float(i)] for i in range(4)]]) is None


def test_waits_are_those_around_an_arrival():
    running = [[[t, 0.0] for t in (1, 2, 3, 5.5, 6, 20)]] * cells.AMONG
    found = cells.waits({"times": [*running, [[5.8, 0.0], [7.0, 0.0]]], "sent": [0.0] * cells.AMONG + [3.2]})
    assert found["first_token_s"] == [pytest.approx(2.6)]
    assert found["gap_s"] == [2.5]  # not the 14 after the first token


def test_shares_of_a_step(tmp_path):
    config = {"hidden_size": 8, "num_hidden_layers": 2, "head_dim": 4, "num_attention_heads": 2, "num_key_value_heads": 1,
              "intermediate_size": 16, "vocab_size": 100}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.onnx.data").write_bytes(bytes(3000))
    shape = roofline.Shape.read(tmp_path)
    weights = 2 * (8 * 8 * 2 + 8 * 4 * 2 + 3 * 8 * 16) + 800
    assert shape == roofline.Shape(weights, stored=3000 - 900, attention=2 * 2 * 8, cached=2 * 2 * 4)
    shares = roofline.shares(shape, roofline.Peak("", macs=1e6, cached=2e6, memory=1e6), 3, 10, 0.01, 4)
    assert shares["multiplying"] == pytest.approx(3 * (shape.weights + 32 * 10) / 1e4)
    assert shares["reading"] == pytest.approx((2100 + 3 * 10 * 16 * 4) / 2e4)


def test_the_machines_peaks_are_measured(tmp_path):
    subprocess.run(["cc", "-O3", "-o", tmp_path / "roofline", roofline.HERE / "roofline.c", "-lpthread"], check=True)
    ran = subprocess.run([tmp_path / "roofline", "2", "0.05", "1000000"], check=True, capture_output=True, text=True)
    found = json.loads(ran.stdout)
    assert (found["macs"] > 1e8) == (found["kernel"] != "none")
    assert found["bandwidth"][0] > 1e8


def test_divergence_is_what_its_formula_gives():
    rng = np.random.default_rng(1)
    p, q = rng.normal(size=(2, 5, 7)).astype(np.float32)
    found = quality.compare(lambda tokens: p, {"same": lambda tokens: p, "other": lambda tokens: q}, [[1, 2, 3, 4, 5]] * 2)
    soft = [np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (p.astype(float), q.astype(float))]
    assert found["same"] == {"mean_kl": 0, "top1": 1, "tokens": 10}
    assert found["other"]["mean_kl"] == pytest.approx((soft[0] * np.log(soft[0] / soft[1])).sum(axis=1).mean(), rel=1e-5)
    assert found["other"]["top1"] == pytest.approx((p.argmax(axis=1) == q.argmax(axis=1)).mean())


def result() -> dict:
    def rates(*values):
        return [{"rate": v, "cpu_rate": v, "step_ms": 1000 / v} for v in values]
    return {
        "cells": {
            "decode/16": {"Bedside": rates(90, 120, 100), "OpenVINO int8": rates(40, 50, 60), "OpenVINO int4": rates(20)},
            "prefill": {"Bedside": rates(300), "llama.cpp Q4_0": rates(100)},
            "arrive": {"Bedside": [{"first_token_s": [1, 2], "gap_s": [0.1, 0.2]}],
                       "OpenVINO int8": [{"first_token_s": [4, 3], "gap_s": [0.4, 0.3]}]},
        },
        "memory": {}, "quality": {"Bedside": {"mean_kl": 0.0123, "top1": 0.925, "tokens": 9}}, "roofline": {},
    }


def test_our_median_is_held_against_each_familys_best():
    texts = dict(report.sections(result()))
    streams = texts["Tokens a second over streams"]
    assert "| Bedside | 100 (90-120) |" in streams
    assert "| Bedside / best of OpenVINO | 2.00 |" in streams
    assert "| Bedside / best of OpenVINO | 0.50 |" in texts["Step over streams, ms"]
    assert "| Bedside / best of OpenVINO | - | - | 0.50 | 0.50 |" in texts["Prompts"]
    assert "| Bedside / best of llama.cpp | 3.00 | 3.00 | - | - |" in texts["Prompts"]
    assert "| Bedside | 0.0123 | 0.9250 |" in texts["Quality"]


def test_the_section_is_replaced_and_nothing_else():
    page = report.put("# Page\n", "first")
    assert report.put(page + "\n## Next\n", "second") == page.replace("first", "second") + "\n## Next\n"


def test_ninjas_steps_are_read():
    assert environment.step_of("  [17/140] /usr/bin/c++ -O3") == 17
    assert environment.step_of("[notes] x/y") == 0
