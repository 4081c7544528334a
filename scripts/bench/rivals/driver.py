"""What every rival's process does: read a command a line as JSON, answer a line as JSON.

    {"requests": [{"prompt": [ids], "tokens": 96, "after": 0}, ...]}   run them together, greedily
        -> {"times": [[[wall, cpu], ...], ...], "sent": [wall, ...], "rss": bytes}    one [wall, cpu] a token written
    {"logits": [ids], "path": "x.npy"}      the logits after each token of a text -> {}
    {}                                      -> {"version": ..., "rss": ...}

`after` is how many tokens every stream that began at once (`after` 0) must have written before a request is sent.
`cpu` is the processor seconds of the engine's process so far: unlike the clock, they do not count what others did meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np


class Engine(Protocol):
    """A language-model engine of one process."""

    version: str

    def begin(self, requests: list[dict]) -> None:
        """Make room for these; nothing else runs until they are done."""

    def add(self, number: int, request: dict) -> None:
        """Let a request join."""

    def step(self) -> list[int]:
        """Go on until a token was written, or a step was done; the numbers of the requests that got one, maybe repeated."""

    def logits(self, tokens: list[int]) -> np.ndarray:
        """`[tokens, vocab]`."""


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def serve(engine: Engine, requests: list[dict]) -> dict:
    """Run requests together; when each of their tokens came."""
    times: list[list[tuple[float, float]]] = [[] for _ in requests]
    sent = [0.0] * len(requests)
    waiting = sorted(range(len(requests)), key=lambda i: requests[i]["after"])
    first = [i for i in waiting if requests[i]["after"] == 0]
    left, most = sum(r["tokens"] for r in requests), 0
    engine.begin(requests)
    while left:
        written = min(len(times[i]) for i in first)
        while waiting and requests[waiting[0]]["after"] <= written:
            number = waiting.pop(0)
            sent[number] = time.monotonic()
            engine.add(number, requests[number])
        for number in engine.step():
            times[number].append((time.monotonic(), time.process_time()))
            left -= 1
        most = max(most, resident())
    return {"times": times, "sent": sent, "rss": most}


def pin(cpus: str) -> None:
    """Keep all threads on some processors. After loading: OpenVINO fails where it sees one processor alone."""
    wanted = {int(c) for c in cpus.split(",")}
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(int(task), wanted)


def main(open_engine: Callable[[Path, argparse.Namespace], Engine]) -> None:
    """Answer commands until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--cpus", default="", help="processors to stay on, such as 0,1")
    parser.add_argument("--slots", type=int, default=0, help="sequences to reserve memory for; 0: as many as a run needs")
    parser.add_argument("--capacity", type=int, default=2048, help="tokens of each")
    args = parser.parse_args()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    engine = open_engine(args.model, args)
    for line in sys.stdin:
        command, answer = json.loads(line), {}
        if args.cpus:
            pin(args.cpus)  # each time: libraries make threads late
        if "requests" in command:
            answer = serve(engine, command["requests"])
        elif "logits" in command:
            np.save(command["path"], engine.logits(command["logits"]))
        else:
            answer = {"version": engine.version, "rss": resident()}
        print(json.dumps(answer), file=out, flush=True)
