package fhir

import (
	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

// patient reads https://hl7.org/fhir/R4/patient.html, without any identity.
func (r *reader) patient(n *tree.Node) {
	p := record.Patient{
		ID: r.id, Sex: r.code(n, "gender", optional, genders), BirthDate: r.date(n, "birthDate"),
	}
	switch c, typ := r.choice(n, "deceased", optional, "Boolean", "DateTime"); typ {
	case "Boolean":
		p.Deceased, _ = r.boolAt(c)
	case "DateTime":
		p.Deceased = !r.dateTimeAt(c).IsZero()
	}
	r.rec.Patient = p
}

// encounter reads https://hl7.org/fhir/R4/encounter.html.
func (r *reader) encounter(n *tree.Node) {
	e := record.Encounter{
		ID: r.id, Status: r.code(n, "status", required, encounters),
		Reasons: r.concepts(n, "reasonCode"), Service: r.concept(n, "serviceType", optional),
	}
	if class := r.field(n, "class", tree.Object, required); class != nil {
		e.Class = r.codingAt(class).Code
	}
	e.Start, e.End = r.periodAt(n.Get("period"))
	r.subject(n, "subject", optional)
	r.rec.Encounters = append(r.rec.Encounters, e)
}

// device reads https://hl7.org/fhir/R4/device.html.
func (r *reader) device(n *tree.Node) {
	r.code(n, "status", optional, devices)
	d := record.Device{
		ID: r.id, Type: r.concept(n, "type", optional),
		Manufacturer: r.str(n, "manufacturer", optional), Model: r.str(n, "modelNumber", optional),
	}
	for name := range r.objects(n, "deviceName") {
		text := r.str(name, "name", required)
		if d.Model == "" && name.Get("type").Is("model-name") {
			d.Model = text
		}
	}
	r.subject(n, "patient", optional)
	r.rec.Devices = append(r.rec.Devices, d)
}
