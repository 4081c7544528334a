package signal_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
)

func sampled() *record.SampledData {
	return &record.SampledData{
		Origin:   record.Quantity{Value: record.NewDecimal(10), Unit: "mmHg", Code: "mm[Hg]"},
		PeriodMS: 8, Factor: -2, Dimensions: 2,
		Samples: []float64{1, 2, math.NaN(), math.Inf(-1), math.Inf(1), 3},
	}
}

func TestFromSampled(t *testing.T) {
	start, err := record.ParseDateTime("2026-01-02T03:04:05Z")
	require.NoError(t, err)
	got, err := signal.FromSampled(mdc("150036", "ABP"), sampled(), start)
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, "ABP 1", got[0].Label)
	require.Equal(t, signal.KindABP, got[1].Kind)
	require.Equal(t, "mm[Hg]", got[1].Unit)
	require.InDelta(t, 125, got[0].Rate, 1e-9)
	require.Equal(t, start, got[0].Start)
	require.InDelta(t, 8, got[0].Samples[0], 0)
	require.True(t, math.IsNaN(got[0].Samples[1]))
	require.True(t, math.IsInf(got[0].Samples[2], 1), "above the limit stays above it")
	require.InDelta(t, 6, got[1].Samples[0], 0)
	require.True(t, math.IsInf(got[1].Samples[1], -1))
}

func TestFromSampledRefuses(t *testing.T) {
	for path, change := range map[string]func(*record.SampledData){
		"SampledData.period":       func(s *record.SampledData) { s.PeriodMS = 0 },
		"SampledData.factor":       func(s *record.SampledData) { s.Factor = 0 },
		"SampledData.origin.value": func(s *record.SampledData) { s.Origin.Value.Float = math.NaN() },
		"SampledData.dimensions":   func(s *record.SampledData) { s.Dimensions = 0 },
		"SampledData.data":         func(s *record.SampledData) { s.Dimensions = 4 },
	} {
		s := sampled()
		change(s)
		_, err := signal.FromSampled(record.Concept{}, s, record.DateTime{})
		var invalid *record.InvalidError
		require.True(t, errors.As(err, &invalid), path)
		require.Equal(t, path, invalid.Violations[0].Path)
	}
	_, err := signal.FromSampled(record.Concept{}, nil, record.DateTime{})
	require.Error(t, err)
}

// TestFromSampledKeepsEverySample holds that each sample comes out once, in its place.
func TestFromSampledKeepsEverySample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dims := rapid.IntRange(1, 4).Draw(t, "dimensions")
		n := rapid.IntRange(0, 20).Draw(t, "length")
		s := &record.SampledData{PeriodMS: rapid.Float64Range(0.01, 1000).Draw(t, "period"), Factor: 1, Dimensions: dims}
		for i := range n * dims {
			s.Samples = append(s.Samples, float64(i))
		}
		got, err := signal.FromSampled(record.Concept{}, s, record.DateTime{})
		require.NoError(t, err)
		require.Len(t, got, dims)
		for d, w := range got {
			require.Len(t, w.Samples, n)
			for i, v := range w.Samples {
				require.InDelta(t, i*dims+d, v, 0)
			}
		}
	})
}
