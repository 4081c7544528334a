package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

func noticed(doc *render.Document, kind record.NoticeKind) bool {
	return slices.ContainsFunc(doc.Notices, func(n record.Notice) bool { return n.Kind == kind })
}

func ids(doc *render.Document) (all []string, critical int) {
	for _, s := range doc.Sections {
		for _, f := range s.Facts {
			all = append(all, f.ID)
			if f.Critical {
				critical++
			}
		}
	}
	return all, critical
}

// counters are ways in which tokens are counted; the last is no tokenizer's, but a budget must
// hold for it all the same.
var counters = map[string]func(string) int{
	"estimate":   nil,
	"bytes":      func(s string) int { return len(s) },
	"words":      func(s string) int { return len(strings.Fields(s)) },
	"capricious": func(s string) int { return len(s) - 40*(strings.Count(s, "\n")%3) },
}

// TestBudget holds what a budget promises, for every budget, style and language of a sample.
func TestBudget(t *testing.T) {
	rec := load(t, "sepsis-icu")
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"estimate", "bytes", "words", "capricious"}).Draw(t, "counter")
		opt := render.Options{
			Lang: rapid.SampledFrom(both).Draw(t, "lang"), Style: rapid.SampledFrom([]render.Style{render.StyleFull, render.StyleCompact}).Draw(t, "style"),
			RelativeTimes: rapid.Bool().Draw(t, "relative"), Derived: rapid.Bool().Draw(t, "derived"), CountTokens: counters[name],
		}
		whole := render.Render(rec, opt)
		opt.TokenBudget = rapid.IntRange(1, 6000).Draw(t, "budget")
		doc := render.Render(rec, opt)
		count := opt.CountTokens
		if count == nil {
			count = render.EstimateTokens
		}
		text := doc.Text()
		require.Equal(t, count(text), doc.Tokens)
		all, critical := ids(whole)
		kept, keptCritical := ids(doc)
		require.Equal(t, len(all)-len(kept), doc.Omitted)
		require.Equal(t, critical, keptCritical, "a critical fact is missing")
		require.Subset(t, all, kept, "a fact has another id than without a budget")
		require.Equal(t, doc.Omitted > 0, noticed(doc, render.NoticeOmitted))
		require.Equal(t, doc.OverBudget, noticed(doc, render.NoticeOverBudget))
		if doc.OverBudget {
			require.Len(t, kept, critical, "over the budget with facts that could be left out")
		} else {
			require.LessOrEqual(t, doc.Tokens, opt.TokenBudget)
		}
		for _, s := range doc.Sections {
			for _, f := range s.Facts {
				require.Contains(t, text, f.Text+"\n", "a sentence is cut")
			}
		}
		if doc.Omitted > 0 {
			lines := strings.Split(strings.TrimSpace(text), "\n")
			last := lines[len(lines)-1]
			if doc.OverBudget {
				last = lines[len(lines)-2]
			}
			require.Contains(t, last, fmt.Sprint(doc.Omitted), "the text does not say how many facts are missing")
		}
	})
}

// TestLeastInformativeFirst gives less and less room and holds the order in which facts go.
func TestLeastInformativeFirst(t *testing.T) {
	rec := load(t, "sepsis-icu")
	whole := render.Render(rec, render.Options{CountTokens: render.EstimateTokens})
	var gone []string // in the order of leaving
	before, _ := ids(whole)
	for budget := whole.Tokens; budget > 0; budget -= 5 {
		doc := render.Render(rec, render.Options{TokenBudget: budget})
		now, _ := ids(doc)
		require.Subset(t, before, now, "a fact comes back with less room")
		for _, id := range before {
			if !slices.Contains(now, id) {
				gone = append(gone, id)
			}
		}
		before = now
	}
	text := map[string]string{}
	for _, s := range whole.Sections {
		for _, f := range s.Facts {
			text[f.ID] = f.Text
		}
	}
	at := func(prefix string) int {
		i := slices.IndexFunc(gone, func(id string) bool { return strings.HasPrefix(text[id], prefix) })
		require.GreaterOrEqual(t, i, 0, prefix)
		return i
	}
	require.Less(t, at("Potassium"), at("Heart rate"), "a normal value outlives a trend")
	require.Less(t, at("Devices"), at("Given: norepinephrine 0.05"), "devices outlive a running drug")
	require.Less(t, at("Vaccine"), at("Lactate"), "a vaccine outlives a trend")
	require.Less(t, at("Sodium"), at("Creatinine"), "a value that is told as an open point outlives a trend")
	require.Less(t, at("Given: levofloxacin"), at("Given: norepinephrine 0.05"), "older outlives newer")
	for _, id := range gone {
		require.NotContains(t, text[id], "Diagnosis: sepsis")
		require.NotContains(t, text[id], "Allergy")
	}
}

func TestEstimateTokens(t *testing.T) {
	for text, atLeast := range map[string]int{"": 0, "Heart rate: 118/min": 8, "心率：118次/分": 9, "\n\n": 2, "norepinephrine": 4} {
		require.GreaterOrEqual(t, render.EstimateTokens(text), atLeast, text)
	}
}
