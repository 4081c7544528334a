"""`python -m scripts.bench.rivals`: make the rivals' environment, then go on in it with run.py."""

from __future__ import annotations

import os
import sys

from ...bootstrap.files import SetupError
from ...bootstrap.layout import Layout, cache_folder
from . import environment

if __name__ == "__main__":
    if sys.platform != "linux":
        sys.exit("rivals: Linux is needed: processes are stopped in turns, and read from /proc")
    try:
        python = str(environment.make(Layout(cache_folder(os.environ, sys.platform))))
    except SetupError as err:
        sys.exit(f"rivals: {err}")
    os.execv(python, [python, "-m", "scripts.bench.rivals.run", *sys.argv[1:]])
