package evaluate

import (
	"math"
	"slices"
	"sort"
	"time"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/corrupt"
	"github.com/bedside-lm/bedside/clinical/record"
)

// The baselines of imputation.
const (
	Median       = "patient's median"
	CarryForward = "carried forward"
)

// Vital signs are filled each minute, laboratory results each hour.
const (
	vitalStep      = time.Minute
	laboratoryStep = time.Hour
)

// imputation judges made-up values by those that were lost, at the moments for which the
// cleaning has one; what share of the lost those are is counted, too.
func (j *judged) imputation() {
	vitals, laboratory := j.damagedOnly("vital-signs"), j.damagedOnly("laboratory")
	j.impute(vitals, vitalStep, func(m *corrupt.Missing) bool { return m.Dense })
	j.impute(laboratory, laboratoryStep, func(m *corrupt.Missing) bool { return !m.Dense })
}

func (j *judged) damagedOnly(category string) *record.PatientRecord {
	rec := *j.damaged
	rec.Observations = nil
	for _, o := range j.damaged.Observations {
		if o.Category == category {
			rec.Observations = append(rec.Observations, o)
		}
	}
	return &rec
}

// slot is a measure at a step of time.
type slot struct {
	measure string
	step    int64
}

func (j *judged) impute(rec *record.PatientRecord, step time.Duration, of func(*corrupt.Missing) bool) {
	res := prepare.Run(rec, prepare.Options{FillInterval: step, MaxFilled: unbounded})
	made := map[slot]float64{}
	measured := map[string][]point{}
	for i := range res.Record.Observations {
		o := &res.Record.Observations[i]
		numbers(o, func(measure string, q *record.Quantity) {
			v, ok := in(q, usualUnit(measure))
			switch {
			case !ok:
			case o.Has(record.MarkImputed):
				made[slot{measure, o.Start.Time.Round(step).Unix()}] = v
			case !o.Has(record.MarkArtefact) && !o.Has(record.MarkImplausible) && !o.Has(record.MarkUnitSuspect):
				measured[measure] = append(measured[measure], point{id: o.ID, at: o.Start.Time, value: v})
			}
		})
	}
	medians := map[string]float64{}
	for measure, ps := range measured {
		slices.SortFunc(ps, byTime)
		medians[measure] = median(ps)
	}
	for i := range j.truth.Missing {
		m := &j.truth.Missing[i]
		if !of(m) || len(measured[m.Measure]) == 0 {
			continue
		}
		truth, ok := in(&record.Quantity{Value: record.NewDecimal(m.Value), Code: m.Unit}, usualUnit(m.Measure))
		if !ok {
			continue
		}
		got, covered := made[slot{m.Measure, m.At.Round(step).Unix()}]
		last, before := carried(measured[m.Measure], m.At)
		j.filled(m, covered && before)
		if covered && before {
			j.error(m, truth, Cleaning, got)
			j.error(m, truth, Median, medians[m.Measure])
			j.error(m, truth, CarryForward, last)
		}
	}
}

func (j *judged) filled(m *corrupt.Missing, covered bool) {
	part := "laboratory, filled"
	if m.Dense {
		part = "vital signs, filled"
	}
	j.scores.add("imputation", part, Cleaning, share(covered))
}

// error counts how far a made-up value is from the truth: of vital signs in the measure's
// unit, of laboratory results as a share of the truth, since their units differ.
func (j *judged) error(m *corrupt.Missing, truth float64, method string, got float64) {
	off := math.Abs(got - truth)
	if m.Dense {
		j.scores.add("imputation", name(m.Measure)+" ("+usualUnit(m.Measure)+")", method, mean(off))
		length := "vital signs, alone (share of the value)"
		if m.Gap > 1 {
			length = "vital signs, in gaps (share of the value)"
		}
		if truth != 0 {
			j.scores.add("imputation", length, method, mean(off/math.Abs(truth)))
		}
		return
	}
	if truth != 0 {
		j.scores.add("imputation", "laboratory (share of the value)", method, mean(off/math.Abs(truth)))
	}
}

func median(ps []point) float64 {
	values := make([]float64, len(ps))
	for i, p := range ps {
		values[i] = p.value
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// carried is the last number before a moment.
func carried(ps []point, at time.Time) (float64, bool) {
	i := sort.Search(len(ps), func(i int) bool { return !ps[i].at.Before(at) })
	if i == 0 {
		return 0, false
	}
	return ps[i-1].value, true
}
