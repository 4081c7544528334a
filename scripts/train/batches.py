"""Batches of fixed shapes: sequences packed into rows, and the positions whose logits are worth computing.

A row holds whole sequences, one after the other; `segments` numbers them from 1, 0 is padding. A model starts
afresh where the number changes, so nothing passes from one sequence into the next. Rows have one of a few lengths
(buckets): a model is compiled once for each, and a short sequence never waits for a long one.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .config import TASKS, DataConfig
from .tokens import Tokens

OPEN_ROWS = 256  # rows that still take sequences


@dataclass(frozen=True)
class Batch:
    """Arrays of one step. B rows of T tokens, K positions at which the next token is scored."""

    tokens: np.ndarray  # int32 [B, T]
    segments: np.ndarray  # int32 [B, T]
    positions: np.ndarray  # int32 [B, T]; from 0 in each sequence
    rows: np.ndarray  # int32 [K]
    columns: np.ndarray  # int32 [K]
    targets: np.ndarray  # int32 [K]; the token after that position
    weights: np.ndarray  # float32 [K]; 0 where there was nothing left to score
    sequences: np.ndarray  # int32 [K]; the sequence's index in Tokens, -1 where the weight is 0
    is_answer: np.ndarray  # bool [K]

    def inputs(self) -> dict[str, np.ndarray]:
        """What the model is given."""
        return {name: getattr(self, name) for name in ("tokens", "segments", "positions", "rows", "columns")}


@dataclass(frozen=True)
class Row:
    """Sequences that share a row, and the bucket's length."""

    length: int
    sequences: tuple[int, ...]


def fitting(tokens: Tokens, config: DataConfig) -> tuple[np.ndarray, int]:
    """Indices of the sequences of the tasks that fit the longest bucket, and the number of those that do not.

    A plain text is cut to fit; of an instruction nothing can be left out without another answer being right.
    """
    fits = (tokens.lengths <= config.buckets[-1]) | (tokens.task == TASKS.index("text"))
    asked = np.isin(tokens.task, [TASKS.index(t) for t in config.tasks or TASKS])
    return np.flatnonzero(fits & asked), int((asked & ~fits).sum())


def pack(lengths: np.ndarray, order: np.ndarray, buckets: tuple[int, ...]) -> list[Row]:
    """Rows of whole sequences.

    Each sequence goes into the open row that it leaves the least room in, of its own bucket or a longer one; where
    none has room, it opens one of its own bucket, and the fullest of too many is closed.
    """
    rows: list[Row] = []
    opened: list[tuple[int, int, list[int]]] = []  # room, bucket, sequences; by room
    for i in order:
        size = min(int(lengths[i]), buckets[-1])
        at = bisect_left(opened, (size,))
        if at < len(opened):
            room, bucket, sequences = opened.pop(at)
        else:
            bucket = next(b for b in buckets if size <= b)
            room, sequences = bucket, []
            if len(opened) == OPEN_ROWS:
                _, full, closed = opened.pop(0)
                rows.append(Row(full, tuple(closed)))
        sequences.append(int(i))
        insort(opened, (room - size, bucket, sequences))
    return rows + [Row(bucket, tuple(sequences)) for _, bucket, sequences in opened]


def plan(tokens: Tokens, indices: np.ndarray, config: DataConfig, rng: np.random.Generator | None) -> list[list[Row]]:
    """Rows of one length for each batch. With `rng` the order of sequences and batches is random, else it is theirs.

    Only the last batch of the longest rows may have fewer rows than there is room for: rows of a shorter bucket that
    do not fill a batch are packed anew into longer ones.
    """
    order = indices if rng is None else rng.permutation(indices)
    rows, groups = pack(tokens.lengths, order, config.buckets), []
    for bucket, longer in zip(config.buckets, (*config.buckets[1:], 0)):
        mine, count = [row for row in rows if row.length == bucket], config.batch_tokens // bucket
        whole = len(mine) - len(mine) % count if longer else len(mine)
        groups += [mine[at:at + count] for at in range(0, whole, count)]
        left = np.array([i for row in mine[whole:] for i in row.sequences], np.int64)
        rows += pack(tokens.lengths, left, (longer,))
    return groups if rng is None else [groups[i] for i in rng.permutation(len(groups))]


