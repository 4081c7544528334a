"""onnxruntime-genai: static batches, all of whose sequences begin and end together."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
import onnxruntime_genai as genai

from . import driver


class GenAI:
    """A Generator for each batch. Its dynamic batching needs a graph with paged attention, which it has for CUDA alone."""

    def __init__(self, model: Path, args: argparse.Namespace):
        self.version = f"onnxruntime-genai {genai.__version__}"
        self._path, self._args = model, args
        config = genai.Config(str(model))
        config.overlay(f'{{"model":{{"decoder":{{"session_options":{{"intra_op_num_threads":{args.threads}}}}}}}}}')
        self._model = genai.Model(config)
        self._generator: genai.Generator | None = None
        self._prompts: list[list[int]] = []
        self._length = 0

    def begin(self, requests: list[dict]) -> None:
        if any(r["after"] for r in requests):
            raise ValueError("no request can join a running batch")
        self._generator, self._prompts = None, []
        self._length = self._args.capacity if self._args.slots else max(len(r["prompt"]) + r["tokens"] for r in requests)

    def add(self, number: int, request: dict) -> None:
        self._prompts.append(request["prompt"])

    def step(self) -> list[int]:
        if self._generator is None:
            params = genai.GeneratorParams(self._model)
            # The end of a text is made unlikely by a least length, not ignored: there is no option for that.
            params.set_search_options(do_sample=False, batch_size=len(self._prompts), max_length=self._length,
                                      min_length=self._length)
            self._generator = genai.Generator(self._model, params)
            self._generator.append_tokens(np.array(self._prompts, np.int32))
        self._generator.generate_next_token()
        return list(range(len(self._prompts)))

    def logits(self, tokens: list[int]) -> np.ndarray:
        """Through ONNX Runtime alone: a Generator gives a prompt's last logits only."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._args.threads
        session = onnxruntime.InferenceSession(self._path / "model.onnx", options, providers=["CPUExecutionProvider"])
        ids = np.array([tokens], np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        shape = json.loads((self._path / "genai_config.json").read_text(encoding="utf-8"))["model"]["decoder"]
        nothing = np.empty((1, shape["num_key_value_heads"], 0, shape["head_size"]), np.float32)
        feeds |= {i.name: nothing for i in session.get_inputs() if i.name.startswith("past_key_values.")}
        return session.run(["logits"], feeds)[0][0]


if __name__ == "__main__":
    driver.main(GenAI)
