package note

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// scope is a sentence with its names, and the words that speak of them. A word speaks of the names behind it up to the
// next that says something else, or of the list of names before it.
type scope struct {
	text  string
	lang  terms.Lang
	names []named
	hits  []hit
}

// named is a name in a sentence.
type named struct {
	Mention
	of             []kind // what words may speak of when they speak of it; none for a measure
	part           bool   // of a word of the table of cues
	before, behind []*cue // the words before it and behind it that speak of it
}

// kinds are what a name is of. A piece of the text that the table lacks may be anything.
func (m *Mention) kinds() []kind {
	switch {
	case len(m.Entries) == 0:
		return []kind{ofDiagnosis, ofDrug, ofProcedure}
	case m.Values != nil:
		return nil
	case m.is("diagnosis"):
		return []kind{ofDiagnosis}
	case m.is("drug") || m.is("allergen"):
		return []kind{ofDrug}
	}
	return []kind{ofProcedure}
}

func newScope(text string, lang terms.Lang, from int, names []Mention) *scope {
	s := &scope{text: text, lang: lang, names: make([]named, len(names))}
	var known []Span
	for i, m := range names {
		m.Span = m.shift(-from)
		if len(m.Entries) > 0 {
			known = append(known, m.Span)
		}
		s.names[i] = named{Mention: m, of: m.kinds()}
	}
	s.hits = cuesOf()[lang].find(text, known)
	for i := range s.names {
		n := &s.names[i]
		n.part = slices.ContainsFunc(s.hits, func(h hit) bool { return h.Start < n.End && n.Start < h.End })
	}
	return s
}

var (
	starts = regexp.MustCompile(`(?:[,;.，；。]|\band|&|\+)\s*$`) // a word behind this begins anew
	either = regexp.MustCompile(`\bor\s*$|[或、/]$`)             // a word behind this goes on with what came before
	comma  = regexp.MustCompile(`[,，;；]`)
	joined = regexp.MustCompile(`(?i)^\s*[,;/+&，、；]?\s*(?:and|or|nor|as well as|vs\.?|versus|及|和|或|以及|与)?\s*$`) // what stands between the names of a list
)

// active is a word that speaks of what comes behind it.
type active struct {
	cue  cue  // without what later words have put an end to
	of   *cue // as the table has it
	used bool // of a name
}

// forward finds, for each name, the words before it that speak of it.
func (s *scope) forward() {
	var on []active
	at, met := 0, false
	for h, k := 0, 0; h < len(s.hits) || k < len(s.names); {
		if k < len(s.names) && s.names[k].part {
			k++
			continue
		}
		isName := h == len(s.hits) || k < len(s.names) && s.names[k].Start < s.hits[h].Start
		next := s.spanOf(h, k, isName)
		gap := s.text[at:next.Start]
		on = s.lapse(on, gap, isName)
		if at = next.End; !isName {
			on = s.hear(on, h, k, gap, met)
			h, met = h+1, false
			continue
		}
		for i := range on {
			if said := on[i].cue; said.speaks(s.names[k].of) {
				s.names[k].before, on[i].used = append(s.names[k].before, &said), true
			}
		}
		k, met = k+1, true
	}
}

// lapse ends words at a comma or semicolon: those that have met no name by then, and in Chinese and at a semicolon all
// of them, unless it is one of a list.
func (s *scope) lapse(on []active, gap string, isName bool) []active {
	commas := comma.FindAllStringIndex(gap, -1)
	if commas == nil {
		return on
	}
	last := commas[len(commas)-1]
	strict := s.lang == terms.Chinese || strings.ContainsAny(gap, ";；")
	parted := strict && isName && !joined.MatchString(gap[last[0]:])
	return slices.DeleteFunc(on, func(a active) bool { return parted || !a.used })
}

func (s *scope) spanOf(h, k int, isName bool) Span {
	if isName {
		return s.names[k].Span
	}
	return s.hits[h].Span
}

