package prompt

import (
	_ "embed"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// Steps is how many steps a measure's values are told apart by.
const Steps = 20

// steps.tsv has, a line a measure, its LOINC code and the values that part the twentieths of the
// readings of the first day in the training patients of scripts/corpus (examples -steps).
//
//go:embed data/steps.tsv
var stepsTable string

// loadedSteps is read once; the table is part of the binary, and the tests find a fault in it.
var loadedSteps = sync.OnceValue(func() map[*terms.Entry][]float64 {
	out := map[*terms.Entry][]float64{}
	for line := range strings.Lines(stepsTable) {
		fields := strings.Fields(line)
		e := terms.Measure(fields[0])
		if e == nil || len(fields) != Steps {
			panic(fmt.Sprintf("prompt: data/steps.tsv: %q", line))
		}
		for _, f := range fields[1:] {
			v, err := strconv.ParseFloat(f, 64)
			if err != nil {
				panic(fmt.Sprintf("prompt: data/steps.tsv: %q", line))
			}
			out[e] = append(out[e], v)
		}
	}
	return out
})

// Step is the twentieth, from 1 to Steps, of the training patients' readings that a value lies in,
// and 0 for a measure of which there were too few.
func Step(e *terms.Entry, v float64) int {
	cuts := loadedSteps()[e]
	if cuts == nil {
		return 0
	}
	return 1 + sort.Search(len(cuts), func(i int) bool { return cuts[i] > v })
}

// stepMark is the sign of a step: ① to ⑳.
func stepMark(step int) string { return string(rune('①' + step - 1)) }
