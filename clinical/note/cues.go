package note

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/internal/tsv"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// cues.tsv has the words that say what is stated of the names near them. "#" in a word is a digit. Each stands before
// the names (>), behind them (<), on either side (<>), between what goes together and what does not (|), or says nothing
// although it holds a word that would (no sign). The columns between are what it says of each kind of name, "-" where it says nothing of it.
//
//go:embed data/cues.tsv
var cueFile embed.FS

const cuePath = "data/cues.tsv"

// kind is what a name is of, as the columns of the table have it.
type kind int

const (
	ofDiagnosis kind = iota
	ofDrug           // and allergens
	ofProcedure
	kindsOfNames
)

// cue is what a word says.
type cue struct {
	before, behind bool // the names that it speaks of are before it, behind it
	adds           bool // to what was said before it, and puts no end to that
	turn           bool // what stands before it has no say of what stands behind it
	says           [kindsOfNames]Relation
}

// cueNode is a character of the words. A space stands for any white space, "#" for a digit.
type cueNode struct {
	next map[rune]*cueNode
	cues []*cue
}

// cuesOf are read once; the table is part of the binary, and the package's test finds a fault in it.
var cuesOf = sync.OnceValue(func() map[terms.Lang]*cueNode {
	out, err := loadCues()
	if err != nil {
		panic(err)
	}
	return out
})

func loadCues() (map[terms.Lang]*cueNode, error) {
	rows, err := tsv.Rows(cueFile, cuePath, 6)
	if err != nil {
		return nil, err
	}
	out := map[terms.Lang]*cueNode{terms.English: {}, terms.Chinese: {}}
	for i, r := range rows {
		root, c := out[terms.Lang(r[0])], &cue{before: strings.Contains(r[1], "<"), behind: strings.Contains(r[1], ">")}
		c.adds, c.turn = strings.HasPrefix(r[1], "+"), r[1] == "|"
		fault := root == nil || !slices.Contains([]string{"<", ">", "+>", "<>", "|", ""}, r[1])
		for k, word := range r[2:5] {
			if word != "-" {
				c.says[k] = relationOf(word)
				fault = fault || c.says[k] == "" || string(c.says[k]) != word
			}
		}
		if fault {
			return nil, fmt.Errorf("%s line %d: unknown language, place or relation", cuePath, tsv.FirstLine+i)
		}
		for word := range strings.SplitSeq(r[5], "|") {
			root.add(word, c)
		}
	}
	return out, nil
}

func (n *cueNode) add(word string, c *cue) {
	for _, r := range strings.ToLower(strings.Map(terms.Plain, word)) {
		if n.next == nil {
			n.next = map[rune]*cueNode{}
		}
		if n.next[r] == nil {
			n.next[r] = &cueNode{}
		}
		n = n.next[r]
	}
	n.cues = append(n.cues, c)
}

// hit is a word of the table in a text.
type hit struct {
	Span
	cues []*cue
}

// find gives the words that stand in a text, the longest from left to right. A word may hold a name and more ("rash
// with"), and is none within a name.
func (n *cueNode) find(text string, names []Span) []hit {
	var out []hit
	for i, k := 0, 0; i < len(text); {
		for k < len(names) && names[k].End <= i {
			k++
		}
		if end, cues := n.longest(text, i, names[k:]); end > i {
			out = append(out, hit{Span{i, end}, cues})
			i = end
			continue
		}
		if k < len(names) && names[k].Start <= i {
			i = names[k].End
			continue
		}
		i += size(text, i)
	}
	return out
}

// longest is the end of the longest word that begins at byte i, and what it says.
func (n *cueNode) longest(text string, i int, names []Span) (end int, cues []*cue) {
	end = i
	if before, _ := utf8.DecodeLastRuneInString(text[:i]); i > 0 && wordRune(before) && wordRune(runeAt(text, i)) {
		return i, nil
	}
	for j := i; j < len(text); {
		r, step := unicode.ToLower(terms.Plain(runeAt(text, j))), size(text, j)
		if unicode.IsSpace(r) {
			for j+step < len(text) && unicode.IsSpace(runeAt(text, j+step)) {
				step += size(text, j+step)
			}
			r = ' '
		}
		at := n.next[r]
		if at == nil && r >= '0' && r <= '9' {
			at = n.next['#']
		}
		if at == nil {
			break
		}
		n, j = at, j+step
		for len(names) > 0 && names[0].End <= j {
			names = names[1:]
		}
		within := len(names) > 0 && names[0].Start < j
		if n.cues != nil && !within && (j == len(text) || !wordRune(runeAt(text, j)) || !wordRune(last(text[:j]))) {
			end, cues = j, n.cues
		}
	}
	return end, cues
}

func size(text string, i int) int {
	_, n := utf8.DecodeRuneInString(text[i:])
	return n
}

func last(text string) rune {
	r, _ := utf8.DecodeLastRuneInString(text)
	return r
}
