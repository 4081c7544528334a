package rules

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// allDrugs are the drugs of the table of terms, in its order.
var allDrugs = sync.OnceValue(func() []*terms.Entry {
	var out []*terms.Entry
	for _, e := range terms.Entries() {
		if e.Kind == "drug" {
			out = append(out, e)
		}
	}
	return out
})

// members are the drugs of a class.
func members(class *terms.Entry) []*terms.Entry {
	var out []*terms.Entry
	for _, d := range allDrugs() {
		if d.InClass(class) {
			out = append(out, d)
		}
	}
	return out
}

// drugNames lists what drugs and their classes are called, longest first, so that a text with
// "metoprolol succinate 50 mg" or "氯化钾注射液" is read by the ingredient in it, and "头孢曲松" as the
// drug, not as the class "头孢".
var drugNames = sync.OnceValue(func() []drugName {
	var out []drugName
	for _, e := range terms.Entries() {
		if e.Kind != "drug" && e.Kind != "drug-class" {
			continue
		}
		for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
			for _, n := range e.Names[lang] {
				if utf8.RuneCountInString(n) >= shortestName(lang) {
					out = append(out, drugName{strings.ToLower(n), e})
				}
			}
		}
	}
	slices.SortStableFunc(out, func(a, b drugName) int { return len(b.text) - len(a.text) })
	return out
})

type drugName struct {
	text  string // lower case
	entry *terms.Entry
}

// shortestName keeps "PE" and "T" from being found within words.
func shortestName(l terms.Lang) int {
	if l == terms.Chinese {
		return 2
	}
	return 4
}

// drugsIn finds the drugs that a concept names, by code and by words. Where the two disagree
// both are taken: of a wrong code and a wrong word, none is known to be the wrong one.
func drugsIn(c record.Concept) []*terms.Entry {
	found := map[string]*terms.Entry{}
	for _, k := range c.Codings {
		if e, exact := terms.Find("drug", record.Concept{Codings: []record.Coding{{System: k.System, Code: k.Code}}}); e != nil && exact {
			found[e.Key] = e
		}
	}
	for _, s := range words(c) {
		for _, e := range scan(s) {
			if e.Kind == "drug" {
				found[e.Key] = e
			}
		}
	}
	return sorted(found)
}

// words are a concept's text and displays.
func words(c record.Concept) []string {
	out := []string{c.Text}
	for _, k := range c.Codings {
		out = append(out, k.Display)
	}
	return out
}

// scan finds drugs and classes in a text, the longest first; what one name covers belongs to no other.
func scan(s string) []*terms.Entry {
	s = strings.ToLower(s)
	var out []*terms.Entry
	for _, n := range drugNames() {
		for from := 0; ; {
			i := strings.Index(s[from:], n.text)
			if i < 0 {
				break
			}
			i += from
			from = i + len(n.text)
			if whole(s, i, from) {
				out = append(out, n.entry)
				s = s[:i] + strings.Repeat("\x00", len(n.text)) + s[from:]
			}
		}
	}
	return out
}

// whole says whether a name stands by itself: no Latin letter touches it on either side.
func whole(s string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	after, _ := utf8.DecodeRuneInString(s[to:])
	first, _ := utf8.DecodeRuneInString(s[from:])
	last, _ := utf8.DecodeLastRuneInString(s[from:to])
	return !(latin(before) && latin(first)) && !(latin(last) && latin(after))
}

func latin(r rune) bool { return r < unicode.MaxLatin1 && unicode.IsLetter(r) }

// sorted are entries in the order of the table.
func sorted(found map[string]*terms.Entry) []*terms.Entry {
	out := make([]*terms.Entry, 0, len(found))
	for _, e := range found {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *terms.Entry) int { return a.Rank - b.Rank })
	return out
}

// Resolve finds what a proposal names. It is nil where no table knows it, or code and name disagree.
func Resolve(p Proposal) *terms.Entry {
	kinds := map[ProposalKind][]string{
		KindDrug: {"drug"}, KindClass: {"drug-class"},
		KindCare: {"care", "procedure", "vaccine"}, KindMonitor: {"measure", "care"},
	}[p.Kind]
	var byCode, byName *terms.Entry
	for _, k := range kinds {
		if byCode == nil && p.Code != "" && p.Kind == KindDrug {
			byCode = terms.ByCode(k, "R"+p.Code)
		}
		if byName == nil && p.Name != "" {
			byName = terms.ByName(k, p.Name)
		}
	}
	switch {
	case p.Code != "" && (byCode == nil || p.Name != "" && byName != byCode):
		return nil
	case p.Code != "":
		return byCode
	}
	return byName
}
