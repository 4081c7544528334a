"""Where everything lies: the user's cache folder and what is in it."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .files import SetupError

SCRIPTS = Path(__file__).resolve().parent.parent
REQUIREMENTS = SCRIPTS / "requirements.txt"
ORT_VERSION = "1.32.0"
MODEL_NAME = "smollm2-135m-instruct"


def cache_folder(env: Mapping[str, str], platform: str) -> Path:
    """$BEDSIDE_CACHE, else the platform's cache folder for this user (XDG Base Directory 0.8 on Linux)."""
    if env.get("BEDSIDE_CACHE"):
        return Path(env["BEDSIDE_CACHE"]).expanduser().absolute()
    home = env.get("HOME")
    if platform == "darwin" and home:
        return Path(home) / "Library" / "Caches" / "bedside"
    xdg = env.get("XDG_CACHE_HOME", "")
    # The specification asks that a relative path be ignored.
    if xdg and Path(xdg).is_absolute():
        return Path(xdg) / "bedside"
    if not home:
        raise SetupError("neither BEDSIDE_CACHE, XDG_CACHE_HOME nor HOME is set: set BEDSIDE_CACHE to a folder")
    return Path(home) / ".cache" / "bedside"


KERNELS = SCRIPTS.parent / "runtime" / "ort" / "internal" / "kernels"


def operator_sources() -> list[Path]:
    """The C files of our operators."""
    return sorted(p for p in KERNELS.iterdir() if p.suffix in (".c", ".h"))


@dataclass(frozen=True)
class Layout:
    """Paths under one cache folder."""

    cache: Path
    platform: str = sys.platform

    @property
    def venv(self) -> Path:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        key = REQUIREMENTS.read_bytes() + f"\n{version} {os.uname().machine} {self.platform}".encode()
        return self.cache / f"venv-{hashlib.sha256(key).hexdigest()[:12]}"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def downloads(self) -> Path:
        return self.cache / "downloads"

    @property
    def models(self) -> Path:
        return self.cache / "models"

    @property
    def ort_library(self) -> Path:
        ending = "dylib" if self.platform == "darwin" else "so"
        return self.cache / "onnxruntime" / ORT_VERSION / f"libonnxruntime.{ending}"

    @property
    def operators(self) -> Path:
        """Our operators as a library, for Python; a folder for each state of their sources."""
        digest = hashlib.sha256(os.uname().machine.encode())
        for source in operator_sources():
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
        return self.cache / "operators" / digest.hexdigest()[:12] / "libbedside_ops.so"

    def environment(self) -> dict[str, str]:
        """The variables by which the build and the server find all this."""
        return {
            "BEDSIDE_CACHE": str(self.cache), "BEDSIDE_ORT_LIBRARY": str(self.ort_library),
            "BEDSIDE_MODELS": str(self.models), "BEDSIDE_PYTHON": str(self.python),
            "BEDSIDE_OPERATORS": str(self.operators),
        }
