"""Generated stays as FHIR: what a corpus' patients were before anything was cleaned, hidden or evened out."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from .corpus import Corpus, CorpusError

RXNORM, ICD = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/icd-10-cm"
LOINC = "http://loinc.org"
DAY = 24 * 3600


@dataclass(frozen=True)
class Stay:
    """A patient's resources, and the ICD-10-CM code of what the patient was admitted for."""

    patient: str
    disease: str
    resources: tuple[dict, ...]

    def of(self, kind: str) -> list[dict]:
        """The resources of a type."""
        return [r for r in self.resources if r["resourceType"] == kind]

    @cached_property
    def admitted(self) -> datetime:
        """The start of the inpatient stay."""
        return min(moment(e["period"]["start"]) for e in self.of("Encounter") if e["class"]["code"] == "IMP")


def moment(text: str) -> datetime:
    """A FHIR dateTime with a time of day."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def code(concept: dict, system: str) -> str:
    """A concept's code in a system, or nothing."""
    return next((c["code"] for c in concept.get("coding", []) if c.get("system") == system), "")


def read(corpus: Corpus, split: str, folder: Path | None = None) -> list[Stay]:
    """The stays of a split's patients, by patient. Without a folder they are looked for beside the corpus, where
    `python3 -m scripts.corpus language` keeps them."""
    wanted = {e.patient: e.disease for e in corpus.examples(split, ["diagnosis"])}
    for candidate in [folder] if folder else sorted(corpus.folder.parent.glob("stays-*")):
        found: dict[str, list[dict]] = defaultdict(list)
        for path in sorted((candidate / split).glob("*.ndjson.gz")):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    resource = json.loads(line)
                    subject = resource.get("subject", {}).get("reference", f"Patient/{resource['id']}")
                    patient = subject.removeprefix("Patient/")
                    if patient in wanted:
                        found[patient].append(resource)
        if len(found) == len(wanted):
            return [Stay(patient, wanted[patient], tuple(found[patient])) for patient in sorted(found)]
    raise CorpusError(f"no folder with the stays of {corpus.folder.name}'s {split} patients: name it with --stays")


def bundle(resources: Iterable[dict]) -> str:
    """Resources as one document."""
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]})


def hidden(stay: Stay) -> list[dict]:
    """Who the patient is, the stay and the readings: without whatever gives the diagnosis or the treatment away."""
    out = stay.of("Patient") + stay.of("Observation")
    for encounter in stay.of("Encounter"):
        kept = {k: v for k, v in encounter.items() if k in ("resourceType", "id", "class", "subject")}
        out.append(kept | {"status": "in-progress", "period": {"start": encounter["period"]["start"]}})
    return out


def wordless(stay: Stay) -> list[dict]:
    """The record without the codes of what was measured, found and ordered: their words alone are left."""
    return [_without_codes(r) for r in stay.resources]


def _without_codes(resource: dict) -> dict:
    out = dict(resource)
    for field in ("code", "medicationCodeableConcept"):
        if concept := out.get(field):
            words = concept.get("text") or next((c["display"] for c in concept.get("coding", []) if c.get("display")), "")
            out[field] = {"text": words} if words else concept
    if "component" in out:
        out["component"] = [_without_codes(part) for part in out["component"]]
    return out


def allergy(patient: str, rxnorm: str, name: str) -> dict:
    """A grave allergy to a drug, which the generated stays have none of."""
    status = "http://terminology.hl7.org/CodeSystem/allergyintolerance-"
    return {
        "resourceType": "AllergyIntolerance", "id": "made-up-allergy", "patient": {"reference": f"Patient/{patient}"},
        "criticality": "high", "code": {"text": name, "coding": [{"system": RXNORM, "code": rxnorm, "display": name}]},
        "clinicalStatus": {"coding": [{"system": status + "clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": status + "verification", "code": "confirmed"}]},
    }


def ordered(stay: Stay) -> set[str]:
    """RxNorm codes of what was ordered up to a day after admission."""
    return {
        rxnorm for r in stay.of("MedicationRequest")
        if (moment(r["authoredOn"]) - stay.admitted).total_seconds() <= DAY
        and (rxnorm := code(r["medicationCodeableConcept"], RXNORM))
    }
