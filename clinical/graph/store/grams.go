package store

import (
	"slices"
	"strings"
	"unicode"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/summary"
)

// Names are found by their parts, the same in both databases: pairs of Chinese characters, and the beginnings of words
// in letters. SQLite's own full-text search finds no Chinese word of two characters (its trigrams need three), and
// PostgreSQL's cuts no Chinese at all.

const (
	longestStart = 12 // characters of a word that are told apart
	maxGrams     = 400
)

// gramsOf are the parts that a node is found by.
func gramsOf(n *graph.Node) []string {
	out := map[string]bool{}
	for _, name := range n.Names {
		addGrams(out, name)
	}
	for _, name := range n.Aliases {
		addGrams(out, name)
	}
	if n.Code != "" {
		out[strings.ToLower(n.Code)] = true
	}
	return some(out)
}

func some(grams map[string]bool) []string {
	sorted := make([]string, 0, len(grams))
	for g := range grams {
		sorted = append(sorted, g)
	}
	slices.Sort(sorted)
	return sorted[:min(len(sorted), maxGrams)]
}

// whole is the part by which a name as a whole is found before those that it is a part of.
func whole(name string) string { return "=" + strings.Join(words(name), " ") }

func addGrams(out map[string]bool, name string) {
	out[whole(name)] = true
	for _, word := range words(name) {
		runes := []rune(word)
		if unicode.Is(unicode.Han, runes[0]) {
			pairs(out, runes)
			out[string(runes[0])] = true
			continue
		}
		for n := min(2, len(runes)); n <= min(len(runes), longestStart); n++ {
			out[string(runes[:n])] = true
		}
	}
}

func pairs(out map[string]bool, runes []rune) {
	if len(runes) == 1 {
		out[string(runes)] = true
	}
	for i := range len(runes) - 1 {
		out[string(runes[i:i+2])] = true
	}
}

// asked are the parts that a search looks for.
func asked(query string) []string {
	out := map[string]bool{}
	if code := strings.ToLower(strings.TrimSpace(query)); strings.ContainsAny(code, "-.") && !strings.Contains(code, " ") {
		return []string{code} // A41.9, 8867-4: a code as a whole
	}
	for _, word := range words(query) {
		runes := []rune(word)
		if unicode.Is(unicode.Han, runes[0]) {
			pairs(out, runes)
			continue
		}
		out[string(runes[:min(len(runes), longestStart)])] = true
	}
	return some(out)
}

// words cuts a text at all that is neither letter nor digit, and between Chinese characters and others.
func words(text string) []string {
	var out []string
	var word []rune
	han := false
	flush := func() {
		if len(word) > 0 {
			out = append(out, string(word))
		}
		word = word[:0]
	}
	for _, r := range strings.ToLower(summary.Fold(text)) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			flush()
			continue
		}
		if is := unicode.Is(unicode.Han, r); is != han {
			flush()
			han = is
		}
		word = append(word, r)
	}
	flush()
	return out
}
