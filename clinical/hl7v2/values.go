package hl7v2

import (
	"regexp"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// systems are the coding systems of HL7 table 0396 that records know by a URI.
var systems = map[string]string{
	"LN": record.SystemLOINC, "MDC": record.SystemIEEE11073, "I10": record.SystemICD10, "I10C": record.SystemICD10CM, "ICD-10-CM": record.SystemICD10CM,
	"ICD10": record.SystemICD10, "SCT": record.SystemSNOMED, "RXNORM": record.SystemRxNorm, "RXN": record.SystemRxNorm, "CVX": record.SystemCVX, "UCUM": record.SystemUCUM,
}

// concept reads a CE, CWE or CNE: code, text and system, twice.
func concept(v value) record.Concept {
	var c record.Concept
	for _, first := range []int{1, 4} {
		code, text, system := v.component(first), v.component(first+1), v.component(first+2)
		switch {
		case code != "":
			uri := systems[strings.ToUpper(system)]
			switch {
			case uri != "" || system == "":
			case strings.Contains(system, ":"): // a URI already
				uri = system
			default:
				uri = "urn:hl7v2:" + system
			}
			c.Codings = append(c.Codings, record.Coding{System: uri, Code: code, Display: text})
		case text != "" && c.Text == "":
			c.Text = text
		}
	}
	if t := v.component(9); t != "" {
		c.Text = t // CWE.9, the original text
	}
	return c
}

var number = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)$`)

// decimal reads an NM: an optional sign, digits and a point, with no more digits than a
// number needs (HL7 v2.8 section 2A.3.46).
func decimal(s string) (record.Decimal, bool) {
	s = strings.TrimSpace(s)
	if !number.MatchString(s) {
		return record.Decimal{}, false
	}
	sign := ""
	switch s[0] {
	case '-':
		sign, s = "-", s[1:]
	case '+':
		s = s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	d, err := record.ParseDecimal(sign + whole)
	return d, err == nil
}

// units reads a unit: the UCUM code where one of the two codings is in UCUM, else what is known
// of the other, else the text as it was filed.
func units(v value) (shown, code string) {
	for _, first := range []int{1, 4} {
		id, text, system := v.component(first), v.component(first+1), strings.ToUpper(v.component(first+2))
		if id == "" && text == "" {
			continue
		}
		if shown == "" {
			if shown = text; shown == "" {
				shown = id
			}
		}
		switch {
		case system == "UCUM" && id != "":
			code = id
		case code == "" && dimensions[text] != "":
			code = dimensions[text]
			shown = code
		case code == "" && dimensions[id] != "":
			code = dimensions[id]
			shown = code
		}
	}
	if code == "" {
		code = ucum(shown)
	}
	return shown, code
}

// ucum is the UCUM code of a unit as people write it, or "". Their ways come first: in UCUM "C"
// is the coulomb and "K/uL" kelvins, in a laboratory they are Celsius and thousands.
func ucum(text string) string {
	if u := terms.UnitByCode(text); u != nil {
		return u.Code
	}
	code, err := unit.Parse(text)
	if err != nil {
		return ""
	}
	if written, err := unit.Text(text); err != nil || !written.Equal(code) {
		return ""
	}
	return text
}

type timeError struct{}

func (timeError) Error() string {
	return "not an HL7 time (YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ])"
}

// parseTime reads a TS or DTM. A time of day without a zone is in loc.
func parseTime(s string, loc *time.Location) (d record.DateTime, zoned bool, err error) {
	digits, zone := s, ""
	if i := strings.IndexAny(s, "+-"); i >= 0 {
		digits, zone = s[:i], s[i:]
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	layouts := map[int]string{4: "2006", 6: "200601", 8: "20060102", 10: "2006010215", 12: "200601021504", 14: "20060102150405"}
	layout, known := layouts[len(whole)]
	if !known || fraction != "" && len(whole) != 14 || len(fraction) > 4 || strings.Contains(digits, ".") && fraction == "" {
		return d, false, timeError{}
	}
	if fraction != "" {
		layout += "." + strings.Repeat("0", len(fraction))
		whole += "." + fraction
	}
	d.Precision = map[int]record.Precision{4: record.PrecisionYear, 6: record.PrecisionMonth, 8: record.PrecisionDay}[len(digits)]
	if d.Precision != record.PrecisionNone {
		d.Time, err = time.Parse(layout, whole)
		if err != nil {
			return record.DateTime{}, false, timeError{}
		}
		return d, false, nil
	}
	d.Precision = record.PrecisionSecond
	if zone != "" {
		d.Time, err = time.Parse(layout+"-0700", whole+zone)
	} else {
		d.Time, err = time.ParseInLocation(layout, whole, loc)
	}
	if err != nil {
		return record.DateTime{}, false, timeError{}
	}
	return d, zone != "", nil
}

// time reads a time of the segment being read.
func (r *reader) time(field int) record.DateTime {
	s := r.seg.field(field).first().component(1)
	if s == "" {
		return record.DateTime{}
	}
	loc := r.zone
	if loc == nil {
		loc = r.lim.Location
	}
	if loc == nil {
		loc = time.UTC
	}
	d, zoned, err := parseTime(s, loc)
	if err != nil {
		r.violate(field, "%s", err)
		return record.DateTime{}
	}
	if !zoned && d.Precision == record.PrecisionSecond && r.zone == nil && r.lim.Location == nil && !r.noted["zone"] {
		r.noted["zone"] = true
		r.notice(field, record.NoticeZone, "neither the time nor MSH-7 names a time zone; taken as UTC")
	}
	return d
}
