"""Writes the sample records beside this script. Every person in them is invented.

Run it after a change: python3 testdata/records/generate.py
"""

import json
import math
import pathlib
import re
from datetime import datetime, timedelta, timezone

HERE = pathlib.Path(__file__).parent
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
CVX = "http://hl7.org/fhir/sid/cvx"
MDC = "urn:iso:std:iso:11073:10101"
HL7 = "http://terminology.hl7.org/CodeSystem/"
ZONE = timezone(timedelta(hours=1))


def number(text):
    """A number that keeps its digits (7.40, not 7.4); write() takes the marks off."""
    return f"@@{text}@@"


def concept(system, code, display, text=None):
    out = {"coding": [{"system": system, "code": code, "display": display}]}
    if text:
        out["text"] = text
    return out


def term(name, code):
    return concept(HL7 + name, code, code.replace("-", " "))


def quantity(value, unit, code):
    return {"value": number(value), "unit": unit, "system": UCUM, "code": code}


class Bundle:
    def __init__(self, start):
        self.start = start
        self.resources = []
        self.counts = {}

    def at(self, hours):
        return (self.start + timedelta(hours=hours)).isoformat()

    def add(self, kind, rid=None, **fields):
        if rid is None:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            rid = f"{kind.lower()}-{self.counts[kind]}"
        resource = {"resourceType": kind, "id": rid, **fields}
        self.resources.append(resource)
        return resource

    def observe(self, rid, hours, code, display, value=None, category="laboratory", **fields):
        out = self.add(
            "Observation", rid, status="final", category=[term("observation-category", category)],
            code=concept(LOINC, code, display), subject={"reference": "Patient/" + self.patient},
            encounter={"reference": "Encounter/" + self.encounter}, effectiveDateTime=self.at(hours),
        )
        if value:
            out["valueQuantity"] = quantity(*value)
        out.update(fields)
        return out

    def lab(self, rid, hours, code, display, value, low=None, high=None, flag=None, **fields):
        if low or high:
            ref = {}
            if low:
                ref["low"] = quantity(low, *value[1:])
            if high:
                ref["high"] = quantity(high, *value[1:])
            fields["referenceRange"] = [ref]
        if flag:
            fields["interpretation"] = [term("v3-ObservationInterpretation", flag)]
        return self.observe(rid, hours, code, display, value, **fields)

    def pressure(self, rid, hours, systolic, diastolic, device=None):
        parts = [("8480-6", "Systolic blood pressure", systolic), ("8462-4", "Diastolic blood pressure", diastolic)]
        fields = {"device": {"reference": device}} if device else {}
        self.observe(
            rid, hours, "85354-9", "Blood pressure panel", category="vital-signs", **fields,
            component=[{"code": concept(LOINC, c, d), "valueQuantity": quantity(v, "mmHg", "mm[Hg]")} for c, d, v in parts],
        )

    def json(self):
        entries = [{"fullUrl": f"https://hospital.example/fhir/{r['resourceType']}/{r['id']}", "resource": r} for r in self.resources]
        return {"resourceType": "Bundle", "type": "collection", "entry": entries}

    def write(self, name):
        write(name, self.json())


def write(name, value):
    (HERE / name).write_text(text(value) + "\n", encoding="utf-8")


def text(value):
    return re.sub(r'"@@(.*?)@@"', r"\1", json.dumps(value, indent=1, ensure_ascii=False))


def ecg(seconds, rate_hz, beats_per_minute):
    """A lead II strip in microvolts: one sum of Gaussians (P, Q, R, S, T) per beat."""
    waves = [(0.16, 0.025, 120), (0.27, 0.010, -110), (0.30, 0.012, 1050), (0.33, 0.011, -240), (0.50, 0.045, 280)]
    length = 60 / beats_per_minute
    out = []
    for i in range(int(seconds * rate_hz)):
        t = i / rate_hz
        phase = t % length
        v = sum(a * math.exp(-((phase - c * min(1, length / 0.8)) ** 2) / (2 * w * w)) for c, w, a in waves)
        v += 25 * math.sin(2 * math.pi * 0.3 * t)  # breathing moves the baseline
        out.append(str(round(v)))
    return " ".join(out)


