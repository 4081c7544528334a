"""Whether an exported model folder is whole and still what the exporter would write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

EXPORT = Path(__file__).resolve().parent.parent / "export"
REQUIREMENTS = EXPORT.parent / "requirements.txt"
MANIFEST = "bedside.json"


def digest_of(paths: Iterable[Path]) -> str:
    """Digest of the files' names and contents, tests and command lines left out."""
    digest = hashlib.sha256()
    for path in paths:
        if not path.name.startswith(("test_", "__main__")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def exporter_digest(heldout: Path) -> str:
    """Digest of everything of ours that the result depends on; a change of it asks for a new export."""
    return digest_of([*sorted(EXPORT.glob("*.py")), REQUIREMENTS, heldout])


def origin(name: str, sha256: str, heldout: Path) -> dict:
    """The manifest's `source`: which weights, which exporter."""
    return {"file": name, "sha256": sha256, "exporter_sha256": exporter_digest(heldout)}


def is_current(folder: Path, source: dict) -> bool:
    """Whether `folder` is a whole export of this source by this exporter (sizes are checked, not digests)."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sizes = all((folder / n).stat().st_size == f["bytes"] for n, f in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return sizes and manifest.get("source") == source
