package fhir

import (
	"github.com/bedside-lm/bedside/clinical/record"
)

func (w *writer) patient(p *record.Patient) {
	w.section = "Patient"
	if *p == (record.Patient{}) {
		return
	}
	if p.ID == "" {
		w.refuse("ID", "required beside other fields")
	}
	w.put("Patient", p.ID, nil, &outPatient{
		Gender: w.maybeBound("Sex", p.Sex, genders), BirthDate: w.date("BirthDate", p.BirthDate), Deceased: p.Deceased,
	})
}

// subject refers to the record's patient. Where nobody is named it says so: FHIR requires
// a subject of most resources.
func (w *writer) subject() *outReference {
	if w.rec.Patient.ID == "" {
		return &outReference{Display: "not named"}
	}
	return &outReference{Reference: "Patient/" + w.rec.Patient.ID}
}

// reference refers to another item of the record, or is nil for none.
func (w *writer) reference(field, typ, id string) *outReference {
	if id == "" {
		return nil
	}
	if !validID(id) {
		w.refuse(field, "expected 1 to %d letters, digits, hyphens or full stops", longestID)
	}
	return &outReference{Reference: typ + "/" + id}
}

func (w *writer) readings(field string, ids []string) []outReference {
	var out []outReference
	for _, id := range ids {
		if f := w.reference(field, "Observation", id); f != nil {
			out = append(out, *f)
		}
	}
	return out
}

func (w *writer) encounter(e *record.Encounter) {
	class := classes.coding(w.code("Class", e.Class))
	if e.Class == "" {
		class.Display = "not filed" // FHIR requires a class, and not a code in it
	}
	w.put("Encounter", e.ID, nil, &outEncounter{
		Status: w.bound("Status", e.Status, "unknown", encounters), Class: class, Subject: w.subject(),
		Period: w.period(e.Start, e.End), Reasons: w.concepts("Reasons", e.Reasons), Service: w.concept("Service", e.Service),
	})
}

func (w *writer) device(d *record.Device) {
	w.put("Device", d.ID, nil, &outDevice{
		Type: w.concept("Type", d.Type), Manufacturer: w.words("Manufacturer", d.Manufacturer), Model: w.words("Model", d.Model),
	})
}

func (w *writer) observation(o *record.Observation) {
	out := &outObservation{
		Status: w.bound("Status", o.Status, "unknown", observations), Category: w.listOfOne("Category", o.Category, observationCategories),
		Code: w.needed("Code", o.Code), Subject: w.subject(), Encounter: w.reference("EncounterID", "Encounter", o.EncounterID),
		Device: w.reference("DeviceID", "Device", o.DeviceID), outValue: w.value(&o.Value, o.Code),
		Interpretation: w.interpretations(o.Interpretation), Reference: w.referenceRange(o.Reference),
		Members: w.readings("Members", o.Members), DerivedFrom: w.readings("DerivedFrom", o.DerivedFrom),
	}
	out.EffectiveDateTime, out.EffectivePeriod = w.moment(o.Start, o.End)
	for i := range o.Components {
		c := &o.Components[i]
		w.component = i
		out.Components = append(out.Components, outComponent{
			Code: w.needed("Code", c.Code), outValue: w.value(&c.Value, c.Code),
			Interpretation: w.interpretations(c.Interpretation), Reference: w.referenceRange(c.Reference),
		})
	}
	w.component = -1
	var meta *outMeta
	if len(o.Marks) > 0 {
		meta = &outMeta{}
	}
	for _, m := range o.Marks {
		if m == "" {
			w.refuse("Marks", "a mark without a name")
		}
		meta.Tag = append(meta.Tag, outCoding{System: SystemMark, Code: w.code("Marks", string(m))})
	}
	w.put("Observation", o.ID, meta, out)
}

func (w *writer) condition(c *record.Condition) {
	out := &outCondition{
		Verification: w.status("Verification", c.Verification, conditionVerificationCodes),
		Category:     w.listOfOne("Category", c.Category, conditionCategories),
		Severity:     w.concept("Severity", c.Severity), Code: w.concept("Code", c.Code), Subject: w.subject(),
		Encounter: w.reference("EncounterID", "Encounter", c.EncounterID),
		Onset:     w.when("Onset", c.Onset), Abatement: w.when("Abatement", c.Abatement), Recorded: w.when("Recorded", c.Recorded),
	}
	if clinical := w.status("Clinical", c.Clinical, conditionClinicalCodes); c.Verification != enteredInError {
		out.Clinical = clinical // R4 allows none beside entered in error
	}
	w.put("Condition", c.ID, nil, out)
}

