package score

import "time"

// qSOFA's limits (Singer et al. 2016, box 4).
const (
	qsofaRate     = 22  // breaths a minute or more
	qsofaSystolic = 100 // mm[Hg] or less
	qsofaPositive = 2   // points or more
)

var qsofaParts = []PartName{PartRespiratoryRate, PartSystolic, PartConsciousness}

// QSOFA is the quick SOFA score at a moment, from the latest reading of each part that is not
// older than Options.MaxAge: a point each for 22 breaths a minute or more, a systolic pressure
// of 100 mmHg or less, and altered mentation (a Glasgow coma scale below 15). Two known points
// make it positive even where the third part is missing.
func (r *Readings) QSOFA(at time.Time, opt Options) Result {
	res := finish(KindQSOFA, at, []Part{
		r.latest(PartRespiratoryRate, at, opt, func(x *reading) int { return pointsIf(x.value >= qsofaRate, 1) }),
		r.latest(PartSystolic, at, opt, func(x *reading) int { return pointsIf(x.value <= qsofaSystolic, 1) }),
		r.latest(PartConsciousness, at, opt, func(x *reading) int { return pointsIf(x.finding == FindingAltered, 1) }),
	}, r.child(at, 18))
	switch {
	case res.Excluded != ExclusionNone:
	case res.Total >= qsofaPositive:
		res.Band = BandPositive
	case res.Computable || res.Total+len(res.Missing) < qsofaPositive:
		res.Band = BandNegative
	}
	return res
}
