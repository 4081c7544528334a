package wfdb_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/wfdb"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

func openTestdata(name string) (io.ReadCloser, error) {
	return os.Open(filepath.Join("testdata", name))
}

// files opens what a map holds.
type files map[string][]byte

func (f files) open(name string) (io.ReadCloser, error) {
	data, ok := f[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

type expectedRecord struct {
	Labels  []string     `json:"labels"`
	Units   []string     `json:"units"`
	Rates   []float64    `json:"rates"`
	Signals [][]*float64 `json:"signals"`
}

func expected(t testing.TB) (records map[string]expectedRecord, marks struct {
	Samples []int64
	Codes   []string
	Texts   []string
},
) {
	t.Helper()
	var raw map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(readFile(t, "expected.json"), &raw))
	require.NoError(t, json.Unmarshal(raw["annotations"], &marks))
	delete(raw, "annotations")
	records = map[string]expectedRecord{}
	for name, r := range raw {
		var e expectedRecord
		require.NoError(t, json.Unmarshal(r, &e))
		records[name] = e
	}
	return records, marks
}

// TestAgreesWithThePythonPackage reads what another implementation wrote, and compares with
// what that one reads.
func TestAgreesWithThePythonPackage(t *testing.T) {
	records, _ := expected(t)
	require.Greater(t, len(records), 15)
	for name, want := range records {
		t.Run(name, func(t *testing.T) {
			got, err := wfdb.Read(readFile(t, name+".hea"), openTestdata, nil, wfdb.Limits{})
			require.NoError(t, err)
			require.Len(t, got.Waveforms, len(want.Signals))
			for i, w := range got.Waveforms {
				require.Equal(t, want.Labels[i], w.Label)
				require.Equal(t, signal.UnitCode(want.Units[i]), w.Unit)
				require.InDelta(t, want.Rates[i], w.Rate, 1e-9)
				require.Len(t, w.Samples, len(want.Signals[i]))
				for n, v := range want.Signals[i] {
					if v == nil {
						require.True(t, math.IsNaN(w.Samples[n]), "signal %d sample %d", i, n)
					} else {
						require.InDelta(t, *v, w.Samples[n], 1e-6, "signal %d sample %d", i, n)
					}
				}
			}
			for _, n := range got.Notices {
				// The headers of the random files give no true checksum.
				require.True(t, n.Kind != signal.NoticeChecksum || strings.HasPrefix(name, "f"), "%+v", n)
			}
		})
	}
}

func TestAnnotationsAgreeWithThePythonPackage(t *testing.T) {
	_, want := expected(t)
	got, err := wfdb.Read(readFile(t, "lead212.hea"), openTestdata, readFile(t, "lead212.atr"), wfdb.Limits{})
	require.NoError(t, err)
	require.Len(t, got.Annotations, len(want.Samples))
	for i, a := range got.Annotations {
		require.Equal(t, want.Codes[i], a.Code)
		require.Equal(t, want.Texts[i], a.Text)
		require.InDelta(t, float64(want.Samples[i])/360, a.At.Seconds(), 1e-8)
		require.Equal(t, -1, a.Channel)
	}
	require.True(t, wfdb.IsBeat("V"))
	require.False(t, wfdb.IsBeat("+"))
}

func TestReadsWhatAMonitorFiles(t *testing.T) {
	got, err := wfdb.Read(readFile(t, "icu.hea"), openTestdata, nil, wfdb.Limits{})
	require.NoError(t, err)
	require.Equal(t, "2031-03-14T22:05:07.25Z", got.Start.String())
	kinds := []signal.Kind{signal.KindECG, signal.KindPPG, signal.KindABP}
	for i, k := range kinds {
		require.Equal(t, k, got.Waveforms[i].Kind)
		require.Equal(t, 320*time.Millisecond, got.Waveforms[i].Duration())
	}
	notices := map[record.NoticeKind]string{}
	for _, n := range got.Notices {
		notices[n.Kind] = n.Path
	}
	require.Equal(t, map[record.NoticeKind]string{signal.NoticeTimeZone: "header", record.NoticeUnknownUnit: "signal[1]"}, notices)
}

const head = "r 1 250 4\nr.dat 16 200/mV 16 0 1 10 0 II\n"

var data = []byte{1, 0, 2, 0, 3, 0, 4, 0}

func TestChecksum(t *testing.T) {
	got, err := wfdb.Read([]byte(head), files{"r.dat": data}.open, nil, wfdb.Limits{})
	require.NoError(t, err)
	require.Empty(t, got.Notices)
	got, err = wfdb.Read([]byte(head), files{"r.dat": {1, 0, 2, 0, 3, 0, 5, 0}}.open, nil, wfdb.Limits{})
	require.NoError(t, err)
	require.Len(t, got.Notices, 1)
	require.Equal(t, signal.NoticeChecksum, got.Notices[0].Kind)
	require.Equal(t, "signal[0]", got.Notices[0].Path)
}

func TestHeader(t *testing.T) {
	for name, c := range map[string]struct {
		header  string
		samples []float64
		rate    float64
		label   string
	}{
		"least":              {"r 1\nr.dat 16", []float64{0.005, 0.01, 0.015, 0.02}, 250, ""},
		"comments and CR LF": {"# a comment\r\n\r\nr 1 360\r\n# x\r\nr.dat 16 100\r\n# 69 M\r\n", []float64{0.01, 0.02, 0.03, 0.04}, 360, ""},
		"baseline":           {"r 1 360/360(0) 4 0:0:0\nr.dat 16 2(3)/mV 11 0 0 10 0 lead  two \n", []float64{-1, -0.5, 0, 0.5}, 360, "lead  two"},
		"zero is baseline":   {"r 1 1.5\nr.dat 16 2 11 1", []float64{0, 0.5, 1, 1.5}, 1.5, ""},
		"offset":             {"r 1 250 2\nr.dat 16+4 1(0)\n", []float64{3, 4}, 250, ""},
		"skew":               {"r 1 250 4\nr.dat 16:1 1(0)\n", []float64{2, 3, 4, math.NaN()}, 250, ""},
		"skew of frames":     {"r 1 250 2\nr.dat 16x2:1 1(0)\n", []float64{3, 4, math.NaN(), math.NaN()}, 500, ""},
		"frames":             {"r 1 250 2\nr.dat 16x2 1(0)\n", []float64{1, 2, 3, 4}, 500, ""},
		"fewer than there":   {"r 1 250 3\nr.dat 16 1(0)\n", []float64{1, 2, 3}, 250, ""},
		"exponent":           {"r 1 250 1\nr.dat 16 5.0e-1(0)\n", []float64{2}, 250, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wfdb.Read([]byte(c.header), files{"r.dat": data}.open, nil, wfdb.Limits{})
			require.NoError(t, err)
			w := got.Waveforms[0]
			require.Equal(t, c.label, w.Label)
			require.InDelta(t, c.rate, w.Rate, 0)
			require.Len(t, w.Samples, len(c.samples))
			for i, v := range c.samples {
				if math.IsNaN(v) {
					require.True(t, math.IsNaN(w.Samples[i]))
				} else {
					require.InDelta(t, v, w.Samples[i], 1e-12)
				}
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct{ header, path, message string }{
		"empty":              {"# nothing\n", "header", "no record line"},
		"no signals field":   {"r\n", "header.line[1]", "number of signals"},
		"signals":            {"r x\n", "header.line[1].signals", "whole number"},
		"missing lines":      {"r 2 250\nr.dat 16\n", "header.line[1]", "announces 2 signals, 1 lines follow"},
		"frequency":          {"r 1 0\nr.dat 16\n", "header.line[1].frequency", "samples a second"},
		"hexadecimal":        {"r 1 0x10\nr.dat 16\n", "header.line[1].frequency", "decimal"},
		"time":               {"r 1 250 4 12:61:00\nr.dat 16\n", "header.line[1].time", "hh:mm:ss"},
		"date":               {"r 1 250 4 12:01:00 31/02/2020\nr.dat 16\n", "header.line[1].date", "dd/mm/yyyy"},
		"format":             {"# c\nr 1 250\nr.dat 508\n", "header.line[3].format", "508 is not read"},
		"folder":             {"r 1 250\n../r.dat 16\n", "header.line[2].file", "without a folder"},
		"absolute":           {"r 1 250\n/etc/passwd 16\n", "header.line[2].file", "without a folder"},
		"backslash":          {"r 1 250\nx\\r.dat 16\n", "header.line[2].file", "without a folder"},
		"drive":              {"r 1 250\nc:r.dat 16\n", "header.line[2].file", "without a folder"},
		"standard input":     {"r 1 250\n- 16\n", "header.line[2].file", "without a folder"},
		"dots":               {"r 1 250\n.. 16\n", "header.line[2].file", "without a folder"},
		"not there":          {"r 1 250\nq.dat 16\n", "header.line[2]", "not there"},
		"too short":          {"r 1 250 5\nr.dat 16\n", "signal[0]", "announces 5 samples, the file holds 4"},
		"gain":               {"r 1 250\nr.dat 16 x/mV\n", "header.line[2].gain", "decimal"},
		"checksum":           {"r 1 250\nr.dat 16 1 16 0 0 99999\n", "header.line[2].checksum", "whole number"},
		"formats differ":     {"r 2 250\nr.dat 16\nr.dat 80\n", "header.line[3].format", "format of the signal before"},
		"apart":              {"r 3 250\nr.dat 16\ns.dat 16\nr.dat 16\n", "header.line[4].file", "stand together"},
		"skew":               {"r 1 250 4\nr.dat 16:5\n", "header.line[2].skew", "no more than"},
		"segment folder":     {"r/1 1 250 4\n../x 4\n", "header.line[2].name", "without a folder"},
		"segment not there":  {"r/1 1 250 4\nx 4\n", "header.line[2]", "not there"},
		"segment lengths":    {"r/2 1 250 9\nx 4\ny 4\n", "header.line[1].samples", "announces 9 samples, the segments hold 8"},
		"segments of itself": {"r/1 1 250 4\nr 4\n", "segment[0].header", "one segment"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := wfdb.Read([]byte(c.header), files{"r.dat": data, "s.dat": data, "r.hea": []byte("r/1 1 250 4\nr 4\n")}.open, nil, wfdb.Limits{})
			var invalid *record.InvalidError
			require.True(t, errors.As(err, &invalid), "%v", err)
			require.Equal(t, c.path, invalid.Violations[0].Path)
			require.Contains(t, invalid.Violations[0].Message, c.message)
		})
	}
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		lim    wfdb.Limits
		what   string
	}{
		"header":   {head, wfdb.Limits{HeaderBytes: 10}, "bytes"},
		"bytes":    {head, wfdb.Limits{Bytes: 7}, "bytes"},
		"signals":  {"r 1000000000\n", wfdb.Limits{}, "signals"},
		"segments": {"r/1000000000 1\n", wfdb.Limits{}, "segments"},
		"samples":  {"r 1 250 9000000000000\nr.dat 16\n", wfdb.Limits{}, "samples"},
		"frames":   {"r 1 1 1000\nr.dat 16x90000\n", wfdb.Limits{}, "samples"},
		"gap":      {"r/1 1 250\n~ 9000000000000\n", wfdb.Limits{}, "samples"},
		"to end":   {"r 1\nr.dat 16\n", wfdb.Limits{Samples: 3}, "samples"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := wfdb.Read([]byte(c.header), files{"r.dat": data}.open, nil, c.lim)
			var limit *record.LimitError
			require.True(t, errors.As(err, &limit), "%v", err)
			require.Equal(t, c.what, limit.What)
		})
	}
	segment := []byte("a 1 250 2\nr.dat 16 1(0)\n")
	f := files{"a.hea": segment, "r.dat": data}
	_, err := wfdb.Read([]byte("r/2 1 250\na 2\na 2\n"), f.open, nil, wfdb.Limits{Bytes: int64(2 * (len(segment) + 4))})
	require.NoError(t, err)
	_, err = wfdb.Read([]byte("r/2 1 250\na 2\na 2\n"), f.open, nil, wfdb.Limits{Bytes: int64(2*(len(segment)+4) - 1)})
	require.ErrorContains(t, err, "bytes", "headers of segments count, read twice or not")
	_, err = wfdb.Read([]byte("r 0\n"), nil, []byte{1, 4, 1, 4, 0, 0}, wfdb.Limits{Annotations: 1})
	require.ErrorContains(t, err, "annotations")
}

// TestOpenErrorsPass holds that an error of the caller's own comes back as itself.
func TestOpenErrorsPass(t *testing.T) {
	mine := errors.New("mine")
	_, err := wfdb.Read([]byte(head), func(string) (io.ReadCloser, error) { return nil, mine }, nil, wfdb.Limits{})
	require.ErrorIs(t, err, mine)
}

// TestFixedLayoutWithGap has a gap where the Python package reads none.
func TestFixedLayoutWithGap(t *testing.T) {
	f := files{
		"a.hea": []byte("a 1 250 2\nr.dat 16 1(0)\n"), "b.hea": []byte("b 1 250 1\nr.dat 16+4 1(0)\n"), "r.dat": data,
	}
	got, err := wfdb.Read([]byte("r/4 1 250 6\na 2\n~ 2\nb 1\n~ 1\n"), f.open, nil, wfdb.Limits{})
	require.NoError(t, err)
	s := got.Waveforms[0].Samples
	require.Len(t, s, 6)
	require.Equal(t, []float64{1, 2, 3}, []float64{s[0], s[1], s[4]})
	require.True(t, math.IsNaN(s[2]) && math.IsNaN(s[3]) && math.IsNaN(s[5]))
}

func TestAnnotationErrors(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		path string
	}{
		"half a word":  {[]byte{1, 4, 7}, "annotations.byte[2]"},
		"code":         {[]byte{1, 55 << 2}, "annotations.byte[0]"},
		"skip":         {[]byte{0, 59 << 2, 0, 0}, "annotations.byte[0]"},
		"text":         {[]byte{1, 4, 9, 63 << 2, 'x'}, "annotations.byte[2]"},
		"before start": {[]byte{0, 59 << 2, 0xff, 0xff, 0, 0, 1, 4, 0, 0}, "annotations.byte[10]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := wfdb.ParseAnnotations(c.data, 250, wfdb.Limits{})
			var invalid *record.InvalidError
			require.True(t, errors.As(err, &invalid), "%v", err)
			require.Equal(t, c.path, invalid.Violations[0].Path)
		})
	}
	got, notices, err := wfdb.ParseAnnotations([]byte{250, 4, 1, 62 << 2}, 250, wfdb.Limits{})
	require.NoError(t, err)
	require.Equal(t, []signal.Annotation{{At: time.Second, Channel: 1, Code: "N"}}, got)
	require.Equal(t, signal.NoticeTruncated, notices[0].Kind)
}
