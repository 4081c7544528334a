"""The environment that training runs in: packages of its own, and a memory allocator told to keep what it has.

Nothing but the standard library is needed here: `python3 -m scripts.train.environment` prints its Python, made if need be.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .. import testenv
from ..bootstrap.files import SetupError
from ..bootstrap.layout import Layout, cache_folder

REQUIREMENTS = Path(__file__).resolve().parent / "requirements.txt"
# A step needs some hundred megabytes for a moment. glibc gives such blocks back at once and gets them anew, page by page,
# which costs an addition five times what it is; so it is told to keep them, in large pages.
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(64 << 20),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


def python(offline: bool = False) -> Path:
    """The environment's Python."""
    return testenv.make(Layout(cache_folder(os.environ, sys.platform)), offline, REQUIREMENTS, "training")


def variables(env: Mapping[str, str]) -> dict[str, str]:
    """The variables training runs under; what is set already stays."""
    return {"KERAS_BACKEND": "jax", "TOKENIZERS_PARALLELISM": "true"} | ALLOCATOR | dict(env)


if __name__ == "__main__":
    try:
        print(python())
    except KeyboardInterrupt:
        sys.exit(130)
    except (SetupError, OSError) as err:
        sys.exit(f"train: {err}")
