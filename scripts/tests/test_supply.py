"""The bill of materials and the pins of Python packages."""

from pathlib import Path

import pytest

from scripts.supply import bill, packages

DIGEST = "a" * 64


def test_every_package_of_this_repository_is_pinned() -> None:
    found = packages.files()
    assert packages.ROOT / "scripts" / "requirements.txt" in found
    assert packages.ROOT / "clients" / "python" / "requirements-test.txt" in found
    assert sum(len(packages.requirements(path)) for path in found) > 50


@pytest.mark.parametrize("line", [
    "numpy", "numpy>=2", "numpy==2.2", f"numpy>=2 --hash=sha256:{DIGEST}", "git+https://a.example/b.git",
    "numpy==2.2 --hash=md5:00",
])
def test_what_is_not_pinned_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"# one\nok==1 \\\n    --hash=sha256:{DIGEST}\n{line}\n")
    with pytest.raises(packages.NotPinned, match="no exact version"):
        packages.requirements(path)


def test_what_a_line_says(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    hashes = f"    --hash=sha256:{DIGEST} \\\n    --hash=sha256:{DIGEST}\n    # via x\n"
    path.write_text(f"a.b[c]==1.2.3 ; sys_platform != 'win32' \\\n{hashes}")
    assert packages.requirements(path) == [
        {"name": "a.b", "version": "1.2.3", "hashes": [DIGEST] * 2, "condition": "sys_platform != 'win32'"},
    ]


def test_licences() -> None:
    def module(name: str, *ids: str) -> dict:
        licences = [{"license": {"id": i}} for i in ids]
        return {"name": name, "version": "v1", "purl": f"pkg:golang/{name}@v1", "evidence": {"licenses": licences}}
    whole = {"components": [
        module("a", "MIT"), module("b", "AGPL-3.0-only"), module("c"), module("d", "MIT", "GPL-2.0-only"),
    ]}
    assert [line.split()[0] for line in bill.not_allowed(whole)] == ["b", "c", "d"]
    bill.add_python(whole)
    bill.add_models(whole)
    by_name = {c["name"]: c for c in whole["components"]}
    assert by_name["onnxruntime"]["scope"] == "required"
    assert by_name["pytest"]["scope"] == "optional"
    assert by_name["bedside-gru"]["properties"]
    assert "pytest\t" in bill.table(whole)
