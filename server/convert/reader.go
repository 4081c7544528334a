package convert

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/measure"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

const (
	maxViolations = 20
	maxNotices    = 1000
)

// reader turns messages into a record. It notes what is wrong and goes on, so that a caller
// sees all of it at once. Where it stands in the message it keeps as a stack, since a path is
// needed for few of a hundred thousand readings.
type reader struct {
	at         []step
	ids        map[string]bool // "Observation/hr-0800"
	violations []record.Violation
	notices    []record.Notice
	moreNotes  int
}

// step is a field, or an element of a list where index is not -1.
type step struct {
	name  string
	index int
}

func (r *reader) push(name string, index int) { r.at = append(r.at, step{name, index}) }
func (r *reader) pop()                        { r.at = r.at[:len(r.at)-1] }

func (r *reader) path(field string) string {
	var b strings.Builder
	for i, s := range append(slices.Clip(r.at), step{field, -1}) {
		if s.name == "" {
			break // the place itself
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.index >= 0 {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		}
	}
	return b.String()
}

// violate notes what is wrong with a field of the place where the reader stands; "" is the
// place itself.
func (r *reader) violate(field, format string, args ...any) {
	if !r.full() {
		r.violations = append(r.violations, record.Violation{Path: r.path(field), Message: fmt.Sprintf(format, args...)})
	}
}

func (r *reader) full() bool { return len(r.violations) >= maxViolations }

func (r *reader) notice(field string, kind record.NoticeKind, message string) {
	if len(r.notices) >= maxNotices {
		r.moreNotes++
		return
	}
	r.notices = append(r.notices, record.Notice{Path: r.path(field), Kind: kind, Message: message})
}

// each reads the elements of a list, as far as there is room for violations.
func each[P, R any](r *reader, name string, in []P, read func(*reader, P) R) []R {
	if len(in) == 0 {
		return nil
	}
	out := make([]R, 0, len(in))
	for i, p := range in {
		if r.full() {
			break
		}
		r.push(name, i)
		out = append(out, read(r, p))
		r.pop()
	}
	return out
}

const required, optional = true, false

// id holds that an id is FHIR's and that no other resource of its type has it: evidence
// names resources by type and id.
func (r *reader) id(typ, id string, need bool) string {
	if id == "" {
		if need {
			r.violate("id", "required")
		}
		return ""
	}
	if strings.ContainsFunc(id, notInID) {
		r.violate("id", "expected letters, digits, hyphens and full stops")
		return ""
	}
	key := typ + "/" + id
	if r.ids[key] {
		r.violate("id", "the id of an earlier %s", typ)
	}
	r.ids[key] = true
	return id
}

func notInID(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.')
}

func (r *reader) dateTime(field, s string) record.DateTime {
	d, err := record.ParseDateTime(s)
	if err != nil || strings.ContainsRune(s, ',') { // Go's parser takes a comma before the fraction
		r.violate(field, "%v", record.ErrDateTime{})
		return record.DateTime{}
	}
	return d
}

func (r *reader) date(field, s string) record.DateTime {
	d := r.dateTime(field, s)
	if d.Precision == record.PrecisionSecond {
		r.violate(field, "not a FHIR date (YYYY, YYYY-MM or YYYY-MM-DD)")
		return record.DateTime{}
	}
	return d
}

// period reads the fields start and end.
func (r *reader) period(start, end string) (from, to record.DateTime) {
	from, to = r.dateTime("start", start), r.dateTime("end", end)
	if !from.IsZero() && !to.IsZero() && from.Precision == to.Precision && to.Compare(from) < 0 {
		r.violate("end", "is before start")
	}
	return from, to
}

// needConcept reads a concept that must say something.
func (r *reader) needConcept(field string, p *bedsidev1.Concept) record.Concept {
	c := concept(p)
	if c.IsZero() {
		r.violate(field, "needs a coding or a text")
	}
	return c
}

func concept(p *bedsidev1.Concept) record.Concept {
	c := record.Concept{Text: p.GetText()}
	for _, k := range p.GetCodings() {
		c.Codings = append(c.Codings, record.Coding{System: k.GetSystem(), Code: k.GetCode(), Display: k.GetDisplay()})
	}
	return c
}

func concepts(in []*bedsidev1.Concept) []record.Concept {
	var out []record.Concept
	for _, p := range in {
		out = append(out, concept(p))
	}
	return out
}

// quantity reads a quantity; nil is none.
func (r *reader) quantity(field string, p *bedsidev1.Quantity) *record.Quantity {
	if p == nil {
		return nil
	}
	r.push(field, -1)
	defer r.pop()
	value, err := record.ParseDecimal(p.GetValue())
	if err != nil {
		r.violate("value", "%v", err)
	}
	q := &record.Quantity{Value: value, Comparator: p.GetComparator(), Unit: p.GetUnit(), Code: p.GetCode()}
	r.found(measure.CheckUnit(q))
	return q
}

// found reports what is wrong or odd about the quantity that the path is at.
func (r *reader) found(f *measure.Finding) {
	switch {
	case f == nil:
	case f.Notice != "":
		r.notice(f.Field, f.Notice, f.Message)
	default:
		r.violate(f.Field, "%s", f.Message)
	}
}

func (r *reader) referenceRange(p *bedsidev1.Range) *record.Range {
	if p == nil {
		return nil
	}
	r.push("reference", -1)
	defer r.pop()
	out := &record.Range{Low: r.quantity("low", p.GetLow()), High: r.quantity("high", p.GetHigh()), Text: p.GetText()}
	if out.Low != nil && out.High != nil && out.Low.Unit == out.High.Unit && out.Low.Value.Float > out.High.Value.Float {
		r.violate("low", "is greater than high")
	}
	return out
}

// measured reads a value and holds it against what its code can be.
func (r *reader) measured(code record.Concept, p *bedsidev1.Value) record.Value {
	v := r.value(p)
	if v.Quantity != nil {
		r.push("value", -1)
		r.push("quantity", -1)
		r.found(measure.Check(code, v.Quantity))
		r.pop()
		r.pop()
	}
	return v
}

func (r *reader) value(p *bedsidev1.Value) record.Value {
	r.push("value", -1)
	defer r.pop()
	switch v := p.GetValue().(type) {
	case *bedsidev1.Value_Quantity:
		return record.Value{Quantity: r.quantity("quantity", v.Quantity)}
	case *bedsidev1.Value_Concept:
		c := r.needConcept("concept", v.Concept)
		return record.Value{Concept: &c}
	case *bedsidev1.Value_Text:
		return record.Value{Text: v.Text}
	case *bedsidev1.Value_Boolean:
		return record.Value{Bool: &v.Boolean}
	case *bedsidev1.Value_Integer:
		return record.Value{Integer: &v.Integer}
	case *bedsidev1.Value_Sampled:
		return record.Value{Sampled: r.sampled("sampled", v.Sampled)}
	case *bedsidev1.Value_AbsentReason:
		return record.Value{AbsentReason: v.AbsentReason}
	}
	return record.Value{}
}

func (r *reader) sampled(field string, p *bedsidev1.SampledData) *record.SampledData {
	r.push(field, -1)
	defer r.pop()
	out := &record.SampledData{
		PeriodMS: p.GetPeriodMs(), Factor: p.GetFactor(), Dimensions: int(p.GetDimensions()), Samples: slices.Clone(p.GetSamples()),
	}
	if origin := r.quantity("origin", p.GetOrigin()); origin != nil {
		out.Origin = *origin
	} else {
		r.violate("origin", "required")
	}
	if !(out.PeriodMS > 0) || math.IsInf(out.PeriodMS, 1) {
		r.violate("period_ms", "expected a number of milliseconds above 0")
	}
	if math.IsNaN(out.Factor) || math.IsInf(out.Factor, 0) {
		r.violate("factor", "expected a finite number")
	}
	if out.Factor == 0 {
		out.Factor = 1
	}
	if out.Dimensions < 1 {
		r.violate("dimensions", "expected a number above 0")
	} else if len(out.Samples)%out.Dimensions != 0 {
		r.violate("samples", "%d samples do not fill %d dimensions", len(out.Samples), out.Dimensions)
	}
	return out
}