def sepsis():
    b = Bundle(datetime(2026, 3, 14, 6, 0, tzinfo=ZONE))
    b.patient, b.encounter = "p-1001", "enc-1"
    me, enc = {"reference": "Patient/p-1001"}, {"reference": "Encounter/enc-1"}
    monitor, gas = {"reference": "Device/dev-monitor"}, {"reference": "Device/dev-bga"}
    b.add("Patient", "p-1001", name=[{"family": "Beispiel", "given": ["Erika"]}], gender="female", birthDate="1958-09-02",
          deceasedBoolean=False)
    b.add("Encounter", "enc-1", status="in-progress", **{"class": {"system": HL7 + "v3-ActCode", "code": "IMP"}},
          subject=me, serviceType={"text": "Intensive care"}, period={"start": b.at(0)},
          reasonCode=[concept(ICD10CM, "J18.9", "Pneumonia, unspecified organism", "Fever, cough and shortness of breath")])
    for rid, code, display, maker, model in [
        ("dev-monitor", "69965", "MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS", "Example Medical", "BM-5"),
        ("dev-pump", None, "Infusion pump", "Example Medical", "IP-2"),
        ("dev-bga", None, "Blood gas analyser", "Example Diagnostics", "BG-40"),
    ]:
        kind = concept(MDC, code, display, "Bedside monitor") if code else {"text": display}
        b.add("Device", rid, status="active", type=kind, manufacturer=maker, modelNumber=model, patient=me)

    hours = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12]
    heart = [118, 122, 126, 124, 119, 114, 110, 104, 98, 94]
    upper = [92, 86, 82, 88, 94, 98, 102, 106, 110, 114]
    lower = [52, 48, 44, 47, 52, 55, 57, 60, 62, 64]
    breath = [28, 30, 32, 30, 28, 26, 25, 24, 22, 20]
    oxygen = [88, 87, 90, 91, 92, 93, 94, 94, 95, 96]
    heat = ["39.2", "39.4", "39.6", "39.3", "38.9", "38.6", "38.4", "38.1", "37.8", "37.6"]
    vital = {"category": "vital-signs", "device": monitor}
    for h, hr, s, d, rr, o, t in zip(hours, heart, upper, lower, breath, oxygen, heat):
        b.observe(f"hr-{h:02d}", h, "8867-4", "Heart rate", (str(hr), "beats/minute", "/min"), **vital)
        b.pressure(f"bp-{h:02d}", h, str(s), str(d), "Device/dev-monitor")
        b.observe(f"rr-{h:02d}", h, "9279-1", "Respiratory rate", (str(rr), "breaths/minute", "/min"), **vital)
        b.observe(f"spo2-{h:02d}", h, "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", (str(o), "%", "%"), **vital)
        b.observe(f"temp-{h:02d}", h, "8310-5", "Body temperature", (t, "°C", "Cel"), **vital)
    # The monitor sent one reading again.
    again = dict(next(r for r in b.resources if r["id"] == "hr-06"))
    b.resources.append(again)

    for h, v, f in [(0, "4.8", "HH"), (3, "4.1", "HH"), (6, "2.9", "H"), (12, "1.8", "N")]:
        b.lab(f"lactate-{h:02d}", h, "2524-7", "Lactate [Moles/volume] in Serum or Plasma", (v, "mmol/L", "mmol/L"), "0.5", "2.0", f)
    for h, v in [(0, "19.4"), (12, "15.2")]:
        b.lab(f"wbc-{h:02d}", h, "6690-2", "Leukocytes [#/volume] in Blood by Automated count", (v, "10^9/L", "10*9/L"), "4.0", "10.0", "H")
    for h, v in [(0, "236"), (12, "264")]:
        b.lab(f"crp-{h:02d}", h, "1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", (v, "mg/L", "mg/L"), None, "5", "H")
    for h, v, f in [(0, "1.92", "H"), (12, "1.41", "H")]:
        b.lab(f"creatinine-{h:02d}", h, "2160-0", "Creatinine [Mass/volume] in Serum or Plasma", (v, "mg/dL", "mg/dL"), "0.50", "1.10", f)
    b.lab("procalcitonin-00", 0, "33959-8", "Procalcitonin [Mass/volume] in Serum or Plasma", ("18.6", "ng/mL", "ng/mL"), None, "0.5", "H")
    b.lab("platelets-00", 0, "777-3", "Platelets [#/volume] in Blood by Automated count", ("128", "10^9/L", "10*9/L"), "150", "400", "L")
    b.lab("potassium-00", 0, "2823-3", "Potassium [Moles/volume] in Serum or Plasma", ("4.6", "mmol/L", "mmol/L"), "3.5", "5.1", "N")
    b.lab("sodium-00", 0, "2951-2", "Sodium [Moles/volume] in Serum or Plasma", ("133", "mmol/L", "mmol/L"), "136", "145", "L")
    b.lab("glucose-00", 0, "2345-7", "Glucose [Mass/volume] in Serum or Plasma", ("182", "mg/dL", "mg/dL"), "70", "140", "H")
    for h, ph, co2, o2, bic in [(0, "7.28", "33", "58", "15.2"), (12, "7.40", "38", "84", "23.1")]:
        for name, code, display, v, low, high, f in [
            ("ph", "2744-1", "pH of Arterial blood", (ph, "pH", "[pH]"), "7.35", "7.45", "L" if h == 0 else "N"),
            ("pco2", "2019-8", "Carbon dioxide [Partial pressure] in Arterial blood", (co2, "mmHg", "mm[Hg]"), "35", "45", "L" if h == 0 else "N"),
            ("po2", "2703-7", "Oxygen [Partial pressure] in Arterial blood", (o2, "mmHg", "mm[Hg]"), "75", "100", "L" if h == 0 else "N"),
            ("hco3", "1960-4", "Bicarbonate [Moles/volume] in Arterial blood", (bic, "mmol/L", "mmol/L"), "22.0", "26.0", "L" if h == 0 else "N"),
        ]:
            b.lab(f"{name}-{h:02d}", h, code, display, v, low, high, f, device=gas)
    b.observe("ecg-00", 0, "", "", category="procedure", device=monitor, valueSampledData={
        "origin": quantity("0", "µV", "uV"), "period": 8, "factor": 1, "dimensions": 1, "data": ecg(4, 125, 118)})
    b.resources[-1]["code"] = concept(MDC, "131330", "MDC_ECG_ELEC_POTL_II", "ECG lead II")

    for code, display, category, clinical, verified in [
        ("A41.9", "Sepsis, unspecified organism", "encounter-diagnosis", "active", "confirmed"),
        ("J18.9", "Pneumonia, unspecified organism", "encounter-diagnosis", "active", "provisional"),
        ("N17.9", "Acute kidney failure, unspecified", "encounter-diagnosis", "active", "provisional"),
        ("I10", "Essential (primary) hypertension", "problem-list-item", "active", "confirmed"),
    ]:
        b.add("Condition", clinicalStatus=term("condition-clinical", clinical), verificationStatus=term("condition-ver-status", verified),
              category=[term("condition-category", category)], code=concept(ICD10CM, code, display), subject=me, encounter=enc,
              recordedDate=b.at(1 if category == "encounter-diagnosis" else 0))
    b.add("AllergyIntolerance", clinicalStatus=term("allergyintolerance-clinical", "active"),
          verificationStatus=term("allergyintolerance-verification", "confirmed"), criticality="high",
          code=concept(RXNORM, "7980", "penicillin G", "Penicillin"), patient=me, recordedDate="2011",
          reaction=[{"manifestation": [{"text": "Urticaria"}]}])
    drug = lambda code, name: concept(RXNORM, code, name)
    for code, name, text, dose, hour, once in [
        ("82122", "levofloxacin", "750 mg intravenously every 24 hours", ("750", "mg", "mg"), 0.5, True),
        ("11124", "vancomycin", "1500 mg intravenously once, then by level", ("1500", "mg", "mg"), 0.75, True),
        ("161", "acetaminophen", "1000 mg by mouth every 6 hours as needed for fever", ("1000", "mg", "mg"), 1, False),
    ]:
        route = {"text": "oral" if code == "161" else "intravenous"}
        b.add("MedicationRequest", status="active", intent="order", medicationCodeableConcept=drug(code, name), subject=me, encounter=enc,
              authoredOn=b.at(hour), dosageInstruction=[{"text": text, "route": route, "doseAndRate": [{"doseQuantity": quantity(*dose)}]}])
        if once:
            b.add("MedicationAdministration", status="completed", medicationCodeableConcept=drug(code, name), subject=me, context=enc,
                  effectivePeriod={"start": b.at(hour + 0.25), "end": b.at(hour + 1.25)}, dosage={"route": route, "dose": quantity(*dose)})
    b.add("MedicationAdministration", status="completed", medicationCodeableConcept=drug("9863", "sodium chloride"), subject=me, context=enc,
          effectivePeriod={"start": b.at(0.25), "end": b.at(1.5)},
          dosage={"text": "Balanced fluid resuscitation with saline 0.9 %", "route": {"text": "intravenous"}, "dose": quantity("2000", "mL", "mL")})
    for start, end, rate, status in [(2, 6, "0.12", "completed"), (6, None, "0.05", "in-progress")]:
        period = {"start": b.at(start)} | ({"end": b.at(end)} if end else {})
        b.add("MedicationAdministration", status=status, medicationCodeableConcept=drug("7512", "norepinephrine"), subject=me, context=enc,
              effectivePeriod=period, device=[{"reference": "Device/dev-pump"}],
              dosage={"route": {"text": "intravenous"}, "rateQuantity": quantity(rate, "µg/kg/min", "ug/kg/min")})
    b.add("DiagnosticReport", "culture", status="preliminary", category=[concept(HL7 + "v2-0074", "MB", "Microbiology")],
          code=concept(LOINC, "600-7", "Bacteria identified in Blood by Culture"), subject=me, encounter=enc,
          effectiveDateTime=b.at(0.25), issued=b.at(12), conclusion="No growth at 12 hours; final result pending.")
    b.add("DiagnosticReport", "gas-12", status="final", category=[concept(HL7 + "v2-0074", "LAB", "Laboratory")],
          code=concept(LOINC, "24336-0", "Gas panel - Arterial blood"), subject=me, encounter=enc, effectiveDateTime=b.at(12),
          issued=b.at(12.1), result=[{"reference": f"Observation/{n}-12"} for n in ("ph", "pco2", "po2", "hco3")])
    b.add("Procedure", status="completed", code=concept(ICD10PCS, "02HV33Z", "Insertion of infusion device into superior vena cava, percutaneous",
          "Central venous catheter"), subject=me, encounter=enc, performedDateTime=b.at(1.75))
    b.add("Immunization", status="completed", vaccineCode=concept(CVX, "33", "pneumococcal polysaccharide PPV23"), patient=me,
          occurrenceDateTime="2023-10")
    b.write("sepsis-icu.fhir.json")


