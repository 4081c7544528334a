"""Command line: `python -m scripts.export --gguf FILE --models FOLDER`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..bootstrap.files import SetupError, lock
from .run import HELDOUT, export_all
from .source import SourceError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.export", description=(
        "Export a GGUF language model to two ONNX model folders: NAME (8-bit) and NAME-fp32 (the reference)."))
    parser.add_argument("--gguf", type=Path, required=True, help="the model file")
    parser.add_argument("--models", type=Path, required=True, help="the folder that receives the model folders")
    parser.add_argument("--name", default="smollm2-135m-instruct", help="name of the model (default: %(default)s)")
    parser.add_argument("--heldout", type=Path, default=HELDOUT, help="text for measuring what 8 bits cost")
    parser.add_argument("--force", action="store_true", help="export again, even where nothing has changed")
    args = parser.parse_args()
    if not args.gguf.is_file():
        parser.error(f"--gguf: no such file: {args.gguf}")
    try:
        with lock(args.models / ".export.lock"):
            export_all(args.gguf, args.models, args.name, args.heldout, args.force)
    except (SourceError, SetupError) as err:
        print(f"export: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # Said once, by whoever started this; nothing half-written is kept.
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
