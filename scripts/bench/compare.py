"""Requests a second and their times, MLServer against Bedside: the same embedding model, texts, machine and threads.

`python -m scripts.bench.compare` (needs `make setup build`; the first run fetches MLServer into an environment of its own).
One server runs at a time; the same program drives both, through the Open Inference Protocol.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from scripts import testenv
from scripts.bootstrap.layout import Layout, cache_folder

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent / "mlserver"
MODEL = "multilingual-e5-small"
START_SECONDS = 120


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str], log: Path, **kwargs) -> Iterator[subprocess.Popen]:
    """A process that is ended afterwards."""
    with open(log, "w", encoding="utf-8") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, **kwargs)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def wait(process: subprocess.Popen, log: Path, ready) -> None:
    """Until ready() is true."""
    end = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"it did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")
        time.sleep(0.2)


def answers(url: str) -> bool:
    """Whether an HTTP GET succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def mlserver(python: Path, folder: Path, args: argparse.Namespace, scratch: Path) -> Iterator[str]:
    """MLServer with the model; gives its address."""
    home = scratch / "mlserver"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(HERE, home)
    grpc, http, metrics = free_port(), free_port(), free_port()
    env = os.environ | {
        "PYTHONPATH": str(ROOT), "BEDSIDE_BENCH_MODEL": str(folder), "BEDSIDE_BENCH_THREADS": str(args.threads),
        "MLSERVER_GRPC_PORT": str(grpc), "MLSERVER_HTTP_PORT": str(http), "MLSERVER_METRICS_PORT": str(metrics),
        "MLSERVER_PARALLEL_WORKERS": str(args.workers), "MLSERVER_MODEL_MAX_BATCH_SIZE": str(args.batch),
        "MLSERVER_MODEL_MAX_BATCH_TIME": str(args.delay),
    }
    log = scratch / "mlserver.log"
    with running([str(python.parent / "mlserver"), "start", str(home)], log, env=env) as process:
        wait(process, log, lambda: answers(f"http://127.0.0.1:{http}/v2/health/ready"))
        yield f"127.0.0.1:{grpc}"


@contextlib.contextmanager
def bedside(name: str, args: argparse.Namespace, scratch: Path) -> Iterator[str]:
    """Bedside with the model; gives its address."""
    log = scratch / "bedside.log"
    command = [str(ROOT / "bin" / "bedside"), "serve", "--listen", "127.0.0.1:0", "--http-listen", "", "--model", "",
               "--embedding-model", name, "--threads", str(args.threads)]
    with running(command, log) as process:
        wait(process, log, lambda: " is ready." in log.read_text(encoding="utf-8"))
        yield re.search(r"gRPC\s+(\S+)", log.read_text(encoding="utf-8"))[1]


def drive(program: Path, address: str, model: str, name: str, args: argparse.Namespace) -> None:
    """One line for each number of callers."""
    subprocess.run([str(program), "-addr", address, "-model", model, "-name", name, "-callers", args.callers, "-duration",
                    args.duration, "-texts", str(ROOT / "testdata" / "eval" / "clinical-pairs.tsv")], check=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.compare", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of a run, for both")
    parser.add_argument("--callers", default="1,8,32,128")
    parser.add_argument("--duration", default="15s", help="of each round")
    parser.add_argument("--batch", type=int, default=32, help="MLServer's max_batch_size")
    parser.add_argument("--delay", type=float, default=0.005, help="MLServer's max_batch_time, in seconds")
    parser.add_argument("--workers", type=int, default=0, help="MLServer's parallel_workers; 0: in the server's process")
    parser.add_argument("--precisions", default="w8a8,fp32")
    args = parser.parse_args()
    layout = Layout(cache_folder(os.environ, sys.platform))
    python = testenv.make(layout, offline=False, requirements=HERE / "requirements.txt")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        program = scratch / "drive"
        go = os.environ.get("GO", "go")
        subprocess.run([go, "build", "-o", str(program), "./scripts/bench/drive"], cwd=ROOT, check=True)
        print("| server | callers | requests/s | p50 ms | p99 ms | errors |\n|---|---|---|---|---|---|", flush=True)
        for precision in args.precisions.split(","):
            name = MODEL if precision == "w8a8" else f"{MODEL}-{precision}"
            with mlserver(python, Path(layout.models) / name, args, scratch) as address:
                drive(program, address, MODEL, f"MLServer {precision}", args)
            with bedside(name, args, scratch) as address:
                drive(program, address, name, f"Bedside {precision}", args)


if __name__ == "__main__":
    main()
