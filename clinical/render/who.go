package render

import (
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// oldestAge is the first age that is not told (HIPAA Safe Harbor).
const oldestAge = 90

func (r *renderer) who() []Fact {
	facts := []Fact{r.person()}
	if r.rec.Patient.Deceased {
		b := r.fact().evidence("Patient", r.rec.Patient.ID)
		b.f.Critical = true
		facts = append(facts, b.write(r.p.patient, r.p.colon, r.p.deceased).done())
	}
	for i, e := range r.rec.Encounters {
		if e.Status != "entered-in-error" {
			facts = append(facts, r.stay(e, !r.admission.IsZero() && i == r.stayAt))
		}
	}
	if f, ok := r.devices(); ok {
		facts = append(facts, f)
	}
	return facts
}

func (r *renderer) person() Fact {
	b := r.fact().evidence("Patient", r.rec.Patient.ID)
	sex := r.rec.Patient.Sex
	if terms.ByCode("sex", "V"+sex) == nil {
		sex = "unknown"
	}
	e := terms.ByCode("sex", "V"+sex)
	b.addTerm(r.term(e, TermSex))
	b.write(r.p.patient, r.p.colon, r.name(e))
	if age := b.age(); age != "" {
		b.addTerm(Term{Kind: TermOther, Key: KeyAge, Names: ageNames[r.lang]})
		b.write(r.p.comma, age)
	}
	b.f.Critical = true
	return b.done()
}

// KeyAge is the key of the term for the patient's age.
const KeyAge = "age"

var ageNames = map[Lang][]string{English: {"age", "aged"}, Chinese: {"年龄"}}

// age writes the age as precisely as the birth date allows: years, or months below
// two years.
func (b *builder) age() string {
	birth, ref := b.r.rec.Patient.BirthDate, b.r.ref
	low, high, ok := ageYears(birth, ref)
	if !ok {
		return ""
	}
	n := func(v int) Number {
		return Number{Value: record.NewDecimal(float64(v)), Unit: "a", Role: RoleAge, Of: KeyAge}
	}
	switch {
	case high >= oldestAge:
		b.add(n(oldestAge))
		return b.r.p.over90
	case high < 2 && birth.Precision >= record.PrecisionDay:
		months := (ref.Time.Year()-birth.Time.Year())*12 + int(ref.Time.Month()) - int(birth.Time.Month())
		if ref.Time.Day() < birth.Time.Day() {
			months--
		}
		return b.count(record.NewDecimal(float64(max(0, months))), "mo", Number{Role: RoleAge, Of: KeyAge}) + b.r.p.old
	case low != high:
		b.add(n(low))
		return strconv.Itoa(low) + b.r.p.gap() + b.r.p.to + b.r.p.gap() +
			b.count(record.NewDecimal(float64(high)), "a", Number{Role: RoleAge, Of: KeyAge}) + b.r.p.old
	}
	return b.count(record.NewDecimal(float64(high)), "a", Number{Role: RoleAge, Of: KeyAge}) + b.r.p.old
}

// stay tells one encounter. The one that all times are relative to has its own by the clock.
func (r *renderer) stay(e record.Encounter, anchor bool) Fact {
	b, p := r.fact().evidence("Encounter", e.ID), r.p
	b.absolute = anchor
	var parts []string
	if c := terms.ByCode("class", "V"+e.Class); c != nil {
		b.addTerm(r.term(c, TermOther))
		parts = append(parts, r.name(c))
	} else if e.Class != "" {
		parts = append(parts, b.label(e.Class))
	}
	if e.Status != "" {
		parts = append(parts, b.word("status", e.Status))
	}
	if !e.Service.IsZero() {
		name := b.label(e.Service.Label())
		if s, _ := terms.Find("service", e.Service); s != nil {
			b.addTerm(r.term(s, TermOther))
			name = r.name(s)
		}
		parts = append(parts, p.words(p.service, name))
	}
	switch {
	case !e.Start.IsZero() && e.End.IsZero():
		parts = append(parts, p.since(b.time(e.Start)))
	case !e.Start.IsZero() || !e.End.IsZero():
		parts = append(parts, b.at(e.Start, e.End))
	}
	if anchor && len(parts) > 0 {
		b.f.Critical = true // without it no other time can be read
		parts[len(parts)-1] += p.paren(p.admission)
	}
	return b.write(p.stay, p.colon, strings.Join(parts, p.comma)).done()
}

// word writes a coded word, listing numbers that an unknown code may hold.
func (b *builder) word(kind, code string) string {
	s := word(kind, code, b.r.lang)
	if terms.ByCode(kind, "V"+code) == nil {
		b.labelNumbers(s)
	}
	return s
}

func (r *renderer) devices() (Fact, bool) {
	b, seen := r.fact(), map[string]bool{}
	var names []string
	for i, d := range r.rec.Devices {
		if d.Type.IsZero() || len(names) == 12 {
			continue
		}
		n := b.concept(TermDevice, "device", d.Type, "Device["+strconv.Itoa(i)+"].type")
		b.evidence("Device", d.ID)
		if !seen[n] {
			seen[n] = true
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return Fact{}, false
	}
	return b.write(r.p.devices, r.p.colon, strings.Join(names, r.p.list)).done(), true
}
