"""The real server, as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
REPOSITORY = ("--model-repository", str(ROOT / "testdata" / "models"), "--model-control-mode", "explicit")


class Server:
    """`bedside serve` with the default model, ready once it is made. `listen` says where, else at any free port."""

    def __init__(self, *flags: str, listen: str = "127.0.0.1:0") -> None:
        binary = os.environ.get("BEDSIDE_BINARY") or str(ROOT / "bin" / "bedside")
        if not os.access(binary, os.X_OK):
            raise FileNotFoundError(f"no server at {binary}: run scripts/test_clients.sh, which builds one")
        self._process = subprocess.Popen(
            [binary, "serve", "--listen", listen, "--http-listen", "", "--log-level", "warn", *flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._log: list[str] = []
        assert self._process.stdout and self._process.stderr
        self._reader = threading.Thread(target=self._log.extend, args=(self._process.stderr,), daemon=True)
        self._reader.start()
        self.address = ""
        for line in self._process.stdout:
            found = re.match(r"\s*gRPC\s+(\S+)", line)
            if found:
                self.address = found[1]
                return
        self.stop()
        raise RuntimeError("the server ended before it was ready:\n" + "".join(self._log))

    def log(self) -> str:
        """What it has written to its log."""
        return "".join(self._log)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send a signal and wait for the end."""
        self._process.send_signal(number)
        assert self._process.stdout and self._process.stderr
        self._process.stdout.read()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        self._process.stderr.close()
