"""The rounds: every cell is run on all sides, one after another, before the next one comes."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from .cells import Plan, cells, outlast, screen
from .prompts import Prompts
from .side import Settings, Side, SideError, bedside
from .sides import OURS, Rival

Results = dict[str, dict[str, list[dict]]]  # cell, side: one a round
FILLED = 64  # slots of the memory test


@contextlib.contextmanager
def running(rivals: list[Rival], models: dict[str, Path], settings: Settings, model: str, most: int,
            scratch: Path) -> Iterator[dict[str, Side]]:
    """All sides' processes."""
    with contextlib.ExitStack() as stack:
        found = {OURS: bedside(model, settings, most, scratch)}
        stack.callback(found[OURS].close)
        for r in rivals:
            found[r.name] = r.start(models, settings, scratch)
            stack.callback(found[r.name].close)
            say(f"started {r.name}")
        yield found


def say(text: str) -> None:
    """On standard error."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def rounds(found: dict[str, Side], rivals: list[Rival], plan: Plan, prompts: Prompts, count: int, budget: float) -> Results:
    """So many rounds, or as many as end within `budget` seconds."""
    able = {r.name: r.can for r in rivals} | {OURS: lambda cell: True}
    results: Results = {}
    screen(found[OURS], prompts, plan)
    began = time.monotonic()
    for number in range(count):
        started = time.monotonic()
        for cell, run in cells(plan).items():
            names = [n for n in found if able[n](cell)]
            for name in names[number % len(names):] + names[:number % len(names)]:
                value = run(found[name], prompts)
                if value is None:
                    raise SideError(f"{name}: a stream ended early in {cell}")
                results.setdefault(cell, {}).setdefault(name, []).append(value)
            say(f"round {number + 1}: {cell}")
        now = time.monotonic()
        say(f"round {number + 1}: {now - started:.0f} s")
        if now - began + (now - started) > budget:
            break
    return results


def memory(rivals: list[Rival], models: dict[str, Path], settings: Settings, model: str, prompts: Prompts, filled: int,
           scratch: Path) -> dict[str, int]:
    """Most bytes resident while 64 slots of 2,048 tokens fill up to `filled` tokens each; a process at a time.

    One rival of each engine, since its kinds of weights have the same cache.
    """
    whole = Settings(settings.threads, settings.cpus, FILLED, settings.capacity)
    out = {}
    engines = {r.module: r for r in reversed(rivals) if r.most_streams >= FILLED}
    for r in [None, *reversed(engines.values())]:
        name = r.name if r else OURS
        side = r.start(models, whole, scratch) if r else bedside(model, whole, FILLED, scratch)
        with contextlib.closing(side):
            out[name] = fill(side, prompts, filled)
        say(f"memory of {name}: {out[name] >> 20} MiB")
    return out


def fill(side: Side, prompts: Prompts, filled: int) -> int:
    """Most bytes resident while all slots are in use; the last prompt is read before the first stream ends."""
    tokens = filled // 3

    def in_use(answer: dict) -> int | None:
        times = answer["times"]
        together = all(times) and max(t[0][0] for t in times) <= min(t[-1][0] for t in times)
        return answer["rss"] if together else None
    return outlast(side, lambda: prompts.cycle(filled - tokens), FILLED, tokens, in_use)


def versions(found: dict[str, Side]) -> dict[str, str]:
    """What each process says that it is."""
    return {name: side.ask({}).get("version", "") for name, side in found.items()}


