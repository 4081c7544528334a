package breath_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/signal/breath"
	"github.com/bedside-lm/bedside/clinical/signal/internal/synth"
)

func TestMovement(t *testing.T) {
	for _, perMinute := range []float64{5, 8, 16, 30, 55} {
		for _, rate := range []float64{10, 25, 62.5, 250} {
			r := synth.Rand(1)
			got := breath.AnalyseMovement(synth.Add(r, synth.Breaths(90, rate, perMinute, 0, 0), rate, 0.05, 0), rate)
			require.Equal(t, breath.Assessable, got.Reason, "%g/min at %g Hz", perMinute, rate)
			require.InDelta(t, perMinute, got.Rate, 0.5, "at %g Hz", rate)
			require.Zero(t, got.Pauses, "%g/min at %g Hz", perMinute, rate)
			require.Less(t, got.Spread, 8.0)
			require.Greater(t, got.Quality, 0.8)
		}
	}
}

func TestPauses(t *testing.T) {
	for seconds, want := range map[float64]int{7: 0, 12: 1, 25: 1} {
		r := synth.Rand(2)
		got := breath.AnalyseMovement(synth.Add(r, synth.Breaths(90, 25, 15, 30, 30+seconds), 25, 0.01, 0), 25)
		require.Equal(t, want, got.Pauses, "%g s", seconds)
		if want == 1 {
			require.InDelta(t, seconds, got.LongestPause, 1.5)
		}
		require.InDelta(t, 15, got.Rate, 1.5, "pauses are no breaths")
	}
}

func TestCO2(t *testing.T) {
	for _, c := range []struct{ rate, low, high, least float64 }{{14, 0, 38, 3}, {28, 4, 61, 3}, {9, 0, 5.1, 0.4}, {20, 0, 12, 3}} {
		got := breath.AnalyseCO2(synth.Capnogram(60, 50, c.rate, c.low, c.high), 50, c.least)
		require.Equal(t, breath.Assessable, got.Reason)
		require.InDelta(t, c.rate, got.Rate, 0.5)
		require.InDelta(t, c.high, got.EndTidal, 0.03*c.high)
		require.InDelta(t, c.low, got.Inspired, 0.02*c.high)
		require.Zero(t, got.Pauses)
		require.Greater(t, got.Quality, 0.9)
	}
}

func TestCO2Pause(t *testing.T) {
	x := slices.Concat(synth.Capnogram(28, 50, 15, 0, 40), make([]float64, 20*50), synth.Capnogram(30, 50, 15, 0, 40))
	got := breath.AnalyseCO2(x, 50, 3)
	require.Equal(t, 1, got.Pauses)
	require.InDelta(t, 22, got.LongestPause, 1.5)
	require.InDelta(t, 15, got.Rate, 1)
}

func TestNotAssessable(t *testing.T) {
	r := synth.Rand(4)
	still := synth.Add(r, make([]float64, 60*25), 25, 0.2, 0)
	for name, c := range map[string]struct {
		x    []float64
		rate float64
		want []breath.Reason
	}{
		"nothing":  {nil, 25, []breath.Reason{breath.TooShort}},
		"no rate":  {still, math.NaN(), []breath.Reason{breath.BadRate}},
		"too slow": {still, 2, []breath.Reason{breath.BadRate}},
		"constant": {slices.Repeat([]float64{3}, 60*25), 25, []breath.Reason{breath.Flat, breath.TooNoisy}},
		"dropouts": {slices.Repeat([]float64{math.Inf(1)}, 60*25), 25, []breath.Reason{breath.TooShort}},
	} {
		require.Contains(t, c.want, breath.AnalyseMovement(c.x, c.rate).Reason, name)
		require.Contains(t, c.want, breath.AnalyseCO2(c.x, c.rate, 3).Reason, name)
	}
	require.Equal(t, breath.TooNoisy, breath.AnalyseMovement(still, 25).Reason, "white noise")
	require.Equal(t, breath.Flat, breath.AnalyseCO2(still, 25, 3).Reason, "0.2 mmHg is no breath")
}
