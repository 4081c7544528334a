package summary

import (
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/render"
)

// Style is what a summary is for. All styles tell the record's critical facts.
type Style string

// The styles.
const (
	Plain     Style = ""          // the document's own sections
	Brief     Style = "brief"     // critical facts, the latest vital signs and what is outstanding
	Handover  Style = "handover"  // SBAR: situation, background, assessment, recommendation
	Discharge Style = "discharge" // stay, diagnoses, course, treatment, latest values, what is outstanding
)

// The sections of styles.
const (
	SectionSummary        render.SectionKind = "summary"
	SectionSituation      render.SectionKind = "situation"
	SectionBackground     render.SectionKind = "background"
	SectionAssessment     render.SectionKind = "assessment"
	SectionRecommendation render.SectionKind = "recommendation"
	SectionStay           render.SectionKind = "stay"
	SectionDiagnoses      render.SectionKind = "diagnoses"
	SectionTreatment      render.SectionKind = "treatment"
	SectionLatest         render.SectionKind = "latest"
	SectionOutstanding    render.SectionKind = "outstanding"
)

// part is one section of a style and the facts that it tells. A fact goes to the first part that takes it.
type part struct {
	kind     render.SectionKind
	headings map[render.Lang]string
	takes    func(from render.SectionKind, f *render.Fact) bool
	join     bool // values out of range in one sentence
}

func headings(en, zh string) map[render.Lang]string {
	return map[render.Lang]string{render.English: en, render.Chinese: zh}
}

// layouts are the sections of each style. What is outstanding is what the record leaves open: a recommendation is never
// more than that, for nobody has ordered it.
var layouts = map[Style][]part{
	Brief: {
		{SectionSummary, headings("Summary", "概要"), func(from render.SectionKind, f *render.Fact) bool {
			return f.Critical || from == render.SectionWho && isStay(f) || isVital(from, f) ||
				from == render.SectionOpen && f.State != render.StateNone
		}, true},
	},
	Handover: {
		{SectionSituation, headings("Situation", "现状"), func(from render.SectionKind, f *render.Fact) bool {
			return from == render.SectionWho && !names(f, render.TermDevice) ||
				from == render.SectionWhy && !names(f, render.TermAllergen) && (f.Critical || isStay(f))
		}, false},
		{SectionBackground, headings("Background", "背景"), func(from render.SectionKind, _ *render.Fact) bool {
			return from == render.SectionWho || from == render.SectionWhy || from == render.SectionCourse
		}, false},
		{SectionAssessment, headings("Assessment", "评估"), assessed, false},
		{SectionRecommendation, headings("Recommendation: outstanding and to watch (no orders)", "建议：待办与需关注（不含医嘱）"), openPoint, true},
	},
	Discharge: {
		{SectionStay, headings("Patient and stay", "患者与住院"), func(from render.SectionKind, f *render.Fact) bool {
			return from == render.SectionWho && !names(f, render.TermDevice) || from == render.SectionWhy && isStay(f)
		}, false},
		{SectionDiagnoses, headings("Diagnoses and allergies", "诊断与过敏"), func(from render.SectionKind, _ *render.Fact) bool {
			return from == render.SectionWhy
		}, false},
		{render.SectionCourse, headings("Course", "病程"), func(from render.SectionKind, f *render.Fact) bool {
			return from == render.SectionCourse || from == render.SectionVitals || from == render.SectionLaboratory && told(f)
		}, false},
		{SectionTreatment, headings("Treatment", "治疗"), func(from render.SectionKind, _ *render.Fact) bool {
			return from == render.SectionMedication
		}, false},
		{SectionLatest, headings("Last results", "末次结果"), func(from render.SectionKind, f *render.Fact) bool {
			return from == render.SectionOpen && f.Critical
		}, true},
		{SectionOutstanding, headings("Outstanding", "待办"), openPoint, false},
	},
}

func openPoint(from render.SectionKind, _ *render.Fact) bool { return from == render.SectionOpen }

// assessed takes how the patient is and what is being done: vital signs, what was out of range or reported, drugs given.
func assessed(from render.SectionKind, f *render.Fact) bool {
	return from == render.SectionVitals && (needed(from, *f) || abnormal(*f)) || from == render.SectionLaboratory && told(f) ||
		from == render.SectionMedication && f.State != render.StateOrdered
}

// told says whether a laboratory fact has more to tell than a value: a course that was out of range, a report.
func told(f *render.Fact) bool {
	if !slices.ContainsFunc(f.Numbers, func(n render.Number) bool { return n.Role == render.RoleValue }) && !isSeries(*f) {
		return true
	}
	return isSeries(*f) && slices.ContainsFunc(f.Numbers, func(n render.Number) bool { return n.Flag != "" && n.Flag != render.FlagNormal })
}

