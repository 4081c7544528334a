"""Trains a low-rank adapter (LoRA) of SmolLM2 on the corpus, in the environment that `python3 -m scripts.train` makes."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from ...bootstrap.files import SetupError
from ...bootstrap.layout import MODEL_NAME, SCRIPTS, Layout, cache_folder
from ...bootstrap.steps import GGUF
from .. import run as runs
from ..checkpoint import CheckpointError
from ..config import ConfigError
from ..export import ExportError
from ..tokens import CorpusError
from . import config as configs
from .run import ADAPTER, Job, LoraRun


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python3 -m scripts.train lora", description=__doc__.splitlines()[0])
    p.add_argument("--config", type=Path, required=True, help="a TOML file, such as scripts/train/configs/smollm2-lora.toml")
    p.add_argument("--corpus", type=Path, required=True, metavar="FOLDER", help="a corpus of scripts/corpus language")
    p.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for checkpoints, metrics and the adapter")
    p.add_argument("--base", type=Path, metavar="FOLDER", help=(
        "the model: weights.safetensors, config.json, tokenizer.json (default: SmolLM2, unpacked in the cache)"))
    p.add_argument("--fresh", action="store_true", help="begin anew instead of going on where an earlier run was")
    return p


def smollm2(layout: Layout) -> Path:
    """SmolLM2's weights as training reads them, unpacked on the first call by the set-up's Python, which knows GGUF."""
    folder, gguf = layout.cache / "checkpoints" / MODEL_NAME, layout.downloads / GGUF
    if not (folder / "weights.safetensors").is_file():
        if not layout.python.exists() or not gguf.is_file():
            raise SetupError(f"{gguf} is not there yet: run make setup first, or name a model with --base")
        print(f"unpacking {GGUF} ...", file=sys.stderr)
        command = [str(layout.python), "-m", "scripts.adapter.base", "--gguf", str(gguf), "--out", str(folder)]
        if subprocess.run(command, cwd=SCRIPTS.parent, check=False).returncode:
            raise SetupError("SmolLM2 was not unpacked; the lines above say why")
    return folder


def table(result: dict) -> str:
    """The validation metrics before and after."""
    before, after = result["before"], result["validation"]
    lines = [f"{'validation':<18}{'before':>10}{'after':>10}"]
    lines += [f"{name:<18}{before[name]:>10.4f}{after[name]:>10.4f}" for name in after]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0, 1 after an error, 130 when interrupted."""
    args = parser().parse_args(argv)
    try:
        config = configs.load(args.config)
        base = args.base or smollm2(Layout(cache_folder(os.environ, sys.platform)))
        job = Job(config, args.corpus, base, args.out / config.name)
        if args.fresh:
            runs.fresh(job.out)
        result = LoraRun(job).train()
        print(f"{result['parameters']:,} weights, {result['steps']} steps, {result['tokens']:,} tokens, "
              f"{result['tokens_per_second']:,} a second; {result['ended']}; best after step {result['best_step']}")
        print(table(result))
        print(f"adapter: {job.out / ADAPTER}")
    except (runs.Stopped, KeyboardInterrupt) as stopped:
        print(f"lora: {stopped or 'interrupted'}; run it again to go on", file=sys.stderr)
        return 130
    except (SetupError, ConfigError, CorpusError, CheckpointError, ExportError, OSError) as err:
        print(f"lora: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
