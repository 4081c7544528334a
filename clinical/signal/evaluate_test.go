package signal_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/dsp"
	"github.com/bedside-lm/bedside/clinical/signal/ecg"
	"github.com/bedside-lm/bedside/clinical/signal/internal/strips"
)

// share counts how often something held.
type share struct{ good, all int }

func (s *share) add(good bool) {
	s.all++
	if good {
		s.good++
	}
}

func (s share) part() float64 { return float64(s.good) / float64(max(1, s.all)) }

func (s share) String() string { return fmt.Sprintf("%d of %d (%.1f%%)", s.good, s.all, 100*s.part()) }

// tally is what was found about all strips.
type tally struct {
	heart, regular                map[bool]*share // by noisy
	noisy                         map[string]*share
	refused                       share // strips without a heart beat
	tp, fp, fn, tn                int   // atrial fibrillation
	naming                        map[string]*share
	qrs                           []float64
	qrsAll                        int
	early                         [3]int // premature beats, of clean strips: true, found, both
	ppg, breaths, apnoea, co2, bp map[bool]*share
	sdnn                          []float64
}

func newTally() *tally {
	two := func() map[bool]*share { return map[bool]*share{false: {}, true: {}} }
	return &tally{heart: two(), regular: two(), noisy: map[string]*share{}, naming: map[string]*share{}, ppg: two(), breaths: two(), apnoea: two(), co2: two(), bp: two()}
}

// TestSimulatedStrips holds the analysis against strips that were made with known truth, and
// whose seeds no setting was chosen on. It prints the table of docs/preparation.md.
func TestSimulatedStrips(t *testing.T) {
	folder := os.Getenv(strips.Env)
	if folder == "" {
		t.Skipf("%s names no folder: python -m scripts.corpus.signals FOLDER makes one", strips.Env)
	}
	split := "held-out"
	if s := os.Getenv("BEDSIDE_SIGNALS_SPLIT"); s != "" { // "tune", to choose settings
		split = s
	}
	all, err := strips.Read(folder, split)
	require.NoError(t, err, "%s is set, so it must hold the strips", strips.Env)
	y := newTally()
	for i := range all {
		y.strip(&all[i])
	}
	y.print(t)

	require.Greater(t, y.heart[false].all, 200)
	require.Greater(t, y.heart[true].all, 200)
	require.GreaterOrEqual(t, y.heart[false].part(), 0.98, "heart rate within 2/min, clean")
	require.GreaterOrEqual(t, y.heart[true].part(), 0.90, "heart rate within 2/min, noisy")
	require.GreaterOrEqual(t, y.f1(), 0.9, "F1 of atrial fibrillation")
	require.InDelta(t, 1, y.refused.part(), 0.05, "strips without a heart beat are refused")
	require.GreaterOrEqual(t, float64(len(y.qrs)), 0.95*float64(y.qrsAll), "QRS durations are measured")
	require.LessOrEqual(t, dsp.Quantile(y.qrs, 0.9), ecg.QRSError, "as descriptions say")
	require.GreaterOrEqual(t, y.recall(), 0.9, "premature beats on clean strips")
	require.GreaterOrEqual(t, y.precision(), 0.9)
	for _, noisy := range []bool{false, true} {
		require.GreaterOrEqual(t, y.ppg[noisy].part(), 0.95, "pulse rate")
		require.GreaterOrEqual(t, y.breaths[noisy].part(), 0.95, "respiratory rate")
		require.GreaterOrEqual(t, y.apnoea[noisy].part(), 0.95, "pauses in breathing")
		require.GreaterOrEqual(t, y.co2[noisy].part(), 0.95, "capnography")
		require.GreaterOrEqual(t, y.bp[noisy].part(), 0.95, "arterial pressure")
	}
}

func (y *tally) strip(s *strips.Strip) {
	a := signal.Analyse(signal.Waveform{Kind: signal.Kind(s.Kind), Unit: s.Unit, Rate: s.Rate, Samples: s.Samples})
	switch {
	case a.ECG != nil:
		y.ecg(s, a.ECG)
	case a.PPG != nil:
		y.ppg[s.Noisy].add(math.Abs(a.PPG.Rate-s.HeartRate) <= 2)
	case a.Breathing != nil:
		y.breaths[s.Noisy].add(math.Abs(a.Breathing.Rate-s.PerMinute) <= 2)
		y.apnoea[s.Noisy].add((s.Pause > 0) == (a.Breathing.Pauses == 1) && math.Abs(a.Breathing.LongestPause-s.Pause) <= 3)
	case a.CO2 != nil:
		mmHg := 1.0
		if s.Unit == "kPa" {
			mmHg = 7.50062
		}
		y.co2[s.Noisy].add(math.Abs(a.CO2.Rate-s.PerMinute) <= 2 && math.Abs(a.CO2.EndTidal*mmHg-s.Top) <= 2 &&
			math.Abs(a.CO2.Inspired*mmHg-s.Bottom) <= 2 && (s.Pause > 0) == (a.CO2.Pauses == 1))
	case a.ABP != nil:
		y.bp[s.Noisy].add(math.Abs(a.ABP.Rate-s.HeartRate) <= 2 && math.Abs(a.ABP.Systolic-s.Systolic) <= 5 &&
			math.Abs(a.ABP.Diastolic-s.Diastolic) <= 5)
	}
}

