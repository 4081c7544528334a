package dsp_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

var nan = math.NaN()

// TestButterworth holds coefficients against scipy 1.17.1's butter(..., output="sos"), multiplied
// out: their order and the gains of sections are the designer's choice, the product is not.
func TestButterworth(t *testing.T) {
	for name, c := range map[string]struct {
		f    dsp.Filter
		b, a []float64
	}{
		"butter(2, [5, 15], 'bandpass', fs=250)": {dsp.BandPass(2, 5, 15, 250),
			[]float64{0.013359200027856493, 0, -0.026718400055712986, 0, 0.013359200027856493},
			[]float64{1, -3.5609474528307348, 4.838863973685882, -2.976929615384225, 0.7008967811884026}},
		"butter(3, 40, fs=250)": {dsp.LowPass(3, 40, 250),
			[]float64{0.057890375408972614, 0.17367112622691783, 0.17367112622691783, 0.057890375408972614},
			[]float64{1, -1.0440641548399396, 0.6252304301994469, -0.11804327208772643}},
		"butter(2, 0.5, 'highpass', fs=100)": {dsp.HighPass(2, 0.5, 100),
			[]float64{0.9780304792065599, -1.9560609584131199, 0.9780304792065599},
			[]float64{1, -1.9555782403150352, 0.9565436765112031}},
	} {
		b, a := []float64{1}, []float64{1}
		for _, s := range c.f {
			b, a = times(b, []float64{s.B0, s.B1, s.B2}), times(a, []float64{1, s.A1, s.A2})
		}
		for i := range c.b {
			require.InDelta(t, c.b[i], b[i], 1e-9, "%s: numerator", name)
			require.InDelta(t, c.a[i], a[i], 1e-9, "%s: denominator", name)
		}
	}
}

func times(p, q []float64) []float64 {
	out := make([]float64, len(p)+len(q)-1)
	for i, v := range p {
		for j, w := range q {
			out[i+j] += v * w
		}
	}
	return out
}

func TestFiltersHaveTheirEnds(t *testing.T) {
	for order := 1; order <= 6; order++ {
		band := dsp.BandPass(order, 5, 15, 250)
		require.InDelta(t, math.Sqrt(0.5), band.Gain(5, 250), 1e-9)
		require.InDelta(t, math.Sqrt(0.5), band.Gain(15, 250), 1e-9)
		require.InDelta(t, math.Sqrt(0.5), dsp.LowPass(order, 40, 250).Gain(40, 250), 1e-9)
		require.InDelta(t, math.Sqrt(0.5), dsp.HighPass(order, 0.5, 250).Gain(0.5, 250), 1e-9)
		require.InDelta(t, 1, dsp.LowPass(order, 40, 250).Gain(0, 250), 1e-9)
		wide := dsp.BandPass(order, 0.5, 40, 250) // its prototype's real pole splits in two
		require.InDelta(t, math.Sqrt(0.5), wide.Gain(0.5, 250), 1e-6)
		require.InDelta(t, math.Sqrt(0.5), wide.Gain(40, 250), 1e-6)
	}
	notch := dsp.Notch(50, 30, 250)
	require.InDelta(t, 0, notch.Gain(50, 250), 1e-9)
	require.InDelta(t, 1, notch.Gain(40, 250), 0.01)
	require.Empty(t, dsp.Notch(60, 30, 100))
}

func TestZeroPhaseMovesNothing(t *testing.T) {
	x := make([]float64, 1000)
	for i := range x {
		x[i] = 3 + 0.01*float64(i) + math.Sin(2*math.Pi*10*float64(i)/250)
	}
	y := dsp.BandPass(2, 5, 20, 250).ZeroPhase(x)
	gain := math.Pow(dsp.BandPass(2, 5, 20, 250).Gain(10, 250), 2)
	for i := 100; i < 900; i++ {
		require.InDelta(t, gain*math.Sin(2*math.Pi*10*float64(i)/250), y[i], 0.01)
	}
	line := dsp.LowPass(4, 10, 250).ZeroPhase(x[:3])
	require.Len(t, line, 3)
	require.Empty(t, dsp.LowPass(4, 10, 250).ZeroPhase(nil))
	for i, v := range dsp.LowPass(2, 1, 250).ZeroPhase(slices.Repeat([]float64{7}, 500)) {
		require.InDelta(t, 7, v, 1e-9, "a constant stays, sample %d", i)
	}
}

