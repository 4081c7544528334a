package prepare

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

const (
	// minOwn is how many other readings of the patient's speak for or against a unit, and maxOwn
	// how many of the nearest in time are asked.
	minOwn = 2
	maxOwn = 20
	// differs and agrees bound, as factors, what is far from an expectation and what is near it.
	differs = 1.9
	agrees  = 1.35
	// leastSpread is how well a reading is foretold at best, as a standard deviation of logarithms.
	// At an end of a series, where nothing came after or before, it is atEnd times less well, and
	// the less so the longer the nearest reading is away: urea trebles in two days.
	leastSpread = 0.1
	fewSpread   = 0.2 // where fewer than three readings tell
	atEnd       = 1.3
)

// certain are the odds, as a logarithm, at which a unit is corrected: 1000 to 1.
var certain = math.Log(1000)

// ownReadings are a patient's plausible readings of one measure, in order of time.
type ownReadings struct {
	points []point
	level  float64 // their median
}

type point struct {
	at  int64
	log float64
}

// ownReadingsOf leaves out what was filed twice, which speaks once. It gives nil where there are
// too few readings, or most are implausible: the limits then say more than the patient.
func ownReadingsOf(fs []filedReading) *ownReadings {
	if !fs[0].lim.listed || len(fs) <= minOwn || len(fs[0].lim.alternatives) == 0 {
		return nil
	}
	s := &ownReadings{points: make([]point, 0, len(fs))}
	odd := 0
	for i := range fs {
		switch f := &fs[i]; {
		case f.q.Comparator != "":
		case !f.lim.plausible(f.value):
			odd++
		case f.value > 0:
			s.points = append(s.points, point{f.at, math.Log(f.value)})
		}
	}
	slices.SortFunc(s.points, func(a, b point) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.log, b.log)) })
	s.points = slices.Compact(s.points)
	if len(s.points) < minOwn || len(s.points) <= odd {
		return nil
	}
	logs := make([]float64, len(s.points))
	for i, p := range s.points {
		logs[i] = p.log
	}
	s.level = math.Exp(median(logs))
	return s
}

// unusual says whether a value lies so far from the patient's level that it is worth a closer look.
func (s *ownReadings) unusual(v float64) bool {
	return s != nil && v > 0 && max(v/s.level, s.level/v) > differs
}

// expectation is what a reading should be near.
type expectation struct {
	known      bool
	value, log float64
	spread     float64 // standard deviation of the logarithm
	near       float64 // greatest distance of the logarithm
	by         string  // what it comes from, for a report
}

// expect foretells a reading from the patient's other ones: the median of the two before and
// the two after. How far that is to be trusted is seen from how well it foretells the others.
func (s *ownReadings) expect(f *filedReading) expectation {
	if s == nil || f.value <= 0 {
		return expectation{}
	}
	this := point{f.at, math.Log(f.value)}
	n := sort.Search(len(s.points), func(i int) bool { return s.points[i].at >= f.at })
	others := make([]point, 0, maxOwn+1)
	for _, p := range s.points[max(0, n-maxOwn/2):min(len(s.points), n+maxOwn/2+1)] {
		if p != this {
			others = append(others, p)
		}
	}
	if len(others) < minOwn {
		return expectation{}
	}
	i := sort.Search(len(others), func(i int) bool { return others[i].at >= f.at })
	log, end := foretell(others, i, i)
	residuals := make([]float64, len(others))
	for j := range others {
		at, _ := foretell(others, j, j+1)
		residuals[j] = math.Abs(others[j].log - at)
	}
	e := expectation{known: true, log: log, value: math.Exp(log), spread: max(leastSpread, madScale*median(residuals)), near: math.Log(agrees), by: "which the patient's other readings let expect"}
	if len(others) < 3 {
		e.spread = max(e.spread, fewSpread)
	}
	if end {
		away := abs(others[min(i, len(others)-1)].at - f.at)
		if i > 0 {
			away = min(away, abs(others[i-1].at-f.at))
		}
		e.spread *= atEnd * (1 + float64(away)/max(f.lim.carry.Seconds(), 3600))
	}
	return e
}

// foretell is the median of the two points before index before and the two from index after on,
// and whether one side was empty.
func foretell(points []point, before, after int) (log float64, end bool) {
	var logs [4]float64
	n := 0
	for i := max(0, before-2); i < before; i++ {
		logs[n] = points[i].log
		n++
	}
	for i := after; i < min(len(points), after+2); i++ {
		logs[n] = points[i].log
		n++
	}
	return median(logs[:n]), before == 0 || after >= len(points)
}

// chooses picks the one of other values that the expectation speaks for against the value filed.
func (e *expectation) chooses(filed float64, others []float64) (v float64, ok bool) {
	if !e.known {
		return 0, false
	}
	off := math.Abs(math.Log(filed) - e.log)
	n := 0
	for _, o := range others {
		if d := math.Abs(math.Log(o) - e.log); o > 0 && d <= e.near && off > math.Log(differs) && off*off-d*d > 2*e.spread*e.spread*certain {
			v = o
			n++
		}
	}
	return v, n == 1
}

// amid is how near a reading is to those around it where it is one of them, as a logarithm.
const amid = 0.1

// meets says whether one of the values is just what is expected.
func (e expectation) meets(values []float64) bool {
	return e.known && slices.ContainsFunc(values, func(v float64) bool { return v > 0 && math.Abs(math.Log(v)-e.log) <= amid })
}

const (
	// steadyTime is how near in time, in seconds, a device's other readings must be for it to be
	// steady, and steadyReadings how many there must be on either side.
	steadyTime     = 15 * 60
	steadyReadings = 2
)

// flushed says whether a measure is a pressure in a vessel, whose line is flushed and zeroed.
func (l *limits) flushed() bool { return l.group == "vital" && l.code == "mm[Hg]" }

// steadyDevices knows when each device filed plausible readings of one measure.
type steadyDevices struct {
	all   []filedReading
	times map[string][]int64 // by device, sorted; made when first asked for
}

// around says whether a reading stands amid plausible ones that its device filed within minutes.
func (s *steadyDevices) around(f *filedReading) bool {
	if f.device == "" {
		return false
	}
	if s.times == nil {
		s.times = map[string][]int64{}
		for i := range s.all {
			if r := &s.all[i]; r.device != "" && r.lim.plausible(r.value) && r.filed.Equal(f.filed) {
				s.times[r.device] = append(s.times[r.device], r.at)
			}
		}
		for _, times := range s.times {
			slices.Sort(times)
		}
	}
	times := s.times[f.device]
	before, _ := slices.BinarySearch(times, f.at)
	after, _ := slices.BinarySearch(times, f.at+1)
	return before >= steadyReadings && f.at-times[before-steadyReadings] <= steadyTime &&
		after+steadyReadings <= len(times) && times[after+steadyReadings-1]-f.at <= steadyTime
}
