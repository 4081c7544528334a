"""python -m scripts.testmodels --out testdata/models"""

import argparse
from pathlib import Path

from .repository import write

parser = argparse.ArgumentParser(prog="python -m scripts.testmodels", description=__doc__)
parser.add_argument("--out", type=Path, required=True, help="the repository's folder")
write(parser.parse_args().out)
