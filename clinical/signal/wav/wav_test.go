package wav_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/wav"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// floats packs samples as 32-bit numbers, the same in each channel.
func floats(samples []float64, channels int) []byte {
	var out []byte
	for _, v := range samples {
		for range channels {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v)))
		}
	}
	return out
}

// sine is a tone of full scale times size, packed in any of the forms that are read.
func sine(code, bits int, size float64) []byte {
	const n = 2000
	var body []byte
	for i := range n {
		v := size * math.Sin(2*math.Pi*440*float64(i)/8000)
		full := math.Pow(2, float64(bits-1)) - 1
		switch {
		case code == 3 && bits == 32:
			body = binary.LittleEndian.AppendUint32(body, math.Float32bits(float32(v)))
		case code == 3:
			body = binary.LittleEndian.AppendUint64(body, math.Float64bits(v))
		case bits == 8:
			body = append(body, byte(int(math.Round(v*127))+128))
		default:
			body = append(body, binary.LittleEndian.AppendUint64(nil, uint64(int64(math.Round(v*full))))[:bits/8]...)
		}
	}
	return riff(chunk("LIST", []byte("INFOINAM\x05\x00\x00\x00Ward\x00")), chunk("fmt ", format(code, 1, 8000, bits)), chunk("data", body))
}

func TestForms(t *testing.T) {
	for _, c := range []struct{ code, bits int }{{1, 8}, {1, 16}, {1, 24}, {1, 32}, {3, 32}, {3, 64}} {
		d, err := wav.Describer{}.Describe(sine(c.code, c.bits, 0.5), terms.English)
		require.NoError(t, err)
		require.Equal(t, signal.KindSound, d.Kind)
		for key, want := range map[string]float64{
			"duration": 0.25, "sample-rate": 8000, "channels": 1, "bits": float64(c.bits), "level-rms": -9, "level-peak": -6, "clipping": 0,
		} {
			require.InDelta(t, want, *d.Finding(key).Number, 0.11, "%s of %d bits", key, c.bits)
		}
		require.NotContains(t, fmt.Sprintf("%+v", d), "Ward")
	}
}

