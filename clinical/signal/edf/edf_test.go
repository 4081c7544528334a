package edf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/edf"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// TestAgreesWithThePythonPackage reads what another implementation wrote, and compares with
// what that one reads.
func TestAgreesWithThePythonPackage(t *testing.T) {
	var all map[string]struct {
		Labels      []string    `json:"labels"`
		Rates       []float64   `json:"rates"`
		Signals     [][]float64 `json:"signals"`
		Annotations [][]any     `json:"annotations"`
	}
	require.NoError(t, json.Unmarshal(readFile(t, "expected.json"), &all))
	require.Len(t, all, 3)
	for name, want := range all {
		t.Run(name, func(t *testing.T) {
			got, err := edf.Read(bytes.NewReader(readFile(t, name)), edf.Limits{})
			require.NoError(t, err)
			require.Equal(t, "2029-11-05T23:59:58Z", got.Start.String())
			require.Len(t, got.Waveforms, len(want.Signals))
			for i, w := range got.Waveforms {
				require.Equal(t, want.Labels[i], w.Label)
				require.InDelta(t, want.Rates[i], w.Rate, 1e-9)
				require.Equal(t, 3*time.Second, w.Duration())
				for n, v := range want.Signals[i] {
					require.InDelta(t, v, w.Samples[7*n], 2e-6, "signal %d sample %d", i, 7*n)
				}
			}
			require.Len(t, got.Annotations, len(want.Annotations))
			for i, a := range got.Annotations {
				require.Equal(t, want.Annotations[i], []any{a.At.Seconds(), a.Duration.Seconds(), a.Text})
				require.Equal(t, -1, a.Channel)
				require.Empty(t, a.Code)
			}
			for _, n := range got.Notices {
				require.Contains(t, []record.NoticeKind{signal.NoticeTimeZone, record.NoticeUnknownUnit}, n.Kind)
			}
		})
	}
}

func TestKindsAndUnits(t *testing.T) {
	got, err := edf.Parse(readFile(t, "plus.edf"), edf.Limits{})
	require.NoError(t, err)
	var have []string
	for _, w := range got.Waveforms {
		have = append(have, w.Kind.String()+" "+w.Unit)
	}
	require.Equal(t, []string{"ecg mV", "respiration ", "abp mm[Hg]", "unknown uV"}, have)
}

// TestNoIdentifiersAreRead holds that nothing of the fields that name people or machines comes out.
func TestNoIdentifiersAreRead(t *testing.T) {
	data := readFile(t, "plus.edf")
	got, err := edf.Parse(data, edf.Limits{})
	require.NoError(t, err)
	shown := fmt.Sprintf("%+v", got)
	for _, secret := range []string{"Wilhelmina", "Madeup", "PATCODE77", "ADMIN99", "Techperson", "12345"} {
		require.Contains(t, string(data), secret, "the file should hold what is looked for")
		require.NotContains(t, shown, secret)
	}
}

func TestGap(t *testing.T) {
	whole, err := edf.Parse(readFile(t, "plus.edf"), edf.Limits{})
	require.NoError(t, err)
	got, err := edf.Parse(readFile(t, "gap.edf"), edf.Limits{})
	require.NoError(t, err)
	for i, w := range got.Waveforms {
		rate, full := int(w.Rate), whole.Waveforms[i].Samples
		require.Len(t, w.Samples, rate*46/10)
		require.Equal(t, full[:2*rate], w.Samples[:2*rate])
		require.Equal(t, full[2*rate:], w.Samples[len(w.Samples)-rate:])
		for _, v := range w.Samples[2*rate : len(w.Samples)-rate] {
			require.True(t, math.IsNaN(v))
		}
	}
	var gap record.Notice
	for _, n := range got.Notices {
		if n.Kind == signal.NoticeGap {
			gap = n
		}
	}
	require.Contains(t, gap.Message, "1 gaps")
	require.Equal(t, whole.Annotations, got.Annotations)
}

// field is one signal of a file that a test makes.
type field struct {
	label, unit, physMin, physMax, digMin, digMax, samples string
}

// file makes an EDF file by hand.
type file struct {
	version, recording, date, clock, bytes, reserved, records, duration, count string
	fields                                                                     []field
	body                                                                       []byte
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-len(s))) }

