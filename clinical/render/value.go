package render

import (
	"strconv"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// value writes one reading, such as "86/48 mmHg" or "4.2 mmol/L", with its flag.
func (b *builder) value(m *measure, x reading, role Role, showRef bool) string {
	p := b.r.p
	key, diaKey := b.keys(m)
	n := Number{Role: role, Of: key, At: x.at, Flag: x.flag}
	q := *x.value.Quantity
	var text string
	if x.diastolic != nil {
		text = b.bare(q, n) + "/"
		n.Of, n.Flag = diaKey, x.diaFlag
		q = *x.diastolic
	}
	if b.r.p.compact && (role == RoleFirst || role == RoleLowest) {
		text += b.bare(q, n) // the last and the highest carry the unit
	} else {
		text += b.quantity(q, n)
	}
	if word := b.flagWord(x.flag); word != "" && x.flag != FlagNormal {
		if x.diastolic != nil {
			word = p.systolic + word
		}
		if ref := b.reference(m, x); showRef && ref != "" {
			word += p.comma + ref
		}
		text += p.paren(word)
	}
	return text
}

// bare writes an amount without its unit and lists it with it.
func (b *builder) bare(q record.Quantity, n Number) string {
	n.Value, n.Comparator = q.Value, q.Comparator
	n.Unit, n.Label = b.unit(q)
	b.add(n)
	return q.Comparator + q.Value.Text
}

func (b *builder) flagWord(flag string) string {
	if flag == "" {
		return ""
	}
	if short := b.r.p.flags[flag]; short != "" {
		return short
	}
	return word("flag", flag, b.r.lang)
}

// reference writes the range that a value was held against, if one is known.
func (b *builder) reference(m *measure, x reading) string {
	key, _ := b.keys(m)
	show := func(q *record.Quantity) string {
		if q == nil {
			return ""
		}
		n := Number{Value: q.Value, Role: RoleReference, Of: key}
		n.Unit, _ = b.unit(*x.value.Quantity)
		b.add(n)
		return q.Value.Text
	}
	if x.reference != nil && (x.reference.Low != nil || x.reference.High != nil) {
		_, okLow := b.r.end(x.reference.Low, *x.value.Quantity)
		_, okHigh := b.r.end(x.reference.High, *x.value.Quantity)
		if !okLow || !okHigh {
			return ""
		}
		return b.r.p.refRange(show(x.reference.Low), show(x.reference.High))
	}
	entry := m.entry
	if x.diastolic != nil {
		entry = terms.Measure(loincSystolic)
	}
	bounds := b.r.tableRange(entry, *x.value.Quantity)
	if bounds == nil {
		return ""
	}
	bare := func(f *float64) string {
		if f == nil {
			return ""
		}
		return show(&record.Quantity{Value: record.NewDecimal(*f)})
	}
	return b.r.p.refRange(bare(bounds.Low), bare(bounds.High))
}

func (b *builder) words(v record.Value) string {
	switch {
	case v.Concept != nil:
		if e, _ := terms.Find("value", *v.Concept); e != nil {
			b.addTerm(b.r.term(e, TermOther))
			return b.r.name(e)
		}
		if e, _ := terms.Find("flag", *v.Concept); e != nil {
			return b.r.name(e)
		}
		return b.r.p.quote(b.label(v.Concept.Label()))
	case v.Text != "" && !b.r.opt.OmitFreeText:
		return b.r.p.quote(b.label(v.Text))
	case v.Bool != nil && *v.Bool:
		return b.r.p.yes
	case v.Bool != nil:
		return b.r.p.no
	case v.Integer != nil:
		d := record.Decimal{Float: float64(*v.Integer), Text: strconv.FormatInt(*v.Integer, 10)}
		b.add(Number{Value: d, Role: RoleValue, Of: b.f.Terms[0].Key})
		return d.Text
	}
	return ""
}
