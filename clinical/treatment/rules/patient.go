package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

const (
	adultAge = 18
	// Ages at which a pregnancy that nobody ruled out is thought of.
	fertileFrom, fertileTo = 12, 55
	// A negative pregnancy test counts so long: one more cycle could have begun one since.
	pregnancyTestDays = 7
	// A positive test counts for the length of a pregnancy.
	pregnancyDays = 280
	// A drug counts as given so long after a single dose.
	givenFor = 24 * time.Hour
)

// patient is what rules ask about, read from a record once.
type patient struct {
	rec      *record.PatientRecord
	at       time.Time
	choices  bool // see Input
	readings map[string][]reading
	ageKnown bool
	ageLow   int // with ageHigh the same where the birth date is a day
	ageHigh  int
	sex      string // male, female, or "" where not known to be either

	conditions []condition
	given      map[string][]Against // by key of the drug
	allergies  []allergy
	allergens  []Against // all that are filed, known to a table or not
	state      AllergyState
	unread     []Unread
	kidney     Kidney
	pregnancy  pregnancy
}

// pregnancy is whether the patient is pregnant, and what says so.
type pregnancy struct {
	is, known bool
	why       []Against
}

type condition struct {
	code    string // ICD-10 without its point
	present bool   // else it was
	is      Against
}

func read(in Input) *patient {
	p := &patient{rec: in.Record, at: in.At, choices: in.Choices, given: map[string][]Against{}}
	if p.rec == nil {
		p.rec = &record.PatientRecord{}
	}
	if p.at.IsZero() {
		p.at = lastMoment(p.rec)
	}
	if s := p.rec.Patient.Sex; s == "male" || s == "female" {
		p.sex = s
	}
	p.readAge()
	p.readings = readings(p.rec, p.at)
	p.readConditions(in.Diagnoses)
	p.readMedication()
	p.readAllergies()
	p.kidney = p.kidneys()
	p.pregnancy = p.readPregnancy()
	slices.SortFunc(p.unread, func(a, b Unread) int {
		return strings.Compare(a.Kind+"\x00"+a.Evidence+"\x00"+a.Label, b.Kind+"\x00"+b.Evidence+"\x00"+b.Label)
	})
	p.unread = slices.Compact(p.unread)
	return p
}

// lastMoment is the last time that a record names.
func lastMoment(rec *record.PatientRecord) time.Time {
	var last time.Time
	see := func(ds ...record.DateTime) {
		for _, d := range ds {
			if !d.IsZero() && d.Time.After(last) {
				last = d.Time
			}
		}
	}
	for i := range rec.Observations {
		see(rec.Observations[i].Start)
	}
	for i := range rec.Encounters {
		see(rec.Encounters[i].Start)
	}
	for i := range rec.Conditions {
		see(rec.Conditions[i].Onset, rec.Conditions[i].Recorded)
	}
	for i := range rec.Medications {
		see(rec.Medications[i].Start)
	}
	for i := range rec.Procedures {
		see(rec.Procedures[i].Start)
	}
	for i := range rec.Allergies {
		see(rec.Allergies[i].Recorded)
	}
	return last
}

// readAge works out the age, a range of them where the birth date is a year or month alone.
func (p *patient) readAge() {
	b := p.rec.Patient.BirthDate
	if b.IsZero() || p.at.IsZero() || p.at.Before(b.Time) {
		return
	}
	latest := b.Time
	switch b.Precision {
	case record.PrecisionYear:
		latest = b.Time.AddDate(1, 0, -1)
	case record.PrecisionMonth:
		latest = b.Time.AddDate(0, 1, -1)
	default: // a day is known
	}
	p.ageKnown, p.ageHigh, p.ageLow = true, years(b.Time, p.at), max(0, years(latest, p.at))
}

func years(from, to time.Time) int {
	n := to.Year() - from.Year()
	if to.Month() < from.Month() || to.Month() == from.Month() && to.Day() < from.Day() {
		n--
	}
	return n
}

func (p *patient) readConditions(diagnoses []string) {
	for i := range p.rec.Conditions {
		c := &p.rec.Conditions[i]
		if c.Verification == "refuted" || c.Verification == "entered-in-error" {
			continue
		}
		is := Against{Label: c.Code.Label(), Evidence: "Condition/" + c.ID}
		is.Entry, _ = terms.Find("diagnosis", c.Code)
		present := c.Clinical == "" || c.Clinical == "active" || c.Clinical == "recurrence" || c.Clinical == "relapse"
		present = present && (c.Abatement.IsZero() || c.Abatement.Time.After(p.at))
		codes := icdOf(c.Code, is.Entry)
		for _, code := range codes {
			p.conditions = append(p.conditions, condition{code: code, present: present, is: is})
		}
		if len(codes) == 0 {
			p.unread = append(p.unread, Unread{Kind: "condition", Label: is.Label, Evidence: is.Evidence})
		}
	}
	for _, d := range diagnoses {
		is := Against{Label: d}
		is.Entry, _ = terms.Find("diagnosis", record.Concept{Codings: []record.Coding{{System: record.SystemICD10CM, Code: d}}})
		p.conditions = append(p.conditions, condition{code: plainICD(d), present: true, is: is})
	}
}

