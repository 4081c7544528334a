"""A model as it is served: the engine in a process of its own, asked over gRPC, many questions at once."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from bedside_client import AsyncClient, v1

from ..bootstrap.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 96  # more than the server's slots, so that none stands empty
QUEUE = 256 * AT_ONCE  # a question may have so many candidates, each of which waits by itself
TIMEOUT = 600.0
Q = TypeVar("Q")
R = TypeVar("R")
Call = Callable[[AsyncClient, Q], Awaitable[R]]


class ServerError(RuntimeError):
    """The server did not start; the message is what it wrote."""


class Served:
    """`bedside serve` with one model folder, and with further settings where they are named. Use it as a context manager."""

    def __init__(self, folder: Path, binary: Path | None = None, threads: int = 0, settings: Sequence[str] = ()):
        folder = folder.resolve()
        self.folder, self.name = folder, folder.name
        binary = binary or ROOT / "bin" / "bedside"
        if not os.access(binary, os.X_OK):
            raise ServerError(f"no server at {binary}: run make build")
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 closed by close
        # A session of its own: Ctrl-C reaches this program alone, which ends the server.
        self._process = subprocess.Popen(
            [str(binary), "serve", "--listen", "127.0.0.1:0", "--http-listen", "", "--log-level", "warn",
             "--models", str(folder.parent), "--model", folder.name, "--embedding-model", "", "--threads", str(threads),
             "--max-queue-size", str(QUEUE), *settings],
            stdout=subprocess.PIPE, stderr=self._log, text=True, start_new_session=True)
        try:
            self.address = self._listening()
            self.reference = self.ask(None, [None], lambda client, _: client.tokenize("a"))[0].model
        except BaseException:
            self.close()
            raise

    def _listening(self) -> str:
        for line in self._process.stdout:
            if found := re.match(r"\s*gRPC\s+(\S+)", line):
                return found[1]
        self._process.wait()
        self._log.seek(0)
        raise ServerError(f"the server ended before it was ready:\n{self._log.read()}")

    def ask(self, label: str | None, questions: Sequence[Q], call: Call[Q, R], at_once: int = AT_ONCE) -> list[R]:
        """The answers in the questions' order. The first failure ends all."""
        if label is None:
            return asyncio.run(self._ask(questions, call, lambda done: None, at_once))
        with Progress(f"{self.name}: {label}", len(questions)) as progress:
            return asyncio.run(self._ask(questions, call, progress.update, at_once))

    async def _ask(self, questions: Sequence[Q], call: Call[Q, R], tick: Callable[[int], None], at_once: int) -> list[R]:
        answers: list[R | None] = [None] * len(questions)
        waiting, done = iter(range(len(questions))), 0

        async def work(client: AsyncClient) -> None:
            nonlocal done
            for i in waiting:
                answers[i] = await call(client, questions[i])
                done += 1
                tick(done)

        async with AsyncClient(self.address, timeout=TIMEOUT) as client:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(at_once, len(questions))):
                        group.create_task(work(client))
            except BaseExceptionGroup as failed:
                raise failed.exceptions[0] from None
        return answers

    def close(self) -> None:
        """End the server."""
        self._process.terminate()
        self._process.stdout.close()
        self._process.wait()
        self._log.close()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, kind, value, trace) -> None:
        self.close()


def reference(model: v1.ModelReference) -> dict:
    """What answered, for a report."""
    return {"name": model.name, "version": model.version, "digest": model.digest}
