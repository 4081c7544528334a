package record

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Decimal is a number as it was filed. FHIR decimals carry meaning in their
// digits ("7.40" is more precise than "7.4"), so the text is kept beside the value.
type Decimal struct {
	Float float64
	Text  string
}

// ErrDecimal says that a text is no FHIR decimal.
type ErrDecimal struct{}

func (ErrDecimal) Error() string { return "not a decimal number of at most 32 characters" }

var decimalPattern = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// ParseDecimal reads a FHIR decimal: an optional sign, digits, fraction and exponent.
func ParseDecimal(s string) (Decimal, error) {
	if len(s) > 32 || !decimalPattern.MatchString(s) {
		return Decimal{}, ErrDecimal{}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return Decimal{}, ErrDecimal{}
	}
	return Decimal{Float: f, Text: s}, nil
}

// NewDecimal gives f its shortest text.
func NewDecimal(f float64) Decimal {
	return Decimal{Float: f, Text: strconv.FormatFloat(f, 'f', -1, 64)}
}

// String returns the number as it was filed.
func (d Decimal) String() string { return d.Text }

// Precision says how much of a DateTime was filed.
type Precision int

// The precisions of a FHIR dateTime, coarse to fine. None is the zero DateTime's.
const (
	PrecisionNone Precision = iota
	PrecisionYear
	PrecisionMonth
	PrecisionDay
	PrecisionSecond
)

// DateTime is a FHIR dateTime, which may be a year, a month or a day alone
// (https://hl7.org/fhir/R4/datatypes.html#dateTime). The zero value means not filed.
type DateTime struct {
	Time      time.Time // start of the year, month or day (UTC) where coarser than a second
	Precision Precision
}

var dateLayouts = []struct {
	layout    string
	precision Precision
}{
	{"2006", PrecisionYear},
	{"2006-01", PrecisionMonth},
	{"2006-01-02", PrecisionDay},
}

// ParseDateTime reads a FHIR date, dateTime or instant. A time of day needs its
// zone. The empty string is the zero DateTime.
func ParseDateTime(s string) (DateTime, error) {
	if s == "" {
		return DateTime{}, nil
	}
	for _, l := range dateLayouts {
		if len(s) == len(l.layout) {
			t, err := time.Parse(l.layout, s)
			if err != nil {
				break
			}
			return DateTime{Time: t, Precision: l.precision}, nil
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil && strings.Contains(s, "T") {
		return DateTime{Time: t, Precision: PrecisionSecond}, nil
	}
	return DateTime{}, ErrDateTime{}
}

// ErrDateTime says that a text is no FHIR dateTime.
type ErrDateTime struct{}

func (ErrDateTime) Error() string {
	return "not a FHIR dateTime (YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz)"
}

// IsZero says whether no time was filed.
func (d DateTime) IsZero() bool { return d.Precision == PrecisionNone }

// String returns the FHIR form, as fine as what was filed.
func (d DateTime) String() string {
	switch d.Precision {
	case PrecisionNone:
		return ""
	case PrecisionSecond:
		return d.Time.Format(time.RFC3339Nano)
	case PrecisionYear, PrecisionMonth, PrecisionDay:
		return d.Time.Format(dateLayouts[d.Precision-PrecisionYear].layout)
	}
	return fmt.Sprintf("DateTime(%d)", d.Precision)
}

// Compare orders two times; one that was not filed comes first.
func (d DateTime) Compare(o DateTime) int {
	if d.IsZero() != o.IsZero() {
		if d.IsZero() {
			return -1
		}
		return 1
	}
	return d.Time.Compare(o.Time)
}
