package render_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

// monitored is the sample record with a day of readings by the minute.
func monitored(b *testing.B) *record.PatientRecord {
	rec := load(b, "sepsis-icu")
	from := moment("2026-03-14T06:00:00+08:00").Time
	for i := range 24 * 60 {
		at := record.DateTime{Time: from.Add(time.Duration(i) * time.Minute), Precision: record.PrecisionSecond}
		for code, unit := range map[string]string{"8867-4": "/min", "9279-1": "/min", "2708-6": "%"} {
			v := fmt.Sprint(20 + (i*7+i/60)%70)
			o := vital(fmt.Sprint(code, i), code, v, unit, "2026-03-14T06:00:00+08:00")
			o.Start = at
			rec.Observations = append(rec.Observations, o)
		}
	}
	return rec
}

// BenchmarkRender gives records a second: run with -bench Render -benchmem.
func BenchmarkRender(b *testing.B) {
	small := load(b, "sepsis-icu")
	for _, c := range []struct {
		name string
		rec  *record.PatientRecord
		opt  render.Options
	}{
		{"full", small, render.Options{}},
		{"compact", small, render.Options{Style: render.StyleCompact, RelativeTimes: true}},
		{"chinese", small, render.Options{Lang: render.Chinese}},
		{"derived", small, render.Options{Derived: true}},
		{"budget", small, render.Options{TokenBudget: 800}},
		{"monitored", monitored(b), render.Options{}},
		{"monitored-derived", monitored(b), render.Options{Derived: true, TokenBudget: 800}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if render.Render(c.rec, c.opt).Text() == "" {
					b.Fatal("no text")
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
