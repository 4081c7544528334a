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
    """Pieces of `size`, the last one of what is left."""
    return [(at, min(at + size, count)) for at in range(0, count, size)]


def others(rng: np.random.Generator, count: int) -> list[Row]:
    """Neighbours: decode rows and prefill chunks at random depths."""
    rows = []
    for _ in range(count):
        n = 1 if rng.random() < 0.5 else int(rng.integers(2, 20))
        rows.append(Row(rng.integers(0, VOCAB, n).tolist(), int(rng.integers(0, 150))))
    return rows


@pytest.mark.parametrize("count", [2, 3, 5, 7, 17, 63, 64, 65, 200])
def test_prompt_in_chunks(golden, served, count):
    prompt = tokens_of(golden, count)
    served.cache[0] = 0
    whole = served.step([Row(prompt, 0, True)])
    cache = served.cache[0].copy()
    for size in (1, 2, 3, 5, 7, 17, 63, 64, 100):
        if size >= count or count > 30 * size:
            continue
        served.cache[0] = 0
        parts = [served.step([Row(prompt[a:b], a, True)]) for a, b in cuts(count, size)]
        assert np.array_equal(np.concatenate(parts), whole), f"chunks of {size}"
        assert np.array_equal(served.cache[0], cache), f"chunks of {size}"


@pytest.mark.parametrize("count", [1, 3, 5, 7, 17, 63])
@pytest.mark.parametrize("neighbours", [1, 2, 6, 16, 63])
def test_prompt_and_decode_among_others(golden, served, count, neighbours):
    rng = np.random.default_rng(count * 100 + neighbours)
    prompt, following = tokens_of(golden, count), tokens_of(golden, count + 2)[count:]
    whole = served.step([Row(prompt, 0, True)])
    cache = served.cache[0].copy()
    alone = [served.step([Row([t], count + i)])[0] for i, t in enumerate(following)]
    at = int(rng.integers(0, neighbours + 1))
    rows = others(rng, neighbours)
    rows.insert(at, Row(prompt, 0, True))
    assert np.array_equal(served.step(rows)[at:at + count], whole)
    served.cache[at] = cache
    for i, token in enumerate(following):
        rows = others(rng, neighbours)
        rows.insert(at, Row([token], count + i))
        assert np.array_equal(served.step(rows)[at], alone[i]), f"decode step {i}"


def test_idle_rows_change_nothing(golden, served):
    rng = np.random.default_rng(0)
    prompt = tokens_of(golden, 12)
    alone = served.step([Row(prompt)])
    served.cache[:] = rng.integers(0, 256, served.cache.shape, np.uint8)
    before = served.cache.copy()
    rows = [Row(past=0), Row(prompt), Row(past=7), Row([9], 40), Row(past=250)]
    logits = served.step(rows)
    assert np.array_equal(logits[0], alone[0])
    for slot in (0, 2, 4, *range(5, len(served.cache))):
        assert np.array_equal(served.cache[slot], before[slot]), f"slot {slot}"
    assert not np.array_equal(served.cache[3], before[3])