// status gives a concept whose code is bound, or nil for none.
func (w *writer) status(field, code string, in codeSystem) *outConcept {
	if w.maybeBound(field, code, in.codes) == "" {
		return nil
	}
	return &outConcept{Coding: []outCoding{in.coding(code)}}
}

func (w *writer) medication(m *record.Medication) {
	if m.Administered {
		w.administration(m)
		return
	}
	dosage := outInstruction{Text: w.words("DosageText", m.DosageText), Route: w.concept("Route", m.Route)}
	if !m.End.IsZero() {
		dosage.Timing = &outTiming{}
		dosage.Timing.Repeat.Bounds = &outPeriod{End: w.when("End", m.End)}
	}
	if m.Dose != nil || m.Rate != nil {
		dosage.DoseAndRate = []outDoseAndRate{{Dose: w.quantity("Dose", m.Dose), Rate: w.quantity("Rate", m.Rate)}}
	}
	out := &outRequest{
		Status: w.bound("Status", m.Status, "unknown", requests), Intent: "order", Medication: w.needed("Code", m.Code),
		Subject: w.subject(), Encounter: w.reference("EncounterID", "Encounter", m.EncounterID),
		AuthoredOn: w.when("Start", m.Start), Reasons: w.concepts("Reasons", m.Reasons),
	}
	if dosage.Text != "" || dosage.Route != nil || dosage.Timing != nil || dosage.DoseAndRate != nil {
		out.Dosage = []outInstruction{dosage}
	}
	w.put("MedicationRequest", m.ID, nil, out)
}

func (w *writer) administration(m *record.Medication) {
	out := &outAdministration{
		Status: w.bound("Status", m.Status, "unknown", administrations), Medication: w.needed("Code", m.Code),
		Subject: w.subject(), Context: w.reference("EncounterID", "Encounter", m.EncounterID), Reasons: w.concepts("Reasons", m.Reasons),
	}
	out.EffectiveDateTime, out.EffectivePeriod = w.moment(m.Start, m.End)
	if m.Start.IsZero() && m.End.IsZero() {
		out.EffectivePeriod = &outPeriod{Extension: notFiled()}
	}
	dosage := outDosage{
		Text: w.words("DosageText", m.DosageText), Route: w.concept("Route", m.Route),
		Dose: w.simple("Dose", m.Dose), Rate: w.quantity("Rate", m.Rate),
	}
	if dosage != (outDosage{}) {
		out.Dosage = &dosage
	}
	w.put("MedicationAdministration", m.ID, nil, out)
}

func (w *writer) allergy(a *record.Allergy) {
	out := &outAllergy{
		Verification: w.status("Verification", a.Verification, allergyVerificationCodes),
		Criticality:  w.maybeBound("Criticality", a.Criticality, criticalities), Code: w.concept("Code", a.Code),
		Patient: w.subject(), Recorded: w.when("Recorded", a.Recorded),
	}
	if clinical := w.status("Clinical", a.Clinical, allergyClinicalCodes); a.Verification != enteredInError {
		out.Clinical = clinical
	}
	for _, c := range w.concepts("Reactions", a.Reactions) {
		out.Reactions = append(out.Reactions, outReaction{Manifestation: []*outConcept{c}})
	}
	w.put("AllergyIntolerance", a.ID, nil, out)
}

func (w *writer) report(p *record.Report) {
	w.put("DiagnosticReport", p.ID, nil, &outReport{
		Status: w.bound("Status", p.Status, "unknown", reports), Category: w.listOfOne("Category", p.Category, reportCategories),
		Code: w.needed("Code", p.Code), Subject: w.subject(), Encounter: w.reference("EncounterID", "Encounter", p.EncounterID),
		Effective: w.when("Start", p.Start), Issued: w.instant("Issued", p.Issued), Results: w.readings("Results", p.Results),
		Conclusion: w.words("Conclusion", p.Conclusion), Codes: w.concepts("Codes", p.Codes),
	})
}

func (w *writer) procedure(p *record.Procedure) {
	out := &outProcedure{
		Status: w.bound("Status", p.Status, "unknown", procedures), Code: w.concept("Code", p.Code), Subject: w.subject(),
		Encounter: w.reference("EncounterID", "Encounter", p.EncounterID),
	}
	out.DateTime, out.Period = w.moment(p.Start, p.End)
	w.put("Procedure", p.ID, nil, out)
}

func (w *writer) immunization(i *record.Immunization) {
	out := &outImmunization{
		Status: w.bound("Status", i.Status, "", immunizations), Code: w.needed("Code", i.Code), Patient: w.subject(),
		When: w.when("When", i.When),
	}
	if i.When.IsZero() {
		out.Words = "not filed"
	}
	w.put("Immunization", i.ID, nil, out)
}
