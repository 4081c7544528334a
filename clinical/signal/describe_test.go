package signal_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/internal/synth"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// recording has a waveform of every kind, with something to tell in each, and some that carry nothing.
func recording() *signal.Recording {
	nan := math.NaN()
	r := synth.Rand(11)
	early, which := synth.Premature(r, 40, 72, 7, 0.6)
	looks := make([]synth.Beat, len(which))
	for i, e := range which {
		looks[i] = synth.Normal()
		if e {
			looks[i] = synth.Ventricular()
		}
	}
	paused := slices.Delete(synth.Steady(r, 40, 62, 0.01), 12, 14)
	ecg := func(times []float64, looks ...synth.Beat) []float64 {
		return synth.Add(r, synth.Strip(40, 250, times, looks), 250, 0.02, 0.1)
	}
	withDropouts := ecg(synth.Fibrillating(r, 40), synth.Normal().Without())
	for i := 2000; i < 2300; i++ {
		withDropouts[i] = nan
	}
	flushed := synth.Pulses(40, 125, synth.Steady(r, 42, 70, 0.005), 80, 120)
	for i := 1000; i < 1120; i++ {
		flushed[i] = 300
	}
	for i := 2000; i < 2700; i++ {
		flushed[i] = 0
	}
	wave := func(kind signal.Kind, label, unit string, rate float64, x []float64) signal.Waveform {
		return signal.Waveform{Kind: kind, Label: label, Unit: unit, Rate: rate, Samples: x}
	}
	return &signal.Recording{
		Waveforms: []signal.Waveform{
			wave(signal.KindECG, "II", "mV", 250, ecg(early, looks...)),
			wave(signal.KindECG, "V5", "mV", 250, withDropouts),
			wave(signal.KindECG, "V1", "mV", 250, ecg(paused, synth.Normal())),
			wave(signal.KindECG, "I", "mV", 250, make([]float64, 5000)),
			wave(signal.KindPPG, "PLETH", "", 125, synth.Add(r, synth.Pulses(30, 125, synth.Steady(r, 32, 88, 0.01), 50, 51), 125, 0.01, 0)),
			wave(signal.KindPPG, "PLETH 2", "", 125, synth.Pulses(30, 125, synth.Steady(r, 32, 88, 0.01), -1, 1)),
			wave(signal.KindABP, "ABP", "mm[Hg]", 125, flushed),
			wave(signal.KindABP, "ART", "mV", 125, flushed),
			wave(signal.KindRespiration, "RESP", "Ohm", 25, synth.Add(r, synth.Breaths(90, 25, 15, 30, 44), 25, 0.01, 0)),
			wave(signal.KindCO2, "CO2", "kPa", 62.5, synth.Capnogram(60, 62.5, 14, 0, 5.2)),
			wave(signal.KindCO2, "CO2", "mm[Hg]", 62.5, synth.Capnogram(60, 62.5, 26, 4, 58)),
			wave(signal.KindCO2, "CO2", "", 62.5, synth.Capnogram(60, 62.5, 26, 4, 58)),
			wave(signal.KindUnknown, "EEG", "uV", 100, synth.Add(r, make([]float64, 3000), 100, 12, 5)),
			wave(signal.KindUnknown, "", "", math.NaN(), nil),
		},
		Annotations: []signal.Annotation{
			{At: time.Second, Channel: 1, Code: "+", Text: "(AFIB"}, {At: 2 * time.Second, Channel: -1, Code: "N"},
			{At: 3 * time.Second, Channel: 1, Code: "\"", Text: "Jane Doe looked unwell"},
		},
	}
}

// TestDescriptions holds the texts against files. To write them anew: UPDATE=1 go test ./clinical/signal
func TestDescriptions(t *testing.T) {
	for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
		var b strings.Builder
		for _, d := range signal.Describe(recording(), lang) {
			b.WriteString("# " + d.Label + " (" + d.Kind.String() + ")\n" + strings.Join(d.Sentences, "\n") + "\n")
			for _, l := range d.Limits {
				b.WriteString("- " + l + "\n")
			}
		}
		file := filepath.Join("testdata", "describe."+string(lang)+".golden")
		if os.Getenv("UPDATE") != "" {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), b.String())
	}
}

var figure = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)

