"""A GGUF file as the folder that training reads: `python -m scripts.adapter.base --gguf FILE --out FOLDER`.

It has weights.safetensors (float32, under Hugging Face's names, rotary halves apart), config.json and the tokenizer: what
`scripts/export --checkpoint` takes too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from ..bootstrap.files import SetupError, replacing_folder
from ..export.architecture import LLAMA, WHOLE, SourceError
from ..export.checkpoint import WEIGHTS
from ..export.folder import write_configs
from ..export.source import Source
from ..export.tensorfile import write
from ..export.tokenizer import write_tokenizer


def tensors(source: Source) -> dict[str, np.ndarray]:
    """All weights under Hugging Face's names."""
    c = source.config
    out = {hugging: source.tensor(name) for name, hugging in WHOLE.items()
           if name != "output.weight" or not c.tie_word_embeddings}
    ends = np.cumsum([c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim])
    for layer in range(c.num_hidden_layers):
        prefix = f"model.layers.{layer}."
        out |= {f"{prefix}{hugging}.weight": source.tensor(f"blk.{layer}.{name}.weight")
                for name, hugging in c.family.parts.items()}
        out |= {f"{prefix}self_attn.{p}_proj.weight": w for p, w in zip("qkv", np.split(source.qkv(layer), ends))}
    return out


def unpack(gguf: Path, out: Path) -> None:
    """Write the folder, whole or not at all."""
    source = Source(str(gguf))
    if source.config.family is not LLAMA or source.config.rope.factors:
        raise SourceError(f"{gguf}: training knows Llama-style models without scaled rotary embeddings alone")
    with replacing_folder(out) as temp:
        write(temp / WEIGHTS, tensors(source))
        write_configs(temp, source.config)
        write_tokenizer(str(gguf), str(temp))


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status."""
    p = argparse.ArgumentParser(prog="python -m scripts.adapter.base", description=str(__doc__).splitlines()[0])
    p.add_argument("--gguf", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args(argv)
    try:
        unpack(args.gguf, args.out)
    except KeyboardInterrupt:
        return 130
    except (SourceError, SetupError, OSError) as err:
        print(f"base: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
