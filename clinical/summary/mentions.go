package summary

import (
	"regexp"
	"slices"

	"github.com/bedside-lm/bedside/clinical/render"
)

// Mention is a name of the table of terms that stands in a sentence, and what the sentence says of it.
type Mention struct {
	Keys       []string // of the entries that it may stand for
	Start, End int      // bytes of the sentence as Fold gives it
	Negated    bool
	Suspected  bool
	Past       bool
	Allergy    bool // the sentence calls it what someone is allergic to
	Given      bool
	Ordered    bool
}

// Fold gives the many ways of writing a character one, as Mentions reads them.
func Fold(s string) string { return fold(s) }

// Mentions finds the names of the table of terms in one sentence (Split makes them of a text). What is longer than a
// sentence may be gives none.
//
// A word of denial ("no", "未见") counts for the names behind it up to the next word that turns the sentence
// ("but", "但", a semicolon); where there is none, for the last one before it ("pneumonia was ruled out").
func Mentions(sentence string, lang render.Lang) []Mention {
	lex := lexicons[lang]
	if lex == nil || len([]rune(sentence)) > maxSentence {
		return nil
	}
	a := (&Checker{lang: lang, lex: lex, names: dictionary{}}).analyse(fold(tidy(sentence)))
	if len(a.mentions) > maxItems {
		return nil
	}
	allergens, denied := a.allergens(), a.deniedMentions()
	out := make([]Mention, len(a.mentions))
	given, ordered := a.find(lex.given), a.find(lex.ordered)
	for k, m := range a.mentions {
		out[k] = Mention{
			Start: m.start, End: m.end, Negated: denied[k], Suspected: a.speaksOf(lex.suspected, m), Past: a.speaksOf(lex.past, m),
			Allergy: allergens[k],
		}
		if given != nil || ordered != nil {
			out[k].Given = a.closer(m, given, ordered)
			out[k].Ordered = !out[k].Given
		}
		for _, n := range m.names {
			if !slices.Contains(out[k].Keys, n.key) {
				out[k].Keys = append(out[k].Keys, n.key)
			}
		}
	}
	return out
}

// turns are where what was denied ends.
var turns = map[render.Lang]*regexp.Regexp{
	render.English: re(`\b(but|however|although|though|except|despite|because|due to|is|has|shows?)\b|[;:]|\.\s`),
	render.Chinese: re(`但|而|不过|然而|除外|提示|示|；|;|。`),
}

// part is the stretch of the sentence between two turns that holds byte i.
func (a *analysis) part(i int) (from, to int) {
	to = len(a.s)
	for _, t := range a.find(turns[a.lang]) {
		if t[1] <= i {
			from = t[1]
		} else if t[0] >= i {
			return from, t[0]
		}
	}
	return from, to
}

// deniedMentions says which mentions the sentence denies.
func (a *analysis) deniedMentions() map[int]bool {
	out := map[int]bool{}
	for _, word := range a.find(a.lex.negation) {
		for _, k := range a.deniedBy(word) {
			out[k] = true
		}
	}
	return out
}

// deniedBy are the mentions that one word of denial speaks of.
func (a *analysis) deniedBy(word []int) []int {
	var out []int
	_, to := a.part(word[1])
	last := -1
	for k, m := range a.mentions {
		switch {
		case m.start >= word[1] && m.start < to:
			out = append(out, k)
		case m.end <= word[0]:
			last = k
		}
	}
	if len(out) == 0 && last >= 0 {
		out = append(out, last)
	}
	return out
}

// speaksOf says whether a word of the pattern stands before the mention, or right behind it, in the same part.
func (a *analysis) speaksOf(p *regexp.Regexp, m mention) bool {
	from, to := a.part(m.start)
	return slices.ContainsFunc(a.find(p), func(at []int) bool {
		return at[0] >= from && at[1] <= m.start || at[0] >= m.end && at[0] < to && at[0]-m.end <= 12
	})
}
