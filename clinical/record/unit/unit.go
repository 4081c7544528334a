// Package unit reads units of measure as clinical data uses them: codes of the
// Unified Code for Units of Measure (https://ucum.org/ucum), and the many ways in
// which people write the same units. It tells whether two of them can mean the
// same quantity, and converts between them.
package unit

import "math"

// Dimension is what a unit measures, as exponents of base quantities.
type Dimension struct {
	Length, Mass, Time, Temperature, Amount, Current, Activity int8
}

// Unit is a unit of measure. A value v in this unit is v*Factor + Offset in base
// units: metre, gram, second, kelvin, mole, ampere, unit of biological activity.
//
// Two choices differ from UCUM and follow laboratory practice: a mole is a base
// unit, not a number, so that mmol/L is never confused with a cell count; and the
// enzyme unit U and the international unit [IU] share one dimension, since
// instruments write one for the other.
type Unit struct {
	Dim    Dimension
	Factor float64
	Offset float64 // other than 0 only for Celsius and Fahrenheit
}

// ErrUnknown says that a text is no unit that this package knows.
type ErrUnknown struct{}

func (ErrUnknown) Error() string { return "not a known unit" }

// Equal says whether both mean the same, up to rounding.
func (u Unit) Equal(o Unit) bool {
	return u.Dim == o.Dim && near(u.Factor, o.Factor) && near(u.Offset, o.Offset)
}

func near(a, b float64) bool {
	return math.Abs(a-b) <= 1e-6*math.Max(math.Abs(a), math.Abs(b))
}

// Convert gives v, in unit u, in unit to. ok is false where they measure different things.
func (u Unit) Convert(v float64, to Unit) (converted float64, ok bool) {
	if u.Dim != to.Dim {
		return 0, false
	}
	return (v*u.Factor + u.Offset - to.Offset) / to.Factor, true
}

// Must is Parse for units written in a program's own tables.
func Must(code string) Unit {
	u, err := Parse(code)
	if err != nil {
		panic("unit: " + code)
	}
	return u
}
