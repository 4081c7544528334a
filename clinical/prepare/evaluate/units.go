package evaluate

import (
	"math"
	"strings"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/corrupt"
	"github.com/bedside-lm/bedside/clinical/record"
)

// OneByOne is the baseline of units: what can be said of a reading by itself, from what is
// possible at all, without the patient's other readings.
const OneByOne = "one by one"

// near is how far a value may be from the truth and be called right: what three digits hold.
const near = 0.02

// units judges numbers in other units. A wrong one is found where the reading that stands for
// it has the true value; marked only, it is counted apart. Corrections of right ones are false.
func (j *judged) units() {
	var others []prepare.StageName
	for _, s := range prepare.Stages() {
		if s != prepare.StageUnits {
			others = append(others, s)
		}
	}
	ours := corrections(j.result)
	for _, id := range j.ids() {
		o := j.filed[id]
		if j.original(id) != id || o.Value.Quantity == nil && len(o.Components) == 0 {
			continue
		}
		alone := prepare.Run(&record.PatientRecord{Observations: []record.Observation{*o}}, prepare.Options{Skip: others})
		j.unit(id, Cleaning, j.left[j.into[id]], ours[id])
		j.unit(id, OneByOne, &alone.Record.Observations[0], corrections(alone)[id])
	}
}

// corrections are the ids of readings whose unit was corrected.
func corrections(res *prepare.Result) map[string]bool {
	out := map[string]bool{}
	for _, r := range res.Reports {
		for _, c := range r.Changes {
			if c.Kind == prepare.ChangeUnitCorrected {
				out[strings.TrimPrefix(c.Reading, "Observation/")] = true
			}
		}
	}
	return out
}

func (j *judged) unit(id, method string, o *record.Observation, corrected bool) {
	s, swapped := j.truth.Swaps[id]
	_, spiked := j.truth.Spikes[id]
	switch {
	case !swapped:
		part := "right, corrected"
		if spiked {
			part = "disturbed, corrected"
		}
		j.scores.add("units", part, method, share(corrected))
		if corrected {
			j.scores.add("units", "", method, Tally{False: 1})
		}
	case s.Wrong:
		ok := isTrue(o, s)
		part := "wrong unit, laboratory"
		switch {
		case s.All:
			part = "wrong unit, all of the patient's"
		case o != nil && o.Category == "vital-signs":
			part = "wrong unit, vital signs"
		}
		if !s.All { // where all are wrong there is often nothing to tell by: reported apart
			j.scores.add("units", "", method, found(ok))
		}
		j.scores.add("units", part, method, found(ok))
		j.scores.add("units", "wrong unit, put right or marked", method, share(ok || o != nil && (o.Has(record.MarkUnitSuspect) || o.Has(record.MarkImplausible))))
	default:
		j.scores.add("units", "other unit, converted", method, found(isTrue(o, s)))
	}
}

// isTrue says whether an observation has its true numbers.
func isTrue(o *record.Observation, s corrupt.Swap) bool {
	if o == nil {
		return false
	}
	i, ok := 0, true
	numbers(o, func(_ string, q *record.Quantity) {
		v, known := in(q, s.Unit)
		ok = ok && known && i < len(s.True) && math.Abs(v-s.True[min(i, len(s.True)-1)]) <= near*math.Abs(s.True[min(i, len(s.True)-1)])
		i++
	})
	return ok && i == len(s.True)
}