def build(tokens: Tokens, group: list[Row], config: DataConfig, rng: np.random.Generator | None) -> Batch:
    """The arrays of a batch. With `rng` `head_share` of the positions are scored (see `choose`), else all answers."""
    length = group[0].length
    shape = (config.batch_tokens // length, length)
    ids, segments, positions = (np.zeros(shape, np.int32) for _ in range(3))
    weights, answers = np.zeros(shape, np.float32), np.zeros(shape, bool)
    owner = np.full(shape, -1, np.int32)
    for b, row in enumerate(group):
        at = 0
        for number, i in enumerate(row.sequences, 1):
            size = min(int(tokens.start[i + 1] - tokens.start[i]), length)
            answer, end = int(tokens.answer[i]), at + size
            factor = config.task_weights.get(TASKS[tokens.task[i]], 1.0)
            ids[b, at:end] = tokens.ids[tokens.start[i]:tokens.start[i] + size]
            segments[b, at:end] = number
            positions[b, at:end] = np.arange(size)
            # A position is scored for the token after it; language and task are given, never predicted.
            weights[b, at + 2:at + answer - 1] = config.prompt_weight * factor
            weights[b, at + answer - 1:end - 1] = factor
            answers[b, at + answer - 1:end - 1] = True
            owner[b, at:end] = i
            at = end
    picks, scale = choose(weights, answers, config.head_share, rng)
    rows, columns = np.unravel_index(picks, shape)
    used = scale > 0
    following = np.minimum(columns + 1, length - 1)
    return Batch(ids, segments, positions, rows.astype(np.int32), columns.astype(np.int32), ids[rows, following],
                 scale, np.where(used, owner[rows, columns], -1), answers[rows, columns] & used)


def choose(weights: np.ndarray, answers: np.ndarray, share: float,
           rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices of the positions to score and their weights, as many as a batch of this shape always has.

    The output head costs as much as the rest of a small model, and most of a batch is prompt. So answers come first,
    and a random part of the prompts fills the rest, weighted up by what it stands for: the loss and its gradient have
    the same expectation as with every position. Where even the answers are too many, a random part of them is taken.
    Without `rng` there is room for every position, and the answers are taken alone.
    """
    flat, is_answer = weights.ravel(), answers.ravel()
    places, prompts = np.flatnonzero(is_answer), np.flatnonzero(~is_answer & (flat > 0))
    size = flat.size if rng is None else round(share * flat.size)
    chosen = []
    for group in (places,) if rng is None else (places, prompts):
        left = size - sum(len(c) for c, _ in chosen)
        part = group if len(group) <= left else np.sort(rng.choice(group, left, replace=False))
        chosen.append((part, flat[part] * (len(group) / max(1, len(part)))))
    picks = np.concatenate([c for c, _ in chosen])
    scale = np.concatenate([s for _, s in chosen])
    rest = size - len(picks)
    return np.pad(picks, (0, rest)), np.pad(scale, (0, rest)).astype(np.float32)


class Epochs:
    """The endless stream of training batches, the same for the same seed, which can begin at any batch of any epoch."""

    def __init__(self, tokens: Tokens, config: DataConfig, seed: int):
        self.tokens, self.config, self.seed = tokens, config, seed
        self.indices, self.left_out = fitting(tokens, config)

    def plan(self, epoch: int) -> list[list[Row]]:
        """The batches of an epoch."""
        return plan(self.tokens, self.indices, self.config, np.random.default_rng((self.seed, epoch)))

    def __call__(self, epoch: int, index: int) -> Iterator[tuple[int, int, Batch]]:
        """From batch `index` of `epoch` on: where the next batch would be, and the batch."""
        while True:
            groups = self.plan(epoch)
            for at in range(index, len(groups)):
                rng = np.random.default_rng((self.seed, epoch, at))
                yield epoch, at + 1, build(self.tokens, groups[at], self.config, rng)
            epoch, index = epoch + 1, 0
