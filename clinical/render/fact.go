package render

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// builder writes one fact; everything that goes into its text is listed beside it.
type builder struct {
	r   *renderer
	f   Fact
	b   strings.Builder
	day string // of the time written last: the next one of that day shows the clock alone

	absolute bool // times by the clock, whatever the options say
}

func (r *renderer) fact() *builder { return &builder{r: r} }

func (b *builder) write(parts ...string) *builder {
	for _, s := range parts {
		b.b.WriteString(s)
	}
	return b
}

// done ends the sentence. Evidence keeps its order, each id once.
func (b *builder) done() Fact {
	b.f.Text = b.b.String() + b.r.p.stop
	if !b.r.p.compact {
		b.f.Text = upperFirst(b.f.Text)
	}
	var seen = map[string]bool{}
	b.f.Evidence = slices.DeleteFunc(b.f.Evidence, func(s string) bool {
		dup := seen[s]
		seen[s] = true
		return dup
	})
	if len(b.f.Evidence) > maxListed {
		b.f.Evidence = b.f.Evidence[:maxListed]
	}
	return b.f
}

func (b *builder) evidence(kind, id string) *builder {
	b.f.Evidence = append(b.f.Evidence, reference(kind, id))
	return b
}

// reference names a resource as evidence does: "Observation/hr-0800".
func reference(kind, id string) string {
	if id == "" {
		return kind
	}
	return kind + "/" + id
}

var digits = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)

// label is filed words, cleaned; numbers in them are listed as the words' own.
func (b *builder) label(s string) string {
	s = clean(s)
	b.labelNumbers(s)
	return s
}

func (b *builder) labelNumbers(s string) {
	for _, d := range digits.FindAllString(s, 16) {
		if v, err := record.ParseDecimal(d); err == nil {
			b.f.Numbers = append(b.f.Numbers, Number{Value: v, Role: RoleLabel})
		} else {
			b.f.Numbers = append(b.f.Numbers, Number{Value: record.Decimal{Text: d}, Role: RoleLabel})
		}
	}
}

// concept names a concept: the table's name, else the words filed with the code
// beside them. path says where the concept stands, for the notice.
func (b *builder) concept(kind TermKind, entryKind string, c record.Concept, path string) string {
	e, exact := terms.Find(entryKind, c)
	term := Term{Kind: kind}
	switch {
	case e != nil && exact:
		term.Key, term.Names = e.Key, b.r.names(e)
	case e != nil:
		name := b.r.name(e)
		if b.r.lang == English && c.Label() != "" {
			name = clean(c.Label())
		}
		term.Key = string(kind) + ":" + e.Key + ":" + c.Code(record.SystemICD10CM) + c.Code(record.SystemICD10)
		term.Names = append([]string{name}, e.Names[b.r.lang]...)
	default:
		label := clean(c.Label())
		if label == "" {
			label = b.r.p.unnamed
		}
		term.Key, term.Names = string(kind)+":"+strings.ToLower(label), []string{label}
		b.r.note(record.NoticeUnknownCode, path, "the code is not in the table of terms; the words filed are used")
		if code := firstCode(c); code != "" && code != label {
			b.labelNumbers(code)
			b.addTerm(term)
			return label + b.r.p.paren(code)
		}
	}
	b.addTerm(term)
	return term.Names[0]
}

func firstCode(c record.Concept) string {
	for _, k := range c.Codings {
		if k.Code != "" {
			return clean(k.Code)
		}
	}
	return ""
}

// addTerm lists a term, and the numbers in the name that the text calls it by.
func (b *builder) addTerm(t Term) {
	for _, have := range b.f.Terms {
		if have.Key == t.Key {
			return
		}
	}
	b.f.Terms = append(b.f.Terms, t)
	b.labelNumbers(t.Names[0])
}

// quantity writes an amount as it was filed and lists it.
func (b *builder) quantity(q record.Quantity, n Number) string {
	n.Value, n.Comparator = q.Value, q.Comparator
	n.Unit, n.Label = b.unit(q)
	b.add(n)
	return q.Comparator + q.Value.Text + b.r.p.joinUnit(n.Label)
}

// count writes a computed number with one of the table's units.
func (b *builder) count(v record.Decimal, code string, n Number) string {
	n.Value, n.Unit, n.Label = v, code, terms.UnitByCode(code).Display[b.r.lang]
	if b.r.lang == English && v.Text == "1" && len(n.Label) > 1 {
		n.Label = strings.TrimSuffix(n.Label, "s")
	}
	b.add(n)
	return v.Text + b.r.p.joinUnit(n.Label)
}

func (b *builder) add(n Number) {
	if len(b.f.Numbers) < maxListed {
		b.f.Numbers = append(b.f.Numbers, n)
	}
}

// unit gives a quantity's UCUM code and the way it is written in the text.
func (b *builder) unit(q record.Quantity) (code, label string) {
	u, known := terms.UnitOf(q)
	if u != nil {
		return u.Code, u.Display[b.r.lang]
	}
	label = clean(q.Unit)
	if label == "" && !known {
		label = clean(q.Code)
	}
	if !known {
		b.r.note(record.NoticeUnknownUnit, "quantity.code", "the unit is not in the table of units; it is shown as filed")
	}
	return q.Code, label
}

func (b *builder) listDate(d record.DateTime) {
	if !d.IsZero() && len(b.f.Dates) < maxListed {
		b.f.Dates = append(b.f.Dates, d)
	}
}

// at is a time with its preposition, from the interval of a start and an end.
func (b *builder) at(start, end record.DateTime) string {
	switch {
	case start.IsZero() && end.IsZero():
		return ""
	case end.IsZero() || end.Compare(start) == 0:
		return b.r.p.at(b.time(start), start.Precision)
	case start.IsZero():
		return b.r.p.until(b.time(end))
	}
	from := b.time(start)
	return b.r.p.fromTo(from, b.time(end))
}
