package evaluate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// sign is how a made-up patient's vital sign behaves: where it lies, how far it wanders within
// an hour or so, what an instrument adds, and how often it is filed.
type sign struct {
	loinc, unit              string
	low, high                float64 // levels of patients
	wander, noise            float64
	min, max                 float64
	decimals                 int
	monitor, oximeter, nurse time.Duration // interval of each who files it; 0 for never
}

var signs = []sign{
	{loinc: "8867-4", unit: "/min", low: 58, high: 115, wander: 6, noise: 1, min: 25, max: 220, monitor: time.Minute, oximeter: 2 * time.Minute, nurse: time.Hour},
	{loinc: "2708-6", unit: "%", low: 91, high: 98, wander: 1.4, noise: 0.4, min: 60, max: 100, monitor: time.Minute, oximeter: 2 * time.Minute, nurse: time.Hour},
	{loinc: "9279-1", unit: "/min", low: 11, high: 26, wander: 2.2, noise: 0.7, min: 4, max: 60, monitor: time.Minute, nurse: time.Hour},
	{loinc: "8480-6", unit: "mm[Hg]", low: 88, high: 165, wander: 8, noise: 2, min: 40, max: 250, monitor: 5 * time.Minute},
	{loinc: "8478-0", unit: "mm[Hg]", low: 60, high: 110, wander: 6, noise: 1.5, min: 25, max: 190, monitor: 5 * time.Minute},
	{loinc: "8310-5", unit: "Cel", low: 36.2, high: 39.2, wander: 0.35, noise: 0.05, min: 33, max: 42, decimals: 1, monitor: 5 * time.Minute, nurse: 4 * time.Hour},
}

// test is a laboratory measure: levels of patients, and by how much it moves between two draws.
type test struct {
	loinc, unit     string
	low, high, step float64
	decimals        int
}

var tests = []test{
	{"2345-7", "mg/dL", 75, 260, 0.15, 0}, {"2160-0", "mg/dL", 0.6, 3.2, 0.08, 2}, {"2823-3", "mmol/L", 3.3, 5.3, 0.05, 1},
	{"718-7", "g/dL", 7.5, 15.5, 0.03, 1}, {"6690-2", "10*3/uL", 3.5, 21, 0.12, 1}, {"1988-5", "mg/L", 4, 260, 0.2, 0},
	{"2524-7", "mmol/L", 0.7, 5, 0.2, 1}, {"3094-0", "mg/dL", 8, 55, 0.08, 0}, {"1751-7", "g/dL", 2.2, 4.6, 0.03, 1},
	{"17861-6", "mg/dL", 7.8, 10.4, 0.02, 1}, {"1975-2", "mg/dL", 0.3, 4, 0.1, 1}, {"2019-8", "mm[Hg]", 30, 62, 0.08, 0},
}

// monitored is how long a made-up patient is on a monitor; the stay is longer.
const (
	monitored = 8 * time.Hour
	stay      = 72 * time.Hour
)

// Synthetic makes clean records of n patients who do not exist: a monitor, a pulse oximeter
// with its own pace, charted vital signs and laboratory series over three days. Vital signs are
// Ornstein-Uhlenbeck processes around a level that drifts and, in every other patient, moves to
// another level within minutes, as when shock sets in or treatment takes hold. Same seed, same
// records.
func Synthetic(seed uint64, n int) []*record.PatientRecord {
	out := make([]*record.PatientRecord, n)
	for i := range out {
		m := &maker{
			rng:   rand.New(rand.NewPCG(seed, uint64(i))), //nolint:gosec // the same patients for the same seed are wanted
			rec:   &record.PatientRecord{Patient: record.Patient{ID: fmt.Sprintf("synthetic-%d-%d", seed, i)}},
			start: time.Date(2026, 3, 2, 6+i%12, (7*i)%60, 0, 0, time.UTC),
		}
		m.patient()
		out[i] = m.rec
	}
	return out
}

// maker makes one patient.
type maker struct {
	rng   *rand.Rand
	rec   *record.PatientRecord
	start time.Time
}

