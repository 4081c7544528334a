package summary

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/render"
)

// FailureKind classes what is wrong with a sentence.
type FailureKind string

// The kinds of failure.
const (
	FailUnsupported FailureKind = "unsupported" // nothing in it can be held against the record
	FailNumber      FailureKind = "number"      // a number does not stand with what it is said of
	FailUnit        FailureKind = "unit"        // a number stands there with another unit
	FailDate        FailureKind = "date"        // a date or time does not stand there
	FailTerm        FailureKind = "term"        // a measure, drug, diagnosis, ... is not in the record
	FailTrend       FailureKind = "trend"       // rising, falling, stable: the readings say otherwise
	FailFlag        FailureKind = "flag"        // high, low, normal: the record says otherwise
	FailNegation    FailureKind = "negation"    // denies what stands, or states what is denied
	FailSide        FailureKind = "laterality"  // a side of the body that does not stand there
	FailState       FailureKind = "state"       // ordered said as given, suspected as certain, past as present
	FailWords       FailureKind = "words"       // words that no fact behind the sentence uses
	FailLength      FailureKind = "length"      // longer than a sentence may be
	FailFact        FailureKind = "fact"        // true, but not what it was asked to tell
	FailUnfinished  FailureKind = "unfinished"  // cut off: it does not end as a sentence
)

// CheckFailure is one thing wrong with a sentence. Text never holds a word of it.
type CheckFailure struct {
	Kind FailureKind
	Text string
}

var failureText = map[FailureKind]string{
	FailUnsupported: "the sentence says nothing that can be held against the record",
	FailNumber:      "a number does not stand in the record with what it is said of",
	FailUnit:        "a number stands in the record with another unit",
	FailDate:        "a date or time does not stand in the record with what it is said of",
	FailTerm:        "a measure, drug, diagnosis or other term does not stand in the record",
	FailTrend:       "the readings do not move the way the sentence says",
	FailFlag:        "the record does not place the value where the sentence places it",
	FailNegation:    "the sentence denies what stands in the record or states what the record denies",
	FailSide:        "a side of the body does not stand in the record with what it is said of",
	FailState:       "the sentence says something has come further, or less far, than the record says",
	FailWords:       "the sentence uses words that the facts behind it do not",
	FailLength:      "the sentence is too long",
	FailFact:        "the sentence leaves out what it was to tell",
	FailUnfinished:  "the sentence does not end as one",
}

// Result is what a check found.
type Result struct {
	OK       bool
	Failures []CheckFailure // each kind once
	FactIDs  []string       // facts that the sentence rests on, in the document's order
	Evidence []string       // the union of their evidence
}

// Checker holds sentences against one document. It knows every name in the table of
// terms, so that a drug or diagnosis that the record lacks is caught; a name that
// the table lacks is caught as a word that no fact uses. It is safe for concurrent use.
type Checker struct {
	lang  render.Lang
	lex   *lexicon
	facts []render.Fact
	names dictionary
	own   dictionary // classes of drugs and the like, which no fact names
	units []unitName
	exact map[string]int   // text of a fact to its index
	byKey map[string][]int // term key to the facts that name it
	times anchors
}

// NewChecker prepares a document. The document must not be changed afterwards.
func NewChecker(doc *render.Document) *Checker {
	c := &Checker{
		lang: langOf(doc), lex: lexicons[langOf(doc)], names: fromDocument(doc), own: ownNames[langOf(doc)](), units: documentUnits(doc),
		exact: map[string]int{}, byKey: map[string][]int{}, times: anchors{doc.Admission, doc.Discharge, doc.Latest},
	}
	for _, s := range doc.Sections {
		for _, f := range s.Facts {
			i := len(c.facts)
			c.facts = append(c.facts, f)
			if _, have := c.exact[tidy(f.Text)]; !have {
				c.exact[tidy(f.Text)] = i
			}
			for _, t := range f.Terms {
				c.byKey[t.Key] = append(c.byKey[t.Key], i)
			}
		}
	}
	return c
}

func langOf(doc *render.Document) render.Lang {
	if doc.Lang == render.Chinese {
		return render.Chinese
	}
	return render.English
}

// Check holds one sentence against the document: every number with its unit must
// stand with the measure or drug that the sentence names beside it, every time with
// its value, every named term, trend, flag, negation and state in a fact; all other
// words must be plain function words or words of those facts. A sentence that is a
// fact's own text stands by itself.
func (c *Checker) Check(sentence string) Result {
	sentence = tidy(strings.ToValidUTF8(sentence, "\uFFFD"))
	if i, ok := c.exact[sentence]; ok {
		return c.result(map[int]bool{i: true}, nil)
	}
	return c.inspect(sentence)
}

