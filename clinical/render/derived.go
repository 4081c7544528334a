package render

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// A series is described further where it has at least minSeries readings over minSpan.
const (
	minSeries = 6
	minSpan   = time.Hour
)

// maxSlope bounds the readings that slopes are taken between; there are half its square.
const maxSlope = 200

// maxGap is how much longer than the median time between readings the longest may be for the
// time between two readings to be counted as what they say.
const maxGap = 4

// point is one reading as it is computed with.
type point struct {
	at    time.Time
	value float64
	flag  string
}

// points are the readings of a measure that can be computed with, the systolic ones of a
// blood pressure; nil where they are too few.
func points(m *measure) []point {
	out := make([]point, 0, len(m.readings))
	for _, x := range m.readings {
		q := x.value.Quantity
		if q == nil || q.Comparator != "" || x.at.Precision != record.PrecisionSecond || math.IsInf(q.Value.Float, 0) {
			continue
		}
		out = append(out, point{x.at.Time, q.Value.Float, x.flag})
	}
	if len(out) < minSeries || out[len(out)-1].at.Sub(out[0].at) < minSpan {
		return nil
	}
	return out
}

// derived are the facts computed from one measure's readings.
func (r *renderer) derived(m *measure) []Fact {
	if !r.opt.Derived {
		return nil
	}
	ps := points(m)
	if ps == nil {
		return nil
	}
	var facts []Fact
	if f, ok := r.change(m, ps); ok {
		facts = append(facts, f)
	}
	if f, ok := r.excursions(m, ps); ok {
		facts = append(facts, f)
	}
	return facts
}

// start begins a fact computed from a measure's readings. Of a blood pressure it is the
// systolic one.
func (b *builder) start(m *measure) (name string) {
	for _, x := range m.readings {
		b.evidence("Observation", x.obs)
	}
	if m.any().diastolic != nil {
		b.addTerm(b.r.term(terms.Measure(loincSystolic), TermMeasure))
		return b.f.Terms[0].Names[0]
	}
	return b.name(m)
}

// change says how fast a series moves and how widely it is spread. A stable one is told by its trend.
func (r *renderer) change(m *measure, ps []point) (Fact, bool) {
	b, p := r.fact(), r.p
	name := b.start(m)
	values := make([]float64, len(ps))
	for i, x := range ps {
		values[i] = x.value
	}
	b.f.Trend = trendOf(values, b.width(m))
	if b.f.Trend == TrendNone || b.f.Trend == TrendStable {
		return Fact{}, false
	}
	key := b.f.Terms[0].Key
	unit, label := b.unit(*m.readings[0].value.Quantity)
	number := func(v float64, role Role) string {
		d := significant(v)
		b.add(Number{Value: d, Unit: unit, Label: label, Role: role, Of: key})
		return d.Text
	}
	slope := theilSen(ps)
	moves := p.trends[b.f.Trend]
	if b.f.Trend == TrendRising && slope > 0 || b.f.Trend == TrendFalling && slope < 0 {
		moves = p.slope(moves, number(math.Abs(slope), RoleSlope)+p.joinUnit(label))
	}
	slices.Sort(values)
	low, high := number(quantile(values, 0.25), RoleQuartile), number(quantile(values, 0.75), RoleQuartile)
	return b.write(p.subject(name, moves), p.semi, p.middleHalf, p.between(low, high), p.joinUnit(label)).done(), true
}

