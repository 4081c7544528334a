package deid

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Finding is an identifier in a text.
type Finding struct {
	Type       Type
	Start, End int // bytes of UTF-8

	score int
}

// How sure a rule is. Where two findings meet, the surer one says of which type the shared part is; nothing that either
// covers is left.
const (
	scoreKnown    = 100 // the record's own fields say so
	scoreChecksum = 90
	scoreForm     = 80 // nothing else looks so
	scoreCue      = 70 // a word before it says so
	scoreDate     = 65
	scorePhone    = 60
	scoreAddress  = 55
	scoreName     = 50
	scoreNumber   = 10 // a long number or code that nothing explains
)

// tag is what this package itself leaves in a text. It is never read as an identifier.
var tag = regexp.MustCompile(`\[(?:[A-Z]+_)*[A-Z]+(?:-[0-9a-f]{8,})?\]`)

// Find finds the identifiers in a text. They do not overlap and come in the order of the text. known may be nil.
func Find(text string, lang Lang, known *Known) []Finding {
	s := &scanner{text: text, tags: tag.FindAllStringIndex(text, -1)}
	s.common()
	if lang != Chinese {
		s.english()
	}
	if lang != English {
		s.chinese()
	}
	if known != nil {
		s.known(known)
	}
	return s.settled()
}

type scanner struct {
	text  string
	tags  [][]int
	found []Finding
}

func (s *scanner) add(t Type, start, end, score int) {
	if start >= end || s.tagged(start, end) {
		return
	}
	s.found = append(s.found, Finding{Type: t, Start: start, End: end, score: score})
}

// tagged says whether a place is within what this package wrote.
func (s *scanner) tagged(start, end int) bool {
	i, _ := slices.BinarySearchFunc(s.tags, start, func(t []int, at int) int { return cmp.Compare(t[1], at+1) })
	return i < len(s.tags) && s.tags[i][0] < end
}

// maxGroup bounds how many findings that overlap one another are settled at once.
const maxGroup = 1024

// settled gives every covered byte to the surest of its findings.
func (s *scanner) settled() []Finding {
	slices.SortStableFunc(s.found, func(a, b Finding) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End)) })
	var out []Finding
	for i := 0; i < len(s.found); {
		end, j := s.found[i].End, i+1
		for j < len(s.found) && j-i < maxGroup && s.found[j].Start < end {
			end = max(end, s.found[j].End)
			j++
		}
		group := s.found[i:j]
		if n := len(out); n > 0 && out[n-1].End > group[0].Start { // a group that was cut
			for k := range group {
				group[k].Start = max(group[k].Start, min(out[n-1].End, group[k].End))
			}
		}
		out = append(out, s.group(group)...)
		i = j
	}
	return out
}

// group settles findings that overlap.
func (s *scanner) group(found []Finding) []Finding {
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.End-b.Start, a.End-a.Start))
	})
	var taken spanTree
	for _, f := range found {
		for _, free := range taken.free(f.Start, f.End) {
			if start, end := trimmed(s.text, free[0], free[1]); start < end {
				taken.put(Finding{Type: f.Type, Start: start, End: end, score: f.score})
			}
		}
	}
	return taken
}

// trimmed leaves out what is no letter and no digit at the ends of a piece, or all of it.
func trimmed(text string, start, end int) (int, int) {
	from := start
	keep := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) }
	first := strings.IndexFunc(text[start:end], keep)
	if first < 0 {
		return start, start
	}
	last := strings.LastIndexFunc(text[start:end], keep)
	_, size := utf8.DecodeRuneInString(text[start+last:])
	stop := start + last + size
	start += first
	// Brackets that open or close within belong to what is found.
	switch open, closed := strings.Count(text[start:stop], "("), strings.Count(text[start:stop], ")"); {
	case closed > open && start > from && text[start-1] == '(':
		start--
	case open > closed && stop < end && text[stop] == ')':
		stop++
	}
	return start, stop
}

// spanTree are findings that do not overlap, in order.
type spanTree []Finding

// free gives the parts of a range that nothing covers yet.
func (t spanTree) free(start, end int) [][2]int {
	i, _ := slices.BinarySearchFunc(t, start, func(f Finding, at int) int { return cmp.Compare(f.End, at+1) })
	var out [][2]int
	for ; i < len(t) && t[i].Start < end; i++ {
		if start < t[i].Start {
			out = append(out, [2]int{start, t[i].Start})
		}
		start = max(start, t[i].End)
	}
	if start < end {
		out = append(out, [2]int{start, end})
	}
	return out
}

func (t *spanTree) put(f Finding) {
	i, _ := slices.BinarySearchFunc(*t, f.Start, func(g Finding, at int) int { return cmp.Compare(g.Start, at) })
	*t = slices.Insert(*t, i, f)
}

func before(text string, at int) rune {
	r, size := utf8.DecodeLastRuneInString(text[:at])
	if size == 0 {
		return 0
	}
	return r
}

func after(text string, at int) rune {
	r, size := utf8.DecodeRuneInString(text[at:])
	if size == 0 {
		return 0
	}
	return r
}

// wordRune says whether a letter or digit of a script with spaces stands there, so that what is beside it is not a word's end.
func wordRune(r rune) bool {
	return r < unicode.MaxLatin1 && (r >= '0' && r <= '9' || unicode.IsLetter(r)) || r == '_' || unicode.Is(unicode.Latin, r)
}

// alone says whether a match is not part of a longer word or number.
func (s *scanner) alone(start, end int) bool {
	return !wordRune(before(s.text, start)) && !wordRune(after(s.text, end))
}

// each calls fn with the places of each match's groups; fn says what was found.
func (s *scanner) each(re *regexp.Regexp, fn func(m []int)) {
	for _, m := range re.FindAllStringSubmatchIndex(s.text, -1) {
		fn(m)
	}
}
