package embed

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pairs are the columns of testdata/eval/clinical-pairs.tsv by name.
func pairs(t *testing.T) map[string][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "eval", "clinical-pairs.tsv"))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")[1:] // the first is a comment
	names := strings.Split(lines[0], "\t")
	columns := map[string][]string{}
	for _, line := range lines[1:] {
		fields := strings.Split(line, "\t")
		require.Len(t, fields, len(names))
		for i, name := range names {
			columns[name] = append(columns[name], fields[i])
		}
	}
	return columns
}

// recall is the share of queries whose own passage is among the k best; score(q, p) is larger for what fits better.
func recall(n, k int, score func(q, p int) float64) float64 {
	found := 0
	for q := range n {
		better := 0
		for p := range n {
			if p != q && score(q, p) >= score(q, q) {
				better++
			}
		}
		if better < k {
			found++
		}
	}
	return float64(found) / float64(n)
}

// TestPassagesAreFound is the retrieval quality of the model as served: of 120 clinical questions, how many find their
// passage first, and among the first five. Floors lie a little under what was measured (docs/embeddings.md). Beside it
// stands what plain matching of characters finds.
func TestPassagesAreFound(t *testing.T) {
	e, columns := served(t), pairs(t)
	n := len(columns["id"])
	require.GreaterOrEqual(t, n, 100)
	vectors := map[string][]Vector{}
	for name, kind := range map[string]Kind{"query_en": Query, "query_zh": Query, "passage_en": Passage, "passage_zh": Passage} {
		var err error
		vectors[name], err = e.Embed(t.Context(), Request{Texts: columns[name], Kind: kind})
		require.NoError(t, err)
	}
	for _, c := range []struct {
		query, passage string
		first, five    float64
	}{
		{"en", "en", 0.53, 0.75}, {"zh", "zh", 0.60, 0.81}, {"en", "zh", 0.29, 0.58}, {"zh", "en", 0.27, 0.53},
	} {
		queries, passages := vectors["query_"+c.query], vectors["passage_"+c.passage]
		score := func(q, p int) float64 { return dot(queries[q].Values, passages[p].Values) }
		first, five := recall(n, 1, score), recall(n, 5, score)
		plain := bm25(columns["query_"+c.query], columns["passage_"+c.passage])
		t.Logf("%s to %s: recall@1 %.3f, @5 %.3f; BM25 over characters %.3f, %.3f",
			c.query, c.passage, first, five, recall(n, 1, plain), recall(n, 5, plain))
		require.GreaterOrEqual(t, first, c.first, "%s to %s", c.query, c.passage)
		require.GreaterOrEqual(t, five, c.five, "%s to %s", c.query, c.passage)
		require.Greater(t, five, recall(n, 5, plain), "%s to %s: no better than plain matching", c.query, c.passage)
	}
}

// bm25 scores by terms in common (Robertson and Zaragoza 2009, k1 1.2, b 0.75); terms are runs of two and three characters.
func bm25(queries, passages []string) func(q, p int) float64 {
	terms := func(text string) []string {
		runes := []rune(strings.ToLower(text))
		var out []string
		for _, n := range []int{2, 3} {
			for i := range max(len(runes)-n+1, 0) {
				out = append(out, string(runes[i:i+n]))
			}
		}
		return out
	}
	type posting struct {
		passage int
		count   float64
	}
	index, lengths, mean := map[string][]posting{}, make([]float64, len(passages)), 0.0
	for p, text := range passages {
		for _, term := range terms(text) {
			list := index[term]
			if n := len(list); n > 0 && list[n-1].passage == p {
				list[n-1].count++
			} else {
				list = append(list, posting{p, 1})
			}
			index[term] = list
			lengths[p]++
		}
		mean += lengths[p] / float64(len(passages))
	}
	scores := make([][]float64, len(queries))
	for q, text := range queries {
		scores[q] = make([]float64, len(passages))
		for _, term := range slices.Compact(slices.Sorted(slices.Values(terms(text)))) {
			holders := float64(len(index[term]))
			weight := math.Log(1 + (float64(len(passages))-holders+0.5)/(holders+0.5))
			for _, at := range index[term] {
				scores[q][at.passage] += weight * at.count * 2.2 / (at.count + 1.2*(0.25+0.75*lengths[at.passage]/mean))
			}
		}
	}
	return func(q, p int) float64 { return scores[q][p] }
}
