package fhir

import (
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/measure"
)

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

// perUnit turns "8 ug / 1 min" into 8 ug/min; it is nil where that would take a division,
// and where no unit can be joined of the two.
func perUnit(num, den *record.Quantity) *record.Quantity {
	if num == nil || den == nil || den.Value.Float != 1 || den.Comparator != "" {
		return nil
	}
	if den.Unit == "" && den.Code == "" {
		return num
	}
	q := &record.Quantity{
		Value: num.Value, Comparator: num.Comparator, Unit: join(num.Unit, den.Unit), Code: join(num.Code, den.Code),
	}
	if f := measure.CheckUnit(q); q.Unit == "" && q.Code == "" || f != nil && f.Notice == "" {
		return nil
	}
	return q
}

// join writes one unit per another, or nothing where that takes more than a stroke.
func join(num, den string) string {
	switch {
	case num == "" || den == "" || strings.ContainsAny(den, "/.*"):
		return ""
	case den == strconv.Itoa(1):
		return num
	}
	return num + "/" + den
}