// hear adds the words of hit h, before name k, to those that are on, and ends those that they put an end to. met says
// that names stand between the words before and this one.
func (s *scope) hear(on []active, h, k int, gap string, met bool) []active {
	cues := s.hits[h].cues
	if slices.ContainsFunc(cues, func(c *cue) bool { return c.turn }) {
		return nil
	}
	anew, goesOn := starts.MatchString(gap), !met || either.MatchString(gap)
	for _, c := range cues {
		if !c.behind || c.before && !s.leads(h, k, c) {
			continue
		}
		if !c.adds {
			on = slices.DeleteFunc(on, func(a active) bool { return anew && !slices.Contains(cues, a.of) })
		}
		for i := range on {
			if !c.adds && !goesOn && !slices.Contains(cues, on[i].of) {
				on[i].cue.endAs(c)
			}
		}
		on = append(on, active{cue: *c, of: c})
	}
	return on
}

// endAs takes from a word what another says something of.
func (c *cue) endAs(other *cue) {
	for k := range c.says {
		if other.says[k] != "" {
			c.says[k] = ""
		}
	}
}

// speaks says whether the word speaks of names of one of the kinds.
func (c *cue) speaks(of []kind) bool {
	return slices.ContainsFunc(of, func(k kind) bool { return c.says[k] != "" })
}

// leads says whether hit h, which may stand on either side, stands before its names: one follows with nothing between
// that parts them. What may be no name counts only right behind it.
func (s *scope) leads(h, k int, c *cue) bool {
	for ; k < len(s.names); k++ {
		n, end := &s.names[k], s.hits[h].End
		if !c.speaks(n.of) || n.part {
			continue
		}
		between := s.text[end:n.Start]
		if len(n.Entries) == 0 && strings.Trim(between, " :：") != "" {
			continue
		}
		return !comma.MatchString(between) && !s.turns(end, n.Start)
	}
	return false
}

const nearBehind = 40 // bytes between a name and the word behind it that speaks of it

// backward finds, for each name, the words behind it that speak of it, given those before it.
func (s *scope) backward() {
	k := 0
	for h := range s.hits {
		for k < len(s.names) && s.names[k].Start < s.hits[h].Start {
			k++
		}
		for _, c := range s.hits[h].cues {
			if c.before {
				s.speakBack(h, k, c)
			}
		}
	}
}

// speakBack has a word speak of the list of names before it, the last of which is before name k.
func (s *scope) speakBack(h, k int, c *cue) {
	at := k - 1
	for at >= 0 && (!c.speaks(s.names[at].of) || s.names[at].part) {
		at--
	}
	if at < 0 || !s.near(h, at) || c.behind && s.leads(h, k, c) {
		return
	}
	for ; at >= 0; at-- {
		m := &s.names[at]
		if c.speaks(m.of) && (!c.behind || len(m.before) == 0) {
			m.behind = append(m.behind, c)
		}
		if at == 0 || !joined.MatchString(s.text[s.names[at-1].End:m.Start]) {
			return
		}
	}
}

// near says whether hit h stands near enough behind a name to speak of it: no turn lies between, nor a comma, unless the
// word is all that stands behind that.
func (s *scope) near(h, name int) bool {
	from, word := s.names[name].End, s.hits[h]
	if word.Start-from > nearBehind || s.turns(from, word.Start) {
		return false
	}
	between := strings.TrimRight(s.text[from:word.Start], " ")
	parts := comma.FindStringIndex(between)
	if parts == nil {
		return true
	}
	rest := strings.TrimLeft(s.text[word.End:], " ")
	return parts[1] == len(between) && (rest == "" || strings.ContainsRune(".,;)，。；）", runeAt(rest, 0)))
}

// turns says whether a word stands between two bytes that parts what is before it from what is behind.
func (s *scope) turns(from, to int) bool {
	return slices.ContainsFunc(s.hits, func(h hit) bool {
		return h.Start >= from && h.End <= to && slices.ContainsFunc(h.cues, func(c *cue) bool { return c.turn })
	})
}
