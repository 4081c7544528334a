"""What is measured: each cell is one run of one side, from whose tokens' times the figures come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from .prompts import Prompts
from .side import Side

ARRIVING = 1500  # tokens of a prompt that comes among running streams
AMONG = 16
APART = 24  # tokens that the running streams write between two arrivals
LONG_TEXT = 64  # written after long prompts: one stream's are not to be over before another's prompt has been read
LEAST_STEPS = 8
TRIES = 8
SCREENED = 64  # prompts tried at once
SCREENINGS = 20

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """How much of each is measured."""

    streams: tuple[int, ...]
    prompt: int  # tokens of a decoding stream's prompt
    tokens: int  # what it writes
    prefills: int
    arrivals: int
    contexts: tuple[int, ...]
    context_streams: int = 4


FULL = Plan(streams=(1, 2, 4, 8, 16, 32, 64, 128), prompt=64, tokens=64, prefills=4, arrivals=4,
            contexts=(128, 512, 1024, 1920))
QUICK = Plan(streams=(1, 4, 16, 64), prompt=32, tokens=20, prefills=1, arrivals=1, contexts=())


def window(times: list[list[list[float]]]) -> dict | None:
    """Tokens a second while all streams write: from the last one's first token to the first one's last."""
    if not all(times):
        return None
    begin, end = max(t[0] for t in times), min(t[-1] for t in times)
    tokens = sum(begin[0] < moment[0] <= end[0] for t in times for moment in t)
    if tokens < LEAST_STEPS * len(times) or end[1] <= begin[1]:
        return None  # a stream has ended by itself
    wall, cpu = end[0] - begin[0], end[1] - begin[1]
    return {"rate": tokens / wall, "cpu_rate": tokens / cpu, "step_ms": 1000 * wall * len(times) / tokens}


def screen(side: Side, prompts: Prompts, plan: Plan) -> None:
    """Find prompts after which Bedside's model does not end the text by itself; the others are told to write on.

    Nor may a token of it end within a character: such a one is held back, and comes with the next.

    Its greedy text is the same however many streams there are, so a prompt that lasts once always does.
    """
    tokens = max(plan.tokens, arrival_tokens(plan.arrivals))
    for _ in range(SCREENINGS):
        if len(prompts.lasting) >= max(plan.streams):
            return
        tried = [prompts.make(plan.prompt) | {"tokens": tokens, "after": 0} for _ in range(SCREENED)]
        times = side.ask({"requests": tried})["times"]
        prompts.lasting += [t for t, came in zip(tried, times) if len(came) == tokens]
    found = len(prompts.lasting)
    raise ValueError(f"{side.name}: of {SCREENINGS * SCREENED} prompts, {found} had {tokens} messages of a token")


def decode(side: Side, requests: list[dict], tokens: int) -> dict | None:
    """Streams that write at once; None where one ended too early."""
    return figures(write(side, requests, tokens))


def write(side: Side, requests: list[dict], tokens: int) -> dict:
    """The answer to requests that come at once."""
    return side.ask({"requests": [r | {"tokens": tokens, "after": 0} for r in requests]})


def figures(answer: dict) -> dict | None:
    """What `window` finds, and the memory."""
    found = window(answer["times"])
    return found and found | {"rss": answer["rss"]}


def outlast(side: Side, make: Callable[[], dict], streams: int, tokens: int, judge: Callable[[dict], T | None]) -> T:
    """What `judge` makes of streams that write at once; until it does, others replace prompts whose text ended early."""
    lasting: list[dict] = []
    for _ in range(TRIES):
        requests = lasting + [make() for _ in range(streams - len(lasting))]
        answer = write(side, requests, tokens)
        if (found := judge(answer)) is not None:
            return found
        lasting = [r for r, came in zip(requests, answer["times"]) if len(came) == tokens]
    raise ValueError(f"{side.name}: a stream ended by itself in each of {TRIES} runs")


def long(side: Side, prompts: Prompts, streams: int, length: int, tokens: int) -> dict:
    """Streams that write at once, after prompts of any length: words in a cycle, for texts of random ones soon end."""
    return outlast(side, lambda: prompts.cycle(length), streams, tokens, figures)


def prefill(side: Side, prompts: Prompts, count: int) -> dict:
    """Prompt tokens a second: 512 of them, and the time to the first token written; one prompt at a time."""
    wall = cpu = 0.0
    for _ in range(count):
        _, before = first_token(side, prompts, 1)
        took, after = first_token(side, prompts, 512)
        wall += took
        cpu += after - before
    return {"rate": 512 * count / wall, "cpu_rate": 512 * count / cpu}


def first_token(side: Side, prompts: Prompts, length: int) -> tuple[float, float]:
    """Seconds to the first token after a prompt, and the processor seconds of the process at that time."""
    for _ in range(TRIES):
        answer = side.ask({"requests": [prompts.make(length) | {"tokens": 1, "after": 0}]})
        if times := answer["times"][0]:
            return times[0][0] - answer["sent"][0], times[0][1]
    raise ValueError(f"{side.name}: no text after any of {TRIES} prompts")


def arrival_tokens(count: int) -> int:
    """What the running streams write while so many prompts come."""
    return APART * (count + 1)


def arrive(side: Side, prompts: Prompts, count: int) -> dict:
    """Long prompts that come one after another among streams that write.

    Returns the seconds to each one's first token, and the longest gap between a running stream's tokens until then.
    """
    for _ in range(TRIES):
        requests = [r | {"tokens": arrival_tokens(count), "after": 0} for r in prompts.draw(AMONG)]
        requests += [prompts.make(ARRIVING) | {"tokens": 2, "after": APART * (i + 1) - APART // 2} for i in range(count)]
        answer = side.ask({"requests": requests})
        if all(answer["times"]):
            return waits(answer)
    raise ValueError(f"{side.name}: a stream wrote nothing in each of {TRIES} runs")


def waits(answer: dict) -> dict:
    """See arrive; from the times of its run."""
    first, gaps = [], []
    for sent, times in zip(answer["sent"][AMONG:], answer["times"][AMONG:]):
        until = times[0][0]
        first.append(until - sent)
        others = (pair for t in answer["times"][:AMONG] for pair in pairwise(t))
        gaps.append(max(b[0] - a[0] for a, b in others if b[0] > sent and a[0] < until))
    return {"first_token_s": first, "gap_s": gaps}


def cells(plan: Plan) -> dict[str, Callable[[Side, Prompts], dict]]:
    """By name, in the order in which they are measured."""
    found = {f"decode/{n}": lambda side, prompts, n=n: decode(side, prompts.draw(n), plan.tokens)
             for n in plan.streams}
    found["prefill"] = lambda side, prompts: prefill(side, prompts, plan.prefills)
    found["arrive"] = lambda side, prompts: arrive(side, prompts, plan.arrivals)
    for length in plan.contexts:
        found[f"context/{length}"] = lambda side, prompts, n=length: long(side, prompts, plan.context_streams, n, LONG_TEXT)
    return found
