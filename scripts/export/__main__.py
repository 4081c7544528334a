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
    source.add_argument("--gguf", type=Path, help="a GGUF file of architecture llama, qwen2, qwen3 or gemma3")
    source.add_argument("--checkpoint", type=Path, metavar="FOLDER", help=(
        "a folder of Hugging Face's (model.safetensors, whole or in parts, config.json of model_type llama, qwen2, qwen3, "
        "gemma3_text or gemma3, tokenizer.json), or what training left (weights.safetensors; also bedside-rnn, bedside-lstm "
        "and bedside-gru; and, if there, card.md)"))
    parser.add_argument("--tokenizer", type=Path, metavar="FOLDER", help=(
        "with --gguf: copy tokenizer.json, tokenizer_config.json and chat_template.jinja from this folder, for files whose "
        "tokenizer is of a kind that cannot be written from them"))
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
    if args.tokenizer and (not args.gguf or args.adapter):
        parser.error("--tokenizer: goes with --gguf, and not with --adapter")
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
                export_all(args.gguf, args.models, args.name or DEFAULT_NAME, args.heldout, args.force,
                           args.tokenizer)
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
