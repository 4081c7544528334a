"""python -m scripts.testmodels --out testdata"""

import argparse
from pathlib import Path

from . import genai, repository

parser = argparse.ArgumentParser(prog="python -m scripts.testmodels", description="Write models/ and genai/.")
parser.add_argument("--out", type=Path, required=True, help="where both folders go")
out = parser.parse_args().out
repository.write(out / "models")
genai.write(out / "genai")
