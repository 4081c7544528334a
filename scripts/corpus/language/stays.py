"""clinosim's stays of all its diseases, for the language models: labelled, trimmed, in sets that share nothing.

    python -m scripts.corpus.language.stays FOLDER --train 100 --validation 10 --test 16

Patients are made in blocks of one disease; a block that is there is kept, so an interrupted run goes on and a larger
cohort holds a smaller one. Each set has seeds of its own. clinosim draws part of a reading's noise from the patient's
number alone, whatever the seed: so every patient of the cohort gets another number, or patients of two sets would share
their noise.

Written are only what models may be told or asked: who the patient is, vital signs and laboratory around the first day,
conditions and orders. Notes, complaints and reports are left behind. The output holds parts of SNOMED CT and CPT: it is
made where it is needed and belongs into no repository.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import logging
import os
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from unittest import mock

import orjson

from ...bootstrap.progress import Progress
from ..cohort import diseases, whole

SEEDS = {"train": 11_000_000, "validation": 12_000_000, "test": 13_000_000}
BLOCK = 20  # patients made together
BEFORE, AFTER = timedelta(hours=6), timedelta(hours=25)  # of readings that are kept, from admission
KEPT = ("Patient", "Encounter", "Condition", "MedicationRequest", "Observation")
CATEGORIES = {"vital-signs", "laboratory"}


@dataclass(frozen=True)
class Block:
    """Up to BLOCK patients of one disease and one set."""

    part: str
    disease: int
    name: str
    number: int
    patients: int

    @property
    def seed(self) -> int:
        """Blocks are at most 9,999 a set."""
        return SEEDS[self.part] + 100 * self.number + self.disease

    @property
    def file(self) -> str:
        """Its file's name below the cohort's folder."""
        return f"{self.part}/{self.disease:02d}-{self.number:04d}-{self.patients:02d}.ndjson.gz"


def blocks(counts: dict[str, int]) -> list[Block]:
    """The blocks of a cohort with so many patients of each disease in each set; the small sets come first."""
    out = []
    for part in sorted(counts, key=lambda part: counts[part]):
        for number, first in enumerate(range(0, counts[part], BLOCK)):
            patients = min(BLOCK, counts[part] - first)
            out += [Block(part, i, name, number, patients) for i, name in enumerate(diseases())]
    return out


def export(block: Block, folder: Path) -> Path:
    """clinosim's own FHIR export of a block, as `clinosim test-disease` makes it but for the notes."""
    from clinosim.modules.output.cif_writer import write_cif
    from clinosim.simulator import engine
    from clinosim.simulator.cli_common import _run_exports
    from clinosim.types.config import ForcedScenario, SimulatorConfig

    first = list(SEEDS).index(block.part) * 10_000_000 + block.disease * 100_000 + block.number * BLOCK
    plain = engine.PersonRecord

    def numbered(**fields):
        number = first + int(fields["person_id"].rsplit("-", 1)[1])
        return plain(**fields | {"person_id": f"FORCED-{number:08d}", "household_id": f"HH-FORCED-{number:08d}"})

    config = SimulatorConfig(random_seed=block.seed, country="US", catchment_population=block.patients)
    silent = io.StringIO()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        with mock.patch.object(engine, "PersonRecord", numbered):
            dataset = engine.run_forced(ForcedScenario(disease_id=block.name, count=block.patients), config)
        write_cif(dataset, str(folder / "cif"))
        _run_exports(["fhir-r4"], str(folder / "cif"), str(folder), "US")
    return folder / "fhir_r4"


def moment(text: str) -> datetime:
    """A FHIR dateTime; clinosim's are all in UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def admissions(folder: Path) -> dict[str, datetime]:
    """When each patient was admitted, by reference."""
    out: dict[str, datetime] = {}
    for text in (folder / "Encounter.ndjson").read_bytes().splitlines():
        encounter = orjson.loads(text)
        if encounter["class"]["code"] == "IMP":
            out[encounter["subject"]["reference"]] = moment(encounter["period"]["start"])
    return out


def kept(resource: dict, admitted: dict[str, datetime]) -> bool:
    """Whether a resource is written: of patients who were admitted, and no reading from another day."""
    if resource["resourceType"] == "Patient":
        return "Patient/" + resource["id"] in admitted
    admission = admitted.get(resource["subject"]["reference"])
    if admission is None:
        return False
    if resource["resourceType"] != "Observation":
        return True
    at = resource.get("effectiveDateTime", "")
    return (
        resource["category"][0]["coding"][0]["code"] in CATEGORIES
        and "T" in at
        and admission - BEFORE <= moment(at) <= admission + AFTER
    )


def make(block: Block, folder: Path) -> tuple[str, int]:
    """Writes a block's file, where it is not there yet; gives its disease and number of patients."""
    target = folder / block.file
    if target.exists():
        return block.name, block.patients
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".block-") as scratch:
        source = export(block, Path(scratch))
        admitted = admissions(source)
        half = Path(scratch) / "half.gz"
        with open(half, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="", compresslevel=4) as out:
            for kind in KEPT:
                for text in (source / f"{kind}.ndjson").read_bytes().splitlines():
                    resource = orjson.loads(text)
                    if kept(resource, admitted):
                        resource.pop("text", None)
                        out.write(orjson.dumps(whole(resource)) + b"\n")
        os.replace(half, target)
    return block.name, block.patients


def write(folder: Path, counts: dict[str, int], processes: int) -> None:
    """All blocks of a cohort."""
    todo = blocks(counts)
    for part in counts:
        (folder / part).mkdir(parents=True, exist_ok=True)
    total, done = sum(block.patients for block in todo), 0
    with Progress(f"generating {total} stays", total) as progress, Pool(processes) as pool:
        for name, patients in pool.imap_unordered(partial(make, folder=folder), todo):
            done += patients
            progress.update(done, name)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    for part, patients in (("train", 100), ("validation", 10), ("test", 16)):
        parser.add_argument(f"--{part}", type=int, default=patients, help="patients of each disease")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    try:
        write(args.folder, {part: getattr(args, part) for part in SEEDS}, args.processes)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
