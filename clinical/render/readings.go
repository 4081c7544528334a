package render

import (
	"slices"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Measure is every reading of one thing in one unit, for tables and plots.
type Measure struct {
	Name string // in the language asked for
	Unit string // as the language writes it; "" where the readings are words or bare numbers
	// Group is "vital", "gas", "lab" or "score"; "wave" for a waveform, whose readings have no text.
	Group string
	// Readings in the order of time, those in doubt among them.
	Readings []Reading
}

// Reading is one value of a measure. A blood pressure is one reading with two numbers.
type Reading struct {
	Reference string // as evidence names it: "Observation/hr-0800"
	At        record.DateTime
	// Time and Text are when it was and what it says, in the language asked for. Text is empty where the record gives no value.
	Time, Text string
	// Number is the value, Second the diastolic pressure; nil where there is none, and of what is only bounded ("<5").
	Number, Second *float64
	// Flag is FlagHigh, FlagLow, FlagAbnormal, FlagNormal or "", as filed, else by the reference range that holds; SecondFlag is the
	// diastolic pressure's.
	Flag, SecondFlag string
	// Low and High are the reference range in the reading's own unit; a nil end is open or not known.
	Low, High *float64
	Marks     []record.Mark
}

// Readings gives the readings of a record, vital signs first, in the order of the table of terms. Like Render it is
// deterministic, never fails and never changes the record. Of the options it heeds Lang and OmitFreeText.
func Readings(rec *record.PatientRecord, opt Options) []Measure {
	if opt.Lang != Chinese {
		opt.Lang = English
	}
	r := &renderer{rec: rec, opt: opt, lang: opt.Lang, p: phrasesFor(opt.Lang, StyleFull), noted: map[string]bool{}, ref: latestTime(rec)}
	r.showZone = mixedZones(rec)
	_, r.ageHigh, r.hasAge = ageYears(rec.Patient.BirthDate, r.ref)
	r.collect()
	marks := map[string][]record.Mark{}
	for i := range rec.Observations {
		marks[rec.Observations[i].ID] = rec.Observations[i].Marks
	}
	var out []Measure
	for _, group := range []string{"vital", "score", "wave", "gas", "lab"} {
		for _, m := range r.measures {
			if m.group == group {
				out = append(out, r.shown(m, marks))
			}
		}
	}
	return out
}

func (r *renderer) shown(m *measure, marks map[string][]record.Mark) Measure {
	b := r.fact()
	out := Measure{Name: b.name(m), Group: m.group}
	for _, x := range slices.Concat(m.readings, m.doubtful) {
		s := Reading{
			Reference: reference("Observation", x.obs), At: x.at, Time: r.fact().time(x.at), Text: b.plain(x),
			Flag: x.flag, SecondFlag: x.diaFlag, Marks: marks[x.obs],
		}
		if q := x.value.Quantity; q != nil {
			_, out.Unit = b.unit(*q)
			s.Number, s.Second = exact(q), exact(x.diastolic)
			s.Low, s.High = r.bounds(m, x)
		}
		out.Readings = append(out.Readings, s)
	}
	slices.SortStableFunc(out.Readings, func(a, b Reading) int { return a.At.Compare(b.At) })
	return out
}

// plain writes a value alone.
func (b *builder) plain(x reading) string {
	switch {
	case x.diastolic != nil:
		return b.bare(*x.value.Quantity, Number{}) + "/" + b.quantity(*x.diastolic, Number{})
	case x.value.Quantity != nil:
		return b.quantity(*x.value.Quantity, Number{})
	}
	return b.words(x.value)
}

func exact(q *record.Quantity) *float64 {
	if q == nil || q.Comparator != "" {
		return nil
	}
	v := q.Value.Float
	return &v
}

// bounds is the range that a value is held against: the one filed with it, else the table's.
func (r *renderer) bounds(m *measure, x reading) (low, high *float64) {
	if ref := x.reference; ref != nil && (ref.Low != nil || ref.High != nil) {
		low, okLow := r.end(ref.Low, *x.value.Quantity)
		high, okHigh := r.end(ref.High, *x.value.Quantity)
		if !okLow || !okHigh {
			return nil, nil
		}
		return low, high
	}
	entry := m.entry
	if x.diastolic != nil {
		entry = terms.Measure(loincSystolic)
	}
	if t := r.tableRange(entry, *x.value.Quantity); t != nil {
		return t.Low, t.High
	}
	return nil, nil
}
