package fhir

import (
	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

const (
	observationCategory = "http://terminology.hl7.org/CodeSystem/observation-category"
	absentReason        = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
	interpretation      = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
)

// observation reads https://hl7.org/fhir/R4/observation.html.
func (r *reader) observation(n *tree.Node) {
	o := record.Observation{
		ID: r.id, Status: r.code(n, "status", required, observations),
		Category: r.firstCode(n, "category", observationCategory),
		Code:     r.concept(n, "code", required),
	}
	o.Start, o.End = r.when(n, "effective", optional, "DateTime", "Period", "Instant", "Timing")
	if o.Start.IsZero() {
		o.Start = r.issued(n)
	}
	r.subject(n, "subject", optional)
	o.EncounterID = r.ref(n, "encounter", "Encounter")
	o.DeviceID = r.deviceOf(n)
	o.Value = r.value(n, o.Code)
	o.Interpretation = r.interpretations(n)
	o.Reference = r.referenceRange(n)
	for c := range r.objects(n, "component") {
		o.Components = append(o.Components, r.component(c))
	}
	for m := range r.objects(n, "hasMember") {
		if id := r.refAt(m, "Observation", "QuestionnaireResponse", "MolecularSequence"); id != "" {
			o.Members = append(o.Members, id)
		}
	}
	o.DerivedFrom = r.sources(n)
	o.Marks = r.marks(n)
	r.rec.Observations = append(r.rec.Observations, o)
}

// deviceOf returns the device of an observation; that of a DeviceMetric is its source.
func (r *reader) deviceOf(n *tree.Node) string {
	c := r.field(n, "device", tree.Object, optional)
	f, t, ok := r.literal(c)
	if !ok || t == nil || t.typ != "DeviceMetric" {
		return r.idOf(c, f, t, ok, "Device", "DeviceMetric")
	}
	if known, ok := r.metrics[t]; ok {
		return known
	}
	id := ""
	if metric := r.named(n, t, f.contained); metric != nil {
		id = r.ref(metric, "source", "Device")
	}
	r.metrics[t] = id
	return id
}

// sources returns the ids of the readings that this one was made from. One that is not in
// this source keeps the id that it was filed under: prepared readings name the raw ones.
func (r *reader) sources(n *tree.Node) []string {
	var out []string
	for c := range r.objects(n, "derivedFrom") {
		f, t, ok := r.literal(c)
		id := r.idOf(c, f, t, ok, "Observation", "DocumentReference", "ImagingStudy", "Media", "QuestionnaireResponse", "MolecularSequence")
		if ok && t == nil && f.typ == "Observation" && !f.absolute {
			id = f.id
		}
		if id != "" {
			out = append(out, id)
		}
	}
	return out
}

// SystemMark is the system of the tags (Observation.meta.tag) that carry a reading's marks.
const SystemMark = "urn:bedside:reading-mark"

// marks reads what preparation said about a reading.
func (r *reader) marks(n *tree.Node) []record.Mark {
	meta := n.Get("meta")
	if meta == nil {
		return nil
	}
	var out []record.Mark
	for c := range r.objects(meta, "tag") {
		if !c.Get("system").Is(SystemMark) {
			continue
		}
		if code := r.code(c, "code", required, nil); code != "" {
			out = append(out, record.Mark(code))
		}
	}
	return out
}

func (r *reader) component(n *tree.Node) record.Component {
	c := record.Component{Code: r.concept(n, "code", required)}
	c.Value = r.value(n, c.Code)
	c.Interpretation = r.interpretations(n)
	c.Reference = r.referenceRange(n)
	return c
}

// issued is when an observation or report became available.
func (r *reader) issued(n *tree.Node) record.DateTime {
	return r.instantAt(r.field(n, "issued", tree.String, optional))
}

// value reads value[x] or why there is none.
func (r *reader) value(n *tree.Node, code record.Concept) record.Value {
	var v record.Value
	c, typ := r.choice(n, "value", optional, "Quantity", "CodeableConcept", "String", "Boolean", "Integer",
		"Range", "Ratio", "SampledData", "Time", "DateTime", "Period")
	switch typ {
	case "Quantity":
		v.Quantity = r.quantityAt(c)
		r.checkMeasure(c, code, v.Quantity)
	case "CodeableConcept":
		if c.Kind != tree.Object {
			r.wrongKind(c, tree.Object)
			break
		}
		concept := r.conceptAt(c)
		v.Concept = &concept
	case "String":
		v.Text = r.strAt(c)
	case "Boolean":
		if b, ok := r.boolAt(c); ok {
			v.Bool = &b
		}
	case "Integer":
		if i, ok := r.integerAt(c); ok {
			v.Integer = &i
		}
	case "SampledData":
		v.Sampled = r.sampledAt(c)
	default:
		v.Text = r.valueAsText(c, typ)
	}
	if n.Get("dataAbsentReason") != nil {
		reason := r.concept(n, "dataAbsentReason", optional)
		if c != nil {
			r.violate(n.Get("dataAbsentReason"), "not allowed beside a value")
		}
		if v.AbsentReason = reason.Code(absentReason); v.AbsentReason == "" {
			v.AbsentReason = reason.Label()
		}
	}
	return v
}

// interpretations reads the v3 codes of an interpretation, such as H.
func (r *reader) interpretations(n *tree.Node) []string {
	var out []string
	for _, c := range r.concepts(n, "interpretation") {
		code := c.Code(interpretation)
		if code == "" && len(c.Codings) > 0 {
			code = c.Codings[0].Code
		}
		if code != "" {
			out = append(out, code)
		}
	}
	return out
}

// referenceRange reads the first range that fits people in general.
func (r *reader) referenceRange(n *tree.Node) *record.Range {
	var first *record.Range
	for c := range r.objects(n, "referenceRange") {
		g := r.rangeAt(c)
		g.Text = r.str(c, "text", optional)
		if g.Low == nil && g.High == nil && g.Text == "" && c.Get("low") == nil && c.Get("high") == nil {
			r.violate(c, "needs a low, a high or a text")
		}
		if first == nil {
			first = g
		}
	}
	return first
}
