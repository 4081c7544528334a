"""OpenVINO GenAI with continuous batching."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import openvino
import openvino_genai as genai

from . import driver


class OpenVINO:
    """A ContinuousBatchingPipeline as its documentation sets one up; prefixes are not shared, since no prompt repeats."""

    def __init__(self, model: Path, args: argparse.Namespace):
        self.version = f"openvino-genai {genai.get_version()}"
        self._model, self._threads = model, args.threads
        config = genai.SchedulerConfig()
        config.enable_prefix_caching = False
        if args.slots:
            config.num_kv_blocks = args.slots * args.capacity // 32  # a block of the CPU plugin holds 32 tokens
        self._pipeline = genai.ContinuousBatchingPipeline(
            model, genai.Tokenizer(model), config, "CPU", INFERENCE_NUM_THREADS=args.threads)
        self._running: dict[int, genai.GenerationHandle] = {}

    def begin(self, requests: list[dict]) -> None:
        self._running = {}

    def add(self, number: int, request: dict) -> None:
        config = genai.GenerationConfig()
        config.max_new_tokens = request["tokens"]
        config.ignore_eos = True
        config.do_sample = False
        prompt = openvino.Tensor(np.array([request["prompt"]], np.int64))
        self._running[number] = self._pipeline.add_request(number, prompt, config)

    def step(self) -> list[int]:
        self._pipeline.step()
        got = []
        for number, handle in self._running.items():
            while handle.can_read():
                got += [number] * sum(len(o.generated_ids) for o in handle.read().values())
        return got

    def logits(self, tokens: list[int]) -> np.ndarray:
        """Through the model without paging: the pipeline gives no logits."""
        compiled = openvino.Core().compile_model(self._model / "openvino_model.xml", "CPU",
                                                 {"INFERENCE_NUM_THREADS": self._threads})
        ids = np.array([tokens], np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "beam_idx": np.zeros(1, np.int32),
                 "position_ids": np.arange(len(tokens))[None]}
        return compiled.create_infer_request().infer(feeds)["logits"][0]


if __name__ == "__main__":
    driver.main(OpenVINO)
