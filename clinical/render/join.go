package render

import (
	"slices"

	"github.com/bedside-lm/bedside/clinical/record"
)

// maxJoined is how many values one joined fact tells, so that it stays a sentence.
const maxJoined = 12

// Joined says whether facts of values out of range can be told together: each has one latest value, and of a blood
// pressure its systolic one.
func Joined(f Fact) bool {
	return f.Critical && abnormal(f.Flag) && len(f.Terms) > 0 && f.latest() >= 0
}

func (f *Fact) latest() int {
	return slices.IndexFunc(f.Numbers, func(n Number) bool { return n.Role == RoleLast })
}

// OutOfRange tells the latest values out of range in one sentence. All facts must be Joined; those beyond the twelfth
// are left to the caller.
func (d *Document) OutOfRange(facts []Fact) Fact { return d.join(d.phrases().outOfRange, facts) }

// Course tells the values out of range of one measure, in the order of time, in one sentence. All facts must be Joined
// and of that measure.
func (d *Document) Course(facts []Fact) Fact { return d.join(d.phrases().outOfRangeOver, facts) }

// LatestVitals tells the latest values of vital signs in one sentence, in or out of range. All facts must be of a series of
// numbers or of one number, each of another measure; those beyond the twelfth are left to the caller.
func (d *Document) LatestVitals(facts []Fact) Fact {
	p := d.phrases()
	b := (&renderer{lang: d.Lang, p: p, ref: d.Latest, showZone: d.zoned}).fact()
	b.write(p.latestVitals, p.colon)
	for i := range facts[:min(len(facts), maxJoined)] {
		f := &facts[i]
		values := f.LatestNumbers()
		if i > 0 {
			b.write(p.comma)
		}
		text, first := "", values[0]
		for k, n := range values {
			if k > 0 {
				text += "/"
			}
			text += n.Comparator + n.Value.Text
			b.add(n)
		}
		text += p.joinUnit(first.Label)
		if word := b.flagWord(first.Flag); word != "" && first.Flag != FlagNormal {
			if len(values) > 1 {
				word = p.systolic + word
			}
			text += p.paren(word)
		}
		b.write(f.Terms[0].Names[0], " ", p.valueAt(text, b.at(first.At, record.DateTime{})))
		b.f.Evidence = append(b.f.Evidence, f.Last)
		for _, t := range f.Terms {
			b.addTerm(t)
		}
	}
	return b.done()
}

// LatestNumbers are the latest value of a series, or the only one: of a blood pressure both; none of what is no number.
func (f *Fact) LatestNumbers() []Number {
	var last, only []Number
	for _, n := range f.Numbers {
		if n.Role == RoleLast {
			last = append(last, n)
		}
		if n.Role == RoleValue {
			only = append(only, n)
		}
	}
	if last != nil {
		return last
	}
	return only
}

func (d *Document) phrases() *phrases { return phrasesFor(d.Lang, StyleFull) }

func (d *Document) join(head string, facts []Fact) Fact {
	p := d.phrases()
	b := (&renderer{lang: d.Lang, p: p, ref: d.Latest, showZone: d.zoned}).fact()
	b.write(head, p.colon)
	b.f.Critical = true
	name := ""
	for i, f := range facts[:min(len(facts), maxJoined)] {
		n := f.Numbers[f.latest()]
		if i > 0 {
			b.write(p.comma)
		}
		if own := f.Terms[0].Names[0]; own != name {
			b.write(own, " ")
			name = own
		}
		value := n.Comparator + n.Value.Text + p.joinUnit(n.Label) + p.paren(b.flagWord(f.Flag))
		b.write(p.valueAt(value, b.at(n.At, record.DateTime{})))
		b.add(n)
		b.f.Flag = f.Flag
		b.f.Evidence = append(b.f.Evidence, f.Evidence...)
		for _, t := range f.Terms {
			b.addTerm(t)
		}
	}
	return b.done()
}

// was says that a value was out of range at some time, which need not be the latest.
func (p *phrases) was(name, flag, value, at string) string {
	if p.lang == Chinese {
		return name + flag + p.colon + p.valueAt(value, at)
	}
	return name + " was " + flag + p.colon + p.valueAt(value, at)
}
