package summary

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/render"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" . \n--\n", nil},
		{"One. Two! Three?", []string{"One.", "Two!", "Three?"}},
		{"Lactate was 4.2 mmol/L. It fell.", []string{"Lactate was 4.2 mmol/L.", "It fell."}},
		{"Dr. Who saw e.g. Mr. Smith. Done", []string{"Dr. Who saw e.g. Mr. Smith.", "Done"}},
		{"- first\n* second\n1. third", []string{"first", "second", "third"}},
		{"心率为128次/分。体温38.9℃！正常？", []string{"心率为128次/分。", "体温38.9℃！", "正常？"}},
		{`He said "stop." Then left.`, []string{`He said "stop."`, "Then left."}},
		{"line one\nline two", []string{"line one", "line two"}},
		{"a\x00b \u200b c.", []string{"a b c."}},
		{"at 8:00 a.m. it rose.", []string{"at 8:00 a.m. it rose."}},
	} {
		if got := Split(c.text); !slices.Equal(got, c.want) {
			t.Errorf("Split(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, c := range slices.Concat(englishCases, chineseCases, claimsEnglish, claimsChinese) {
		f.Add(c.text)
	}
	f.Add("2026-99-99 99:99 1e999 -.5 1,000,000 10^9/L 一二三十十 ")
	var checkers []*Checker
	for _, lang := range []render.Lang{render.English, render.Chinese} {
		checkers = append(checkers, NewChecker(render.Render(claimsRecord(lang), render.Options{Lang: lang})))
	}
	f.Fuzz(func(t *testing.T, text string) {
		sentences := Split(text)
		if len(sentences) > maxSentences {
			t.Fatalf("%d sentences", len(sentences))
		}
		for _, s := range sentences {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\n\x00") || s != tidy(s) {
				t.Fatalf("sentence %q is not tidy", s)
			}
			for _, c := range checkers {
				r := c.Check(s)
				if r.OK != (len(r.Failures) == 0) || r.OK && len(r.Evidence) == 0 {
					t.Fatalf("result %+v", r)
				}
				if again := c.Check(s); again.OK != r.OK || !slices.Equal(again.FactIDs, r.FactIDs) {
					t.Fatal("checking twice gives two results")
				}
				if r.OK {
					requireNumbers(t, c, s, r)
				}
			}
		}
	})
}

// requireNumbers: every number of a sentence that stands is one of the facts that it rests on.
func requireNumbers(t *testing.T, c *Checker, sentence string, r Result) {
	t.Helper()
	for _, n := range c.analyse(fold(tidy(sentence))).numbers {
		stands := slices.ContainsFunc(c.facts, func(f render.Fact) bool {
			return slices.Contains(r.FactIDs, f.ID) && slices.ContainsFunc(f.Numbers, n.equals)
		})
		if !stands {
			t.Fatalf("%q stands with the number %s", sentence, n.text)
		}
	}
}
