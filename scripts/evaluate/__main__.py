"""Command line: `python3 -m scripts.evaluate MODELFOLDER --corpus FOLDER --split SPLIT --out FOLDER`; --help tells the rest.

Any Python will do to start it. The work is done in the environment of the clients' tests, made on the first call.
"""

from __future__ import annotations

import os
import sys

from .. import testenv
from ..bootstrap.files import SetupError
from ..bootstrap.layout import SCRIPTS, Layout, cache_folder

CLIENT = SCRIPTS.parent / "clients" / "python" / "src"


def main(argv: list[str]) -> int:
    """Goes on in the environment, and so returns only after an error."""
    try:
        python = str(testenv.make(Layout(cache_folder(os.environ, sys.platform)), "--offline" in argv))
    except KeyboardInterrupt:
        print("\nevaluate: interrupted; run it again to go on", file=sys.stderr)
        return 130
    except (SetupError, OSError) as err:
        print(f"evaluate: {err}", file=sys.stderr)
        return 1
    path = os.pathsep.join(filter(None, [str(CLIENT), os.environ.get("PYTHONPATH", "")]))
    sys.stdout.flush()
    rest = [a for a in argv if a != "--offline"]
    os.execve(python, [python, "-m", "scripts.evaluate.main", *rest], os.environ | {"PYTHONPATH": path})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
