package constrain

import (
	"regexp/syntax"
	"unicode"
)

// Regex compiles a form of the texts that a regular expression matches as a whole, in Go's syntax (RE2's). "^" and "$" at
// its ends say what holds anyway and may be left out; elsewhere they, and word boundaries, are KindUnsupported.
func Regex(pattern string) (*Grammar, error) {
	g := newGraph()
	c := regexCompiler{graph: g, char: g.runes, text: g.lit}
	re, err := c.parse(pattern, "")
	if err != nil {
		return nil, err
	}
	c.begins, c.ends = empty, empty
	root, err := c.compile(re, true, true)
	if err != nil {
		return nil, err
	}
	return g.grammar(root)
}

// regexCompiler turns regular expressions into nodes.
type regexCompiler struct {
	graph *graph
	char  func(runeSet) nodeID // how one character of a set is written
	text  func(string) nodeID  // how a text is written
	path  string
	// What "^" at the very beginning and "$" at the very end stand for: empty, or none where there is something beyond.
	begins, ends nodeID
}

// parse reads a pattern. Its text stands in no error.
func (c *regexCompiler) parse(pattern, path string) (*syntax.Regexp, error) {
	c.path = path
	if len(pattern) > MaxPatternBytes {
		return nil, fail(KindLimit, path, "is %d bytes long; at most %d are allowed", len(pattern), MaxPatternBytes)
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err == nil {
		return re, nil
	}
	reason := "is no regular expression of Go's syntax"
	if e, ok := err.(*syntax.Error); ok { //nolint:errorlint // the package returns it bare
		reason += ": " + string(e.Code)
	}
	return nil, fail(KindInvalid, path, "%s", reason)
}

// compile makes the node of an expression. first and last tell that it stands at the very beginning, at the very end.
func (c *regexCompiler) compile(re *syntax.Regexp, first, last bool) (nodeID, error) {
	switch re.Op {
	case syntax.OpNoMatch:
		return none, nil
	case syntax.OpEmptyMatch:
		return empty, nil
	case syntax.OpLiteral:
		return c.literal(re), nil
	case syntax.OpCharClass:
		set := make(runeSet, 0, len(re.Rune)/2)
		for i := 0; i+1 < len(re.Rune); i += 2 {
			set = append(set, runeRange{re.Rune[i], re.Rune[i+1]})
		}
		return c.char(set), nil
	case syntax.OpAnyChar:
		return c.char(anyRune), nil
	case syntax.OpAnyCharNotNL:
		return c.char(anyRune.without('\n', '\n')), nil
	case syntax.OpStar:
		return c.repeat(re.Sub[0], 0, unbounded)
	case syntax.OpPlus:
		return c.repeat(re.Sub[0], 1, unbounded)
	case syntax.OpQuest:
		return c.repeat(re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		return c.repeat(re.Sub[0], re.Min, re.Max)
	case syntax.OpCapture:
		return c.compile(re.Sub[0], first, last)
	case syntax.OpConcat:
		return c.concat(re.Sub, first, last)
	case syntax.OpAlternate:
		parts := make([]nodeID, len(re.Sub))
		for i, sub := range re.Sub {
			var err error
			if parts[i], err = c.compile(sub, first, last); err != nil {
				return none, err
			}
		}
		return c.graph.alt(parts...), nil
	case syntax.OpBeginText:
		if first {
			return c.begins, nil
		}
	case syntax.OpEndText:
		if last {
			return c.ends, nil
		}
	default:
	}
	return none, fail(KindUnsupported, c.path, "has an anchor or a word boundary that is not at its very beginning or end")
}

// concat makes a sequence. What stands behind a "^" at the very beginning stands there too, as does what is before a "$".
func (c *regexCompiler) concat(subs []*syntax.Regexp, first, last bool) (nodeID, error) {
	from, to := 0, len(subs)-1
	for from < to && subs[from].Op == syntax.OpBeginText {
		from++
	}
	for to > from && subs[to].Op == syntax.OpEndText {
		to--
	}
	parts := make([]nodeID, len(subs))
	for i, sub := range subs {
		var err error
		if parts[i], err = c.compile(sub, first && i <= from, last && i >= to); err != nil {
			return none, err
		}
	}
	return c.graph.cat(parts...), nil
}

var anyRune = runeSet{{0, unicode.MaxRune}}

func (c *regexCompiler) repeat(re *syntax.Regexp, least, most int) (nodeID, error) {
	p, err := c.compile(re, false, false)
	if err != nil {
		return none, err
	}
	return c.graph.repeat(p, least, most), nil
}

// literal is a text, in either case where the expression says so.
func (c *regexCompiler) literal(re *syntax.Regexp) nodeID {
	if re.Flags&syntax.FoldCase == 0 {
		return c.text(string(re.Rune))
	}
	parts := make([]nodeID, len(re.Rune))
	for i, r := range re.Rune {
		set := runeSet{{r, r}}
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			set = append(set, runeRange{other, other})
		}
		parts[i] = c.char(set)
	}
	return c.graph.cat(parts...)
}
