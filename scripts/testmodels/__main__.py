"""python -m scripts.testmodels --out testdata"""

import argparse
from pathlib import Path

from . import device, fused, genai, repository, traps

parser = argparse.ArgumentParser(prog="python -m scripts.testmodels", description="Write the folders of test models.")
parser.add_argument("--out", type=Path, required=True, help="where the folders go")
out = parser.parse_args().out
repository.write(out / "models")
genai.write(out / "genai")
device.write(out / "device")
fused.write(out / "fused")
traps.write(out / "traps")
