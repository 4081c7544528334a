"""The sides of the comparison, each in a process of its own that stands still while another one is measured."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 300


class SideError(RuntimeError):
    """A side could not do what was asked of it."""


@dataclass(frozen=True)
class Settings:
    """What all sides have in common."""

    threads: int
    cpus: str = ""  # processors to stay on; empty: any
    slots: int = 0  # sequences to have memory for; 0: as many as each run needs
    capacity: int = 2048


class Side:
    """A process that answers the commands of driver.py."""

    def __init__(self, name: str, command: list[str], log: Path, behind: subprocess.Popen | None = None):
        self.name, self._log, self._behind = name, log, behind
        with open(log, "a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                             text=True)
        self._stopped = False

    def _processes(self) -> list[subprocess.Popen]:
        return [p for p in (self._process, self._behind) if p]

    def ask(self, command: dict) -> dict:
        """The answer; raises SideError with the log's end if there is none."""
        self._signal(signal.SIGCONT)
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            raise SideError(f"{self.name} failed:\n{self._log.read_text(encoding='utf-8')[-2000:]}")
        self._signal(signal.SIGSTOP)
        answer = json.loads(line)
        if answer.get("error"):
            raise SideError(f"{self.name}: {answer['error']}")
        return answer

    def _signal(self, number: int) -> None:
        for process in self._processes():
            process.send_signal(number)

    def close(self) -> None:
        """End its processes."""
        self._signal(signal.SIGCONT)
        for process in self._processes():
            process.terminate()
            process.wait(60)


def rival(name: str, module: str, model: Path, settings: Settings, scratch: Path) -> Side:
    """One of this folder's drivers."""
    command = [sys.executable, "-m", f"scripts.bench.rivals.{module}", str(model), "--threads", str(settings.threads),
               "--cpus", settings.cpus, "--slots", str(settings.slots), "--capacity", str(settings.capacity)]
    return Side(name, command, scratch / f"{name.replace(' ', '-')}.log")


def bedside(model: str, settings: Settings, most_streams: int, scratch: Path) -> Side:
    """`bedside serve` with one model alone, and a client in its own process, both on the same processors as the others."""
    log = scratch / "bedside.log"
    pinned = ["taskset", "-c", settings.cpus] if settings.cpus else []
    command = [*pinned, str(ROOT / "bin" / "bedside"), "serve", "--listen", "127.0.0.1:0", "--http-listen", "",
               "--prefix-cache-tokens", "0", "--draft-tokens", "0",  # a token of an engine against a token of another
               "--model", model, "--embedding-model", "", "--shipped-models", "none", "--threads", str(settings.threads),
               "--slots", str(settings.slots or most_streams), "--slot-capacity", str(settings.capacity)]
    with open(log, "w", encoding="utf-8") as out:
        server = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
    end = time.monotonic() + START_SECONDS
    while not (found := re.search(r"is ready\.\s+gRPC\s+(\S+)\n", log.read_text(encoding="utf-8"))):
        if server.poll() is not None or time.monotonic() > end:
            server.kill()
            raise SideError(f"bedside did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")
        time.sleep(0.2)
    client = [*pinned, str(scratch / "client"), "-addr", found[1], "-model", model, "-pid", str(server.pid)]
    return Side("bedside", client, scratch / "client.log", behind=server)


def build_client(scratch: Path) -> None:
    """The client that `bedside` starts."""
    subprocess.run([os.environ.get("GO", "go"), "build", "-o", str(scratch / "client"), "./scripts/bench/rivals/bedside"],
                   cwd=ROOT, check=True)
