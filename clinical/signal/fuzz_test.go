package signal_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/internal/synth"
	"github.com/bedside-lm/bedside/clinical/terms"
)

var (
	kinds = []signal.Kind{signal.KindUnknown, signal.KindECG, signal.KindPPG, signal.KindRespiration, signal.KindCO2, signal.KindABP, "sonar"}
	units = []string{"", "mV", "uV", "mm[Hg]", "kPa", "%", "Ohm", "]["}
)

func fmtFloat(v float64) string { return strconv.FormatFloat(v, 'f', 9, 64) }

// check holds what must be true of any waveform's description.
func check(t interface{ Fatalf(string, ...any) }, w signal.Waveform) {
	q := signal.Assess(w)
	if !(q.Score >= 0 && q.Score <= 1) || !(q.Missing >= 0 && q.Missing <= 1) || q.Usable == (q.Reason != "") {
		t.Fatalf("quality %+v", q)
	}
	for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
		for _, d := range signal.Describe(&signal.Recording{Waveforms: []signal.Waveform{w}}, lang) {
			if len(d.Sentences) == 0 || len(d.Limits) == 0 {
				t.Fatalf("nothing is said")
			}
			for _, f := range d.Findings {
				if f.Number != nil && (math.IsNaN(*f.Number) || math.IsInf(*f.Number, 0)) {
					t.Fatalf("%s is not a number", f.Key)
				}
			}
		}
	}
}

// FuzzAnalyse makes samples of bytes, times any number, at any rate, repeated so that there are
// enough to look at. The largest byte is a dropout, the smallest a value below the device's limits.
func FuzzAnalyse(f *testing.F) {
	raw := func(x []float64, size float64) []byte {
		out := make([]byte, len(x))
		for i, v := range x {
			out[i] = byte(int8(math.Round(v / size)))
		}
		return out
	}
	r := synth.Rand(1)
	f.Add(raw(synth.Strip(3, 100, []float64{0.3, 1.2, 2.1}, []synth.Beat{synth.Normal()}), 0.01), 0.01, 100.0, uint8(1), uint8(1), uint8(9))
	f.Add(raw(synth.Pulses(3, 60, synth.Steady(r, 4, 70, 0.01), 80, 120), 1), 1.0, 60.0, uint8(5), uint8(3), uint8(9))
	f.Add(raw(synth.Capnogram(8, 10, 15, 0, 40), 1), 1.0, 10.0, uint8(4), uint8(4), uint8(9))
	f.Add(raw(synth.Breaths(8, 10, 15, 0, 0), 0.01), math.MaxFloat64, 10.0, uint8(3), uint8(0), uint8(9))
	f.Add([]byte{127, 128, 0, 1}, math.SmallestNonzeroFloat64, 1e-300, uint8(2), uint8(7), uint8(200))
	f.Fuzz(func(t *testing.T, data []byte, size, rate float64, kind, unit, repeat uint8) {
		var x []float64
		for range int(repeat) + 1 {
			for _, b := range data[:min(len(data), 4000-len(x))] {
				v := size * float64(int8(b))
				switch int8(b) {
				case math.MaxInt8:
					v = math.NaN()
				case math.MinInt8:
					v = math.Inf(-1)
				}
				x = append(x, v)
			}
		}
		check(t, signal.Waveform{Kind: kinds[int(kind)%len(kinds)], Unit: units[int(unit)%len(units)], Rate: rate, Samples: x})
	})
}

// TestAnyWaveform draws what waveforms are made of, with extremes and dropouts thrown in.
func TestAnyWaveform(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := synth.Rand(rapid.Uint64().Draw(t, "seed"))
		rate := rapid.OneOf(rapid.SampledFrom([]float64{5, 25, 60, 100, 125, 250, 333.3, 1000}), rapid.Float64()).Draw(t, "rate")
		x := make([]float64, rapid.IntRange(0, 6000).Draw(t, "samples"))
		size := math.Pow(10, rapid.Float64Range(-30, 30).Draw(t, "size"))
		for i := range x {
			x[i] = size * (math.Sin(float64(i)/20) + r.NormFloat64())
		}
		for range rapid.IntRange(0, 5).Draw(t, "breaks") {
			if len(x) > 10 {
				at := r.IntN(len(x) - 5)
				v := []float64{math.NaN(), math.Inf(1), 0, math.MaxFloat64, -1e13}[r.IntN(5)]
				for k := at; k < min(len(x), at+r.IntN(500)); k++ {
					x[k] = v
				}
			}
		}
		check(t, signal.Waveform{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Unit: rapid.SampledFrom(units).Draw(t, "unit"), Rate: rate, Samples: x})
	})
}

func TestLongWaveformsAreCut(t *testing.T) {
	x := make([]float64, signal.MaxSamples+1000)
	a := signal.Analyse(signal.Waveform{Kind: signal.KindUnknown, Rate: 1e6, Samples: x})
	require.True(t, a.Cut)
	require.InDelta(t, 2, a.Seconds, 0.01)
	a = signal.Analyse(signal.Waveform{Kind: signal.KindUnknown, Rate: 100, Samples: x})
	require.True(t, a.Cut)
	require.InDelta(t, signal.MaxSeconds, a.Seconds, 0.01)
	d := signal.Describe(&signal.Recording{Waveforms: []signal.Waveform{{Rate: 100, Samples: x}}}, terms.English)
	require.Contains(t, d[0].Limits, "Only the first 1800 s were analysed.")
}

// TestAnalyseLeavesSamplesAlone holds that nothing that is given is changed.
func TestAnalyseLeavesSamplesAlone(t *testing.T) {
	for _, w := range recording().Waveforms {
		before := append([]float64(nil), w.Samples...)
		signal.Analyse(w)
		for i := range before {
			if before[i] != w.Samples[i] && !math.IsNaN(before[i]) {
				t.Fatalf("%s: sample %d has changed", w.Label, i)
			}
		}
	}
}

func BenchmarkAnalyse(b *testing.B) {
	for _, w := range recording().Waveforms {
		if w.Kind == signal.KindUnknown || w.Label == "I" {
			continue
		}
		b.Run(w.Kind.String()+" "+w.Label, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				signal.Analyse(w)
			}
			b.ReportMetric(float64(len(w.Samples))*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
