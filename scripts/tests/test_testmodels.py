"""The committed test models are those that the script writes."""

from pathlib import Path

from scripts.testmodels.repository import write

COMMITTED = Path(__file__).resolve().parents[2] / "testdata" / "models"


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_committed_models_are_current(tmp_path):
    write(tmp_path)
    want, got = contents(tmp_path), contents(COMMITTED)
    assert list(got) == list(want)
    stale = [name for name in want if got[name] != want[name]]
    assert not stale, "run: python -m scripts.testmodels --out testdata/models"
    assert sum(map(len, got.values())) < 200 * 1024