func (f file) build() []byte {
	or := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	n := len(f.fields)
	var b strings.Builder
	b.WriteString(pad(or(f.version, "0"), 8) + pad("", 80) + pad(f.recording, 80) + pad(or(f.date, "02.03.26"), 8) + pad(or(f.clock, "04.05.06"), 8))
	b.WriteString(pad(or(f.bytes, fmt.Sprint(256*(n+1))), 8) + pad(f.reserved, 44) + pad(or(f.records, "1"), 8) + pad(or(f.duration, "1"), 8))
	b.WriteString(pad(or(f.count, fmt.Sprint(n)), 4))
	for _, column := range []struct {
		width int
		get   func(field) string
	}{
		{16, func(f field) string { return f.label }},
		{80, func(field) string { return "" }},
		{8, func(f field) string { return f.unit }},
		{8, func(f field) string { return or(f.physMin, "-1") }},
		{8, func(f field) string { return or(f.physMax, "1") }},
		{8, func(f field) string { return or(f.digMin, "-100") }},
		{8, func(f field) string { return or(f.digMax, "100") }},
		{80, func(field) string { return "" }},
		{8, func(f field) string { return or(f.samples, "2") }},
		{32, func(field) string { return "" }},
	} {
		for _, x := range f.fields {
			b.WriteString(pad(column.get(x), column.width))
		}
	}
	return append([]byte(b.String()), f.body...)
}

var one = []field{{label: "ECG", unit: "mV"}}

func TestByHand(t *testing.T) {
	body := []byte{50, 0, 0xce, 0xff} // 50 and -50
	got, err := edf.Parse(file{fields: one, body: body}.build(), edf.Limits{})
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{0.5, -0.5}, got.Waveforms[0].Samples, 1e-12)
	require.Equal(t, "2026-03-02T04:05:06Z", got.Start.String())

	inverted := []field{{label: "ECG", unit: "\xb5V", physMin: "1", physMax: "-1"}}
	got, err = edf.Parse(file{fields: inverted, body: body}.build(), edf.Limits{})
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{-0.5, 0.5}, got.Waveforms[0].Samples, 1e-12)
	require.Equal(t, "uV", got.Waveforms[0].Unit)

	for name, c := range map[string]struct {
		f    file
		kind record.NoticeKind
		path string
	}{
		"unknown number of records": {file{fields: one, body: body, records: "-1"}, signal.NoticeFormat, "header.records"},
		"more than announced":       {file{fields: one, body: append([]byte{1, 2, 3}, body...)}, signal.NoticeFormat, "file"},
		"no date":                   {file{fields: one, body: body, date: "XX.XX.XX"}, signal.NoticeFormat, "header.startDate"},
		"no time":                   {file{fields: one, body: body, clock: "25.00.00"}, signal.NoticeFormat, "header.startTime"},
		"beyond the limits":         {file{fields: one, body: []byte{101, 0, 0, 0}}, signal.NoticeFormat, "signal[0]"},
		"no unit":                   {file{fields: []field{{label: "x"}}, body: body}, record.NoticeUnknownUnit, "signal[0].unit"},
	} {
		got, err := edf.Parse(c.f.build(), edf.Limits{})
		require.NoError(t, err, name)
		found := false
		for _, n := range got.Notices {
			found = found || n.Kind == c.kind && n.Path == c.path
		}
		require.True(t, found, "%s: %+v", name, got.Notices)
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct{ date, recording, reserved, want string }{
		{"02.03.85", "", "", "1985-03-02T04:05:06Z"},
		{"02.03.84", "", "", "2084-03-02T04:05:06Z"},
		{"02.03.68", "", "", "2068-03-02T04:05:06Z"},
		{"02.03.85", "Startdate 03-APR-2091 X X X", "EDF+C", "2091-04-03T04:05:06Z"},
		{"02.03.85", "Startdate 03-APR-2091 X X X", "", "1985-03-02T04:05:06Z"},
		{"01.01.85", "Startdate X X X X", "EDF+C", ""},
	} {
		got, err := edf.Parse(file{fields: one, body: make([]byte, 4), date: c.date, recording: c.recording, reserved: c.reserved}.build(), edf.Limits{})
		require.NoError(t, err)
		require.Equal(t, c.want, got.Start.String())
	}
}

func TestAnnotationsByHand(t *testing.T) {
	tal := func(s string) []byte { return []byte(s + strings.Repeat("\x00", 60-len(s))) }
	only := []field{{label: "EDF Annotations", samples: "30"}}
	got, err := edf.Parse(file{reserved: "EDF+C", duration: "0", fields: only,
		body: tal("+0.25\x14\x14\x00-1\x152.5\x14one\x14two\x14\x00")}.build(), edf.Limits{})
	require.NoError(t, err)
	require.Empty(t, got.Waveforms)
	require.Equal(t, "2026-03-02T04:05:06.25Z", got.Start.String())
	at, length := -1250*time.Millisecond, 2500*time.Millisecond
	require.Equal(t, []signal.Annotation{
		{At: at, Duration: length, Channel: -1, Text: "one"}, {At: at, Duration: length, Channel: -1, Text: "two"},
	}, got.Annotations)

	for name, c := range map[string]struct{ tal, at, message string }{
		"no sign":     {"0\x14\x14\x00", "byte[0]", "onset"},
		"no number":   {"+0\x14\x14\x00+x\x14a\x14\x00", "byte[5]", "onset"},
		"exponent":    {"+1e9\x14\x14\x00", "byte[0]", "onset"},
		"duration":    {"+0\x15-1\x14a\x14\x00", "byte[0]", "duration"},
		"no text":     {"+0\x00", "byte[0]", "byte 20 after the onset"},
		"no text end": {"+0\x14a\x00", "byte[0]", "byte 20 after each text"},
		"no end":      {"+0\x14" + strings.Repeat("a", 57), "byte[0]", "zero byte"},
	} {
		_, err := edf.Parse(file{reserved: "EDF+C", duration: "0", fields: only, body: tal(c.tal)}.build(), edf.Limits{})
		var invalid *record.InvalidError
		require.True(t, errors.As(err, &invalid), name)
		require.Equal(t, "record[0].signal[0]."+c.at, invalid.Violations[0].Path, name)
		require.Contains(t, invalid.Violations[0].Message, c.message, name)
	}
}