// icdOf are a condition's ICD-10 codes: its own, else those of the diagnosis that its words name.
func icdOf(c record.Concept, e *terms.Entry) []string {
	var out []string
	for _, k := range c.Codings {
		if (k.System == record.SystemICD10 || k.System == record.SystemICD10CM) && k.Code != "" {
			out = append(out, plainICD(k.Code))
		}
	}
	if len(out) > 0 || e == nil {
		return out
	}
	for _, k := range e.Codes {
		if icd, ok := strings.CutPrefix(k, "I"); ok {
			out = append(out, plainICD(icd))
		}
	}
	return out
}

// matching finds the conditions whose codes begin with one of those given.
func (p *patient) matching(codes []string, history bool) []Against {
	var out []Against
	for _, c := range p.conditions {
		if !c.present && !history {
			continue
		}
		if slices.ContainsFunc(codes, func(prefix string) bool { return strings.HasPrefix(c.code, prefix) }) {
			out = append(out, c.is)
		}
	}
	sortAgainst(out)
	out = slices.CompactFunc(out, func(a, b Against) bool { return a.sortKey() == b.sortKey() })
	return out[:min(len(out), maxSame)]
}

func sortAgainst(as []Against) { slices.SortStableFunc(as, compareAgainst) }

// pregnancyCodes are pregnancy, its care and its complications, before the puerperium (ICD-10-CM).
var pregnancyCodes = []string{
	"O09", "O1", "O2", "O3", "O4", "O6", "O7", "O98", "O99", "O9A", "Z331", "Z34", "Z3A",
}

// readPregnancy tells from diagnoses, else from tests, else from sex and age; else it is not known.
func (p *patient) readPregnancy() pregnancy {
	if why := p.matching(pregnancyCodes, false); len(why) > 0 {
		return pregnancy{is: true, known: true, why: why}
	}
	switch positive, negative := p.pregnancyTests(); {
	case len(positive) > 0:
		return pregnancy{is: true, known: true, why: positive}
	case len(negative) > 0:
		return pregnancy{known: true}
	}
	never := p.sex == "male" || p.ageKnown && (p.ageHigh < fertileFrom || p.ageLow > fertileTo)
	return pregnancy{known: never}
}

// pregnancyTests finds the newest test that still counts; of several at one moment a positive one prevails.
func (p *patient) pregnancyTests() (positive, negative []Against) {
	test := terms.Measure("2106-3")
	var newest time.Time
	for i := range p.rec.Observations {
		o := &p.rec.Observations[i]
		e, _ := terms.Find("measure", o.Code)
		if e != test || !usable(o) || o.Start.Time.After(p.at) || o.Start.Time.Before(newest) {
			continue
		}
		result, days := testResult(o), pregnancyTestDays
		if result == "POS" {
			days = pregnancyDays
		}
		if result == "" || p.at.Sub(o.Start.Time) > time.Duration(days)*24*time.Hour {
			continue
		}
		if o.Start.Time.After(newest) {
			newest, positive, negative = o.Start.Time, nil, nil
		}
		a := Against{Entry: test, Evidence: "Observation/" + o.ID}
		if result == "POS" {
			positive = append(positive, a)
		} else {
			negative = append(negative, a)
		}
	}
	sortAgainst(positive)
	return positive, negative
}

// testResult is POS, NEG or "" where neither is certain.
func testResult(o *record.Observation) string {
	if o.Value.Bool != nil {
		if *o.Value.Bool {
			return "POS"
		}
		return "NEG"
	}
	words := o.Interpretation
	if o.Value.Concept != nil {
		if e, _ := terms.Find("flag", *o.Value.Concept); e != nil {
			words = append(slices.Clone(words), strings.TrimPrefix(e.Codes[0], "V"))
		}
	}
	if e := terms.ByName("flag", strings.TrimSpace(o.Value.Text)); e != nil && o.Value.Text != "" {
		words = append(slices.Clone(words), strings.TrimPrefix(e.Codes[0], "V"))
	}
	pos, neg := slices.Contains(words, "POS"), slices.Contains(words, "NEG")
	switch {
	case pos:
		return "POS"
	case neg:
		return "NEG"
	}
	return ""
}
