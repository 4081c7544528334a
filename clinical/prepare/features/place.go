package features

import (
	"slices"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// Statistic is one number of a measure's readings within a window.
type Statistic int

// The statistics, in the order of their columns.
const (
	Last Statistic = iota
	Min
	Max
	Mean
	Slope
	Count
)

// Window is one of the stretches of time from admission on.
type Window int

// The windows, in the order of their columns.
const (
	FirstHour Window = iota
	FirstDay
)

// Hours is the window's length.
func (w Window) Hours() int { return int(windows[w].length.Hours()) }

// Measures lists the LOINC codes of what the schema has columns for, in their order.
func Measures() []string { return slices.Clone(measures) }

// Place is the column of a measure's statistic, by its LOINC code; ok is false for a measure that
// the schema does not have.
func Place(loinc string, w Window, s Statistic) (column int, ok bool) {
	m := theSchema().byEntry[terms.Measure(loinc)]
	if m == nil {
		return 0, false
	}
	return m.first + int(w)*statistics + int(s), true
}

// Who gives the age in whole years and whether the patient is female (1) or male (0), each NaN
// where it is not known.
func Who(row []float64) (age, female float64) { return row[columnAge], row[columnFemale] }
