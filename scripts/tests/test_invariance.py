"""Bit for bit the same logits, whatever else is in the batch and however the prompt is cut.

The rules that this rests on are in scripts/export/README.md, section "Batch invariance".
"""

import numpy as np
import pytest

from scripts.export.packed import Row

VOCAB = 49152


def tokens_of(golden: dict, count: int) -> list[int]:
    """Real text of `count` tokens."""
    return [t for p in golden["prompts"] for t in p["tokens"]][:count]


def cuts(count: int, size: int) -> list[tuple[int, int]]:
    """Pieces of `size`, none of one token alone."""
    out, at = [], 0
    while at < count:
        step = min(size, count - at)
        if count - at - step == 1:
            step += 1
        out.append((at, at + step))
        at += step
    return out


def others(rng: np.random.Generator, count: int) -> list[Row]:
    """Neighbours: decode rows and prefill chunks at random depths."""
    rows = []
    for _ in range(count):
        n = 1 if rng.random() < 0.5 else int(rng.integers(2, 20))
        rows.append(Row(rng.integers(0, VOCAB, n).tolist(), int(rng.integers(0, 150))))
    return rows


def snapshot(model, count: int) -> dict:
    return {k: v[0, :, :count].copy() for k, v in model.cache.items()}


def restore(model, saved: dict, slot: int) -> None:
    for k, v in saved.items():
        model.cache[k][slot, :, :v.shape[1]] = v


@pytest.mark.parametrize("count", [2, 3, 5, 7, 17, 63, 64, 65, 200])
def test_prompt_in_chunks(golden, served, count):
    prompt = tokens_of(golden, count)
    whole = served.step([Row(prompt, 0, True)])
    cache = snapshot(served, count)
    for size in (2, 3, 5, 7, 17, 63, 64, 100):
        if size >= count or count > 30 * size:
            continue
        parts = [served.step([Row(prompt[a:b], a, True)]) for a, b in cuts(count, size)]
        assert np.array_equal(np.concatenate(parts), whole), f"chunks of {size}"
        assert all(np.array_equal(v, cache[k]) for k, v in snapshot(served, count).items()), f"chunks of {size}"


@pytest.mark.parametrize("count", [1, 3, 5, 7, 17, 63])
@pytest.mark.parametrize("neighbours", [1, 2, 6, 16, 63])
def test_prompt_and_decode_among_others(golden, served, count, neighbours):
    rng = np.random.default_rng(count * 100 + neighbours)
    prompt, following = tokens_of(golden, count), tokens_of(golden, count + 2)[count:]
    whole = served.step([Row(prompt, 0, True)])
    cache = snapshot(served, count)
    alone = [served.step([Row([t], count + i)])[0] for i, t in enumerate(following)]
    at = int(rng.integers(0, neighbours + 1))
    rows = others(rng, neighbours)
    rows.insert(at, Row(prompt, 0, True))
    assert np.array_equal(served.step(rows)[at:at + count], whole)
    restore(served, cache, at)
    for i, token in enumerate(following):
        rows = others(rng, neighbours)
        rows.insert(at, Row([token], count + i))
        assert np.array_equal(served.step(rows)[at], alone[i]), f"decode step {i}"


def test_idle_rows_change_nothing(golden, served):
    rng = np.random.default_rng(0)
    prompt = tokens_of(golden, 12)
    alone = served.step([Row(prompt)])
    for cache in served.cache.values():
        cache[:] = rng.standard_normal(cache.shape, np.float32)
    before = {k: v.copy() for k, v in served.cache.items()}
    rows = [Row(past=0), Row(prompt), Row(past=7), Row([9], 40), Row(past=250)]
    logits = served.step(rows)
    assert np.array_equal(logits[0], alone[0])
    for name, cache in served.cache.items():
        for slot in (0, 2, 4, 5):
            assert np.array_equal(cache[slot], before[name][slot]), f"{name} slot {slot}"
        assert np.array_equal(cache[3, :, :40], before[name][3, :, :40])
        assert not np.array_equal(cache[3, :, 40], before[name][3, :, 40])
        assert np.array_equal(cache[3, :, 41:], before[name][3, :, 41:])