func TestFiltersStayFinite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0.01, 1e5).Draw(t, "rate")
		low := rapid.Float64Range(1e-6, 1e5).Draw(t, "low")
		high := low + rapid.Float64Range(1e-3, 1e5).Draw(t, "width")
		f := dsp.BandPass(rapid.IntRange(1, 4).Draw(t, "order"), low, high, rate)
		x := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 0, 200).Draw(t, "x")
		for _, v := range f.ZeroPhase(x) {
			if math.IsNaN(v) {
				t.Fatal("not a number")
			}
		}
	})
}

func TestRobust(t *testing.T) {
	require.InDelta(t, 3, dsp.Median([]float64{9, nan, 1, 3}), 0)
	require.True(t, math.IsNaN(dsp.Median([]float64{nan})))
	require.InDelta(t, 2.5, dsp.Quantile([]float64{1, 2, 3, 4}, 0.5), 0)
	require.InDelta(t, dsp.Consistent, dsp.MAD([]float64{1, 2, 3, 4, 5}), 1e-12)
	require.Equal(t, []float64{1.5, 2, 3, 3.5}, dsp.MovingAverage([]float64{1, 2, 3, 4}, 3))
	require.Equal(t, []float64{1, 1, 2, 3, 2.5}, dsp.MedianFilter([]float64{1, 1, 9, 2, 3}, 3))
}

func TestMovingAverageIsTheMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-100, 100), 1, 60).Draw(t, "x")
		width := rapid.IntRange(1, 20).Draw(t, "width")
		mean, middle := dsp.MovingAverage(x, width), dsp.MedianFilter(x, width)
		for i := range x {
			lo, hi := max(0, i-width/2), min(len(x), i+(width-1)/2+1)
			part, sum := slices.Clone(x[lo:hi]), 0.0
			for _, v := range part {
				sum += v
			}
			if math.Abs(sum/float64(len(part))-mean[i]) > 1e-9 || math.Abs(dsp.Median(part)-middle[i]) > 1e-9 {
				t.Fatalf("sample %d of %v, width %d: %g and %g", i, x, width, mean[i], middle[i])
			}
		}
	})
}

func TestHampel(t *testing.T) {
	x := []float64{1, 1.1, 0.9, 1, 50, 1.1, 1, 0.9, 1.05, 1}
	y, where := dsp.Hampel(x, 5, 3)
	require.Equal(t, []int{4}, where)
	require.InDelta(t, 1, y[4], 0.11)
	require.InDelta(t, 50, x[4], 0, "what is given is not changed")
}

func TestPeaks(t *testing.T) {
	x := []float64{0, 1, 0, 3, 3, 3, 0, 2, 1.8, 2.1, 0, 1}
	require.Equal(t, []int{1, 4, 7, 9}, dsp.Peaks(x, 1, 0))
	require.Equal(t, []int{1, 4, 9}, dsp.Peaks(x, 1, 0.5), "7 stands out by 0.2")
	require.Equal(t, []int{1, 4, 9}, dsp.Peaks(x, 3, 0))
	require.Equal(t, []int{4, 9}, dsp.Peaks(x, 1, 1.5))
	require.Empty(t, dsp.Peaks([]float64{1, 1, 1}, 1, 0))
	require.Empty(t, dsp.Peaks(nil, 1, 0))
}

