package ecg_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/signal/ecg"
	"github.com/bedside-lm/bedside/clinical/signal/internal/synth"
)

func TestRhythms(t *testing.T) {
	normal, noP, broad := synth.Normal(), synth.Normal().Without(), synth.Ventricular()
	type truth struct {
		rhythm                 ecg.Rhythm
		rate                   float64
		narrow, broad, unclear int
	}
	for name, c := range map[string]struct {
		draw func() ([]float64, []synth.Beat)
		want truth
	}{
		"sinus rhythm": {func() ([]float64, []synth.Beat) {
			return synth.Steady(synth.Rand(1), 40, 72, 0.01), []synth.Beat{normal}
		}, truth{rhythm: ecg.Sinus, rate: 72}},
		"sinus bradycardia": {func() ([]float64, []synth.Beat) {
			return synth.Steady(synth.Rand(2), 40, 44, 0.01), []synth.Beat{normal}
		}, truth{rhythm: ecg.SinusBradycardia, rate: 44}},
		"sinus tachycardia": {func() ([]float64, []synth.Beat) {
			return synth.Steady(synth.Rand(3), 40, 112, 0.005), []synth.Beat{normal.For(112)}
		}, truth{rhythm: ecg.SinusTachycardia, rate: 112}},
		"regular without P waves": {func() ([]float64, []synth.Beat) {
			return synth.Steady(synth.Rand(4), 40, 75, 0.005), []synth.Beat{noP}
		}, truth{rhythm: ecg.Regular, rate: 75}},
		"atrial fibrillation": {func() ([]float64, []synth.Beat) {
			times := synth.Fibrillating(synth.Rand(5), 40)
			return times, []synth.Beat{noP}
		}, truth{rhythm: ecg.AtrialFibrillation}},
		"ventricular bigeminy": {func() ([]float64, []synth.Beat) {
			times, early := synth.Premature(synth.Rand(6), 40, 76, 2, 0.65)
			return times, looks(early, normal, broad)
		}, truth{rhythm: ecg.Bigeminy, rate: 76, broad: 25}},
		"some premature broad beats": {func() ([]float64, []synth.Beat) {
			times, early := synth.Premature(synth.Rand(7), 40, 70, 9, 0.6)
			return times, looks(early, normal, broad)
		}, truth{rhythm: ecg.Ectopy, rate: 70, broad: 5}},
		"some premature narrow beats": {func() ([]float64, []synth.Beat) {
			times, _ := synth.Premature(synth.Rand(8), 40, 70, 9, 0.6)
			return times, []synth.Beat{normal}
		}, truth{rhythm: ecg.Ectopy, rate: 70, narrow: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			times, looks := c.draw()
			for _, rate := range []float64{100, 250, 360, 1000} {
				r := synth.Rand(9)
				got := ecg.Analyse(synth.Add(r, synth.Strip(40, rate, times, looks), rate, 0.02, 0.1), rate, 1)
				require.Equal(t, ecg.Assessable, got.Reason)
				require.Equal(t, c.want.rhythm, got.Rhythm, "at %g Hz", rate)
				if c.want.rate > 0 {
					require.InDelta(t, c.want.rate, got.HeartRate, 1.5)
				}
				require.InDelta(t, c.want.narrow, got.PrematureNarrow, 1)
				require.InDelta(t, c.want.broad, got.PrematureBroad, 1)
				require.Equal(t, c.want.unclear, got.PrematureUnclear)
				require.InDelta(t, 80, got.QRS, 16, "at %g Hz", rate)
				require.Greater(t, got.Quality.Score, 0.8)
			}
		})
	}
}

func looks(early []bool, normal, other synth.Beat) []synth.Beat {
	out := make([]synth.Beat, len(early))
	for i, e := range early {
		out[i] = normal
		if e {
			out[i] = other
		}
	}
	return out
}

