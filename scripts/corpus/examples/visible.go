package main

import (
	"slices"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
)

// Statistics of visible records, which have any number of readings.
var seenStatistics = []features.Statistic{features.Last, features.Min, features.Max, features.Mean, features.Slope}

// visibleColumns are the names of what visibleNumbers gives.
func visibleColumns() []string {
	out := []string{"age", "female"}
	for _, code := range features.Measures() {
		out = append(out, named(code, []string{"last", "min", "max", "mean", "slope"})...)
	}
	return out
}

// visibleNumbers are the statistics of whatever was measured, not a number where nothing was.
func visibleNumbers(row []float64, w features.Window) []float32 {
	age, female := features.Who(row)
	out := []float32{float32(age), float32(female)}
	for _, code := range features.Measures() {
		at := column(code, w)
		for _, s := range seenStatistics {
			out = append(out, float32(row[at+int(s)]))
		}
	}
	return slices.Clip(out)
}

// column is where a measure's statistics begin.
func column(code string, w features.Window) int {
	at, ok := features.Place(code, w, features.Last)
	if !ok {
		panic("no measure " + code) // codes are those of features.Measures
	}
	return at
}
