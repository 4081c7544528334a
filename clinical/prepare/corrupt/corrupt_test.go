package corrupt_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/prepare/corrupt"
	"github.com/bedside-lm/bedside/clinical/prepare/evaluate"
	"github.com/bedside-lm/bedside/clinical/record"
)

func byID(rec *record.PatientRecord) map[string]*record.Observation {
	out := map[string]*record.Observation{}
	for i := range rec.Observations {
		out[rec.Observations[i].ID] = &rec.Observations[i]
	}
	return out
}

// What the truth says is what was done, and nothing else was.
func TestTheTruthIsWhatWasDone(t *testing.T) {
	clean := evaluate.Synthetic(11, 6)
	for seed := range uint64(18) {
		rec := clean[seed%6]
		before, err := json.Marshal(rec)
		require.NoError(t, err)
		got, truth := corrupt.Apply(rec, seed, corrupt.Usual())
		after, err := json.Marshal(rec)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after), "the clean record was changed")

		was, is := byID(rec), byID(got)
		require.Equal(t, len(got.Observations), len(is), "ids are unique")
		lost := 0
		for id, o := range was {
			now := is[id]
			if now == nil {
				lost++
				continue
			}
			require.Equal(t, truth.Offsets[o.DeviceID], now.Start.Time.Sub(o.Start.Time))
			swap, swapped := truth.Swaps[id]
			spike, spiked := truth.Spikes[id]
			require.False(t, swapped && spiked)
			v, w := o.Value.Quantity, now.Value.Quantity
			switch {
			case swapped:
				require.Equal(t, []float64{v.Value.Float}, swap.True)
				require.Equal(t, v.Code, swap.Unit)
				require.Equal(t, swap.Wrong, v.Code == w.Code)
			case spiked:
				require.InDelta(t, spike.Change, w.Value.Float-v.Value.Float, 1e-9)
				require.NotZero(t, spike.Change)
			default:
				require.Equal(t, *v, *w)
			}
		}
		require.NotZero(t, lost)
		for id, d := range truth.Duplicates {
			again, first := is[id], is[d.Of]
			require.NotNil(t, again)
			require.NotNil(t, first)
			require.Nil(t, was[id])
			require.LessOrEqual(t, len(id), 64)
			if !d.SecondDevice {
				require.Equal(t, first.Value, again.Value)
				require.Equal(t, first.Start, again.Start)
				continue
			}
			require.NotEqual(t, first.DeviceID, again.DeviceID)
			apart := again.Start.Time.Add(-truth.Offsets[again.DeviceID]).Sub(first.Start.Time.Add(-truth.Offsets[first.DeviceID]))
			require.LessOrEqual(t, apart.Abs(), 20*time.Second)
		}
		require.Equal(t, len(rec.Observations)-lost+len(truth.Duplicates), len(got.Observations))
	}
}

func TestShares(t *testing.T) {
	var n, lost, again, second, spikes, wrong, device float64
	for i, rec := range evaluate.Synthetic(12, 16) {
		got, truth := corrupt.Apply(rec, uint64(i), corrupt.Usual())
		n += float64(len(rec.Observations))
		lost += float64(len(rec.Observations) + len(truth.Duplicates) - len(got.Observations))
		for _, o := range got.Observations {
			if o.DeviceID != "" {
				device++
			}
		}
		for _, d := range truth.Duplicates {
			if d.SecondDevice {
				second++
			} else {
				again++
			}
		}
		spikes += float64(len(truth.Spikes))
		for _, s := range truth.Swaps {
			if s.Wrong && !s.Device {
				wrong++
			}
		}
	}
	require.InDelta(t, 0.10, lost/n, 0.015)
	require.InDelta(t, 0.025, again/(n-lost), 0.004)
	require.InDelta(t, 0.025, second/device, 0.004)
	require.InDelta(t, 0.02, spikes/device, 0.003)
	require.Positive(t, wrong)
}

func TestSameSeedSameDamage(t *testing.T) {
	rec := evaluate.Synthetic(13, 1)[0]
	a, truthA := corrupt.Apply(rec, 7, corrupt.Usual())
	b, truthB := corrupt.Apply(rec, 7, corrupt.Usual())
	require.Empty(t, cmp.Diff(a, b))
	require.Equal(t, truthA, truthB)
	c, _ := corrupt.Apply(rec, 8, corrupt.Usual())
	require.NotEmpty(t, cmp.Diff(a, c))
}

func TestNothingIsDoneWhereNothingIsAsked(t *testing.T) {
	rec := evaluate.Synthetic(14, 1)[0]
	got, truth := corrupt.Apply(rec, 7, corrupt.Options{})
	require.Empty(t, cmp.Diff(byID(rec), byID(got)))
	require.Empty(t, truth.Duplicates)
	require.Empty(t, truth.Missing)
	require.NotEmpty(t, truth.Together)
}

func TestPressuresMoveTogether(t *testing.T) {
	rec := &record.PatientRecord{Patient: record.Patient{ID: "p"}}
	part := func(code string, v float64) record.Component {
		return record.Component{
			Code:  record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: code}}},
			Value: record.Value{Quantity: &record.Quantity{Value: record.NewDecimal(v), Code: "mm[Hg]"}},
		}
	}
	for i := range 200 {
		rec.Observations = append(rec.Observations, record.Observation{
			ID: string(rune('a'+i%26)) + string(rune('a'+i/26)), DeviceID: "monitor", Code: record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: "85354-9"}}},
			Start:      record.DateTime{Time: time.Date(2026, 1, 1, 0, 5*i, 0, 0, time.UTC), Precision: record.PrecisionSecond},
			Components: []record.Component{part("8480-6", 120), part("8462-4", 80)},
		})
	}
	got, truth := corrupt.Apply(rec, 1, corrupt.Options{Spikes: 0.2, WrongUnit: 0.5, Missing: 0.1})
	require.NotEmpty(t, truth.Spikes)
	now := byID(got)
	for id, s := range truth.Spikes {
		high, low := now[id].Components[0].Value.Quantity.Value.Float-120, now[id].Components[1].Value.Quantity.Value.Float-80
		require.InDelta(t, s.Change, high, 1e-9)
		require.False(t, math.Signbit(high) != math.Signbit(low) && low != 0)
	}
	for id, s := range truth.Swaps {
		require.Equal(t, []float64{120, 80}, s.True)
		require.InDelta(t, 16, now[id].Components[0].Value.Quantity.Value.Float, 0.01)
	}
	require.Zero(t, len(truth.Missing)%2, "both pressures are lost")
}