func TestExtensible(t *testing.T) {
	f := format(0xFFFE, 1, 8000, 16)
	f = append(f, 22, 0, 16, 0, 4, 0, 0, 0, 1, 0)
	f = append(f, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	d, err := wav.Describer{}.Describe(riff(chunk("fmt ", f), chunk("data", make([]byte, 100))), terms.English)
	require.NoError(t, err)
	require.InDelta(t, 16, *d.Finding("bits").Number, 0)
}

func TestClipping(t *testing.T) {
	d, err := wav.Describer{}.Describe(encode16(8000, []float64{0, 1, 1, 0.5}), terms.English)
	require.NoError(t, err)
	require.InDelta(t, 50, *d.Finding("clipping").Number, 0)
	require.Contains(t, d.Sentences, "50% of the samples are at full scale, where sound is cut off.")
	d, err = wav.Describer{}.Describe(riff(chunk("fmt ", format(3, 1, 8000, 32)), chunk("data", floats([]float64{0, 1.5, 0, math.NaN()}, 1))), terms.English)
	require.NoError(t, err)
	require.InDelta(t, 25, *d.Finding("clipping").Number, 0)
	require.Contains(t, d.Limits, "1 samples are no numbers and were taken as silence.")
}

func TestSentences(t *testing.T) {
	s := newSynth(3, rate, 40).breaths(16, 0.02, 0.1).noise(0.01)
	for lang, want := range map[terms.Lang][]string{
		terms.English: {"The sound lasts 40 s (one channel, 2000 samples a second).", "Its mean level is ", "It swells and fades 16"},
		terms.Chinese: {"声音时长40秒（单声道，采样率2000 Hz）。", "平均电平", "声音每分钟起伏16"},
	} {
		d, err := wav.Describer{}.Describe(encode16(s.rate, s.out), lang)
		require.NoError(t, err)
		require.Len(t, d.Sentences, len(want))
		for i, w := range want {
			require.True(t, strings.HasPrefix(d.Sentences[i], w), "%q", d.Sentences[i])
		}
		require.Len(t, d.Limits, 4)
		require.Nil(t, d.Quality)
	}
	silent, err := wav.Describer{}.Describe(encode16(rate, make([]float64, 100)), terms.English)
	require.NoError(t, err)
	require.Contains(t, silent.Sentences, "It is silent.")
	require.Nil(t, silent.Finding("level-rms"))
}

func TestOpenEnded(t *testing.T) {
	for _, size := range []uint32{0, 0xFFFFFFFF} {
		data := encode16(rate, make([]float64, 100))
		binary.LittleEndian.PutUint32(data[40:], size)
		d, err := wav.Describer{}.Describe(data, terms.English)
		require.NoError(t, err)
		require.InDelta(t, 0.05, *d.Finding("duration").Number, 0)
		require.Contains(t, d.Limits, "The file does not say how long it is; it may have been cut off.")
	}
}

func TestRefuses(t *testing.T) {
	pcm := chunk("fmt ", format(1, 1, 8000, 16))
	data := chunk("data", make([]byte, 8))
	align := format(1, 1, 8000, 16)
	align[12] = 3
	for name, c := range map[string]struct {
		data          []byte
		path, message string
	}{
		"empty":        {nil, "file.byte[0]", "RIFF"},
		"other":        {[]byte("RIFX....WAVE"), "file.byte[0]", "RIFF"},
		"no samples":   {riff(pcm), "file", "chunk of samples"},
		"no format":    {riff(data), "file.byte[12]", "format before"},
		"short format": {riff(chunk("fmt ", []byte{1, 0}), data), "file.byte[20]", "at least 16"},
		"compressed":   {riff(chunk("fmt ", format(85, 1, 8000, 16)), data), "file.byte[20]", "format 85 is not read"},
		"channels":     {riff(chunk("fmt ", format(1, 0, 8000, 16)), data), "file.byte[22]", "at least one"},
		"rate":         {riff(chunk("fmt ", format(1, 1, 100, 16)), data), "file.byte[24]", "samples a second"},
		"bits":         {riff(chunk("fmt ", format(1, 1, 8000, 12)), data), "file.byte[34]", "8, 16, 24 or 32"},
		"align":        {riff(chunk("fmt ", align), data), "file.byte[32]", "2 bytes a frame"},
		"extensible":   {riff(chunk("fmt ", format(0xFFFE, 1, 8000, 16)), data), "file.byte[20]", "at least 40"},
		"cut off":      {riff(pcm, data)[:48], "file.byte[36]", "announces 8 bytes of samples, the file holds 4"},
		"long chunk":   {riff(chunk("LIST", make([]byte, 8)))[:18], "file", "chunk of samples"},
		"longer chunk": {riff(chunk("LIST", make([]byte, 8)))[:24], "file.byte[12]", "longer than the file"},
	} {
		_, err := wav.Describer{}.Describe(c.data, terms.English)
		var invalid *record.InvalidError
		require.True(t, errors.As(err, &invalid), "%s: %v", name, err)
		require.Equal(t, c.path, invalid.Violations[0].Path, name)
		require.Contains(t, invalid.Violations[0].Message, c.message, name)
	}
}

func TestLimits(t *testing.T) {
	good := encode16(1000, make([]float64, 2500))
	for what, c := range map[string]struct {
		data []byte
		lim  wav.Limits
	}{
		"bytes":    {good, wav.Limits{Bytes: 10}},
		"channels": {riff(chunk("fmt ", format(1, 65, 8000, 16))), wav.Limits{}},
		"chunks":   {riff(chunk("LIST", nil), chunk("LIST", nil), chunk("LIST", nil)), wav.Limits{Chunks: 2}},
		"seconds":  {good, wav.Limits{Seconds: 2}},
	} {
		_, err := wav.Describer{Limits: c.lim}.Describe(c.data, terms.English)
		var limit *record.LimitError
		require.True(t, errors.As(err, &limit), "%s: %v", what, err)
		require.Equal(t, what, limit.What)
	}
}

// TestLouder holds that a sound twice as loud is 6 dB louder and breathes the same.
func TestLouder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Float64Range(0.01, 0.45).Draw(t, "size")
		one, err := wav.Describer{}.Describe(sine(3, 64, size), terms.English)
		require.NoError(t, err)
		two, err := wav.Describer{}.Describe(sine(3, 64, 2*size), terms.English)
		require.NoError(t, err)
		for _, key := range []string{"level-rms", "level-peak"} {
			require.InDelta(t, 6.02, *two.Finding(key).Number-*one.Finding(key).Number, 0.11)
		}
	})
}
