"""What a trained model computes, for whoever has to compute the same: `python -m scripts.train.parity`, in this environment.

    python -m scripts.train parity MODEL --tokens TOKENS.json --out LOGITS.npz

TOKENS.json holds a list of sequences, each a list of token ids; the file written has an array `logits.I` [tokens, V],
float32, for each. Served logits are to be within 1e-4 of these where the weights are float32.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from . import export, learner


def logits(folder: Path, sequences: list[list[int]]) -> list[np.ndarray]:
    """Logits [tokens, V] after each token of each sequence, by the model of an exported folder."""
    return learner.logits(export.read(folder), sequences)


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0, or 1 after an error."""
    parser = argparse.ArgumentParser(prog="python3 -m scripts.train parity", description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder with weights.safetensors and config.json")
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    try:
        found = logits(args.model, json.loads(args.tokens.read_text(encoding="utf-8")))
        np.savez(args.out, **{f"logits.{i}": value for i, value in enumerate(found)})
    except (export.ExportError, OSError, ValueError) as err:
        print(f"parity: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
