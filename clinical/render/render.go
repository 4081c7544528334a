package render

import (
	"fmt"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Options say how a record is rendered. The zero value is English with the defaults.
type Options struct {
	Lang Lang
	// Now is the moment that ages are computed for; by default the latest time in
	// the record, so that the same record always gives the same text.
	Now record.DateTime
	// MaxFacts bounds each section; default 64. Critical facts are kept first.
	MaxFacts int
	// OmitFreeText leaves out report conclusions, dosage texts and text values.
	// They are quoted as filed and may hold what a person typed.
	OmitFreeText bool
}

// NoticeTruncated says that a section had more facts than Options.MaxFacts.
const NoticeTruncated record.NoticeKind = "truncated"

const (
	defaultMaxFacts = 64
	maxNotices      = 100
	maxListed       = 512 // numbers, dates and evidence listed with one fact
)

// Render turns a record into text with everything a checker needs beside it. It is
// deterministic, never fails and never changes the record. The text holds no name
// and no identifier of the patient, and no age above 89 (HIPAA Safe Harbor, 45 CFR
// 164.514(b)(2)(i)(C)); times are shown in the zone they were filed in.
func Render(rec *record.PatientRecord, opt Options) *Document {
	if opt.Lang != Chinese {
		opt.Lang = English
	}
	if opt.MaxFacts <= 0 {
		opt.MaxFacts = defaultMaxFacts
	}
	r := &renderer{rec: rec, opt: opt, lang: opt.Lang, p: phrasesFor(opt.Lang), noted: map[string]bool{}}
	r.ref = opt.Now
	if r.ref.IsZero() {
		r.ref = latestTime(rec)
	}
	r.showZone = mixedZones(rec)
	_, r.ageHigh, r.hasAge = ageYears(rec.Patient.BirthDate, r.ref)
	r.collect()
	doc := &Document{Lang: opt.Lang}
	for _, s := range []struct {
		kind  SectionKind
		facts func() []Fact
	}{
		{SectionWho, r.who}, {SectionWhy, r.why}, {SectionVitals, r.vitals},
		{SectionLaboratory, r.laboratory}, {SectionMedication, r.medication}, {SectionOpen, r.open},
	} {
		facts := r.limit(s.kind, s.facts())
		for i := range facts {
			facts[i].ID = fmt.Sprintf("%s.%d", s.kind, i+1)
		}
		doc.Sections = append(doc.Sections, Section{Kind: s.kind, Heading: r.p.headings[s.kind], Facts: facts})
	}
	doc.Notices = r.notices
	return doc
}

// Text returns the document as plain text: headings, and one line for each fact.
func (d *Document) Text() string {
	p := phrasesFor(d.Lang)
	var b strings.Builder
	for i, s := range d.Sections {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(s.Heading + "\n")
		if len(s.Facts) == 0 {
			b.WriteString("- " + p.nothing + "\n")
		}
		for _, f := range s.Facts {
			b.WriteString("- " + f.Text + "\n")
		}
	}
	return b.String()
}

type renderer struct {
	rec      *record.PatientRecord
	opt      Options
	lang     Lang
	p        *phrases
	ref      record.DateTime
	ageHigh  int
	hasAge   bool
	showZone bool
	measures []*measure
	notices  []record.Notice
	noted    map[string]bool
}

func (r *renderer) note(kind record.NoticeKind, path, message string) {
	key := string(kind) + path + message
	if r.noted[key] || len(r.notices) >= maxNotices {
		return
	}
	r.noted[key] = true
	r.notices = append(r.notices, record.Notice{Path: path, Kind: kind, Message: message})
}

// limit keeps the first facts of a section, critical ones before others, in order.
func (r *renderer) limit(kind SectionKind, facts []Fact) []Fact {
	over := len(facts) - r.opt.MaxFacts
	if over <= 0 {
		return facts
	}
	r.note(NoticeTruncated, string(kind), fmt.Sprintf("%d facts left out: more than %d in the section", over, r.opt.MaxFacts))
	critical := 0
	for _, f := range facts {
		if f.Critical {
			critical++
		}
	}
	plain := max(0, r.opt.MaxFacts-critical)
	kept := make([]Fact, 0, r.opt.MaxFacts)
	for _, f := range facts {
		if !f.Critical {
			if plain == 0 {
				continue
			}
			plain--
		}
		if len(kept) < r.opt.MaxFacts {
			kept = append(kept, f)
		}
	}
	return kept
}

// times visits every time of the record but the birth date.
func times(rec *record.PatientRecord, visit func(record.DateTime)) {
	all := func(ts ...record.DateTime) {
		for _, t := range ts {
			if !t.IsZero() {
				visit(t)
			}
		}
	}
	for _, x := range rec.Encounters {
		all(x.Start, x.End)
	}
	for _, x := range rec.Observations {
		all(x.Start, x.End)
	}
	for _, x := range rec.Conditions {
		all(x.Onset, x.Abatement, x.Recorded)
	}
	for _, x := range rec.Medications {
		all(x.Start, x.End)
	}
	for _, x := range rec.Allergies {
		all(x.Recorded)
	}
	for _, x := range rec.Reports {
		all(x.Start, x.Issued)
	}
	for _, x := range rec.Procedures {
		all(x.Start, x.End)
	}
	for _, x := range rec.Immunizations {
		all(x.When)
	}
}

func latestTime(rec *record.PatientRecord) record.DateTime {
	var latest record.DateTime
	times(rec, func(t record.DateTime) {
		if t.Compare(latest) > 0 {
			latest = t
		}
	})
	return latest
}

// mixedZones says whether times of day stand in more than one zone; then each
// shows its own.
func mixedZones(rec *record.PatientRecord) bool {
	zone, seen, mixed := 0, false, false
	times(rec, func(t record.DateTime) {
		if t.Precision != record.PrecisionSecond {
			return
		}
		_, z := t.Time.Zone()
		mixed = mixed || seen && z != zone
		zone, seen = z, true
	})
	return mixed
}
