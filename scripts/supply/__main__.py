"""Checks what Bedside is made of: `make supply-chain` does all of it. Without network all but `vulnerabilities` works."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import bill, packages, reproduce

OUT = packages.ROOT / ".build" / "supply"


def go() -> str:
    return os.environ.get("GO", "go")


def hashes(_: argparse.Namespace) -> None:
    """Every Python package is pinned to a version and its SHA-256."""
    count = sum(len(packages.requirements(path)) for path in packages.files())
    print(f"hashes: {count} Python packages in {len(packages.files())} files, each with its SHA-256")


def modules(_: argparse.Namespace) -> None:
    """The Go modules on this machine are those that go.sum has the hashes of."""
    for folder, file in ((".", "go.mod"), ("scripts/tools", "go.mod"), ("cmd/bedside-beam", "go.mod")):
        done = subprocess.run([go(), "mod", "verify"], cwd=packages.ROOT / folder, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"modules: {folder}/{file}:\n{done.stdout}{done.stderr}")
    print("modules: as in go.sum")


def sbom(args: argparse.Namespace) -> None:
    """The bill of materials and the report of licences."""
    import json
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        whole = bill.of_program(go(), Path(args.program).resolve(), args.version, Path(scratch))
    bill.add_python(whole)
    bill.add_models(whole)
    (OUT / "bedside.cdx.json").write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (OUT / "licences.tsv").write_text(bill.table(whole), encoding="utf-8")
    if wrong := bill.not_allowed(whole):
        sys.exit("sbom: licences that linked modules may not have (scripts/supply/bill.py lists those they may):\n  "
                 + "\n  ".join(wrong))
    print(f"sbom: {len(whole['components'])} components in {OUT / 'bedside.cdx.json'}, their licences in licences.tsv")


def reproducible(args: argparse.Namespace) -> None:
    """Two builds, in two folders with two caches, are the same bytes."""
    digests = []
    for length in (8, 24):  # a path of another length would show
        with tempfile.TemporaryDirectory(prefix="b" * length) as folder:
            digests.append(reproduce.build(go(), Path(folder), args.version))
    if digests[0] != digests[1]:
        sys.exit(f"reproducible: two builds differ: {digests[0]} and {digests[1]}")
    print(f"reproducible: both builds are sha256:{digests[0]}")


def vulnerabilities(_: argparse.Namespace) -> None:
    """Known weaknesses that the program reaches. The list of them comes over the network."""
    command = [go(), "tool", "-modfile=scripts/tools/go.mod", "govulncheck", "./..."]
    done = subprocess.run(command, cwd=packages.ROOT, capture_output=True, text=True)
    if done.returncode == 0:
        print("vulnerabilities: none known that is reached")
    elif done.returncode == 3:  # govulncheck's own: it found some
        sys.exit("vulnerabilities:\n" + done.stdout)
    else:
        sys.exit("vulnerabilities: NOT CHECKED. govulncheck needs the network for its list of known weaknesses:\n  "
                 + (done.stderr.strip() or done.stdout.strip()))


STEPS = {f.__name__: f for f in (hashes, modules, sbom, reproducible, vulnerabilities)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.supply", description=__doc__)
    parser.add_argument("step", choices=["all", *STEPS], help="; ".join(f"{name}: {f.__doc__}" for name, f in STEPS.items()))
    parser.add_argument("--program", default=packages.ROOT / "bin" / "bedside", help="the program that the bill is of")
    parser.add_argument("--version", default="dev")
    args = parser.parse_args()
    failed = []
    for name, step in STEPS.items() if args.step == "all" else [(args.step, STEPS[args.step])]:
        try:
            step(args)
        except (SystemExit, packages.NotPinned) as problem:
            print(problem, file=sys.stderr)
            failed.append(name)
    if failed:
        sys.exit("supply chain: " + ", ".join(failed) + " failed")


if __name__ == "__main__":
    main()
