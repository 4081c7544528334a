"""llama.cpp through its C interface, batched as its server does: running sequences first, then prompts."""

from __future__ import annotations

import argparse
import ctypes
from collections import deque
from pathlib import Path

import llama_cpp as llama
import numpy as np

from . import driver

BATCH = 2048  # the default of llama-server's --batch-size


class Sequence:
    """A request: what of it is still to be read, and where that goes."""

    def __init__(self, number: int, request: dict):
        self.number, self.pending, self.left, self.position = number, deque(request["prompt"]), request["tokens"], 0


class LlamaCpp:
    """A context for each run, as large as the run needs unless told otherwise; the cache has its default type, float16."""

    def __init__(self, model: Path, args: argparse.Namespace):
        llama.llama_backend_init()
        self.version = f"llama-cpp-python {llama.__version__}: {llama.llama_print_system_info().decode()}"
        self._args = args
        self._model = llama.llama_model_load_from_file(str(model).encode(), llama.llama_model_default_params())
        self._vocab = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self._model))
        self._batch = llama.llama_batch_init(BATCH, 0, 1)
        self._token = np.ctypeslib.as_array(self._batch.token, (BATCH,))
        self._pos = np.ctypeslib.as_array(self._batch.pos, (BATCH,))
        self._wanted = np.ctypeslib.as_array(self._batch.logits, (BATCH,))
        np.ctypeslib.as_array(self._batch.n_seq_id, (BATCH,))[:] = 1
        self._context = None
        self._sequences: list[Sequence] = []

    def _open(self, sequences: int, capacity: int) -> None:
        if self._context:
            llama.llama_free(self._context)
        params = llama.llama_context_default_params()
        params.n_seq_max, params.n_ctx = sequences, sequences * (-(-capacity // 256) * 256)
        params.n_batch = BATCH
        params.n_threads = params.n_threads_batch = self._args.threads
        self._context = llama.llama_init_from_model(self._model, params)
        if not self._context:
            raise MemoryError("llama.cpp made no context")

    def begin(self, requests: list[dict]) -> None:
        self._sequences = []
        if self._args.slots:
            self._open(self._args.slots, self._args.capacity)
        else:
            self._open(len(requests), max(len(r["prompt"]) + r["tokens"] for r in requests))

    def add(self, number: int, request: dict) -> None:
        self._sequences.append(Sequence(number, request))

    def _fill(self) -> list[tuple[Sequence, int]]:
        """Lay out the next batch; the sequences whose next token it gives, and the row that gives it."""
        rows, ends = 0, []
        for s in sorted(self._sequences, key=lambda s: len(s.pending) > 1):  # those that write come first
            while s.pending and rows < BATCH:
                self._token[rows], self._pos[rows], self._wanted[rows] = s.pending.popleft(), s.position, not s.pending
                self._batch.seq_id[rows][0] = s.number
                s.position, rows = s.position + 1, rows + 1
                if not s.pending:
                    ends.append((s, rows - 1))
        self._batch.n_tokens = rows
        return ends

    def _decode(self) -> None:
        if status := llama.llama_decode(self._context, self._batch):
            raise RuntimeError(f"llama_decode: {status}")

    def step(self) -> list[int]:
        ends = self._fill()
        self._decode()
        for s, row in ends:
            logits = np.ctypeslib.as_array(llama.llama_get_logits_ith(self._context, row), (self._vocab,))
            s.pending.append(int(logits.argmax()))
            s.left -= 1
        self._sequences = [s for s in self._sequences if s.left]
        return [s.number for s, _ in ends]

    def logits(self, tokens: list[int]) -> np.ndarray:
        self._open(1, len(tokens))
        self._fill_all(tokens)
        self._decode()
        out = llama.llama_get_logits(self._context)
        return np.ctypeslib.as_array(ctypes.cast(out, ctypes.POINTER(ctypes.c_float)), (len(tokens), self._vocab)).copy()

    def _fill_all(self, tokens: list[int]) -> None:
        count = len(tokens)
        self._token[:count], self._pos[:count], self._wanted[:count] = tokens, np.arange(count), 1
        for i in range(count):
            self._batch.seq_id[i][0] = 0
        self._batch.n_tokens = count


if __name__ == "__main__":
    driver.main(LlamaCpp)
