package note

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// maxForm is the longest regular expression that a form may be, in bytes.
const maxForm = 4096

// form is the regular expression of what may be said of a text: a line for each name of the table that stands in it, in
// their order, with one of the relations that its kind may have; between them perhaps lines for names that the table
// lacks. So what is written names nothing that the text does not have. It is "" where there is nothing to say of the
// text, or too much for one expression; before that, names that the table lacks are left out, the last ones first.
func form(text string, lang terms.Lang, found, loose []Mention) (form string, kept []Mention) {
	for len(found)+len(loose) > 0 {
		if form = expression(text, lang, found, loose); len(form) <= maxForm {
			return form, loose
		}
		if len(loose) == 0 {
			break
		}
		loose = loose[:len(loose)/2]
	}
	return "", nil
}

func expression(text string, lang terms.Lang, found, loose []Mention) string {
	if len(found) == 0 {
		return looseForm(text, lang, loose)
	}
	var b strings.Builder
	first := true
	for _, m := range inOrder(found, loose) {
		line := m.form(text, lang)
		switch {
		case len(m.Entries) > 0 && first:
			b.WriteString(line)
			first = false
		case len(m.Entries) > 0:
			b.WriteString(`\n` + line)
		case first:
			b.WriteString("(?:" + line + `\n)?`)
		default:
			b.WriteString(`(?:\n` + line + ")?")
		}
	}
	return b.String()
}

// looseForm is of a text in which no name of the table stands: any of the lines, in their order.
func looseForm(text string, lang terms.Lang, loose []Mention) string {
	options := make([]string, 0, len(loose)+1)
	for i := range loose {
		var option strings.Builder
		option.WriteString(loose[i].form(text, lang))
		for _, later := range loose[i+1:] {
			option.WriteString(`(?:\n` + later.form(text, lang) + ")?")
		}
		options = append(options, option.String())
	}
	return "(?:" + strings.Join(options, "|") + ")?"
}

// form is the line of one name.
func (m *Mention) form(text string, lang terms.Lang) string {
	var words, values []string
	for _, r := range m.Relations() {
		if r != Value {
			words = append(words, r.Word(lang))
		}
	}
	for _, v := range m.Values {
		values = append(values, regexp.QuoteMeta(v.Of(text)))
	}
	out := `\|(?:` + strings.Join(words, "|") + `)\|` + patient[lang]
	if values != nil {
		out = "(?:" + out + `|\|` + Value.Word(lang) + `\|(?:` + strings.Join(values, "|") + "))"
	}
	return regexp.QuoteMeta(m.written(text)) + out
}

// inOrder are both kinds of names as they stand in the text.
func inOrder(found, loose []Mention) []Mention {
	all := slices.Concat(found, loose)
	slices.SortFunc(all, func(a, b Mention) int { return a.Start - b.Start })
	return all
}

// Read takes the lines of an answer that have the form: each is of the next name that it may be of. What is no line of
// that kind is counted in dropped.
func Read(text string, lang terms.Lang, found, loose []Mention, answer string) (out []Statement, dropped int) {
	left := inOrder(found, loose)
	for i, line := range strings.Split(answer, "\n") {
		if line == "" {
			continue
		}
		at, s := match(text, lang, left, line)
		if at < 0 {
			dropped++
			continue
		}
		s.Line = i
		out, left = append(out, s), left[at+1:]
	}
	return out, dropped
}

// match finds the name that a line is of, and what it states.
func match(text string, lang terms.Lang, left []Mention, line string) (at int, s Statement) {
	parts := strings.Split(line, "|")
	if len(parts) != 3 {
		return -1, s
	}
	relation := relationOf(parts[1])
	for i := range left {
		m := &left[i]
		if m.written(text) != parts[0] || !slices.Contains(m.Relations(), relation) {
			continue
		}
		s = Statement{Mention: *m, Relation: relation}
		if relation != Value {
			if parts[2] != patient[lang] {
				return -1, s
			}
			return i, s
		}
		for _, v := range m.Values {
			if v.Of(text) == parts[2] {
				s.Value = v
				return i, s
			}
		}
		return -1, s
	}
	return -1, s
}