// theilSen is the median of the slopes between all pairs of readings, in units an hour (Theil
// 1950, Sen 1968, doi:10.1080/01621459.1968.10480934). Longer series are thinned evenly.
func theilSen(ps []point) float64 {
	if len(ps) > maxSlope {
		thin := make([]point, maxSlope)
		for i := range thin {
			thin[i] = ps[i*(len(ps)-1)/(maxSlope-1)]
		}
		ps = thin
	}
	slopes := make([]float64, 0, len(ps)*(len(ps)-1)/2)
	for i := range ps {
		for j := i + 1; j < len(ps); j++ {
			if h := ps[j].at.Sub(ps[i].at).Hours(); h > 0 {
				slopes = append(slopes, (ps[j].value-ps[i].value)/h)
			}
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	slices.Sort(slopes)
	return quantile(slopes, 0.5)
}

// quantile is interpolated between the sorted values on either side (Hyndman and Fan 1996, type 7).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// significant keeps three significant digits, which is what such a figure is good for.
func significant(v float64) record.Decimal {
	f, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		f = v
	}
	return record.NewDecimal(f)
}

// side is what a series does on one side of its limits.
type side struct {
	count   int
	held    time.Duration
	longest time.Duration
}

// excursions counts the readings beyond the limits, and for how long the series stayed there.
// A reading stands for the time that it is nearest to. Where readings are missing in between,
// only their number is told.
func (r *renderer) excursions(m *measure, ps []point) (Fact, bool) {
	b, p := r.fact(), r.p
	name := b.start(m)
	key := b.f.Terms[0].Key
	limits, ok := b.limits(m, ps)
	if !ok {
		return Fact{}, false
	}
	above, below := excursion(ps, FlagHigh), excursion(ps, FlagLow)
	if above.count+below.count == 0 {
		return Fact{}, false
	}
	text := p.heldAgainst(name, limits) + b.readings(len(ps), key)
	total := ps[len(ps)-1].at.Sub(ps[0].at)
	for _, s := range []struct {
		side
		word string
	}{{above, p.above}, {below, p.below}} {
		if s.count == 0 {
			continue
		}
		text += p.comma + p.readingsBeyond(b.readings(s.count, key), s.word)
		share := math.Round(100 * float64(s.held) / float64(total))
		length, unit, ok := stretchOf(s.longest)
		if share < 1 || !ok || !even(ps) {
			continue
		}
		percent := b.count(record.NewDecimal(share), "%", Number{Role: RoleShare, Of: key})
		text += p.comma + p.shareOfTime(percent) + p.comma + p.longest + b.count(length, unit, Number{Role: RoleSpan, Of: key})
	}
	return b.write(text).done(), true
}

// limits writes what excursions are counted against and sets the flags of the readings to
// match. It is not ok where nothing is known, or where the readings were held against
// different ranges.
func (b *builder) limits(m *measure, ps []point) (string, bool) {
	key := b.f.Terms[0].Key
	unit, label := b.unit(*m.readings[0].value.Quantity)
	if e := m.entry; e != nil {
		if m.any().diastolic != nil {
			e = terms.Measure(loincSystolic)
		}
		if a, ok := b.r.opt.Alarms[e.Key]; ok && unit == e.Unit && (a.Low != nil || a.High != nil) {
			for i := range ps {
				ps[i].flag = compare(record.Quantity{Value: record.Decimal{Float: ps[i].value}}, a.Low, a.High)
			}
			end := func(f *float64) string {
				if f == nil {
					return ""
				}
				d := record.NewDecimal(*f)
				b.add(Number{Value: d, Unit: unit, Label: label, Role: RoleAlarm, Of: key})
				return d.Text
			}
			return b.r.p.limitRange(b.r.p.alarms, end(a.Low), end(a.High)) + b.r.p.joinUnit(label), true
		}
	}
	// The flags may be filed; the range is told only if all of them follow from it.
	last := m.readings[len(m.readings)-1]
	low, high, ok := b.r.rangeOf(m, last)
	if !ok {
		return "", false
	}
	for _, x := range ps {
		if x.flag != compare(record.Quantity{Value: record.Decimal{Float: x.value}}, low, high) {
			return "", false
		}
	}
	return b.reference(m, last) + b.r.p.joinUnit(label), true
}

// rangeOf is the range that a reading is held against, in its own unit.
func (r *renderer) rangeOf(m *measure, x reading) (low, high *float64, ok bool) {
	if ref := x.reference; ref != nil && (ref.Low != nil || ref.High != nil) {
		low, okLow := r.end(ref.Low, *x.value.Quantity)
		high, okHigh := r.end(ref.High, *x.value.Quantity)
		return low, high, okLow && okHigh
	}
	entry := m.entry
	if x.diastolic != nil {
		entry = terms.Measure(loincSystolic)
	}
	if t := r.tableRange(entry, *x.value.Quantity); t != nil {
		return t.Low, t.High, true
	}
	return nil, nil, false
}

func excursion(ps []point, flag string) side {
	var s side
	var run time.Duration
	for i, x := range ps {
		if x.flag != flag {
			run = 0
			continue
		}
		s.count++
		held := stands(ps, i)
		s.held += held
		run += held
		s.longest = max(s.longest, run)
	}
	return s
}

// stands is the time that a reading is nearest to.
func stands(ps []point, i int) time.Duration {
	from, to := ps[i].at, ps[i].at
	if i > 0 {
		from = from.Add(-from.Sub(ps[i-1].at) / 2)
	}
	if i+1 < len(ps) {
		to = to.Add(ps[i+1].at.Sub(to) / 2)
	}
	return to.Sub(from)
}

// even says whether no two readings lie much further apart than most.
func even(ps []point) bool {
	gaps := make([]time.Duration, len(ps)-1)
	for i := range gaps {
		gaps[i] = ps[i+1].at.Sub(ps[i].at)
	}
	slices.SortFunc(gaps, cmp.Compare[time.Duration])
	return gaps[len(gaps)-1] <= maxGap*gaps[len(gaps)/2]
}