func TestRefuses(t *testing.T) {
	body := make([]byte, 4)
	for name, c := range map[string]struct {
		f             file
		path, message string
	}{
		"version":     {file{version: "1", fields: one, body: body}, "header.version", "255 and"},
		"records":     {file{records: "x", fields: one, body: body}, "header.records", "whole number"},
		"too few":     {file{records: "2", fields: one, body: body}, "header.records", "announces 2 data records, the file holds 1"},
		"duration":    {file{duration: "-1", fields: one, body: body}, "header.recordDuration", "seconds"},
		"no duration": {file{duration: "0", fields: one, body: body}, "header.recordDuration", "above 0"},
		"comma":       {file{duration: "0,5", fields: one, body: body}, "header.recordDuration", "decimal number at byte 244"},
		"header size": {file{bytes: "256", fields: one, body: body}, "header.bytes", "expected 512 bytes"},
		"count":       {file{count: "2", fields: one, body: body}, "header.bytes", "expected 768 bytes"},
		"samples":     {file{fields: []field{{samples: "0"}}}, "signal[0].samples", "whole number"},
		"digital":     {file{fields: []field{{digMin: "5", digMax: "5"}}, body: body}, "signal[0].digitalMaximum", "more than"},
		"16 bits":     {file{fields: []field{{digMax: "32768"}}, body: body}, "signal[0].digitalMaximum", "whole number"},
		"physical":    {file{fields: []field{{physMin: "1"}}, body: body}, "signal[0].physicalMaximum", "other than"},
		"gap":         {file{reserved: "EDF+D", fields: one, body: body}, "signal", "annotations"},
	} {
		_, err := edf.Parse(c.f.build(), edf.Limits{})
		var invalid *record.InvalidError
		require.True(t, errors.As(err, &invalid), "%s: %v", name, err)
		require.Equal(t, c.path, invalid.Violations[0].Path, name)
		require.Contains(t, invalid.Violations[0].Message, c.message, name)
	}
	_, err := edf.Parse([]byte("0"), edf.Limits{})
	require.ErrorContains(t, err, "at least 256 bytes")
}

func TestLimits(t *testing.T) {
	body := make([]byte, 4)
	for name, c := range map[string]struct {
		f    file
		lim  edf.Limits
		what string
	}{
		"bytes":   {file{fields: one, body: body}, edf.Limits{Bytes: 515}, "bytes"},
		"signals": {file{count: "9999"}, edf.Limits{}, "signals"},
		"records": {file{records: "2", fields: one, body: make([]byte, 8)}, edf.Limits{Records: 1}, "data records"},
		"samples": {file{fields: one, body: body}, edf.Limits{Samples: 1}, "samples"},
		"seconds": {file{duration: "9999999", records: "200", fields: []field{{samples: "999"}}, body: make([]byte, 200*999*2)}, edf.Limits{}, "seconds"},
	} {
		_, err := edf.Parse(c.f.build(), c.lim)
		var limit *record.LimitError
		require.True(t, errors.As(err, &limit), "%s: %v", name, err)
		require.Equal(t, c.what, limit.What, name)
	}
	data := bytes.Replace(readFile(t, "gap.edf"), []byte("+3.6"), []byte("+9e9"), 1)
	_, err := edf.Parse(data, edf.Limits{})
	require.ErrorContains(t, err, "onset")
	data = bytes.Replace(data, []byte("+9e9"), []byte("+999"), 1)
	_, err = edf.Parse(data, edf.Limits{Samples: 10_000})
	require.ErrorContains(t, err, "samples", "a gap counts")
	_, err = edf.Parse(readFile(t, "plus.edf"), edf.Limits{Annotations: 2})
	require.ErrorContains(t, err, "annotations")
	_, err = edf.Parse(readFile(t, "plus.edf"), edf.Limits{TextBytes: 5})
	require.ErrorContains(t, err, "bytes in an annotation")
}
