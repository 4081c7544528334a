package deid

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// counted is what Chinese words and names are made of, and how likely each is, as logarithms. A piece of text is read in every way
// in which it is a row of words and names; the share that readings with a name at a place have in the likelihood of all is how
// likely a name stands there. A word's likelihood goes by its rank (Zipf's law), a name's is that of its surname times those of
// the characters of its given name: Sun Maosong et al., "Identifying Chinese names in unrestricted texts" (1995), without a cut-off.
type counted struct {
	words          map[string]float64
	surnames       map[string]float64
	given, foreign map[rune]float64
	frequent       set // surnames of most people
	peoples        set // of which names without a surname are put together
	longest        int // characters of the longest word
}

// The likelihoods were chosen by hand and on development's documents (docs/deidentification.md). All are logarithms.
const (
	aName = -2.0 // that there is one, against a word

	oneGiven    = -1.2 // of one character
	twoGiven    = -0.36
	lastAlone   = -1.6 // a surname before a title
	ofBoth      = -3.9 // two surnames
	withoutLast = -3.0 // a given name alone
	aPerson     = 5.0  // where what follows is said of people alone
	ofPeoples   = -5.3 // one of some two hundred parts
	joined      = 4.0  // a dot beside it
	anyName     = 2.0  // 某某
	ofWord      = -3.0 // a name that would be a word, too
	ofIllness   = -12.0
	ofDrug      = -4.0

	frequentSurname, otherSurname, longSurname = -5.1, -6.9, -7.1

	loneHan    = -13.8 // a character that no list has
	listedWord = -10.8 // a word of a list without counts
	unlisted   = 8e-6  // share of a character that no name of the lists has; no logarithm
)

// Where a name may begin and end makes it likelier, or less so.
var (
	weightBefore = [...]float64{none: -1, weak: 0.5, strong: 2.5, sure: 2.5}
	weightBehind = [...]float64{none: -1, weak: 0.5, strong: 2.5}
)

// likelihoods are made once of the lists.
var likelihoods = sync.OnceValue(func() *counted {
	v := vocab()
	c := &counted{words: map[string]float64{}, surnames: map[string]float64{}, peoples: list("peoples_zh"), frequent: words(commonSurnamesZH)}
	c.rank(inOrder("frequent_zh"))
	for _, listed := range []set{v.notNamesZH, list("medical_zh"), v.citiesZH, v.cuesBeforeZH, v.cuesAfterZH, v.weakBeforeZH} {
		for w := range listed {
			c.add(w)
		}
	}
	for s := range v.surnamesZH {
		c.surnames[s] = otherSurname
		if utf8.RuneCountInString(s) > 1 {
			c.surnames[s] = longSurname
		}
	}
	for s := range c.frequent {
		c.surnames[s] = frequentSurname
	}
	c.given = shares(inOrder("counts_zh"), v.givenZH)
	c.foreign = shares(inOrder("foreign_zh"), nil)
	return c
})

// rank gives the words of a list their likelihood; single characters count for themselves.
func (c *counted) rank(list []string) {
	long, single := 20, 20
	for _, w := range list {
		if utf8.RuneCountInString(w) == 1 {
			c.words[w] = math.Log(0.05 / float64(single))
			single++
			continue
		}
		c.words[w] = math.Log(0.08 / float64(long))
		c.longest = max(c.longest, utf8.RuneCountInString(w))
		long++
	}
}

// add takes a word of a list without counts.
func (c *counted) add(w string) {
	if utf8.RuneCountInString(w) < 2 || strings.IndexFunc(w, func(r rune) bool { return !unicode.Is(unicode.Han, r) }) >= 0 {
		return
	}
	if p, ok := c.words[w]; !ok || p < listedWord {
		c.words[w] = listedWord
	}
	c.longest = max(c.longest, utf8.RuneCountInString(w))
}

// shares reads characters with their counts, such as 文557. Those that another list has, too, are so much likelier.
func shares(list []string, also map[rune]bool) map[rune]float64 {
	total, out := 0.0, map[rune]float64{}
	for _, w := range list {
		r, size := utf8.DecodeRuneInString(w)
		n, err := strconv.Atoi(w[size:])
		if err != nil {
			panic(err) // a fault of the build, which every test of the package finds
		}
		out[r], total = float64(n), total+float64(n)
	}
	for r := range out {
		out[r] *= 0.6 / total
	}
	for r := range also {
		out[r] += 0.35 / float64(len(also))
	}
	for r := range out {
		out[r] = math.Log(out[r] + unlisted)
	}
	return out
}

func shareOf(shares map[rune]float64, r rune) float64 {
	if p, ok := shares[r]; ok {
		return p
	}
	return math.Log(unlisted)
}

// character is how likely a character is a word by itself.
func (c *counted) character(r rune) float64 {
	if p, ok := c.words[string(r)]; ok {
		return p
	}
	return loneHan
}

// reading is a word or a name, from one place of a piece to another.
type reading struct {
	from, to   int
	likelihood float64
	name       bool
}

// weigh gives for each place of a piece how likely a name covers it, and how likely one begins there. Readings come in the
// order of their ends. It is the forward-backward algorithm (Rabiner, Proc. IEEE 77 (1989), 257-286).
func weigh(size int, readings []reading) (covered, begun []float64) {
	ahead, behind := make([]float64, size+1), make([]float64, size+1)
	for i := range size {
		ahead[i+1], behind[i] = math.Inf(-1), math.Inf(-1)
	}
	for _, r := range readings {
		ahead[r.to] = either(ahead[r.to], ahead[r.from]+r.likelihood)
	}
	for i := len(readings) - 1; i >= 0; i-- {
		r := readings[i]
		behind[r.from] = either(behind[r.from], behind[r.to]+r.likelihood)
	}
	covered, begun = make([]float64, size), make([]float64, size)
	for _, r := range readings {
		if !r.name {
			continue
		}
		p := math.Exp(min(0, ahead[r.from]+r.likelihood+behind[r.to]-ahead[size]))
		begun[r.from] += p
		for i := r.from; i < r.to; i++ {
			covered[i] += p
		}
	}
	return covered, begun
}

// either adds two likelihoods.
func either(a, b float64) float64 {
	high, low := max(a, b), min(a, b)
	if math.IsInf(low, -1) {
		return high
	}
	return high + math.Log1p(math.Exp(low-high))
}
