package main

import (
	"math"
	"math/rand/v2"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
)

// pool is what was measured in training patients: for each measure and window the rows of those
// who had it. A measure that a patient did not have is drawn from it, so that which tests exist
// tells nothing; the five statistics of a measure are drawn together, from one patient.
type pool struct {
	rows   [][]float64
	having map[place][]int
}

type place struct {
	code   string
	window features.Window
}

var windows = []features.Window{features.FirstHour, features.FirstDay}

func newPool(rows [][]float64) *pool {
	p := &pool{rows: rows, having: map[place][]int{}}
	for _, code := range features.Measures() {
		for _, w := range windows {
			at := column(code, w)
			for i, row := range rows {
				if !math.IsNaN(row[at]) {
					p.having[place{code, w}] = append(p.having[place{code, w}], i)
				}
			}
		}
	}
	return p
}

// column is where a measure's statistics begin.
func column(code string, w features.Window) int {
	at, ok := features.Place(code, w, features.Last)
	if !ok {
		panic("no measure " + code) // codes are those of features.Measures
	}
	return at
}

// common lists the measures that at least such a share of the pool's patients had.
func (p *pool) common(w features.Window, least float64) (codes []string) {
	for _, code := range features.Measures() {
		if float64(len(p.having[place{code, w}])) >= least*float64(len(p.rows)) {
			codes = append(codes, code)
		}
	}
	return codes
}

// fill draws what a row lacks of these measures. The row is changed.
func (p *pool) fill(row []float64, w features.Window, codes []string, rng *rand.Rand) {
	for _, code := range codes {
		at := column(code, w)
		have := p.having[place{code, w}]
		donor := p.rows[have[rng.IntN(len(have))]] // drawn whether needed or not: draws do not depend on presence
		if math.IsNaN(row[at]) {
			copy(row[at:at+int(features.Count)], donor[at:at+int(features.Count)])
		}
	}
}