// finished is the end of a sentence, with what may close behind it.
var finished = regexp.MustCompile(`[.!?。！？]["')\]”’）]*$`)

// inspect checks a sentence's content, whoever wrote it.
func (c *Checker) inspect(sentence string) Result {
	if utf8.RuneCountInString(sentence) > maxSentence {
		return c.result(nil, map[FailureKind]bool{FailLength: true})
	}
	a := c.analyse(fold(sentence))
	if len(a.numbers)+len(a.mentions)+len(a.moments) > maxItems {
		return c.result(nil, map[FailureKind]bool{FailLength: true})
	}
	if !finished.MatchString(sentence) {
		a.fail(FailUnfinished)
	}
	a.checkTerms()
	a.checkNumbers()
	a.checkClaims()
	a.checkMoments()
	a.checkSides()
	a.checkWords()
	a.checkContent()
	return c.result(a.used, a.failed)
}

func (c *Checker) result(used map[int]bool, failed map[FailureKind]bool) Result {
	r := Result{OK: len(failed) == 0}
	for k := range failed {
		r.Failures = append(r.Failures, CheckFailure{Kind: k, Text: failureText[k]})
	}
	slices.SortFunc(r.Failures, func(a, b CheckFailure) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
	for i, f := range c.facts {
		if !used[i] {
			continue
		}
		r.FactIDs = append(r.FactIDs, f.ID)
		for _, e := range f.Evidence {
			if !slices.Contains(r.Evidence, e) {
				r.Evidence = append(r.Evidence, e)
			}
		}
	}
	return r
}

// analysis is one sentence taken apart.
type analysis struct {
	*Checker
	s        string
	mentions []mention
	moments  []moment
	numbers  []number
	negated  bool         // something is denied that is no sign
	denied   map[int]bool // mentions within reach of a word of denial
	claims   int          // trends, flags and states found
	kept     [][]int      // by mention: the facts that may bear out what is said of it
	numeric  map[int]bool // facts in which a number, time or movement was found
	held     map[int]bool // moments that a movement or a sign was held within
	used     map[int]bool
	found    map[*regexp.Regexp][][]int
	failed   map[FailureKind]bool
}

func (c *Checker) analyse(s string) *analysis {
	a := &analysis{
		Checker: c, s: s, used: map[int]bool{}, numeric: map[int]bool{}, held: map[int]bool{}, found: map[*regexp.Regexp][][]int{}, failed: map[FailureKind]bool{},
	}
	a.mentions = mentions(s, c.names, tableNames[c.lang](), c.own)
	taken := make([]span, 0, len(a.mentions))
	for _, m := range a.mentions {
		taken = append(taken, span{m.start, m.end})
	}
	a.moments = findRelative(s, c.lang, c.times, taken)
	for _, m := range a.moments {
		taken = append(taken, span{m.start, m.end})
	}
	a.moments = append(a.moments, findMoments(s, taken)...)
	slices.SortFunc(a.moments, func(x, y moment) int { return x.start - y.start })
	for _, m := range a.moments {
		taken = append(taken, span{m.start, m.end})
	}
	a.numbers = findNumbers(s, taken, c.units)
	a.dropUnitMentions()
	for i := range a.numbers {
		a.numbers[i].governor = a.nearest(a.numbers[i].start, numberKinds...)
	}
	a.pairMoments()
	a.kept = make([][]int, len(a.mentions))
	a.negated = a.denies()
	return a
}

// dropUnitMentions forgets names that are part of a number's unit ("T", "次").
func (a *analysis) dropUnitMentions() {
	a.mentions = slices.DeleteFunc(a.mentions, func(m mention) bool {
		return slices.ContainsFunc(a.numbers, func(n number) bool { return m.start >= n.digitsEnd && m.end <= n.end })
	})
}

var numberKinds = []string{"measure", "drug", "diagnosis", "allergen", "device", "procedure", "vaccine"}

// nearest returns the last mention before byte i, else the first one behind it, -1 if
// there is none of the kinds.
func (a *analysis) nearest(i int, kinds ...string) int {
	found := -1
	for k, m := range a.mentions {
		if !m.is(kinds...) {
			continue
		}
		if m.start > i {
			if found < 0 {
				return k
			}
			break
		}
		found = k
	}
	return found
}

// factsOf are the facts that name what a mention names.
func (a *analysis) factsOf(m mention) []int {
	var out []int
	for _, n := range m.names {
		if n.kind == kindDenial {
			continue
		}
		for _, i := range a.byKey[n.key] {
			if !slices.Contains(out, i) {
				out = append(out, i)
			}
		}
	}
	slices.Sort(out)
	return out
}

func (a *analysis) fail(k FailureKind) { a.failed[k] = true }
