// Package measure knows what is certain about a reading: whether its unit agrees with
// itself, what units a LOINC code can be filed in, and which values no patient has.
package measure

import (
	"math"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
)

// Finding is one thing that is wrong or odd about a quantity.
type Finding struct {
	// Field of the quantity: "value", "unit" or "code".
	Field string
	// Notice is the kind of what is odd yet acceptable; "" where the quantity is wrong.
	Notice  record.NoticeKind
	Message string // no patient text
}

// CheckUnit finds a unit's text that contradicts its UCUM code (mmHg beside kPa), and a
// unit that nobody knows. It returns nil where there is nothing to say.
func CheckUnit(q *record.Quantity) *Finding {
	var text, code unit.Unit
	textErr, codeErr := error(unit.ErrUnknown{}), error(unit.ErrUnknown{})
	if q.Unit != "" {
		text, textErr = unit.Text(q.Unit)
	}
	if q.Code != "" {
		code, codeErr = unit.Parse(q.Code)
	}
	switch {
	case textErr == nil && codeErr == nil && !text.Equal(code):
		return &Finding{Field: "unit", Message: "contradicts the unit's UCUM code beside it"}
	case q.Code != "" && codeErr != nil:
		return &Finding{Field: "code", Notice: record.NoticeUnknownUnit, Message: "not a known UCUM code"}
	case q.Code == "" && q.Unit != "" && textErr != nil:
		return &Finding{Field: "unit", Notice: record.NoticeUnknownUnit, Message: "not a known unit"}
	}
	return nil
}

// Check holds a reading against what its LOINC code can be. A nil quantity, a code that
// is not in the table and a unit that nobody knows give nil.
func Check(code record.Concept, q *record.Quantity) *Finding {
	m, known := measures[code.Code(record.SystemLOINC)]
	if !known || q == nil {
		return nil
	}
	u, ok := unitOf(q)
	if !ok {
		return nil
	}
	fits := false
	for _, want := range m.units {
		fits = fits || want.Dim == u.Dim
	}
	if !fits {
		field := "code"
		if q.Code == "" {
			field = "unit"
		}
		return &Finding{Field: field, Message: "this unit cannot measure what the LOINC code names"}
	}
	if v, ok := u.Convert(q.Value.Float, m.units[0]); ok && (v < m.min-1e-6 || v > m.max+1e-6) {
		return &Finding{Field: "value", Notice: record.NoticeImplausible, Message: "physiologically impossible value, kept as filed"}
	}
	return nil
}

// unitOf returns the unit that a quantity is in, by its code where it has one.
func unitOf(q *record.Quantity) (unit.Unit, bool) {
	if q.Code != "" {
		u, err := unit.Parse(q.Code)
		return u, err == nil
	}
	u, err := unit.Text(q.Unit)
	return u, q.Unit != "" && err == nil
}

// measure is what is certain about a LOINC code: the units that it can be filed in,
// any with the same dimension, and the values that are possible, in units[0].
type measure struct {
	units    []unit.Unit
	min, max float64
}

func units(codes ...string) []unit.Unit {
	out := make([]unit.Unit, len(codes))
	for i, c := range codes {
		out[i] = unit.Must(c)
	}
	return out
}

// measures are bounds of possibility, far beyond any patient: a value outside them is
// a fault of the instrument or of the filing. An analyte may be filed by mass or by
// amount whatever the LOINC code says, since both are common in practice.
var measures = byLOINC(
	group{units("/min"), 0, 1000, []string{"8867-4", "9279-1", "76282-3", "8889-8", "68999-2"}},
	group{units("mm[Hg]"), 0, 500, []string{
		"8480-6", "8462-4", "8478-0", "76214-6", "76213-8", "8479-8", "60985-9", // arterial, central venous
		"2019-8", "11557-6", "2703-7", "11556-8", "2021-4", "2705-2", // partial pressures
	}},
	group{units("%"), 0, 100, []string{"2708-6", "59408-5", "20564-1", "2713-6", "3150-0", "19994-3", "71420-0"}},
	group{units("Cel"), 0, 60, []string{"8310-5", "8331-1", "8329-5", "8330-3", "8332-9", "8333-7", "8334-5", "60830-7"}},
	group{units("kg"), 0, 1000, []string{"29463-7", "3141-9", "8339-4"}},
	group{units("m"), 0, 3, []string{"8302-2", "8301-4", "8306-3"}},
	group{units("kg/m2"), 0, 500, []string{"39156-5"}},
	group{units("L/min"), 0, 1000, []string{"3151-8", "20112-9"}},
	group{units("10*9/L"), 0, 10000, []string{"6690-2", "26464-8", "777-3", "26515-7", "751-8", "731-0"}},
	group{units("10*12/L"), 0, 100, []string{"789-8", "26453-1"}},
	group{units("%"), 0, 100, []string{"4544-3", "20570-8", "770-8", "736-9", "4548-4"}},
	group{units("g/L", "mmol/L"), 0, 1000, []string{"718-7", "2885-2", "1751-7"}},
	group{units("mg/L", "nmol/L"), 0, 10000, []string{"1988-5", "30522-7"}},
	group{units("ug/L", "nmol/L"), 0, 1e7, []string{"33959-8", "75241-0", "6598-7", "10839-9", "67151-1", "48065-7"}},
	group{units("mmol/L", "mg/dL"), 0, 1000, []string{
		"2524-7", "32693-4", "2518-9", "14118-4", // lactate
		"2339-0", "2345-7", "15074-8", "14749-6", "41653-7", // glucose
		"2951-2", "2823-3", "2075-0", "2028-9", "1963-8", "1959-6", "1960-4", "19123-9", "2777-1", "17861-6",
		"3094-0", "6299-2", "14937-7",
	}},
	group{units("umol/L", "mg/dL"), 0, 1e6, []string{"2160-0", "38483-4", "14682-9", "1975-2", "42719-5", "1968-7"}},
	group{units("mmol/L"), -100, 100, []string{"1925-7", "11555-0", "1922-4"}}, // base excess
	group{units("[pH]"), 0, 14, []string{"2744-1", "11558-4", "2746-6"}},
	group{units("U/L", "nkat/L"), 0, 1e7, []string{"1742-6", "1920-8", "6768-6", "2324-2", "2157-6", "14804-9"}},
	group{units("s"), 0, math.Inf(1), []string{"5902-2", "3173-2", "14979-9"}},
	group{units("1", "%"), 0, math.Inf(1), []string{"6301-6", "34714-6"}},
	group{units("mL/h", "mL"), 0, math.Inf(1), []string{"9187-6", "9192-6"}},
)

type group struct {
	units    []unit.Unit
	min, max float64
	codes    []string
}

func byLOINC(groups ...group) map[string]measure {
	out := map[string]measure{}
	for _, g := range groups {
		for _, c := range g.codes {
			out[c] = measure{g.units, g.min, g.max}
		}
	}
	return out
}
