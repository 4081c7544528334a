"""Driving a `recurrent` graph from Python: one ragged step over slots that keep a state each."""

from __future__ import annotations

import numpy as np

from .packed import Row, session

# A product of one row goes through another kernel than one of several; see "Batch invariance" in README.md.
LEAST_ROWS = 2


class Stateful:
    """A session with the states of its slots: `[slots, hidden]` float32 for each layer and state."""

    def __init__(self, path: str, slots: int, threads: int = 2, least_rows: int = LEAST_ROWS):
        self.session = session(path, threads)
        self.vocab = self.session.get_outputs()[0].shape[1]
        self.least_rows = least_rows
        self.states = {
            i.name: np.zeros((slots, i.shape[2]), np.float32)
            for i in self.session.get_inputs() if i.name.startswith("past.")
        }

    def step(self, rows: list[Row]) -> np.ndarray:
        """Run one step, row i on slot i; logits in the order of the rows that are not idle.

        A row with no past begins with a state of zeros. `past` is not looked up otherwise: a state knows no place.
        """
        active = [i for i, r in enumerate(rows) if r.tokens]
        count = max(len(active), self.least_rows)
        lengths = np.ones(count, np.int32)
        lengths[:len(active)] = [len(rows[i].tokens) for i in active]
        ids = np.zeros((int(lengths.max()), count), np.int64)
        wanted: list[int] = []
        for at, i in enumerate(active):
            n = len(rows[i].tokens)
            ids[:n, at] = rows[i].tokens
            wanted += [place * count + at for place in range(0 if rows[i].all_logits else n - 1, n)]
        feeds = {"input_ids": ids, "sequence_lens": lengths, "logits_index": np.array(wanted, np.int64)}
        for name, state in self.states.items():
            feeds[name] = np.zeros((1, count, state.shape[1]), np.float32)
            for at, i in enumerate(active):
                if rows[i].past:
                    feeds[name][0, at] = state[i]
        names = ["logits", *(name.replace("past.", "present.") for name in self.states)]
        logits, *after = self.session.run(names, feeds)
        for state, new in zip(self.states.values(), after):
            state[active] = new[0, :len(active)]
        return logits

    def extend(self, tokens: list[int], past: int) -> np.ndarray:
        """Logits of every token of a text's next part, in slot 0."""
        return self.step([Row(tokens, past, all_logits=True)])