// TestSameFactsInBothLanguages holds that findings and sentences agree between the languages, and
// that each number that was found is said.
func TestSameFactsInBothLanguages(t *testing.T) {
	en, zh := signal.Describe(recording(), terms.English), signal.Describe(recording(), terms.Chinese)
	require.Equal(t, len(en), len(zh))
	for i := range en {
		a, b := en[i], zh[i]
		require.Equal(t, a.Kind, b.Kind)
		require.Equal(t, i, a.Channel)
		require.Equal(t, a.Quality, b.Quality)
		require.Equal(t, len(a.Findings), len(b.Findings), a.Label)
		for k, f := range a.Findings {
			g := b.Findings[k]
			require.Equal(t, f.Key, g.Key)
			require.Equal(t, f.Number, g.Number)
			require.Equal(t, f.Unit, g.Unit)
			require.NotEmpty(t, f.Name, f.Key)
			require.NotEmpty(t, g.Name, f.Key)
			require.Equal(t, f.Text == "", g.Text == "", f.Key)
		}
		require.Equal(t, numbers(a.Sentences), numbers(b.Sentences), a.Label)
		require.Equal(t, len(a.Limits), len(b.Limits), a.Label)
		for k := range a.Limits {
			require.Equal(t, numbers(a.Limits[k:k+1]), numbers(b.Limits[k:k+1]), a.Label)
		}
		require.NotEmpty(t, a.Limits, "every waveform has something that was not assessed")
		said := strings.Join(a.Sentences, " ")
		for _, f := range a.Findings {
			if f.Number != nil && !math.IsNaN(*f.Number) {
				require.Contains(t, said, strings.TrimSuffix(figure.FindString(formatted(*f.Number)), ".0"), f.Key)
			}
		}
		require.NotRegexp(t, `%!|\(MISSING\)|\(EXTRA`, said+strings.Join(b.Sentences, "")+strings.Join(a.Limits, "")+strings.Join(b.Limits, ""))
	}
}

func formatted(v float64) string {
	return strings.TrimRight(strings.TrimRight(fmtFloat(math.Abs(v)), "0"), ".")
}

// numbers are the figures of texts, sorted: the languages place them as their grammar has it.
func numbers(texts []string) []string {
	joined := strings.NewReplacer("CO2", "", "P95", "").Replace(strings.Join(texts, " "))
	out := figure.FindAllString(joined, -1)
	slices.Sort(out)
	return out
}

func TestWhatWasTypedIsNotRepeated(t *testing.T) {
	for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
		for _, d := range signal.Describe(recording(), lang) {
			require.NotContains(t, strings.Join(d.Sentences, "")+strings.Join(d.Limits, ""), "Jane")
			for _, f := range d.Findings {
				require.NotContains(t, f.Text, "Jane")
			}
		}
	}
}

// TestFindings pins what programs read.
func TestFindings(t *testing.T) {
	ds := signal.Describe(recording(), terms.English)
	for _, c := range []struct {
		channel int
		key     string
		want    float64
		within  float64
		unit    string
	}{
		{0, "heart-rate", 72, 2, "/min"}, {0, "premature-broad", 6, 1, "1"}, {0, "qrs-duration", 80, 16, "ms"},
		{1, "missing", 3, 0, "%"}, {1, "filed-marks", 3, 0, "1"}, {2, "pauses", 1, 0, "1"}, {2, "longest-pause", 2.9, 0.1, "s"},
		{4, "pulse-rate", 88, 1, "/min"}, {4, "perfusion", 2, 0.6, "%"},
		{6, "systolic", 120, 3, "mm[Hg]"}, {6, "flushes", 1, 0, "1"}, {8, "apnoeas", 1, 0, "1"}, {8, "respiratory-rate", 15, 1, "/min"},
		{9, "end-tidal", 5.2, 0.15, "kPa"}, {10, "inspired-co2", 4, 1, "mm[Hg]"},
	} {
		f := ds[c.channel].Finding(c.key)
		require.NotNil(t, f, c.key)
		require.InDelta(t, c.want, *f.Number, c.within, c.key)
		require.Equal(t, c.unit, f.Unit, c.key)
	}
	require.Equal(t, "irregular without order, as in atrial fibrillation", ds[1].Finding("rhythm").Text)
	require.Equal(t, "(AFIB", ds[1].Finding("filed-rhythm").Text)
	require.Nil(t, ds[3].Finding("heart-rate"), "a hung lead")
	require.Nil(t, ds[7].Finding("systolic"), "a pressure in mV")
	require.Nil(t, ds[11].Finding("end-tidal"), "carbon dioxide in no unit")
	require.Nil(t, ds[7].Quality)
	require.Nil(t, ds[12].Quality)
}
