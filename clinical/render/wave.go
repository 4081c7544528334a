package render

import (
	"math"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Periods in milliseconds that any instrument has: 1 MHz to one sample a day.
// Beyond them neither a duration nor a rate is certain.
const (
	minPeriod = 1e-3
	maxPeriod = 86_400_000
)

// waveFact says only what is certain of a waveform: what it is, how long, how
// densely sampled, and how much is missing. It judges no shape.
func (r *renderer) waveFact(m *measure) Fact {
	b, p, x := r.fact(), r.p, m.readings[0]
	s := x.value.Sampled
	b.evidence("Observation", x.obs)
	name := b.name(m)
	key := b.f.Terms[0].Key
	dims := max(1, s.Dimensions)
	samples := len(s.Samples) / dims
	parts := name + p.gap() + p.waveform + p.colon
	if s.PeriodMS >= minPeriod && s.PeriodMS <= maxPeriod {
		seconds := math.Round(float64(samples)*s.PeriodMS) / 1000
		rate := math.Round(1e6/s.PeriodMS) / 1000
		parts += b.count(record.NewDecimal(seconds), "s", Number{Role: RoleSpan, Of: key}) + p.comma +
			b.count(record.NewDecimal(rate), "Hz", Number{Role: RoleValue, Of: key}) + p.comma
	}
	parts += b.count(record.NewDecimal(float64(samples)), "{sample}", Number{Role: RoleCount, Of: key})
	dropouts := 0
	for _, v := range s.Samples {
		if math.IsNaN(v) {
			dropouts++
		}
	}
	parts += p.comma + b.count(record.NewDecimal(float64(dropouts)), "{dropout}", Number{Role: RoleCount, Of: key})
	if at := b.at(x.at, record.DateTime{}); at != "" {
		parts += p.comma + at
	}
	return b.write(parts).done()
}
