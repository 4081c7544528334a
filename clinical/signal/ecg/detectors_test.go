package ecg_test

import (
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
	"github.com/bedside-lm/bedside/clinical/signal/ecg"
	"github.com/bedside-lm/bedside/clinical/signal/internal/strips"
)

// score counts beats that were found within 100 ms, missed, and invented.
type score struct{ found, missed, invented int }

func (s score) f1() float64 {
	return 2 * float64(s.found) / float64(max(1, 2*s.found+s.missed+s.invented))
}

// TestDetectors holds the vote of the three detectors against each alone, on simulated strips.
func TestDetectors(t *testing.T) {
	folder := os.Getenv(strips.Env)
	if folder == "" {
		t.Skipf("%s names no folder: python -m scripts.corpus.signals FOLDER makes one", strips.Env)
	}
	all, err := strips.Read(folder, "held-out")
	require.NoError(t, err)
	names := []string{"gradient", "Pan-Tompkins", "Elgendi", "vote"}
	detectors := []ecg.Detector{ecg.Gradient, ecg.PanTompkins, ecg.Elgendi, ecg.Vote}
	scores := make([][2]score, len(detectors))
	for i := range all {
		s := &all[i]
		if s.Kind != "ecg" || s.Rhythm == "none" {
			continue
		}
		x, runs := dsp.Regrid(s.Samples, s.Rate, ecg.Rate, 0.04, 1)
		for k, detect := range detectors {
			noisy := 0
			if s.Noisy {
				noisy = 1
			}
			for _, r := range runs {
				scores[k][noisy].add(s.Beats, detect(x[r.Start:r.End]), r)
			}
		}
	}
	for k, name := range names {
		clean, noisy := scores[k][0], scores[k][1]
		t.Logf("%-12s clean: missed %d and invented %d of %d, F1 %.4f; noisy: missed %d and invented %d of %d, F1 %.4f", name,
			clean.missed, clean.invented, clean.found+clean.missed, clean.f1(), noisy.missed, noisy.invented, noisy.found+noisy.missed, noisy.f1())
	}
	for k := range names[:3] {
		require.Greater(t, scores[3][0].f1()+scores[3][1].f1(), scores[k][0].f1()+scores[k][1].f1()-0.002, names[k])
	}
}

// add compares within a run, without its first and last 150 ms: a beat cut there may be either.
func (s *score) add(truth []float64, beats []int, r dsp.Span) {
	lo, hi := float64(r.Start)/ecg.Rate+0.15, float64(r.End)/ecg.Rate-0.15
	inside := func(at float64) bool { return at >= lo && at <= hi }
	used := make([]bool, len(beats))
	for _, at := range truth {
		hit := -1
		for i, b := range beats {
			if !used[i] && math.Abs(float64(r.Start+b)/ecg.Rate-at) <= 0.1 {
				hit = i
				break
			}
		}
		switch {
		case hit >= 0:
			used[hit] = true
			s.found++
		case inside(at):
			s.missed++
		}
	}
	for i, b := range beats {
		if !used[i] && inside(float64(r.Start+b)/ecg.Rate) {
			s.invented++
		}
	}
}