func (m *maker) patient() {
	m.rec.Devices = []record.Device{
		{ID: "monitor", Type: record.Concept{Text: "patient monitor"}}, {ID: "oximeter", Type: record.Concept{Text: "pulse oximeter"}},
	}
	m.rec.Encounters = []record.Encounter{{ID: "stay", Status: "finished", Class: "IMP", Start: moment(m.start), End: moment(m.start.Add(stay))}}
	for i := range signs {
		m.vital(&signs[i])
	}
	for i := range tests {
		m.laboratory(&tests[i])
	}
}

// vital files one vital sign by all who see it. Each of them sees the same truth with noise of
// its own; what is charted is read off the monitor.
func (m *maker) vital(s *sign) {
	truth := m.course(s)
	bias := 0.3 * s.noise * m.rng.NormFloat64() // of the oximeter
	for minute, v := range truth {
		at := m.start.Add(time.Duration(minute) * time.Minute)
		due := func(every time.Duration) bool { return every > 0 && minute%int(every/time.Minute) == 0 }
		shown := s.shown(v + s.noise*m.rng.NormFloat64())
		if due(s.monitor) {
			m.file("monitor", s.loinc, s.unit, "vital-signs", shown, s.decimals, at)
		}
		if due(s.oximeter) {
			jitter := time.Duration(m.rng.IntN(25)-12) * time.Second
			m.file("oximeter", s.loinc, s.unit, "vital-signs", s.shown(v+bias+s.noise*m.rng.NormFloat64()), s.decimals, at.Add(jitter))
		}
		if due(s.nurse) {
			m.file("", s.loinc, s.unit, "vital-signs", shown, s.decimals, at)
		}
	}
}

// course is a vital sign's truth, minute by minute.
func (m *maker) course(s *sign) []float64 {
	out := make([]float64, int(monitored/time.Minute))
	level := s.low + (s.high-s.low)*m.rng.Float64()
	drift := 1.5 * s.wander * m.rng.NormFloat64() / float64(len(out))
	step, begins := 0.0, len(out)
	if m.rng.IntN(2) == 0 {
		step, begins = 2.5*s.wander*m.rng.NormFloat64(), len(out)/4+m.rng.IntN(len(out)/2)
	}
	const memory = 45 // minutes
	keep := math.Exp(-1.0 / memory)
	kick := s.wander * math.Sqrt(1-keep*keep)
	x := s.wander * m.rng.NormFloat64()
	for i := range out {
		x = keep*x + kick*m.rng.NormFloat64()
		moved := step * min(1, max(0, float64(i-begins)/8))
		out[i] = min(max(level+drift*float64(i)+x+moved, s.min), s.max)
	}
	return out
}

func (s *sign) shown(v float64) float64 { return min(max(v, s.min), s.max) }

// laboratory files one measure each four to eight hours. It moves by a random walk of its
// logarithm that tends back to where the patient's level lies.
func (m *maker) laboratory(t *test) {
	level := math.Log(t.low + (t.high-t.low)*m.rng.Float64())
	x := 0.0
	for at := time.Duration(m.rng.IntN(120)) * time.Minute; at < stay; at += time.Duration(240+m.rng.IntN(240)) * time.Minute {
		x = 0.9*x + t.step*m.rng.NormFloat64()
		m.file("", t.loinc, t.unit, "laboratory", math.Exp(level+x), t.decimals, m.start.Add(at))
	}
}

func (m *maker) file(device, loinc, code, category string, v float64, decimals int, at time.Time) {
	f := math.Pow(10, float64(decimals))
	m.rec.Observations = append(m.rec.Observations, record.Observation{
		ID: fmt.Sprintf("o-%05d", len(m.rec.Observations)), Status: "final", Category: category, DeviceID: device, EncounterID: "stay",
		Code:  record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: loinc}}},
		Start: moment(at), Value: record.Value{Quantity: &record.Quantity{Value: record.NewDecimal(math.Round(v*f) / f), Unit: code, Code: code}},
	})
}

func moment(t time.Time) record.DateTime {
	return record.DateTime{Time: t, Precision: record.PrecisionSecond}
}