func TestIntervalsAreMeasuredExactly(t *testing.T) {
	times := []float64{0.5}
	rr := []float64{0.80, 0.80, 0.86, 0.80, 0.74, 0.80, 0.80, 0.80, 0.86, 0.80, 0.80, 0.80, 0.74, 0.80, 0.80, 0.80}
	for _, d := range rr {
		times = append(times, times[len(times)-1]+d)
	}
	got := ecg.Analyse(synth.Add(synth.Rand(1), synth.Strip(14, 500, times, []synth.Beat{synth.Normal()}), 500, 0.003, 0), 500, 1)
	require.Len(t, got.Beats, len(times))
	require.Equal(t, len(rr), got.Intervals)
	require.InDelta(t, 0.80, got.MeanRR, 0.001)
	require.InDelta(t, 1000*0.0310, 1000*got.SDNN, 3)
	require.InDelta(t, 1000*math.Sqrt(8*0.06*0.06/15), 1000*got.RMSSD, 3)
	require.InDelta(t, 100*8.0/15, got.PNN50, 0.1)
}

func TestPause(t *testing.T) {
	times := synth.Steady(synth.Rand(1), 40, 60, 0.01)
	times = slices.Delete(times, 12, 14)
	got := ecg.Analyse(synth.Add(synth.Rand(2), synth.Strip(40, 250, times, []synth.Beat{synth.Normal()}), 250, 0.02, 0), 250, 1)
	require.Equal(t, 1, got.Pauses)
	require.InDelta(t, 3.0, got.LongestPause, 0.06)
}

func TestNotAssessable(t *testing.T) {
	r := synth.Rand(1)
	good := synth.Add(r, synth.Strip(30, 250, synth.Steady(r, 30, 70, 0.01), []synth.Beat{synth.Normal()}), 250, 0.02, 0)
	flat := make([]float64, len(good))
	gone := slices.Repeat([]float64{math.NaN()}, len(good))
	hum := make([]float64, len(good))
	for i := range hum {
		hum[i] = math.Sin(2 * math.Pi * 50 * float64(i) / 250)
	}
	for name, c := range map[string]struct {
		x    []float64
		rate float64
		mv   float64
		want ecg.Reason
	}{
		"no samples":           {nil, 250, 1, ecg.TooShort},
		"three seconds":        {good[:750], 250, 1, ecg.TooShort},
		"dropouts only":        {gone, 250, 1, ecg.TooShort},
		"a hung lead":          {flat, 250, 1, ecg.Flat},
		"a flat line":          {synth.Add(r, flat, 250, 0.003, 0.05), 250, 1, ecg.Flat},
		"in microvolts, flat":  {synth.Add(r, flat, 250, 3, 50), 250, 0.001, ecg.Flat},
		"a flat line, no unit": {synth.Add(r, flat, 250, 0.003, 0.05), 250, 0, ecg.TooNoisy},
		"noise":                {synth.Add(r, flat, 250, 0.5, 0), 250, 1, ecg.TooNoisy},
		"mains hum":            {hum, 250, 1, ecg.TooNoisy},
		"60 Hz is too slow":    {good, 60, 1, ecg.BadRate},
		"no rate":              {good, math.NaN(), 1, ecg.BadRate},
		"a negative rate":      {good, -250, 1, ecg.BadRate},
		"an unbelievable rate": {good, 1e9, 1, ecg.BadRate},
		"an infinite one":      {good, math.Inf(1), 1, ecg.BadRate},
		"good, for comparison": {good, 250, 1, ecg.Assessable},
	} {
		got := ecg.Analyse(c.x, c.rate, c.mv)
		if name == "mains hum" && got.Reason == ecg.Flat { // nothing is left once the hum is out
			continue
		}
		require.Equal(t, c.want, got.Reason, name)
		if c.want != ecg.Assessable {
			require.Zero(t, got.HeartRate, name)
			require.Empty(t, got.Beats, name)
		}
	}
}
