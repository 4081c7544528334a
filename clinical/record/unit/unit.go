// Package unit reads units of measure as clinical data uses them: codes of the
// Unified Code for Units of Measure (https://ucum.org/ucum), and the many ways in
// which people write the same units. It tells whether two of them can mean the
// same quantity, and converts between them.
package unit

import (
	"math"
	"strings"
)

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

// Text reads a unit as people write it ("mmHg", "beats/min", "次/分", "K/µL"), and
// UCUM codes too where they mean nothing else. The error is ErrUnknown.
func Text(s string) (Unit, error) {
	s = tidy(s)
	if code, ok := spellings[strings.ToLower(s)]; ok {
		return Parse(code)
	}
	return Parse(s)
}

// tidier removes what varies between writers and means nothing.
var tidier = strings.NewReplacer(
	" ", "", "\u00a0", "", "µ", "u", "μ", "u", "×", "x", "·", ".",
	"²", "2", "³", "3", "⁶", "*6", "⁹", "*9", "¹²", "*12", "℃", "°c", "℉", "°f", "／", "/",
)

func tidy(s string) string {
	if len(s) > maxCode {
		return ""
	}
	s = tidier.Replace(s)
	if rest, ok := strings.CutPrefix(s, "x10"); ok {
		s = "10" + rest
	}
	return s
}

// spellings maps lower-case spellings, tidied, to UCUM codes.
var spellings = map[string]string{
	"bpm": "/min", "beats/min": "/min", "beats/minute": "/min", "beat/min": "/min", "beatsperminute": "/min",
	"breaths/min": "/min", "breaths/minute": "/min", "breath/min": "/min", "breathsperminute": "/min",
	"br/min": "/min", "resp/min": "/min", "rpm": "/min", "perminute": "/min", "1/min": "/min",
	"次/分": "/min", "次/分钟": "/min",

	"mmhg": "mm[Hg]", "torr": "mm[Hg]", "millimeterofmercury": "mm[Hg]", "millimetersofmercury": "mm[Hg]",
	"毫米汞柱": "mm[Hg]", "cmh2o": "cm[H2O]", "kpa": "kPa", "千帕": "kPa",

	"c": "Cel", "°c": "Cel", "degc": "Cel", "celsius": "Cel", "degreecelsius": "Cel", "degreescelsius": "Cel", "degreesc": "Cel", "摄氏度": "Cel",
	"f": "[degF]", "°f": "[degF]", "degf": "[degF]", "fahrenheit": "[degF]", "degreesfahrenheit": "[degF]", "degreesf": "[degF]",

	"percent": "%", "pct": "%", "ratio": "1", "inr": "1", "fraction": "1", "ph": "[pH]",
	"tablet": "1", "tablets": "1", "tab": "1", "capsule": "1", "capsules": "1", "cap": "1", "puff": "1", "puffs": "1",
	"dose": "1", "doses": "1", "score": "1", "points": "1", "片": "1", "粒": "1", "分": "1",

	"cells/ul": "/uL", "k/ul": "10*3/uL", "10e3/ul": "10*3/uL", "thou/ul": "10*3/uL", "thousand/ul": "10*3/uL", "10^3/mcl": "10*3/uL",
	"m/ul": "10*6/uL", "10e6/ul": "10*6/uL", "mil/ul": "10*6/uL", "million/ul": "10*6/uL", "10e9/l": "10*9/L",
	"10e12/l": "10*12/L", "g/l": "g/L", "10^9/l": "10*9/L", "10^12/l": "10*12/L",

	"mg/dl": "mg/dL", "g/dl": "g/dL", "mcg/dl": "ug/dL", "mcg/l": "ug/L", "mcg/ml": "ug/mL", "milligramperdeciliter": "mg/dL",
	"mmol/l": "mmol/L", "umol/l": "umol/L", "meq/l": "meq/L", "毫摩尔/升": "mmol/L", "微摩尔/升": "umol/L",
	"iu/l": "[IU]/L", "u/l": "U/L", "units/l": "U/L", "miu/l": "m[IU]/L", "uiu/ml": "u[IU]/mL", "iu/ml": "[IU]/mL",

	"mcg": "ug", "gm": "g", "gram": "g", "grams": "g", "milligram": "mg", "milligrams": "mg", "microgram": "ug", "micrograms": "ug",
	"kilogram": "kg", "kilograms": "kg", "lb": "[lb_av]", "lbs": "[lb_av]", "oz": "[oz_av]", "毫克": "mg", "克": "g", "微克": "ug", "公斤": "kg", "千克": "kg",
	"in": "[in_i]", "inch": "[in_i]", "inches": "[in_i]", "ft": "[ft_i]", "厘米": "cm", "cc": "mL", "ml": "mL", "milliliter": "mL", "milliliters": "mL",
	"毫升": "mL", "升": "L", "liter": "L", "liters": "L",
	"unit": "[IU]", "units": "[IU]", "iu": "[IU]", "u": "U", "单位": "[IU]", "units/h": "[IU]/h", "units/hr": "[IU]/h", "unit/h": "[IU]/h",
	"mcg/min": "ug/min", "mcg/kg/min": "ug/kg/min", "mcg/h": "ug/h", "mcg/hr": "ug/h", "ml/hr": "mL/h", "ml/hour": "mL/h", "ml/h": "mL/h",
	"mg/hr": "mg/h", "l/min": "L/min", "liters/min": "L/min", "liter/min": "L/min", "lpm": "L/min", "升/分": "L/min",
	"ml/min/1.73m2": "mL/min/{1.73_m2}", "ml/min/1.73m^2": "mL/min/{1.73_m2}", "kg/m^2": "kg/m2",
	"sec": "s", "second": "s", "seconds": "s", "秒": "s", "minute": "min", "minutes": "min", "分钟": "min", "hr": "h", "hrs": "h",
	"hour": "h", "hours": "h", "小时": "h", "day": "d", "days": "d", "天": "d", "week": "wk", "weeks": "wk", "month": "mo", "months": "mo",
	"year": "a", "years": "a", "yr": "a", "岁": "a", "millivolt": "mV", "millivolts": "mV", "hz": "Hz",
}
