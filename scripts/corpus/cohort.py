"""A clean cohort with labels: clinosim's stays of all its diseases, and what devices would have filed of each patient.

    python -m scripts.corpus.cohort FOLDER --patients 2 --hours 6 --seed 9000000

Writes FHIR bulk export (a file for each type of resource) and labels.txt (patient, tab, disease). Same parameters, same
bytes. It runs in the corpora's own environment; `python3 -m scripts.corpus cohort` makes that and calls this.

clinosim gives the patients of each disease the same ids, so every id gets the disease's number in front. Its output holds
parts of SNOMED CT and CPT: it is made where it is needed and belongs into no repository.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import sys
from collections import defaultdict
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import orjson

from ..bootstrap.progress import Progress
from . import monitor

# Of the hospital, not of a patient: kept as they are, once.
SHARED = {"Organization", "Location", "Practitioner", "PractitionerRole", "Device"}
REFERENCE = re.compile(rb'"reference":"([A-Za-z]+)/')
MARK = "c000d{:02d}-"  # before ids: the copy (see replicate.py) and the disease
FIRST_MINUTES = 20  # a monitor is attached so long before the first charted vital sign, at most
LEAST_MINUTES = 60


def diseases() -> list[str]:
    """The names of the diseases that clinosim makes stays of, in order."""
    from clinosim.modules import disease

    return sorted(p.stem for p in (Path(disease.__file__).parent / "reference_data").glob("*.yaml"))


def stays(disease: str, patients: int, seed: int, folder: Path) -> Path:
    """clinosim's own export of one disease."""
    from clinosim.simulator.cli import main

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        given, sys.argv = (
            sys.argv,
            [
                "clinosim",
                "test-disease",
                disease,
                "-n",
                str(patients),
                "-s",
                str(seed),
                "--format",
                "fhir-r4",
                "-o",
                str(folder),
            ],
        )
        try:
            main()
        finally:
            sys.argv = given
    return folder / "fhir_r4"


def whole(value):
    """A JSON value without empty texts, lists and objects: FHIR has none (R4 section 2.6.2), clinosim writes some."""
    if isinstance(value, dict):
        return {k: v for k, v in ((k, whole(v)) for k, v in value.items()) if v not in ("", [], {})}
    if isinstance(value, list):
        return [v for v in map(whole, value) if v not in ("", [], {})]
    return value


def line(resource: dict, mark: bytes) -> bytes:
    """One line of NDJSON, its ids and references with the mark in front where they are a patient's."""
    resource = whole(resource)
    if resource["resourceType"] not in SHARED:
        resource["id"] = mark.decode() + resource["id"]

    def marked(match: re.Match) -> bytes:
        return match[0] if match[1].decode() in SHARED else match[0] + mark

    return REFERENCE.sub(marked, orjson.dumps(resource)) + b"\n"


def charted(observation: dict) -> list[tuple[str, float]]:
    """The numbers of an observation, by LOINC code."""
    out = []
    for part in [observation, *observation.get("component", [])]:
        value = part.get("valueQuantity", {}).get("value")
        if value is not None:
            out.append((part["code"]["coding"][0]["code"], float(value)))
    return out


def attach(rng: np.random.Generator, patient: str, vitals: list[dict], hours: int) -> list[dict]:
    """What a monitor and an oximeter file of a patient; nothing where the stay is too short for it."""
    if not vitals:
        return []
    times = [np.datetime64(o["effectiveDateTime"].rstrip("Z"), "s") for o in vitals]
    start = min(times) - np.timedelta64(60 * int(rng.integers(0, FIRST_MINUTES)), "s")
    minutes = min(60 * hours, max(LEAST_MINUTES, int((max(times) - start) / np.timedelta64(60, "s")) + 1))
    levels = defaultdict(list)
    for at, o in sorted(zip(times, vitals), key=lambda pair: pair[0]):
        for code, value in charted(o):
            levels[code].append((int((at - start) / np.timedelta64(60, "s")), value))
    encounter = vitals[0].get("encounter", {}).get("reference", "")
    return [*monitor.devices(patient), *monitor.observations(rng, patient, encounter, start, minutes, levels)]


def disease_part(job: tuple[int, str, int, int, int, Path]) -> tuple[str, list[str]]:
    """Makes one disease's files below a folder of their own; gives its name and its patients' ids."""
    number, disease, patients, hours, seed, folder = job
    part = folder / f"{number:02d}"
    source = stays(disease, patients, seed + number, part / "clinosim")
    mark, ids = MARK.format(number).encode(), []
    vitals: dict[str, list[dict]] = defaultdict(list)
    for file in sorted(source.glob("*.ndjson")):
        with open(part / file.name, "wb") as out:
            for text in file.read_bytes().splitlines():
                resource = orjson.loads(text)
                if (
                    file.stem == "Observation"
                    and resource["category"][0]["coding"][0]["code"] == "vital-signs"
                    and "T" in resource.get("effectiveDateTime", "")
                ):
                    vitals[resource["subject"]["reference"]].append(resource)
                out.write(line(resource, mark))
                if file.stem == "Patient":
                    ids.append(mark.decode() + resource["id"])
    shutil.rmtree(part / "clinosim")
    with open(part / "Observation.ndjson", "ab") as readings, open(part / "Device.ndjson", "ab") as instruments:
        for n, patient in enumerate(ids):
            rng = np.random.default_rng([seed, number, n])
            for resource in attach(
                rng, patient.removeprefix(mark.decode()), vitals["Patient/" + patient.removeprefix(mark.decode())], hours
            ):
                own = resource["resourceType"] == "Device"
                (instruments if own else readings).write(own_line(resource, mark))
    return disease, ids


def own_line(resource: dict, mark: bytes) -> bytes:
    """As `line`, for what devices file: their Device is the patient's own."""
    resource["id"] = mark.decode() + resource["id"]
    return REFERENCE.sub(lambda match: match[0] + mark, orjson.dumps(resource)) + b"\n"


def join(parts: Path, folder: Path) -> None:
    """One file for each type of all diseases' files; what they share is written once."""
    for name in sorted({file.name for file in parts.glob("*/*.ndjson")}):
        seen: set[bytes] = set()
        with open(folder / name, "wb") as out:
            for file in sorted(parts.glob(f"*/{name}")):
                with open(file, "rb") as lines:
                    for text in lines:
                        if file.stem in SHARED and text in seen:
                            continue
                        if file.stem in SHARED:
                            seen.add(text)
                        out.write(text)


def write(folder: Path, patients: int, hours: int, seed: int, processes: int) -> None:
    """The whole cohort."""
    names, parts = diseases(), folder / "parts"
    for number in range(len(names)):
        (parts / f"{number:02d}").mkdir(parents=True)
    jobs = [(number, name, patients, hours, seed, parts) for number, name in enumerate(names)]
    labels = {}
    with Progress(f"generating {patients * len(names)} patients", len(jobs)) as progress, Pool(processes) as pool:
        for done, (disease, ids) in enumerate(pool.imap_unordered(disease_part, jobs), start=1):
            labels.update(dict.fromkeys(ids, disease))
            progress.update(done, disease)
    join(parts, folder)
    shutil.rmtree(parts)
    (folder / "labels.txt").write_text("".join(f"{i}\t{labels[i]}\n" for i in sorted(labels)), encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, default=2, help="of each disease")
    parser.add_argument("--hours", type=int, default=6, help="on a monitor, at most")
    parser.add_argument("--seed", type=int, default=9_000_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    try:
        write(args.folder, args.patients, args.hours, args.seed, args.processes)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
