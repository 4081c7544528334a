package render

import (
	"fmt"

	"github.com/bedside-lm/bedside/clinical/record"
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
	r := &renderer{rec: rec, opt: opt, lang: opt.Lang, p: phrasesFor(opt.Lang, opt.Style), noted: map[string]bool{}}
	r.ref = opt.Now
	if r.ref.IsZero() {
		r.ref = latestTime(rec)
	}
	r.showZone = mixedZones(rec)
	_, r.ageHigh, r.hasAge = ageYears(rec.Patient.BirthDate, r.ref)
	if opt.RelativeTimes {
		if r.admission, r.stayAt = admissionOf(rec); r.admission.IsZero() {
			r.note(NoticeNoAdmission, "encounter", "no admission on record: times are given by the clock")
		}
	}
	r.showZone = r.showZone && r.admission.Precision != record.PrecisionSecond
	r.collect()
	doc := &Document{Lang: opt.Lang, Style: opt.Style, Latest: r.ref, zoned: r.showZone}
	var stay int
	if doc.Admission, stay = admissionOf(rec); stay >= 0 {
		doc.Discharge = rec.Encounters[stay].End
	}
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
	r.fit(doc)
	doc.Notices = r.notices
	return doc
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
	// admission is what times are written relative to, zero where they are not; stay is its encounter.
	admission record.DateTime
	stayAt    int
	measures  []*measure
	notices   []record.Notice
	noted     map[string]bool
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