// TestProminence holds the fast way against the definition.
func TestProminence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(0, 10), 0, 60).Draw(t, "x")
		least := rapid.Float64Range(0.01, 8).Draw(t, "least")
		var want []int
		for _, p := range dsp.Peaks(x, 1, 0) {
			side := func(step int) float64 {
				low := x[p]
				for i := p + step; i >= 0 && i < len(x) && x[i] <= x[p]; i += step {
					low = min(low, x[i])
				}
				return low
			}
			if x[p]-max(side(-1), side(1)) >= least {
				want = append(want, p)
			}
		}
		if got := dsp.Peaks(x, 1, least); !slices.Equal(got, want) {
			t.Fatalf("%v: %v, want %v", x, got, want)
		}
	})
}

func TestRunsAndBridge(t *testing.T) {
	x := []float64{nan, 1, 2, nan, 4, math.Inf(1), nan, 7, nan}
	require.Equal(t, []dsp.Span{{1, 3}, {4, 5}, {7, 8}}, dsp.Runs(x, 1))
	require.Equal(t, []dsp.Span{{1, 3}}, dsp.Runs(x, 2))
	require.InDelta(t, 5.0/9, dsp.Missing(x), 1e-12)
	y := dsp.Bridge(x, 1)
	require.InDelta(t, 3, y[3], 1e-12)
	require.True(t, math.IsNaN(y[0]) && math.IsNaN(y[5]) && math.IsNaN(y[6]) && math.IsNaN(y[8]))
	require.InDelta(t, 5, dsp.Bridge(x, 2)[5], 1e-12)
}

func TestResample(t *testing.T) {
	for _, c := range []struct{ from, to float64 }{{360, 250}, {125, 250}, {1000, 250}, {250, 250}, {257, 250}} {
		x := make([]float64, int(10*c.from))
		for i := range x {
			x[i] = math.Sin(2 * math.Pi * 7 * float64(i) / c.from)
		}
		y := dsp.Resample(x, c.from, c.to)
		require.InDelta(t, 10*c.to, len(y), 3)
		for i := 50; i < len(y)-50; i++ {
			require.InDelta(t, math.Sin(2*math.Pi*7*float64(i)/c.to), y[i], 0.03, "%g to %g Hz, sample %d", c.from, c.to, i)
		}
	}
	y, runs := dsp.Regrid(slices.Concat(make([]float64, 500), slices.Repeat([]float64{nan}, 500), make([]float64, 300)), 500, 250, 0.04, 1)
	require.Len(t, y, 650)
	require.Equal(t, []dsp.Span{{0, 250}}, runs, "the last run is shorter than a second")
	require.True(t, math.IsNaN(y[400]))
	require.InDelta(t, 1, dsp.Seconds(runs, 250), 0)
}

func TestWelch(t *testing.T) {
	x := make([]float64, 2500)
	for i := range x {
		x[i] = 5 + math.Sin(2*math.Pi*10*float64(i)/250) + 0.5*math.Sin(2*math.Pi*50*float64(i)/250)
	}
	s := dsp.Welch(x, 1000, 250)
	require.InDelta(t, 0.8, s.Ratio(5, 15, 2, 125), 0.001, "1 of 1.25")
	require.InDelta(t, 0, s.Ratio(15, 45, 2, 125), 0.001)
	require.Zero(t, dsp.Welch(x[:4], 1000, 250).Ratio(0, 1, 0, 2))
	require.InDelta(t, 1, dsp.Correlation([]float64{1, 2, 3}, []float64{2, 4, 6}), 1e-12)
	require.Zero(t, dsp.Correlation([]float64{1, 1, 1}, []float64{2, 4, 6}))
}

func BenchmarkZeroPhase(b *testing.B) {
	x := make([]float64, 60*250)
	for i := range x {
		x[i] = math.Sin(float64(i) / 7)
	}
	f := dsp.BandPass(2, 5, 15, 250)
	for b.Loop() {
		f.ZeroPhase(x)
	}
	b.ReportMetric(float64(len(x))*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}
