// Package evaluate judges the cleaning of package prepare on records that package corrupt has
// damaged, and simpler methods beside it on the same records.
//
//	duplicates   F1 against equal content, and against one reading a minute
//	imputation   mean absolute error against the patient's median, and the last value carried on
//	spikes       F1 against three standard deviations, of the series and of a rolling window
//	units        recall of numbers filed in another unit than they say, and corrections of right ones
//	clock        minutes of error and share put right, against none, and cross-correlation
//
// Baselines work on the same readings, in units converted as filed; those of imputation start
// from what the cleaning left, so that only the filling is compared.
package evaluate

import (
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/corrupt"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// unbounded lets the gaps stage fill whatever it can, and reports list all changes.
const unbounded = 10_000_000

// judged is one damaged record, what the cleaning made of it, and the truth.
type judged struct {
	damaged *record.PatientRecord
	truth   *corrupt.Truth
	result  *prepare.Result
	filed   map[string]*record.Observation // damaged, by id
	left    map[string]*record.Observation // cleaned, by id
	into    map[string]string              // id to the one that stands for it
	scores  Scores
}

// Patient damages a clean record with a seed, cleans it, and judges what became of it.
func Patient(clean *record.PatientRecord, seed uint64, opt corrupt.Options) Scores {
	damaged, truth := corrupt.Apply(clean, seed, opt)
	j := &judged{
		damaged: damaged, truth: truth, result: prepare.Run(damaged, prepare.Options{MaxChanges: unbounded}),
		filed: map[string]*record.Observation{}, left: map[string]*record.Observation{}, into: map[string]string{}, scores: Scores{},
	}
	for i := range damaged.Observations {
		o := &damaged.Observations[i]
		j.filed[o.ID], j.into[o.ID] = o, o.ID
	}
	for i := range j.result.Record.Observations {
		o := &j.result.Record.Observations[i]
		j.left[o.ID] = o
		if o.Has(record.MarkMerged) {
			for _, id := range o.DerivedFrom {
				j.into[id] = o.ID
			}
		}
	}
	j.duplicates()
	j.spikes()
	j.units()
	j.clock()
	j.imputation()
	return j.scores
}

// original is the id of the reading that an id repeats, or the id itself.
func (j *judged) original(id string) string {
	for {
		d, again := j.truth.Duplicates[id]
		if !again {
			return id
		}
		id = d.Of
	}
}

// ids are those of the damaged record, in order.
func (j *judged) ids() []string {
	out := make([]string, 0, len(j.filed))
	for id := range j.filed {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// point is a number at a moment.
type point struct {
	id    string
	at    time.Time
	value float64
}

// numbers calls visit with each number of an observation and its measure.
func numbers(o *record.Observation, visit func(measure string, q *record.Quantity)) {
	if q := o.Value.Quantity; q != nil && q.Comparator == "" {
		visit(corrupt.Measure(o.Code), q)
	}
	for i := range o.Components {
		if q := o.Components[i].Value.Quantity; q != nil && q.Comparator == "" {
			visit(corrupt.Measure(o.Components[i].Code), q)
		}
	}
}

// in gives a quantity in a unit, by UCUM alone.
func in(q *record.Quantity, code string) (float64, bool) {
	if q.Code == code {
		return q.Value.Float, true
	}
	from, err := unit.Parse(q.Code)
	if err != nil || q.Code == "" {
		return 0, false
	}
	to, err := unit.Parse(code)
	if err != nil || code == "" {
		return 0, false
	}
	return from.Convert(q.Value.Float, to)
}

// usualUnit is the unit that the table of terms gives a measure in.
func usualUnit(measure string) string {
	if e := terms.Measure(measure); e != nil {
		return e.Unit
	}
	return ""
}

// name is a measure's name.
func name(measure string) string {
	if e := terms.Measure(measure); e != nil {
		return e.Name(terms.English)
	}
	return measure
}

func byTime(a, b point) int {
	if c := a.at.Compare(b.at); c != 0 {
		return c
	}
	return strings.Compare(a.id, b.id)
}