def diabetes():
    b = Bundle(datetime(2026, 5, 4, 8, 0, tzinfo=ZONE))
    b.patient, b.encounter = "p-2002", "enc-7"
    me, enc = {"reference": "Patient/p-2002"}, {"reference": "Encounter/enc-7"}
    b.add("Patient", "p-2002", name=[{"text": "王示例"}], gender="male", birthDate="1971")
    b.add("Encounter", "enc-7", status="finished", **{"class": {"system": HL7 + "v3-ActCode", "code": "IMP"}}, subject=me,
          period={"start": b.at(0), "end": b.at(76)}, reasonCode=[{"text": "Thirst, weight loss and tiredness"}])
    b.add("Device", "meter-1", type={"text": "Blood glucose meter"}, deviceName=[{"name": "GM-3", "type": "model-name"}])
    for h, v, f in [(0, "21.8", "HH"), (6, "16.4", "H"), (24, "11.9", "H"), (48, "9.2", "H"), (72, "7.6", "N")]:
        b.lab(f"glucose-{h}", h, "14749-6", "Glucose [Moles/volume] in Serum or Plasma", (v, "mmol/L", "mmol/L"), "3.9", "7.8", f,
              device={"reference": "Device/meter-1"})
    b.observe("glucose-30", 30, "14749-6", "Glucose [Moles/volume] in Serum or Plasma",
              dataAbsentReason=concept(HL7 + "data-absent-reason", "error", "Error"))
    b.lab("hba1c", 1, "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", ("11.2", "%", "%"), None, "6.0", "H")
    b.lab("ketones", 1, "53061-7", "Ketones [Moles/volume] in Blood", ("1.9", "mmol/L", "mmol/L"), None, "0.6", "H")
    b.lab("potassium", 1, "2823-3", "Potassium [Moles/volume] in Serum or Plasma", ("3.4", "mmol/L", "mmol/L"), "3.5", "5.1", "L")
    b.lab("trop", 1, "89579-7", "Troponin I.cardiac [Mass/volume] in Serum or Plasma by High sensitivity method", ("4", "ng/L", "ng/L"))
    b.resources[-1]["valueQuantity"]["comparator"] = "<"
    b.pressure("bp-0", 0, "148", "92")
    b.observe("weight", 0, "29463-7", "Body weight", ("94.5", "kg", "kg"), category="vital-signs")
    b.observe("sensor", 2, "X-17", "Skin flux index", category="vital-signs", valueQuantity={"value": number("0.82"), "unit": "flux units"})
    b.resources[-1]["code"]["coding"][0]["system"] = "https://hospital.example/codes"
    b.observe("urine", 1, "5792-7", "Glucose [Mass/volume] in Urine by Test strip", valueCodeableConcept={"text": "3+"})
    b.add("Observation", "smoker", status="final", code=concept(LOINC, "72166-2", "Tobacco smoking status"), subject=me,
          valueString="Never smoked")
    b.add("Observation", "wrong-patient", status="entered-in-error", code=concept(LOINC, "8867-4", "Heart rate"), subject=me,
          effectiveDateTime=b.at(3), valueQuantity=quantity("41", "/min", "/min"))
    b.add("Condition", clinicalStatus=term("condition-clinical", "active"), verificationStatus=term("condition-ver-status", "confirmed"),
          category=[term("condition-category", "encounter-diagnosis")], code=concept(ICD10CM, "E11.65", "Type 2 diabetes mellitus with hyperglycemia"),
          subject=me, encounter=enc, onsetDateTime="2026-04")
    b.add("Condition", verificationStatus=term("condition-ver-status", "unconfirmed"), code={"text": "Frozen shoulder, left"}, subject=me)
    b.add("Medication", "med-1", code=concept(RXNORM, "6809", "metformin"))
    b.add("MedicationRequest", status="active", intent="order", medicationReference={"reference": "Medication/med-1"}, subject=me,
          authoredOn="2026-05-05", dosageInstruction=[{"text": "500 mg by mouth twice daily", "doseAndRate": [{"doseQuantity": quantity("500", "mg", "mg")}]}])
    b.add("MedicationAdministration", status="completed", medicationCodeableConcept=concept(RXNORM, "274783", "insulin glargine"), subject=me,
          context=enc, effectiveDateTime=b.at(14), dosage={"route": {"text": "subcutaneous"}, "dose": quantity("12", "units", "[IU]")})
    b.add("CarePlan", status="active", intent="plan", subject=me)
    b.add("Goal", lifecycleStatus="active", description={"text": "HbA1c below 7 %"}, subject=me)
    b.write("diabetes-ward.fhir.json")


