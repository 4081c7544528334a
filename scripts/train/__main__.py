"""Command line: `python3 -m scripts.train --size tiny` trains the four kinds of language models; --help tells the rest.

Any Python will do to start it. The work is done in an environment of its own, made on the first call.
"""

from __future__ import annotations

import os
import sys

from ..bootstrap.files import SetupError
from . import environment


def main(argv: list[str]) -> int:
    """Goes on in the environment, and so returns only after an error."""
    offline = "--offline" in argv
    rest = [a for a in argv if a != "--offline"]
    module, rest = (rest[0], rest[1:]) if rest[:1] in (["parity"], ["speed"], ["lora"]) else ("main", rest)
    try:
        python = str(environment.python(offline))
    except KeyboardInterrupt:
        print("\ntrain: interrupted; run it again to go on", file=sys.stderr)
        return 130
    except (SetupError, OSError) as err:
        print(f"train: {err}", file=sys.stderr)
        return 1
    sys.stdout.flush()
    os.execve(python, [python, "-m", f"scripts.train.{module}", *rest], environment.variables(os.environ))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
