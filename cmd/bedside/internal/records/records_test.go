package records

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
)

func pack(t *testing.T, texts ...string) string {
	t.Helper()
	var out bytes.Buffer
	for _, text := range texts { // members one after another, as several runs of gzip leave them
		z := gzip.NewWriter(&out)
		_, err := z.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, z.Close())
	}
	return out.String()
}

func all(stdin string, inputs ...string) (got []Record, err error) {
	for r, err := range Read(strings.NewReader(stdin), inputs...) {
		if err != nil {
			return got, err
		}
		got = append(got, r)
	}
	return got, nil
}

func TestRead(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"a.ndjson": "\ufeff{\"a\":1}\r\n\n  \n{\"b\":2}", "b.JSONL.gz": pack(t, "{}\n", "[]\n"), "c.json": "{\n}\n", "d.fhir.json.gz": pack(t, "{}"),
		"e.hl7": "MSH|\r", "f.ndjson": "\xff\n{}\n", "g.json": " \n", "h.json": "{\"\xc3\"}", "empty.ndjson": "", "cut.ndjson.gz": pack(t, "{}\n")[:20], "no.json.gz": "{}",
	} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	got, err := all("{}\nx", "a.ndjson", "b.JSONL.gz", "empty.ndjson", "-", "c.json", "d.fhir.json.gz", "e.hl7")
	require.NoError(t, err)
	require.Equal(t, []Record{
		{Input: "a.ndjson", Line: 1, Text: `{"a":1}`}, {Input: "a.ndjson", Line: 4, Text: `{"b":2}`},
		{Input: "b.JSONL.gz", Line: 1, Text: "{}"}, {Input: "b.JSONL.gz", Line: 2, Text: "[]"},
		{Input: "-", Line: 1, Text: "{}"}, {Input: "-", Line: 2, Text: "x"},
		{Input: "c.json", Text: "{\n}\n"}, {Input: "d.fhir.json.gz", Text: "{}"}, {Input: "e.hl7", Text: "MSH|\r", HL7: true},
	}, got)
	require.Equal(t, "a.ndjson: line 4", got[1].Place())
	require.Equal(t, "c.json", got[6].Place())

	got, err = all("", "f.ndjson", "g.json", "h.json")
	require.NoError(t, err)
	require.Len(t, got, 4)
	for i, want := range []string{"byte 0 is not UTF-8 text", "", "holds nothing", "byte 2 is not UTF-8 text"} {
		if want == "" {
			require.NoError(t, got[i].Err)
			continue
		}
		require.EqualError(t, got[i].Err, want)
		require.Empty(t, got[i].Text)
	}
	for _, name := range []string{"missing.json", "cut.ndjson.gz", "no.json.gz"} {
		_, err := all("", "c.json", name, "c.json")
		require.ErrorContains(t, err, name)
	}
	for r := range Read(nil, "a.ndjson", "missing.json") { // leaving early
		require.Equal(t, 1, r.Line)
		break
	}
}

func TestALongLineIsPassedOver(t *testing.T) {
	var got []Record
	in := fhir.NewLines(strings.NewReader("{}\n"+strings.Repeat("x", 99)+"\n{}\n"), "long.ndjson", fhir.Limits{Bytes: 10})
	more, err := lines(in, "long.ndjson", func(r Record, _ error) bool { got = append(got, r); return true })
	require.NoError(t, err)
	require.True(t, more)
	require.Len(t, got, 3)
	require.EqualError(t, got[1].Err, "larger than 10 bytes in a line")
	require.Equal(t, []int{1, 2, 3}, []int{got[0].Line, got[1].Line, got[2].Line})
}
