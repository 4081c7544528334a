package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/prompt"
	"github.com/bedside-lm/bedside/clinical/terms"
)

var windows = []features.Window{features.FirstHour, features.FirstDay}

// series are a patient's readings of each measure within a window, in the order of time.
type series map[string][]float64

func within(of map[string][]features.Reading, w features.Window) series {
	out := series{}
	for code, readings := range of {
		for _, r := range readings {
			if r.Hours <= float64(w.Hours()) {
				out[code] = append(out[code], r.Value)
			}
		}
	}
	return out
}

// pool is what was measured in training patients within a window. What a patient lacks is drawn from
// it, so that which tests exist, and how often they were made, tells nothing: wards repeat what they
// worry about, and a model that sees what was repeated ranks the right diagnosis first in every
// second patient (measured: 0.50, where chance is 0.06) without looking at a value.
type pool struct {
	window   features.Window
	patients int
	having   map[string][][]float64
	// shows is how many readings of each measure a neutral record has; measures that it does not
	// show are not in it.
	shows map[string]int
	codes []string // of shows, in the order of features.Measures
}

const (
	oftenMeasured = 4    // readings of a measure that most patients have so many of
	repeated      = 0.15 // share of those who had a measure that had it twice, for it to be shown twice
)

// Of the person and not of the illness; they stand in visible records alone.
var bodily = []string{"29463-7", "8302-2"}

func newPool(w features.Window, patients []series, least float64) *pool {
	p := &pool{window: w, patients: len(patients), having: map[string][][]float64{}, shows: map[string]int{}}
	for _, of := range patients {
		for code, values := range of {
			p.having[code] = append(p.having[code], values)
		}
	}
	for _, code := range features.Measures() {
		have := p.having[code]
		if len(have) == 0 || float64(len(have)) < least*float64(len(patients)) || slices.Contains(bodily, code) {
			continue
		}
		p.codes, p.shows[code] = append(p.codes, code), p.shown(have)
	}
	return p
}

// shown is how many readings of a measure neutral records have: one from the first hour; from a
// day four, two or one, as most of those who had it were measured.
func (p *pool) shown(have [][]float64) int {
	twice, often := 0, 0
	for _, values := range have {
		if len(values) > 1 {
			twice++
		}
		if len(values) >= oftenMeasured {
			often++
		}
	}
	switch {
	case p.window == features.FirstHour:
		return 1
	case 2*often > len(have):
		return oftenMeasured
	case float64(twice) >= repeated*float64(len(have)):
		return 2
	}
	return 1
}

// neutral gives a patient the readings that every record shows.
func (p *pool) neutral(own series, rng *rand.Rand) series {
	out := series{}
	for _, code := range p.codes {
		// Drawn whether needed or not: no draw depends on what was measured.
		donor := p.donor(code, 1, rng)
		repeat := p.donor(code, p.shows[code], rng)
		seed := rng.Uint64()
		values := own[code]
		if len(values) == 0 {
			values = donor
		}
		out[code] = asMany(values, repeat, p.shows[code], rand.New(rand.NewPCG(seed, 0))) //nolint:gosec // examples, not secrets
	}
	return out
}

// donor draws a training patient who had so many readings of a measure.
func (p *pool) donor(code string, least int, rng *rand.Rand) []float64 {
	have := p.having[code]
	for {
		if values := have[rng.IntN(len(have))]; len(values) >= least {
			return values
		}
	}
}

// asMany gives n readings: of more the last, the first and others by lot; of fewer all, and such as
// the donor's course makes of them.
func asMany(values, donor []float64, n int, rng *rand.Rand) []float64 {
	last := len(values) - 1
	if len(values) >= n {
		if n == 1 {
			return values[last:]
		}
		between := rng.Perm(max(0, last-1))[:n-2]
		slices.Sort(between)
		out := []float64{values[0]}
		for _, i := range between {
			out = append(out, values[i+1])
		}
		return append(out, values[last])
	}
	out := slices.Clone(values)
	for len(out) < n {
		i := rng.IntN(len(donor) - 1)
		out = append(out, follow(out[len(out)-1], donor[i], donor[i+1]))
	}
	return out
}

// follow is what a value becomes where a donor's went from one value to the next: by the same share,
// with no more decimals than any of the three.
func follow(value, from, to float64) float64 {
	next := value + to - from
	if from > 0 && to > 0 && value > 0 {
		next = value * to / from
	}
	f := math.Pow(10, float64(max(decimals(value), decimals(from), decimals(to))))
	return math.Max(0, math.Round(next*f)/f)
}

func decimals(v float64) int {
	_, fraction, _ := strings.Cut(strconv.FormatFloat(v, 'f', -1, 64), ".")
	return min(len(fraction), 3)
}

// sheet is what a prompt tells of neutral readings.
func (p *pool) sheet(of series, row []float64) prompt.Sheet {
	s := prompt.Sheet{Window: p.window}
	s.Age, s.Female = features.Who(row)
	for _, code := range p.codes {
		values := of[code]
		it := prompt.Item{Entry: terms.Measure(code), Last: values[len(values)-1], Min: slices.Min(values), Max: slices.Max(values), Readings: len(values)}
		it.Grade = prompt.Grade(it.Entry, it.Last, s.Female == 1)
		s.Items = append(s.Items, it)
	}
	return s
}

// cuts are the values that part a measure's readings into prompt.Steps steps of equal size, for
// measures that a hundredth of the patients had.
func (p *pool) cuts() string {
	var b strings.Builder
	for _, code := range features.Measures() {
		var all []float64
		for _, values := range p.having[code] {
			all = append(all, values...)
		}
		if 100*len(p.having[code]) < p.patients {
			continue
		}
		slices.Sort(all)
		b.WriteString(code)
		for i := 1; i < prompt.Steps; i++ {
			b.WriteByte('\t')
			b.WriteString(strconv.FormatFloat(all[i*len(all)/prompt.Steps], 'g', 4, 64))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// columns are the names of what numbers gives.
func (p *pool) columns() []string {
	out := []string{"age", "female"}
	for _, code := range p.codes {
		out = append(out, named(code, statisticsOf(p.shows[code]))...)
	}
	return out
}

func statisticsOf(readings int) []string {
	switch readings {
	case 1:
		return []string{"last"}
	case 2:
		return []string{"last", "first"}
	}
	return []string{"last", "first", "min", "max", "mean"}
}

func named(code string, statistics []string) []string {
	out := make([]string, len(statistics))
	for i, s := range statistics {
		out[i] = strings.ReplaceAll(terms.Measure(code).Name(terms.English), " ", "_") + "." + s
	}
	return out
}

// numbers are the same readings for models that read numbers.
func (p *pool) numbers(of series, row []float64) []float32 {
	age, female := features.Who(row)
	out := []float32{float32(age), float32(female)}
	for _, code := range p.codes {
		values := of[code]
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		all := []float64{values[len(values)-1], values[0], slices.Min(values), slices.Max(values), sum / float64(len(values))}
		for i := range statisticsOf(p.shows[code]) {
			out = append(out, float32(all[i]))
		}
	}
	return out
}
