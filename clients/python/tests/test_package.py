"""What is shipped."""

import subprocess
import sys
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]


def test_the_wheel_has_all_that_is_imported(tmp_path):
    run(["-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], FOLDER)
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package, info = "bedside_client", wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"
    assert {n.split("/")[0] for n in names} == {package, info}
    assert {f"{package}/{n}" for n in ("py.typed", "v1/generation_pb2.pyi", "v1/model_pb2_grpc.py")} <= names
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import {package} as b; print(b.__file__); b.Client().close()"
    assert run(["-c", code], tmp_path).startswith(str(wheel))


def test_types():
    run(["-m", "mypy"], FOLDER)


def run(arguments, folder):
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
