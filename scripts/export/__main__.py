"""Command line: `python -m scripts.export (--gguf FILE | --checkpoint FOLDER) --models FOLDER`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..adapter.merge import export_merged
from ..bootstrap.files import SetupError, lock
from .run import HELDOUT, export_all, export_checkpoint
from .source import SourceError

DEFAULT_NAME = "smollm2-135m-instruct"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.export", description=(
        "Export a language model to two ONNX model folders: NAME (8-bit) and NAME-fp32 (the reference)."))
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--gguf", type=Path, help="a GGUF file of architecture llama")
    source.add_argument("--checkpoint", type=Path, metavar="FOLDER", help=(
        "what training left: weights.safetensors, config.json (model_type bedside-rnn, bedside-lstm, bedside-gru or llama), "
        "tokenizer.json and, if there, tokenizer_config.json, chat_template.jinja and card.md"))
    parser.add_argument("--adapter", type=Path, metavar="FOLDER", help=(
        "merge this low-rank adapter: adapter_config.json and adapter_model.safetensors, as the peft package writes them"))
    parser.add_argument("--models", type=Path, required=True, help="the folder that receives the model folders")
    parser.add_argument("--name", help="name of the model (default: the checkpoint folder's, or smollm2-135m-instruct)")
    parser.add_argument("--heldout", type=Path, default=HELDOUT, help=(
        "text, or a corpus' .jsonl, for measuring what the smaller precision costs"))
    parser.add_argument("--precision", choices=["int8", "fp16", "w8a8"], help=(
        "how NAME is written (default: int8 for recurrent models, w8a8 for attention)"))
    parser.add_argument("--force", action="store_true", help="export again, even where nothing has changed")
    args = parser.parse_args()
    if args.gguf and not args.gguf.is_file():
        parser.error(f"--gguf: no such file: {args.gguf}")
    if args.gguf and args.precision not in (None, "w8a8"):
        parser.error(f"--precision: {args.precision} is for recurrent models")
    if args.adapter and not args.name:
        parser.error("--adapter: needs --name, since the model becomes another one")
    if args.adapter and args.precision not in (None, "w8a8"):
        parser.error("--adapter: models with attention are written as w8a8")
    if not args.heldout.is_file():
        parser.error(f"--heldout: no such file: {args.heldout}")
    try:
        with lock(args.models / ".export.lock"):
            if args.adapter:
                export_merged(args.gguf or args.checkpoint, args.adapter, args.models, args.name, args.heldout, args.force)
            elif args.gguf:
                export_all(args.gguf, args.models, args.name or DEFAULT_NAME, args.heldout, args.force)
            else:
                name = args.name or args.checkpoint.resolve().name
                export_checkpoint(args.checkpoint, args.models, name, args.heldout, args.force, args.precision)
    except (SourceError, SetupError) as err:
        print(f"export: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # Said once, by whoever started this; nothing half-written is kept.
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