def minimal():
    write("minimal.fhir.json", {"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": {"resourceType": "Patient", "id": "p", "gender": "unknown"}},
        {"resource": {"resourceType": "Observation", "status": "final", "code": concept(LOINC, "8867-4", "Heart rate"),
                      "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2026-01-02T03:04:05Z",
                      "valueQuantity": quantity("72", "/min", "/min")}}]})


def bad():
    """One record per fault, each otherwise right."""
    def bundle(observation=None, extra=(), **top):
        obs = {"resourceType": "Observation", "id": "o", "status": "final", "code": concept(LOINC, "8867-4", "Heart rate"),
               "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2026-01-02T03:04:05Z",
               "valueQuantity": quantity("72", "/min", "/min")} | (observation or {})
        obs = {k: v for k, v in obs.items() if v is not None}
        return {"resourceType": "Bundle", "type": "collection", "entry": [
            {"resource": {"resourceType": "Patient", "id": "p", "gender": "female"}}, {"resource": obs}, *({"resource": e} for e in extra)]} | top

    put = lambda name, value: write(f"bad/{name}.json", value)
    put("value-not-a-number", bundle({"valueQuantity": {"value": "72", "unit": "/min"}}))
    put("status-missing", bundle({"status": None}))
    put("status-unknown", bundle({"status": "finall"}))
    put("code-missing", bundle({"code": None}))
    put("two-values", bundle({"valueString": "seventy-two"}))
    put("date-wrong", bundle({"effectiveDateTime": "02.01.2026"}))
    put("reference-wrong", bundle({"subject": {"reference": "the patient in bed 3"}}))
    put("other-patient", bundle({"subject": {"reference": "Patient/q"}}))
    put("second-patient", bundle(extra=[{"resourceType": "Patient", "id": "q", "gender": "male"}]))
    put("same-id", bundle(extra=[{"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "Cough"}}]))
    put("unit-contradicts-code", bundle({"code": concept(LOINC, "2019-8", "pCO2"), "valueQuantity": quantity("40", "mmHg", "kPa")}))
    put("unit-impossible", bundle({"valueQuantity": quantity("72", "mmol/L", "mmol/L")}))
    put("gender-unknown", bundle() | {"entry": [{"resource": {"resourceType": "Patient", "id": "p", "gender": "F"}}]})
    put("component-not-a-list", bundle({"component": {"code": {"text": "x"}}}))
    put("samples-wrong", bundle({"valueQuantity": None, "valueSampledData": {
        "origin": {"value": 0}, "period": 8, "dimensions": 1, "data": "1 2 three 4"}}))
    put("bundle-type-missing", {k: v for k, v in bundle().items() if k != "type"})
    put("empty-bundle", {"resourceType": "Bundle", "type": "collection"})
    put("only-unknown-types", {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": "Goal", "id": "g"}}]})
    put("not-fhir", {"name": "x", "rows": [1, 2, 3]})
    put("empty-object", {})
    good = text(bundle())
    raw = lambda name, data: (HERE / "bad" / f"{name}.json").write_bytes(data)
    raw("empty-file", b"")
    raw("truncated", good[: len(good) // 2].encode())
    raw("trailing-data", (good + "\n{}\n").encode())
    raw("comma-missing", good.replace('"final",', '"final"').encode())
    raw("field-twice", good.replace('"status": "final"', '"status": "final", "status": "amended"').encode())
    raw("not-utf8", good.replace("Heart rate", "Heart \xff rate").encode("latin-1"))


if __name__ == "__main__":
    sepsis()
    diabetes()
    minimal()
    bad()
