package signal_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/ecg"
	"github.com/bedside-lm/bedside/clinical/signal/internal/synth"
)

// TestDrawnStrips is TestSimulatedStrips in small: strips drawn in Go, so that the suite judges
// the analysis on a machine without the strips of scripts/corpus/signals.py too.
func TestDrawnStrips(t *testing.T) {
	var heart = map[bool]*share{false: {}, true: {}}
	var pulses, breaths share
	var tp, fp, fn int
	for i := range 96 {
		r, noisy := synth.Rand(uint64(7000+i)), i%2 == 1
		rate := []float64{125, 250, 500}[i%3]
		times, looks, fibrillating := drawRhythm(r, i)
		x := synth.Strip(40, rate, times, looks)
		x = synth.Add(r, x, rate, 0.015, 0.05)
		if noisy {
			x = synth.Add(r, x, rate, 0.05, 0.4)
			disturb(r, x, rate)
		}
		got := signal.Analyse(signal.Waveform{Kind: signal.KindECG, Unit: "mV", Rate: rate, Samples: x}).ECG
		truth := 60 * float64(len(times)-1) / (times[len(times)-1] - times[0])
		heart[noisy].add(math.Abs(got.HeartRate-truth) <= 2)
		switch found := got.Rhythm == ecg.AtrialFibrillation; {
		case found && fibrillating:
			tp++
		case found:
			fp++
		case fibrillating:
			fn++
		}
		perMinute := 40 + 120*r.Float64()
		ppg := synth.Add(r, synth.Pulses(30, rate, synth.Steady(r, 32, perMinute, 0.01), 10, 11), rate, 0.03, 0.2)
		a := signal.Analyse(signal.Waveform{Kind: signal.KindPPG, Rate: rate, Samples: ppg})
		pulses.add(math.Abs(a.PPG.Rate-perMinute) <= 2)
		perMinute = 6 + 34*r.Float64()
		resp := synth.Add(r, synth.Breaths(60, 25, perMinute, 0, 0), 25, 0.2, 0)
		a = signal.Analyse(signal.Waveform{Kind: signal.KindRespiration, Rate: 25, Samples: resp})
		breaths.add(math.Abs(a.Breathing.Rate-perMinute) <= 2)
	}
	f1 := 2 * float64(tp) / float64(2*tp+fp+fn)
	t.Logf("heart rate within 2/min: clean %v, noisy %v; fibrillation F1 %.3f (%d found, %d invented, %d missed); pulse rate %v; respiratory rate %v",
		heart[false], heart[true], f1, tp, fp, fn, pulses, breaths)
	require.GreaterOrEqual(t, heart[false].part(), 0.98)
	require.GreaterOrEqual(t, heart[true].part(), 0.90)
	require.GreaterOrEqual(t, f1, 0.9)
	require.GreaterOrEqual(t, pulses.part(), 0.95)
	require.GreaterOrEqual(t, breaths.part(), 0.95)
}

// drawRhythm gives a third of the strips fibrillation, the others sinus rhythm or premature beats.
func drawRhythm(r *rand.Rand, i int) (times []float64, looks []synth.Beat, fibrillating bool) {
	switch i / 2 % 6 {
	case 0, 1:
		return synth.Fibrillating(r, 40), []synth.Beat{synth.Normal().Without()}, true
	case 2:
		times, early := synth.Premature(r, 40, 55+40*r.Float64(), 2+r.IntN(8), 0.6)
		looks = make([]synth.Beat, len(early))
		for k, e := range early {
			looks[k] = synth.Normal()
			if e {
				looks[k] = synth.Ventricular()
			}
		}
		return times, looks, false
	}
	perMinute := 40 + 110*r.Float64()
	return synth.Steady(r, 40, perMinute, 0.01), []synth.Beat{synth.Normal().For(perMinute)}, false
}

// disturb puts a burst of motion and a dropout into x.
func disturb(r *rand.Rand, x []float64, rate float64) {
	at := int(float64(len(x)-int(2*rate)) * r.Float64())
	for k := range int(1.5 * rate) {
		x[at+k] += 0.8 * math.Sin(2*math.Pi*(2+4*r.Float64()/rate)*float64(k)/rate) * r.NormFloat64()
	}
	at = int(float64(len(x)-int(2*rate)) * r.Float64())
	for k := range int(rate) {
		x[at+k] = math.NaN()
	}
}
