"""The exported models against logits recorded with transformers on the same weights."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from scripts.bootstrap.layout import MODEL_NAME
from scripts.export.packed import Row

from .conftest import GOLDEN

TOLERANCE = 1e-3


def worst(golden: dict, prompt: dict, logits: np.ndarray) -> float:
    """Largest difference over the recorded ids of one prompt."""
    ids, values = (np.array(x) for x in zip(*prompt["top"], strict=True))
    probes = logits[golden["probe_ids"]] - np.array(prompt["probe"])
    return max(np.abs(logits[ids.astype(int)] - values).max(), np.abs(probes).max())


def test_prompts_alone(golden, oracle):
    for prompt in golden["prompts"]:
        logits = oracle.step([Row(prompt["tokens"])])
        assert worst(golden, prompt, logits[0]) < TOLERANCE, prompt["id"]


@pytest.mark.parametrize("seed", [1, 2])
def test_prompts_in_one_ragged_batch(golden, oracle, seed):
    """All prompts at once, each cut into chunks of its own, some rows idle while others still work."""
    rng = np.random.default_rng(seed)
    prompts, done, finished = golden["prompts"], [0] * len(golden["prompts"]), 0
    while finished < len(prompts):
        rows, ends = [], []
        for i, prompt in enumerate(prompts):
            left = len(prompt["tokens"]) - done[i]
            count = min(left, int(rng.integers(0, 40)))
            rows.append(Row(prompt["tokens"][done[i]:done[i] + count], done[i]))
            done[i] += count
            if count:
                ends.append(prompt if count == left else None)
        if not ends:
            continue
        for prompt, logits in zip(ends, oracle.step(rows), strict=True):
            if prompt:
                finished += 1
                assert worst(golden, prompt, logits) < TOLERANCE, prompt["id"]


def test_8_bits_keep_the_likeliest_token(golden, served):
    """Wherever it is ahead by a quarter of a nat; of all, 44 of 50 do."""
    same = clear = 0
    for prompt in golden["prompts"]:
        keeps = int(served.step([Row(prompt["tokens"])])[0].argmax()) == prompt["top"][0][0]
        if prompt["top"][0][1] - prompt["top"][1][1] > 0.25:
            assert keeps, prompt["id"]
            clear += 1
        same += keeps
    assert clear > 30
    assert same >= 0.88 * len(golden["prompts"])


def test_exported_tokenizer_gives_the_recorded_tokens(golden, models):
    tokenizer = Tokenizer.from_file(str(models / MODEL_NAME / "tokenizer.json"))
    prompts = json.loads((GOLDEN / "prompts.json").read_text(encoding="utf-8"))
    assert len(prompts) == 50
    for prompt, recorded in zip(prompts, golden["prompts"], strict=True):
        assert tokenizer.encode(prompt["text"], add_special_tokens=False).ids == recorded["tokens"], prompt["id"]


def test_measured_quality_stands_in_the_manifest_and_the_card(models):
    manifest = json.loads((models / MODEL_NAME / "bedside.json").read_text(encoding="utf-8"))
    quality = manifest["quality"]
    assert quality["tokens"] >= 3000
    assert 0 < quality["mean_kl"] < 0.015
    assert quality["top1_agreement"] > 0.92
    assert quality["perplexity"] < 1.1 * quality["reference_perplexity"]
    card = (models / MODEL_NAME / "README.md").read_text(encoding="utf-8")
    assert f"| {quality['mean_kl']} | {quality['top1_agreement']} |" in card
