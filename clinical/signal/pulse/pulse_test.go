package pulse_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/signal/internal/synth"
	"github.com/bedside-lm/bedside/clinical/signal/pulse"
)

func TestPPG(t *testing.T) {
	for _, perMinute := range []float64{42, 75, 120, 165} {
		for _, rate := range []float64{60, 125, 400} {
			r := synth.Rand(1)
			x := synth.Add(r, synth.Pulses(40, rate, synth.Steady(r, 42, perMinute, 0.005), 99, 101), rate, 0.03, 0.2)
			got := pulse.AnalysePPG(x, rate)
			require.Equal(t, pulse.Assessable, got.Reason, "%g/min at %g Hz", perMinute, rate)
			require.InDelta(t, perMinute, got.Rate, 1.5, "at %g Hz", rate)
			require.InDelta(t, 2, got.Perfusion, 0.6, "a pulse of 2 on 100")
			require.Less(t, got.Variation, 12.0)
			require.Greater(t, got.Quality.Score, 0.8)
		}
	}
}

func TestPPGWithoutSteadyPart(t *testing.T) {
	got := pulse.AnalysePPG(synth.Pulses(30, 125, synth.Steady(synth.Rand(1), 32, 70, 0.01), -1, 1), 125)
	require.Equal(t, pulse.Assessable, got.Reason)
	require.Zero(t, got.Perfusion)
}

func TestPPGHeightsThatVary(t *testing.T) {
	x := synth.Pulses(40, 125, synth.Steady(synth.Rand(1), 42, 70, 0.005), 0, 1)
	for i := range x {
		x[i] *= 1 + 0.3*math.Sin(2*math.Pi*0.2*float64(i)/125)
	}
	got := pulse.AnalysePPG(x, 125)
	require.InDelta(t, 21, got.Variation, 6, "a sine of 30% deviates by 21%")
}

func TestABP(t *testing.T) {
	for _, c := range []struct{ systolic, diastolic, rate float64 }{{120, 80, 70}, {84, 50, 118}, {176, 92, 55}} {
		r := synth.Rand(2)
		x := synth.Add(r, synth.Pulses(40, 125, synth.Steady(r, 42, c.rate, 0.005), c.diastolic, c.systolic), 125, 0.3, 1)
		got := pulse.AnalyseABP(x, 125)
		require.Equal(t, pulse.Assessable, got.Reason)
		require.InDelta(t, c.systolic, got.Systolic, 2)
		require.InDelta(t, c.diastolic, got.Diastolic, 2.5)
		require.InDelta(t, c.systolic-c.diastolic, got.PulsePressure, 3.5)
		require.Greater(t, got.Mean, c.diastolic+0.25*(c.systolic-c.diastolic))
		require.Less(t, got.Mean, c.diastolic+0.6*(c.systolic-c.diastolic))
		require.InDelta(t, c.rate, got.Rate, 1)
		require.False(t, got.Damped)
		require.Zero(t, got.Flushes)
		require.Zero(t, got.Level)
		require.Zero(t, got.Unlikely)
	}
}

func TestABPArtefacts(t *testing.T) {
	x := synth.Pulses(60, 125, synth.Steady(synth.Rand(3), 62, 70, 0.005), 80, 120)
	flushed := slices.Clone(x)
	for i := 20 * 125; i < 21*125; i++ {
		flushed[i] = 300
	}
	got := pulse.AnalyseABP(flushed, 125)
	require.Equal(t, 1, got.Flushes)
	require.InDelta(t, 120, got.Systolic, 3)

	zeroed := slices.Clone(x)
	for i := 20 * 125; i < 26*125; i++ {
		zeroed[i] = 0.5 * math.Sin(float64(i))
	}
	got = pulse.AnalyseABP(zeroed, 125)
	require.InDelta(t, 6, got.Level, 0.3)
	require.Zero(t, got.Flushes)

	damped := make([]float64, 40*125)
	for i := range damped {
		damped[i] = 90 + 8*math.Sin(2*math.Pi*1.2*float64(i)/125)
	}
	got = pulse.AnalyseABP(damped, 125)
	require.True(t, got.Damped)
	require.Greater(t, got.Unlikely, 0.9, "a pulse pressure of 16 is unlikely, and told all the same")
	require.InDelta(t, 98, got.Systolic, 1)
}

func TestNotAssessable(t *testing.T) {
	r := synth.Rand(4)
	noise := synth.Add(r, make([]float64, 30*125), 125, 1, 0)
	level := slices.Repeat([]float64{80}, 30*125)
	for name, c := range map[string]struct {
		x    []float64
		rate float64
		want []pulse.Reason
	}{
		"nothing":        {nil, 125, []pulse.Reason{pulse.TooShort}},
		"no rate":        {noise, 0, []pulse.Reason{pulse.BadRate}},
		"dropouts":       {slices.Repeat([]float64{math.NaN()}, 4000), 125, []pulse.Reason{pulse.TooShort}},
		"a level line":   {level, 125, []pulse.Reason{pulse.Flat, pulse.TooNoisy, pulse.TooFewPulses}},
		"noise":          {noise, 125, []pulse.Reason{pulse.TooNoisy, pulse.TooFewPulses}},
		"ten per second": {noise, 10, []pulse.Reason{pulse.BadRate}},
	} {
		ppg, abp := pulse.AnalysePPG(c.x, c.rate), pulse.AnalyseABP(c.x, c.rate)
		require.Contains(t, c.want, ppg.Reason, name)
		require.Contains(t, c.want, abp.Reason, name)
		require.Zero(t, ppg.Rate, name)
		require.Zero(t, abp.Systolic, name)
	}
}
