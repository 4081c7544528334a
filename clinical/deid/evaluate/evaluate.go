// Package evaluate measures package deid on texts whose identifiers are known, such as scripts/deid writes.
package evaluate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/deid"
)

// Document is a text, where its identifiers are, and what looks like one and is none. Offsets are bytes.
type Document struct {
	Lang  string `json:"lang"`
	Text  string `json:"text"`
	Spans []Span `json:"spans"`
	Hard  []Span `json:"hard"`
}

// Span is a piece of a document.
type Span struct {
	Type  deid.Type `json:"type"`
	Start int       `json:"start"`
	End   int       `json:"end"`
}

// quasi are types that alone name nobody; the others are direct identifiers.
var quasi = []deid.Type{deid.Date, deid.Age, deid.Zip}

// Tally counts what was found of one type.
type Tally struct {
	Mentions, Missed  int // Missed: of which any character was left
	Chars, FoundChars int
	SameType          int // mentions of which a piece was given this very type
}

// Report is what came of a set of documents.
type Report struct {
	Documents, Leaking, LeakingAny int // with a direct identifier left; with any
	Types                          map[deid.Type]*Tally
	Hard, HardTouched              int
	Taken, TakenRight              int // characters
	Misses                         []string
}

// Measure reads documents, one a line, and finds their identifiers with the language's rules that lang names; "" takes each
// document's own.
func Measure(r io.Reader, lang deid.Lang) (*Report, error) {
	out := &Report{Types: map[deid.Type]*Tally{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var d Document
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return nil, fmt.Errorf("document %d: %w", out.Documents+1, err)
		}
		use := lang
		if use == "" {
			use = deid.Lang(d.Lang)
		}
		out.add(&d, deid.Find(d.Text, use, nil))
	}
	return out, lines.Err()
}

func (r *Report) add(d *Document, found []deid.Finding) {
	taken := make([]bool, len(d.Text))
	for _, f := range found {
		for i := f.Start; i < f.End; i++ {
			taken[i] = true
		}
	}
	right := make([]bool, len(d.Text))
	direct, leaks := false, false
	for _, s := range d.Spans {
		t := r.Types[s.Type]
		if t == nil {
			t = &Tally{}
			r.Types[s.Type] = t
		}
		t.Mentions++
		chars, kept := 0, 0
		for i, c := range d.Text[s.Start:s.End] {
			right[s.Start+i] = true
			for k := range utf8.RuneLen(c) {
				right[s.Start+i+k] = true
			}
			if !counts(c) {
				continue
			}
			chars++
			if !taken[s.Start+i] {
				kept++
			}
		}
		t.Chars += chars
		t.FoundChars += chars - kept
		if slices.ContainsFunc(found, func(f deid.Finding) bool { return f.Type == s.Type && f.Start < s.End && f.End > s.Start }) {
			t.SameType++
		}
		if kept > 0 {
			t.Missed++
			leaks = true
			direct = direct || !slices.Contains(quasi, s.Type)
			r.Misses = append(r.Misses, fmt.Sprintf("%s %q in %q", s.Type, d.Text[s.Start:s.End], around(d.Text, s.Start, s.End)))
		}
	}
	r.Documents++
	if direct {
		r.Leaking++
	}
	if leaks {
		r.LeakingAny++
	}
	r.precision(d, found, taken, right)
}

func (r *Report) precision(d *Document, found []deid.Finding, taken, right []bool) {
	for _, h := range d.Hard {
		r.Hard++
		if slices.Contains(taken[h.Start:h.End], true) {
			r.HardTouched++
			r.Misses = append(r.Misses, fmt.Sprintf("HARD %q in %q", d.Text[h.Start:h.End], around(d.Text, h.Start, h.End)))
		}
	}
	for _, f := range found {
		if !slices.Contains(right[f.Start:f.End], true) {
			r.Misses = append(r.Misses, fmt.Sprintf("EXTRA %s %q in %q", f.Type, d.Text[f.Start:f.End], around(d.Text, f.Start, f.End)))
		}
	}
	for i, c := range d.Text {
		if counts(c) && taken[i] {
			r.Taken++
			if right[i] {
				r.TakenRight++
			}
		}
	}
}

// counts says whether a character tells anything: a space, a hyphen or a bracket that is left does not.
func counts(c rune) bool {
	return unicode.IsLetter(c) || unicode.IsDigit(c)
}

func around(text string, start, end int) string {
	start, end = max(0, start-30), min(len(text), end+30)
	for start > 0 && !utf8.RuneStart(text[start]) {
		start--
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	return text[start:end]
}

// Recall is the share of characters of direct identifiers that were found.
func (r *Report) Recall() float64 {
	found, all := 0, 0
	for t, n := range r.Types {
		if !slices.Contains(quasi, t) {
			found, all = found+n.FoundChars, all+n.Chars
		}
	}
	return share(found, all)
}

// Precision is the share of characters taken that belong to an identifier.
func (r *Report) Precision() float64 { return share(r.TakenRight, r.Taken) }

func share(part, all int) float64 {
	if all == 0 {
		return 1
	}
	return float64(part) / float64(all)
}

// Write prints the report as Markdown.
func (r *Report) Write(w io.Writer) {
	fmt.Fprintf(w, "%d documents; recall per character of direct identifiers %.4f; documents with any of those left %.2f %%, with any at all %.2f %%\n",
		r.Documents, r.Recall(), 100*share(r.Leaking, r.Documents), 100*share(r.LeakingAny, r.Documents))
	fmt.Fprintf(w, "precision per character %.4f; %d of %d hard negatives untouched (%.4f)\n\n", r.Precision(), r.Hard-r.HardTouched, r.Hard, 1-share(r.HardTouched, r.Hard))
	fmt.Fprintln(w, "| type | mentions | recall per character | mentions with a character left | given this type |\n|---|---|---|---|---|")
	for _, t := range slices.Sorted(maps.Keys(r.Types)) {
		n := r.Types[t]
		fmt.Fprintf(w, "| %s | %d | %.4f | %d | %.3f |\n", t, n.Mentions, share(n.FoundChars, n.Chars), n.Missed, share(n.SameType, n.Mentions))
	}
}
