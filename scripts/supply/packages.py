"""The Python packages that files of requirements name, each with the hashes that pip holds it against."""

import re
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = ("requirements*.txt", "weights*.txt")
PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[a-z0-9_,-]+\])?==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class NotPinned(Exception):
    """A requirement that pip would take whatever it is sent for."""


def files(root: Path = ROOT) -> list[Path]:
    """Every file that pip installs from; what pip makes them of (.in) and hidden folders aside."""
    found = [path for pattern in FILES for path in root.rglob(pattern)]
    def hidden(path: Path) -> bool:
        return any(part.startswith(".") or part == "node_modules" for part in path.relative_to(root).parts)
    return sorted(path for path in found if not hidden(path))


def requirements(path: Path) -> list[dict]:
    """The requirements of one file: name, version and hashes. One without either is refused."""
    out = []
    for line in re.sub(r"\\\n", " ", path.read_text(encoding="utf-8")).splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if not line:
            continue
        pin, hashes = PIN.match(line), HASH.findall(line)
        if pin is None or not hashes:
            raise NotPinned(f"{path}: {line.split(' --')[0]}: no exact version with a SHA-256")
        condition = line.partition(";")[2].split("--")[0].strip()
        out.append({"name": pin[1], "version": pin[2], "hashes": hashes, "condition": condition})
    return out


def licence(name: str, version: str) -> str:
    """What the installed package says of its licence; empty where it is not installed in this version."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    if about["Version"] != version:
        return ""
    if about["License-Expression"]:
        return about["License-Expression"]
    classifiers = about.get_all("Classifier") or []
    named = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: OSI Approved ::")]
    short = (about["License"] or "").strip()
    return " AND ".join(named) or (short if len(short) < 60 else "")
