"""Command line of the set-up."""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import signal
import sys

from . import embedding, steps
from .files import SetupError, lock, sweep
from .layout import Layout, cache_folder

EPILOG = """Everything goes to $BEDSIDE_CACHE, else ${XDG_CACHE_HOME:-~/.cache}/bedside (macOS: ~/Library/Caches/bedside).
Run it as often as you like: what is there is kept, and a second run needs no network. It may be interrupted at
any moment. Packages come through pip, as pip is configured on this machine."""


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="setup.py", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Set up Python packages, ONNX Runtime, the language model and the embedding model.")
    parser.add_argument("--offline", action="store_true", help="never use the network; fail if something is missing")
    parser.add_argument("--no-export", action="store_true", help="fetch everything, but do not write the model folders")
    parser.add_argument("--print-env", action="store_true",
                        help="set nothing up; print the paths as shell lines, for: eval \"$(setup.py --print-env)\"")
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    layout = Layout(cache_folder(os.environ, sys.platform))
    if args.print_env:
        for name, value in layout.environment().items():
            print(f"export {name}={shlex.quote(value)}")
        return
    with lock(layout.cache / "setup.lock"):
        sweep(layout.downloads)
        steps.make_venv(layout, args.offline)
        steps.take_ort_library(layout)
        steps.build_operators(layout)
        gguf = steps.fetch_weights(layout, args.offline)
        encoder = embedding.fetch(layout, args.offline)
        if not args.no_export:
            steps.export_models(layout, gguf)
            embedding.export(layout, encoder)
    print(f"set-up: everything is in {layout.cache}", file=sys.stderr)


def _terminated(number, frame) -> None:
    raise KeyboardInterrupt


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0, 1 after an error (one that says what to do), 130 when interrupted."""
    args = parse(argv)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        run(args)
    except KeyboardInterrupt:
        print("\nset-up: interrupted; run it again to go on", file=sys.stderr)
        return 130
    except SetupError as err:
        print(f"set-up: {err}", file=sys.stderr)
        return 1
    except OSError as err:
        if err.errno == errno.ENOSPC:
            print("set-up: the disk is full: free some space (about 3 GB are needed) and run it again", file=sys.stderr)
        else:
            print(f"set-up: {err}", file=sys.stderr)
        return 1
    return 0
