package wav_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/wav"
	"github.com/bedside-lm/bedside/clinical/terms"
)

const rate = 2000

func describe(t testing.TB, s *synth) *signal.Description {
	t.Helper()
	d, err := wav.Describer{}.Describe(encode16(s.rate, s.out), terms.English)
	require.NoError(t, err)
	return d
}

// TestBreathRate counts how often a known rate is found, within two breaths a minute: steady
// breathing always, uneven breathing more often than not, and hardly ever another rate.
func TestBreathRate(t *testing.T) {
	for _, c := range []struct {
		jitter             float64
		leastFound, always float64 // shares: of all that are found, and of the found that are right
	}{{0.1, 0.95, 1}, {0.2, 0.7, 0.9}} {
		found, right, all := 0, 0, 0
		for _, perMinute := range []float64{8, 12, 16, 20, 28, 40, 56} {
			for seed := range uint64(6) {
				noise := []float64{0, 0.02, 0.05}[seed%3]
				f := describe(t, newSynth(seed, rate, 45).breaths(perMinute, c.jitter, 0.1).noise(noise)).Finding("breath-rate")
				all++
				if f.Number == nil {
					continue
				}
				found++
				if math.Abs(*f.Number-perMinute) <= 2 {
					right++
				} else {
					t.Logf("%g a minute with noise of %g: taken for %g", perMinute, noise, *f.Number)
				}
			}
		}
		t.Logf("lengths vary by %g: of %d, %d found, %d right", c.jitter, all, found, right)
		require.GreaterOrEqual(t, float64(found), c.leastFound*float64(all))
		require.GreaterOrEqual(t, float64(right), c.always*float64(found))
	}
}

// TestNoBreathRate holds that what is no breathing is not taken for it.
func TestNoBreathRate(t *testing.T) {
	for name, make := range map[string]func(s *synth, seed uint64) *synth{
		"noise":            func(s *synth, _ uint64) *synth { return s.noise(0.1) },
		"silence":          func(s *synth, _ uint64) *synth { return s },
		"heart":            func(s *synth, seed uint64) *synth { return s.hearts(45+17*float64(seed), 0.7).noise(0.0005) },
		"heart with noise": func(s *synth, seed uint64) *synth { return s.hearts(45+17*float64(seed), 0.5).noise(0.02) },
		"speech":           func(s *synth, _ uint64) *synth { return s.speech(0.1).noise(0.003) },
		"tone": func(s *synth, seed uint64) *synth {
			return s.each(func(t float64) float64 { return 0.3 * math.Sin(2*math.Pi*(250+100*float64(seed))*t) })
		},
		"one knock": func(s *synth, _ uint64) *synth {
			return s.each(func(t float64) float64 { return 0.9 * bump(t-9, 0.2) * s.rng.NormFloat64() }).noise(0.001)
		},
	} {
		for _, seconds := range []float64{21, 45} {
			for seed := range uint64(5) {
				f := describe(t, make(newSynth(seed, rate, seconds), seed)).Finding("breath-rate")
				require.Nil(t, f.Number, "%s of %g s, seed %d", name, seconds, seed)
				require.Equal(t, "not detected", f.Text)
			}
		}
	}
}

// TestBreathRateOverTime holds that a rate needs most of a long recording.
func TestBreathRateOverTime(t *testing.T) {
	half := newSynth(1, rate, 150).breaths(15, 0.05, 0.1)
	for i := range half.out {
		if i > len(half.out)/4 {
			half.out[i] = 0
		}
	}
	require.Nil(t, describe(t, half.noise(0.01)).Finding("breath-rate").Number)
	whole := describe(t, newSynth(1, rate, 150).breaths(15, 0.05, 0.1).noise(0.01))
	require.InDelta(t, 15, *whole.Finding("breath-rate").Number, 1)
	require.Greater(t, *whole.Finding("breath-rate-confidence").Number, 0.7)
}

// TestBreathRateOfStereo holds that channels are mixed, and other rates and widths make no difference.
func TestBreathRateOfStereo(t *testing.T) {
	s := newSynth(5, 8000, 30).breaths(18, 0.05, 0.1).noise(0.005)
	d, err := wav.Describer{}.Describe(riff(chunk("fmt ", format(3, 2, 8000, 32)), chunk("data", floats(s.out, 2))), terms.English)
	require.NoError(t, err)
	require.InDelta(t, 18, *d.Finding("breath-rate").Number, 1)
}

// TestTooShortForBreathing holds that a short recording is said not to have been assessed.
func TestTooShortForBreathing(t *testing.T) {
	for _, s := range []*synth{newSynth(1, rate, 19).breaths(15, 0, 0.1), newSynth(1, 1500, 60).breaths(15, 0, 0.1)} {
		d := describe(t, s)
		require.Nil(t, d.Finding("breath-rate"))
		require.Contains(t, d.Limits, "A breath rate was not looked for: that takes at least 20 s and 2000 samples a second.")
	}
}
