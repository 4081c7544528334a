package summary

import (
	"fmt"
	"slices"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

const (
	defaultTokenBudget = 8192
	maxWindows         = 12
	maxFacts           = 256 // of one section
)

// windowLengths are tried in order; whole days and more begin at midnight.
var windowLengths = []time.Duration{
	6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 2 * 24 * time.Hour, 4 * 24 * time.Hour, 7 * 24 * time.Hour,
	14 * 24 * time.Hour, 30 * 24 * time.Hour, 91 * 24 * time.Hour, 365 * 24 * time.Hour,
}

var courseHeadings = headings("Course", "病程")

// Prepare renders a record for Summarize. One whose text, in English, keeps to opt.TokenBudget (default 8192) is rendered
// as a whole, and windows is 0.
//
// A longer one is mapped and reduced: it is cut into at most twelve windows of time, each rendered by itself; what is
// critical in a window and no longer at the end is gathered, and what several windows tell of one measure becomes one
// fact of render.SectionCourse. Of the record as a whole the least informative facts are left out until it keeps to the
// budget. Nothing critical is ever left out, and both languages have the same facts.
func Prepare(rec *record.PatientRecord, lang render.Lang, opt Options) (doc *render.Document, windows int) {
	budget := opt.TokenBudget
	if budget <= 0 {
		budget = defaultTokenBudget
	}
	english := render.Render(rec, render.Options{MaxFacts: maxFacts, TokenBudget: budget})
	doc = english
	if lang == render.Chinese {
		doc = render.Render(rec, render.Options{Lang: lang, MaxFacts: maxFacts})
	}
	if english.Omitted == 0 && !english.OverBudget {
		return doc, 0
	}
	if doc != english {
		keep(doc, english)
	}
	cuts := windowsOf(rec)
	var seen []render.Fact
	for _, w := range cuts {
		part := render.Render(w, render.Options{Lang: doc.Lang, Now: doc.Latest, Part: true, MaxFacts: maxFacts, TokenBudget: budget})
		for _, s := range part.Sections {
			if s.Kind == render.SectionOpen {
				seen = append(seen, slices.DeleteFunc(s.Facts, func(f render.Fact) bool { return !f.Critical })...)
			}
		}
	}
	course := render.Section{Kind: render.SectionCourse, Heading: courseHeadings[doc.Lang], Facts: reduce(doc, seen)}
	for i := range course.Facts {
		course.Facts[i].ID = fmt.Sprintf("%s.%d", course.Kind, i+1)
	}
	at := slices.IndexFunc(doc.Sections, func(s render.Section) bool { return s.Kind == render.SectionVitals })
	doc.Sections = slices.Insert(doc.Sections, at, course)
	return doc, len(cuts)
}

// keep leaves in a document the facts of another one, which is the same record's in another language.
func keep(doc, other *render.Document) {
	for i := range doc.Sections {
		have := map[string]bool{}
		for _, f := range other.Sections[i].Facts {
			have[f.ID] = true
		}
		doc.Sections[i].Facts = slices.DeleteFunc(doc.Sections[i].Facts, func(f render.Fact) bool { return !have[f.ID] })
	}
	doc.Omitted, doc.OverBudget, doc.Notices = other.Omitted, other.OverBudget, other.Notices
}

// windowsOf cuts the observations of a record into windows of time, of the shortest length that makes at most maxWindows;
// those without a time, and windows without any, are left out: the record as a whole has them.
func windowsOf(rec *record.PatientRecord) []*record.PatientRecord {
	var first, last time.Time
	for _, o := range rec.Observations {
		t := o.Start.Time
		if o.Start.IsZero() {
			continue
		}
		if first.IsZero() || t.Before(first) {
			first = t
		}
		if t.After(last) {
			last = t
		}
	}
	if first.IsZero() {
		return nil
	}
	length := last.Sub(first)/maxWindows + time.Second
	for _, l := range windowLengths {
		start := startOf(first, l)
		if last.Sub(start) < maxWindows*l {
			first, length = start, l
			break
		}
	}
	parts := make([]*record.PatientRecord, maxWindows)
	for _, o := range rec.Observations {
		if o.Start.IsZero() {
			continue
		}
		i := min(maxWindows-1, int(o.Start.Time.Sub(first)/length))
		if parts[i] == nil {
			parts[i] = &record.PatientRecord{Patient: rec.Patient}
		}
		parts[i].Observations = append(parts[i].Observations, o)
	}
	return slices.DeleteFunc(parts, func(p *record.PatientRecord) bool { return p == nil })
}

func startOf(t time.Time, length time.Duration) time.Time {
	if length < 24*time.Hour {
		return t.Truncate(time.Hour)
	}
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

// reduce makes one fact of all that the windows tell of one measure, unless the document's last word on it says as much.
func reduce(doc *render.Document, seen []render.Fact) []render.Fact {
	reading := func(f render.Fact) string { return fmt.Sprint(f.Terms, f.Evidence) }
	said := map[string]bool{}
	for _, s := range doc.Sections {
		for _, f := range s.Facts {
			if s.Kind == render.SectionOpen && f.Critical {
				said[reading(f)] = true
			}
		}
	}
	type group struct{ facts []render.Fact }
	var groups []*group
	byKey := map[string]*group{}
	for _, f := range seen {
		key := f.Text // what cannot be joined stands alone
		if render.Joined(f) {
			key = f.Terms[0].Key
		}
		g := byKey[key]
		if g == nil {
			g = &group{}
			byKey[key] = g
			groups = append(groups, g)
		}
		g.facts = append(g.facts, f)
	}
	var out []render.Fact
	for _, g := range groups {
		if len(g.facts) == 1 || !render.Joined(g.facts[0]) {
			if f := g.facts[0]; !said[reading(f)] {
				out = append(out, f)
			}
			continue
		}
		out = append(out, doc.Course(g.facts))
	}
	// The last value of a window is one of many: no sentence may call it the latest.
	for i := range out {
		out[i].Numbers = slices.Clone(out[i].Numbers)
		for j := range out[i].Numbers {
			if out[i].Numbers[j].Role == render.RoleLast {
				out[i].Numbers[j].Role = render.RoleReading
			}
		}
	}
	return out
}