func (y *tally) ecg(s *strips.Strip, r *ecg.Result) {
	if s.Rhythm == "none" {
		y.refused.add(r.Reason != ecg.Assessable)
		return
	}
	near := math.Abs(r.HeartRate-s.HeartRate) <= 2
	y.heart[s.Noisy].add(near)
	if s.Set == "ecgsyn" || s.Set == "sinus" {
		y.regular[s.Noisy].add(near)
	}
	switch truth, found := s.Set == "af", r.Rhythm == ecg.AtrialFibrillation; {
	case truth && found:
		y.tp++
	case truth:
		y.fn++
	case found:
		y.fp++
	default:
		y.tn++
	}
	if y.naming[s.Set] == nil {
		y.naming[s.Set], y.noisy[s.Set] = &share{}, &share{}
	}
	if s.Noisy {
		y.noisy[s.Set].add(near)
	}
	y.naming[s.Set].add(r.Rhythm == ecg.AtrialFibrillation)
	if s.QRS > 0 {
		y.qrsAll++
		if r.QRS > 0 {
			y.qrs = append(y.qrs, math.Abs(r.QRS-s.QRS))
		}
	}
	if !s.Noisy && s.Set != "af" {
		y.premature(s, r)
	}
	if !s.Noisy && s.Set == "sinus" {
		y.sdnn = append(y.sdnn, math.Abs(1000*r.SDNN-s.SDNN))
	}
}

func (y *tally) premature(s *strips.Strip, r *ecg.Result) {
	for i, b := range s.Beats {
		if s.Types[i] == 'N' {
			continue
		}
		y.early[0]++
		if slices.ContainsFunc(r.Beats, func(f ecg.Beat) bool { return f.Premature && math.Abs(f.At-b) < 0.1 }) {
			y.early[2]++
		}
	}
	y.early[1] += r.PrematureBroad + r.PrematureNarrow + r.PrematureUnclear
}

func (y *tally) f1() float64        { return 2 * float64(y.tp) / float64(max(1, 2*y.tp+y.fp+y.fn)) }
func (y *tally) recall() float64    { return float64(y.early[2]) / float64(max(1, y.early[0])) }
func (y *tally) precision() float64 { return float64(y.early[2]) / float64(max(1, y.early[1])) }

func (y *tally) print(t *testing.T) {
	t.Logf("heart rate within 2/min, all rhythms: clean %v, noisy %v", y.heart[false], y.heart[true])
	t.Logf("heart rate within 2/min, sinus rhythm: clean %v, noisy %v", y.regular[false], y.regular[true])
	t.Logf("no heart beat, refused: %v", y.refused)
	t.Logf("atrial fibrillation: F1 %.3f (true positives %d, false positives %d, missed %d, true negatives %d)", y.f1(), y.tp, y.fp, y.fn, y.tn)
	for _, set := range []string{"af", "arrhythmia", "ectopy", "bigeminy", "block", "pause", "sinus", "ecgsyn"} {
		t.Logf("  %s: called atrial fibrillation %v; heart rate within 2/min, noisy %v", set, y.naming[set], y.noisy[set])
	}
	t.Logf("QRS duration: measured in %d of %d, median error %.1f ms, 90th percentile %.1f ms", len(y.qrs), y.qrsAll,
		dsp.Median(y.qrs), dsp.Quantile(y.qrs, 0.9))
	t.Logf("SDNN, clean sinus rhythm: median error %.1f ms", dsp.Median(y.sdnn))
	t.Logf("premature beats, clean: %d, found %d, of which right %d (recall %.3f, precision %.3f)", y.early[0], y.early[1], y.early[2], y.recall(), y.precision())
	for _, row := range []struct {
		name string
		v    map[bool]*share
	}{
		{"pulse rate within 2/min", y.ppg}, {"respiratory rate within 2/min", y.breaths},
		{"pauses in breathing found, none invented, within 3 s", y.apnoea},
		{"capnogram: rate within 2/min, end-tidal and inspired within 2 mmHg, pauses", y.co2},
		{"arterial pressure: rate within 2/min, systolic and diastolic within 5 mmHg", y.bp},
	} {
		t.Logf("%s: clean %v, noisy %v", row.name, row.v[false], row.v[true])
	}
}
