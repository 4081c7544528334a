package score

import (
	"math"
	"slices"
	"time"
)

// step is one column of the chart: points for values up to most.
type step struct {
	most   float64
	points int
}

var inf = math.Inf(1)

// The NEWS2 chart (Royal College of Physicians 2017, chart 1), by the upper end of each band.
var (
	respiratoryRate = []step{{8, 3}, {11, 1}, {20, 0}, {24, 2}, {inf, 3}}
	saturation1     = []step{{91, 3}, {93, 2}, {95, 1}, {inf, 0}}
	saturation2     = []step{{83, 3}, {85, 2}, {87, 1}, {inf, 0}}                            // on air
	saturation2O2   = []step{{83, 3}, {85, 2}, {87, 1}, {92, 0}, {94, 1}, {96, 2}, {inf, 3}} // on oxygen
	systolic        = []step{{90, 3}, {100, 2}, {110, 1}, {219, 0}, {inf, 3}}
	pulse           = []step{{40, 3}, {50, 1}, {90, 0}, {110, 1}, {130, 2}, {inf, 3}}
	temperature     = []step{{35.0, 3}, {36.0, 1}, {38.0, 0}, {39.0, 1}, {inf, 2}}
)

// The points for oxygen, and for any level of consciousness but alert.
const (
	oxygenPoints  = 2
	alteredPoints = 3
)

// scale2Asks is the saturation from which the second scale asks whether oxygen is given.
const scale2Asks = 93

// NEWS2 is the score at a moment, from the latest reading of each part that is not older than
// Options.MaxAge. Where the second scale of saturation is taken and it is not known whether
// oxygen is given, the points of a saturation from 93 % are not known either.
func (r *Readings) NEWS2(at time.Time, opt Options) Result {
	on := func(chart []step) func(*reading) int {
		return func(x *reading) int { return rate(chart, x.value) }
	}
	oxygen := r.latest(PartOxygen, at, opt, func(x *reading) int { return pointsIf(x.finding == FindingOxygen, oxygenPoints) })
	saturation := r.latest(PartOxygenSaturation, at, opt, on(saturationChart(opt, oxygen)))
	if opt.Scale2 && !oxygen.Known && saturation.Value >= scale2Asks {
		saturation.Known = false
	}
	res := finish(KindNEWS2, at, []Part{
		r.latest(PartRespiratoryRate, at, opt, on(respiratoryRate)),
		saturation,
		oxygen,
		r.latest(PartSystolic, at, opt, on(systolic)),
		r.latest(PartPulse, at, opt, on(pulse)),
		r.latest(PartConsciousness, at, opt, func(x *reading) int { return pointsIf(x.finding == FindingAltered, alteredPoints) }),
		r.latest(PartTemperature, at, opt, on(temperature)),
	}, r.child(at, 16))
	res.Scale2 = opt.Scale2
	if res.Computable {
		res.Band = res.LeastBand()
	}
	return res
}

func saturationChart(opt Options, oxygen Part) []step {
	switch {
	case !opt.Scale2:
		return saturation1
	case oxygen.Finding == FindingOxygen:
		return saturation2O2
	}
	return saturation2
}

// LeastBand reads the clinical risk from a NEWS2 (Royal College of Physicians 2017, chart 2). Where parts are missing it is the
// least that it can be: they can only add points.
func (r *Result) LeastBand() Band {
	switch {
	case r.Total >= 7:
		return BandHigh
	case r.Total >= 5:
		return BandMedium
	case r.HasThree():
		return BandLowMedium
	}
	return BandLow
}

// HasThree says whether one part alone has 3 points.
func (r *Result) HasThree() bool {
	return slices.ContainsFunc(r.Parts, func(p Part) bool { return p.Points == 3 })
}

func rate(chart []step, v float64) int {
	for _, s := range chart {
		if v <= s.most {
			return s.points
		}
	}
	return 0
}

func pointsIf(yes bool, n int) int {
	if yes {
		return n
	}
	return 0
}