// isStay says whether a fact is about an encounter: the stay itself, or its reason.
func isStay(f *render.Fact) bool {
	return slices.ContainsFunc(f.Evidence, func(e string) bool { return strings.HasPrefix(e, "Encounter") })
}

func names(f *render.Fact, k render.TermKind) bool {
	return slices.ContainsFunc(f.Terms, func(t render.Term) bool { return t.Kind == k })
}

// plan lays the document's facts out in the style's sections.
func (w *writing) plan(doc *render.Document) []*turn {
	var turns []*turn
	layout := layouts[w.opt.Style]
	if layout == nil {
		for _, s := range doc.Sections {
			section := &Section{Kind: s.Kind, Heading: s.Heading}
			turns = append(turns, w.choose(section, chosen(s.Kind, s.Facts))...)
		}
		return turns
	}
	taken := make([][]chosenFact, len(layout))
	for _, s := range doc.Sections {
		for _, f := range s.Facts {
			if i := slices.IndexFunc(layout, func(p part) bool { return p.takes(s.Kind, &f) }); i >= 0 {
				taken[i] = append(taken[i], chosenFact{s.Kind, f})
			}
		}
	}
	for i, p := range layout {
		section := &Section{Kind: p.kind, Heading: p.headings[w.lang]}
		facts := taken[i]
		var joined []*turn
		if p.join {
			facts, joined = w.vitals(doc, section, facts)
			rest, values := w.join(doc, section, facts)
			facts, joined = rest, append(joined, values...)
		}
		// Values stand behind who the patient is and what they have, before what else is open. Each section of the
		// document has room of its own, or vital signs would push out drugs.
		for len(facts) > 0 && facts[0].from != render.SectionOpen {
			n := slices.IndexFunc(facts, func(f chosenFact) bool { return f.from != facts[0].from })
			if n < 0 {
				n = len(facts)
			}
			turns = append(turns, w.choose(section, facts[:n])...)
			facts = facts[n:]
		}
		turns = append(append(turns, joined...), w.choose(section, facts)...)
	}
	return turns
}

// chosenFact is a fact and the document's section where it stands.
type chosenFact struct {
	from render.SectionKind
	render.Fact
}

func chosen(from render.SectionKind, facts []render.Fact) []chosenFact {
	out := make([]chosenFact, len(facts))
	for i, f := range facts {
		out[i] = chosenFact{from, f}
	}
	return out
}

// choose picks the facts that a section of the summary tells, in their order: all
// that no summary may leave out and every series of vital signs, then the first of
// the others until there are opt.MaxSentences.
func (w *writing) choose(section *Section, facts []chosenFact) []*turn {
	room := w.opt.MaxSentences
	for _, f := range facts {
		if needed(f.from, f.Fact) {
			room--
		}
	}
	var out []*turn
	byText := map[string]*turn{}
	for _, f := range facts {
		if !needed(f.from, f.Fact) {
			if room <= 0 {
				continue
			}
			room--
		}
		if t := byText[tidy(f.Text)]; t != nil {
			t.also = append(t.also, f.Fact)
			continue
		}
		t := &turn{section: section, from: f.from, fact: f.Fact, done: make(chan struct{})}
		byText[tidy(f.Text)] = t
		out = append(out, t)
	}
	return out
}

// perSentence is how many values are told in one sentence at most.
const perSentence = 6

// join tells values out of range together, some in a sentence. A sentence that would not stand by itself is not made:
// its facts stay as they are.
func (w *writing) join(doc *render.Document, section *Section, facts []chosenFact) (rest []chosenFact, joined []*turn) {
	var values []chosenFact
	for _, f := range facts {
		if f.from == render.SectionOpen && render.Joined(f.Fact) {
			values = append(values, f)
		} else {
			rest = append(rest, f)
		}
	}
	sentences := (len(values) + perSentence - 1) / perSentence
	for group := range slices.Chunk(values, max(1, (len(values)+sentences-1)/max(1, sentences))) {
		t := &turn{section: section, from: render.SectionOpen, joined: true, done: make(chan struct{})}
		for _, f := range group {
			t.also = append(t.also, f.Fact)
		}
		t.fact = doc.OutOfRange(t.also)
		if len(group) == 1 || !w.inspect(tidy(t.fact.Text)).OK {
			rest = append(rest, group...)
			continue
		}
		joined = append(joined, t)
	}
	return rest, joined
}
