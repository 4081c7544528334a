package fhir

import (
	"strconv"

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
	o.DeviceID = r.ref(n, "device", "Device", "DeviceMetric")
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
	r.rec.Observations = append(r.rec.Observations, o)
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

// valueAsText writes the rarer types of value[x] as text, with the digits as filed.
func (r *reader) valueAsText(c *tree.Node, typ string) string {
	switch typ {
	case "Range":
		if c.Kind == tree.Object {
			return rangeText(r.rangeAt(c))
		}
		r.wrongKind(c, tree.Object)
	case "Ratio":
		return r.ratioText(c)
	case "DateTime":
		return r.dateTimeAt(c).String()
	case "Time":
		s := r.strAt(c)
		if s != "" && !clock(s) {
			r.violate(c, "not a FHIR time (hh:mm:ss)")
			return ""
		}
		return s
	case "Period":
		start, end := r.periodAt(c)
		return start.String() + " to " + end.String()
	}
	return ""
}

// clock says whether s is hh:mm:ss, with or without a fraction.
func clock(s string) bool {
	d, err := record.ParseDateTime("2000-01-01T" + s + "Z")
	return err == nil && d.Precision == record.PrecisionSecond && len(s) >= 8 && len(s) <= 18
}

func amount(q *record.Quantity) string {
	s := q.Comparator + q.Value.String()
	if q.Unit != "" {
		return s + " " + q.Unit
	}
	if q.Code != "" {
		return s + " " + q.Code
	}
	return s
}

func rangeText(g *record.Range) string {
	switch {
	case g.Low != nil && g.High != nil && g.Low.Unit == g.High.Unit:
		return g.Low.Value.String() + " to " + amount(g.High)
	case g.Low != nil && g.High != nil:
		return amount(g.Low) + " to " + amount(g.High)
	case g.Low != nil:
		return ">= " + amount(g.Low)
	case g.High != nil:
		return "<= " + amount(g.High)
	}
	return ""
}

// ratio reads a FHIR Ratio; both parts are nil where it is wrong.
func (r *reader) ratio(c *tree.Node) (numerator, denominator *record.Quantity) {
	if c.Kind != tree.Object {
		r.wrongKind(c, tree.Object)
		return nil, nil
	}
	numerator, denominator = r.quantity(c, "numerator"), r.quantity(c, "denominator")
	if (c.Get("numerator") == nil) != (c.Get("denominator") == nil) {
		r.violate(c, "needs both a numerator and a denominator")
	}
	if numerator == nil || denominator == nil {
		return nil, nil
	}
	return numerator, denominator
}

func (r *reader) ratioText(c *tree.Node) string {
	num, den := r.ratio(c)
	if num == nil {
		return ""
	}
	if num.Unit == den.Unit && num.Unit == "" {
		return num.Value.String() + ":" + den.Value.String()
	}
	return amount(num) + " / " + amount(den)
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

// perUnit turns "8 ug / 1 min" into 8 ug/min; it is nil where that would take a division.
func perUnit(num, den *record.Quantity) *record.Quantity {
	if num == nil || den == nil || den.Value.Float != 1 {
		return nil
	}
	q := &record.Quantity{Value: num.Value, Comparator: num.Comparator, Unit: join(num.Unit, den.Unit)}
	if num.Code != "" && den.Code != "" {
		q.Code = join(num.Code, den.Code)
	}
	return q
}

func join(num, den string) string {
	if den == "" || den == strconv.Itoa(1) {
		return num
	}
	return num + "/" + den
}
