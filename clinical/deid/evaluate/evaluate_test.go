package evaluate_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/deid"
	"github.com/bedside-lm/bedside/clinical/deid/evaluate"
)

func TestMeasure(t *testing.T) {
	docs := `{"lang":"en","text":"Dr. Adebayo, blorp, Parkinson's disease","spans":[{"type":"NAME","start":4,"end":11},{"type":"NAME","start":13,"end":18}],"hard":[{"start":20,"end":39}]}
{"lang":"en","text":"MRN 7734201","spans":[{"type":"MRN","start":4,"end":11}],"hard":[{"start":4,"end":6}]}
`
	r, err := evaluate.Measure(strings.NewReader(docs), deid.Auto)
	require.NoError(t, err)
	require.Equal(t, 2, r.Documents)
	require.Equal(t, 1, r.Leaking)
	require.InDelta(t, 14.0/19, r.Recall(), 1e-9)
	require.Equal(t, &evaluate.Tally{Mentions: 2, Missed: 1, Chars: 12, FoundChars: 7, SameType: 1}, r.Types[deid.Name])
	require.Equal(t, 1, r.HardTouched)
	require.InDelta(t, 1, r.Precision(), 1e-9)
	var out bytes.Buffer
	r.Write(&out)
	require.Contains(t, out.String(), "| NAME | 2 | 0.5833 | 1 | 0.500 |")
	_, err = evaluate.Measure(strings.NewReader("{"), deid.Auto)
	require.ErrorContains(t, err, "document 1")
}

// TestChineseNamesStayFound holds the figures on sixty generated notes, whose sentences the rules' cues do not know:
// scripts/deid/generate.py --part validation --lang zh --count 60 --seed 2.
func TestChineseNamesStayFound(t *testing.T) {
	f, err := os.Open("testdata/validation.zh.ndjson")
	require.NoError(t, err)
	defer f.Close()
	r, err := evaluate.Measure(f, deid.Auto)
	require.NoError(t, err)
	require.Equal(t, 60, r.Documents)
	require.Greater(t, r.Types[deid.Name].Mentions, 400)
	require.GreaterOrEqual(t, r.Recall(), 0.995)
	require.LessOrEqual(t, r.Leaking, 1)
	require.GreaterOrEqual(t, r.Precision(), 0.95)
	require.LessOrEqual(t, float64(r.HardTouched), 0.05*float64(r.Hard))
}
