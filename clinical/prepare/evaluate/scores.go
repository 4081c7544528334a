package evaluate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Key names a figure: what is judged, of which part of it, and by which method.
type Key struct {
	What   string // "duplicates", "imputation", "spikes", "units", "clock"
	Part   string // such as "resent", a measure's name, or "" for all
	Method string // Cleaning, or a baseline's name
}

// Cleaning is the method that is judged: package prepare.
const Cleaning = "cleaning"

// Tally is what is counted for a figure. Tallies of patients add up.
type Tally struct {
	Hit, False, Missed float64 // true positives, false positives, false negatives
	Sum, N             float64 // of a mean
}

// Add adds another tally.
func (t Tally) Add(o Tally) Tally {
	return Tally{Hit: t.Hit + o.Hit, False: t.False + o.False, Missed: t.Missed + o.Missed, Sum: t.Sum + o.Sum, N: t.N + o.N}
}

// Precision is the share of what was found that is true; 1 where nothing was found.
func (t Tally) Precision() float64 { return ratio(t.Hit, t.Hit+t.False, 1) }

// Recall is the share of what is true that was found; NaN where nothing is true.
func (t Tally) Recall() float64 { return ratio(t.Hit, t.Hit+t.Missed, math.NaN()) }

// F1 is the harmonic mean of precision and recall.
func (t Tally) F1() float64 { return ratio(2*t.Hit, 2*t.Hit+t.False+t.Missed, math.NaN()) }

// Mean is Sum/N; NaN of nothing.
func (t Tally) Mean() float64 { return ratio(t.Sum, t.N, math.NaN()) }

func ratio(a, b, none float64) float64 {
	if b == 0 {
		return none
	}
	return a / b
}

// Scores are one patient's tallies.
type Scores map[Key]Tally

func (s Scores) add(what, part, method string, t Tally) {
	k := Key{what, part, method}
	s[k] = s[k].Add(t)
}

// found counts a true thing that was found, or was not.
func found(ok bool) Tally {
	if ok {
		return Tally{Hit: 1}
	}
	return Tally{Missed: 1}
}

// mean counts one number.
func mean(v float64) Tally { return Tally{Sum: v, N: 1} }

func share(ok bool) Tally {
	if ok {
		return mean(1)
	}
	return mean(0)
}

// Statistic is a figure made of a tally.
type Statistic func(Tally) float64

// Interval is a figure with its 95 % percentile bootstrap interval over patients.
type Interval struct{ Value, Low, High float64 }

func (i Interval) String() string {
	if math.IsNaN(i.Value) {
		return "-"
	}
	return fmt.Sprintf("%s [%s, %s]", digits(i.Value), digits(i.Low), digits(i.High))
}

func digits(v float64) string {
	switch {
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.1f", v)
	case math.Abs(v) >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	if v != 0 && math.Abs(v) < 0.01 {
		return fmt.Sprintf("%.5f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

const rounds = 1000

// Cohort is the scores of many patients.
type Cohort struct {
	patients []Scores
	draws    [][]int // patients of each round, drawn with replacement
}

// NewCohort gathers patients' scores; the seed is of the bootstrap (Efron 1979,
// doi:10.1214/aos/1176344552). Patients are drawn, not readings: those of one patient are alike.
func NewCohort(patients []Scores, seed uint64) *Cohort {
	rng := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // the same intervals for the same seed are wanted
	c := &Cohort{patients: patients, draws: make([][]int, rounds)}
	for i := range c.draws {
		c.draws[i] = make([]int, len(patients))
		for j := range c.draws[i] {
			c.draws[i][j] = rng.IntN(len(patients))
		}
	}
	return c
}

// Total is the sum over all patients.
func (c *Cohort) Total(k Key) Tally {
	var t Tally
	for _, p := range c.patients {
		t = t.Add(p[k])
	}
	return t
}

// Of is a figure with its interval.
func (c *Cohort) Of(k Key, s Statistic) Interval {
	return c.interval(s(c.Total(k)), func(draw []int) float64 { return s(c.drawn(k, draw)) })
}

// Difference is by how much method a is above method b, patients paired.
func (c *Cohort) Difference(k Key, b string, s Statistic) Interval {
	other := k
	other.Method = b
	return c.interval(s(c.Total(k))-s(c.Total(other)), func(draw []int) float64 { return s(c.drawn(k, draw)) - s(c.drawn(other, draw)) })
}

func (c *Cohort) drawn(k Key, draw []int) Tally {
	var t Tally
	for _, i := range draw {
		t = t.Add(c.patients[i][k])
	}
	return t
}

func (c *Cohort) interval(value float64, of func([]int) float64) Interval {
	values := make([]float64, 0, rounds)
	for _, draw := range c.draws {
		if v := of(draw); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return Interval{value, math.NaN(), math.NaN()}
	}
	slices.Sort(values)
	return Interval{Value: value, Low: values[len(values)*25/1000], High: values[min(len(values)-1, len(values)*975/1000)]}
}

// Parts are the parts that something was judged by, in order.
func (c *Cohort) Parts(what string) []string {
	var out []string
	for _, p := range c.patients {
		for k := range p {
			if k.What == what && k.Part != "" && !slices.Contains(out, k.Part) {
				out = append(out, k.Part)
			}
		}
	}
	slices.Sort(out)
	return out
}
