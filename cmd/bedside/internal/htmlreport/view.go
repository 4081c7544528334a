package htmlreport

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// page is what the template shows. Everything in it but Style and Graph is escaped there.
type page struct {
	Lang  string
	W     *words
	Style template.CSS
	Graph template.HTML

	Who, Why   []fact
	Flags      []fact
	Score      *scores
	Plots      []plot
	MorePlots  string
	Summary    []section
	Diagnoses  *diagnoses
	Treatments *treatments
	// Why a part is missing; empty where it is there.
	NoSummary, NoDiagnoses, NoTreatments string

	Tables       []table
	MoreReadings string
	Others       []fact
	Models       []model
	Notices      []string
	Warnings     []*bedsidev1.Warning
	Made         string
	Version      string
}

// fact is a statement with what it rests on.
type fact struct {
	ID     string // its own anchor, where others point at it
	Text   string
	Label  string // who wrote it, or how grave it is
	Class  string
	Note   string
	Refs   []ref
	More   string   // of references that are not listed
	Names  []anchor // what it is the row of
	UsedIn []string // anchors of what rests on it
}

// ref is a reference to an entry of the record: a link, where the page has the entry.
type ref struct{ Anchor, Text string }

type section struct {
	Heading string
	Facts   []fact
}

type diagnoses struct {
	Abstention *bedsidev1.Abstention
	Ranked     []diagnosis
	Less       string // those of less than 1 %, in a line
	Scope      string
	WeightIs   string // what the numbers behind readings are, where there are any
}

type diagnosis struct {
	Code, Name, Percent string
	Width               float64 // of the bar, in percent
	For, Against        []fact
	Next                []*bedsidev1.NextTest
}

type treatments struct {
	Abstention *bedsidev1.Abstention
	Diagnosis  string
	Status     string
	Patient    [][]ref
	All        []treatment
}

type treatment struct {
	Kind, Name, Verdict, Class string
	ByModel                    bool
	Lines                      []fact
	Sources                    string
}

type table struct {
	Heading  string
	Measures []measure
}

type measure struct {
	Name string
	Rows []row
}

type row struct {
	Anchor, ID, Time, Text, Flag, Range, Marks string
	UsedIn                                     []string
	Class                                      string
}

type model struct{ What, Name, Version, Digest string }

// view makes a page of the input.
func view(in *Input) *page {
	w := &english
	if in.Lang == terms.Chinese {
		w = &chinese
	}
	opt := render.Options{Lang: in.Lang}
	doc, measures := render.Render(in.Record, opt), render.Readings(in.Record, opt)
	l := newLinks(w, doc, measures)
	p := &page{
		Lang: cmp.Or(string(in.Lang), "en"), W: w, Version: in.Version,
		Graph: template.HTML(in.Graph), //nolint:gosec // its caller's word, and clinical/graph/draw escapes
	}
	if !in.Made.IsZero() {
		p.Made = in.Made.Format("2006-01-02 15:04 -07:00")
	}
	p.NoSummary, p.NoDiagnoses, p.NoTreatments = w.missing(in.NoSummary), w.missing(in.NoDiagnoses), w.missing(in.NoTreatments)
	for _, s := range doc.Sections {
		switch s.Kind {
		case render.SectionWho:
			p.Who = l.facts(s.Facts)
		case render.SectionWhy:
			p.Why = l.facts(s.Facts)
		default:
		}
	}
	for _, f := range in.Diagnoses.GetRedFlags() {
		p.Flags = append(p.Flags, l.claim("f", f.GetText(), f.GetEvidence(), f.GetSource()))
	}
	p.Score = scoresOf(in.Record, w, l)
	plots, more := plotsOf(measures, l.anchorOf)
	p.Plots = plots
	if more > 0 {
		p.MorePlots = fmt.Sprintf(w.MorePlots, more)
	}
	p.summary(in.Summary, l)
	p.diagnoses(in.Diagnoses, l)
	p.treatments(in.Treatments, l)
	p.about(in)
	p.Tables = l.tables(measures)
	if l.omitted > 0 {
		p.MoreReadings = fmt.Sprintf(w.MoreReadings, l.omitted)
	}
	p.Others = l.others
	for i := range p.Others {
		l.used(&p.Others[i])
	}
	p.Style = l.style()
	return p
}

func (w *words) missing(m Missing) string {
	switch {
	case m.NoModel:
		return w.NoModel
	case m.Error != "":
		return fmt.Sprintf(w.Failed, m.Error)
	case m.NotAsked:
		return w.NotAsked
	}
	return ""
}

func (p *page) summary(r *bedsidev1.SummarizeRecordResponse, l *links) {
	for _, s := range r.GetSections() {
		out := section{Heading: s.GetHeading()}
		for _, sentence := range s.GetSentences() {
			f := l.claim("s", sentence.GetText(), sentence.GetEvidence(), "")
			f.Label = p.W.origin[sentence.GetOrigin()]
			f.Class = strings.ToLower(strings.TrimPrefix(sentence.GetOrigin().String(), "SENTENCE_ORIGIN_"))
			var why []string
			for _, failure := range sentence.GetFailures() {
				why = append(why, failure.GetMessage())
			}
			if len(why) > 0 {
				f.Note = fmt.Sprintf(p.W.Rejected, strings.Join(why, p.W.Semicolon))
			}
			out.Facts = append(out.Facts, f)
		}
		if len(out.Facts) > 0 {
			p.Summary = append(p.Summary, out)
		}
	}
}

func (p *page) diagnoses(r *bedsidev1.SuggestDiagnosesResponse, l *links) {
	if r == nil {
		return
	}
	out := &diagnoses{Abstention: r.GetAbstention(), Scope: r.GetScope()}
	weights := func(all []*bedsidev1.ReadingWeight) (facts []fact) {
		for _, w := range all {
			f := l.claim("d", w.GetText(), w.GetEvidence(), "")
			f.Label = fmt.Sprintf("%+.2f", w.GetChange())
			out.WeightIs = p.W.WeightIs
			facts = append(facts, f)
		}
		return facts
	}
	var less []string
	for i, s := range r.GetSuggestions() {
		if i > 0 && s.GetProbability() < leastShown {
			less = append(less, s.GetName()+" "+s.GetCode())
			continue
		}
		out.Ranked = append(out.Ranked, diagnosis{
			Code: s.GetCode(), Name: s.GetName(), Percent: percent(s.GetProbability()),
			Width: math.Round(1000*min(max(s.GetProbability(), 0), 1)) / 10, For: weights(s.GetReadingsFor()), Against: weights(s.GetReadingsAgainst()), Next: s.GetNextTests(),
		})
	}
	if less != nil {
		out.Less = fmt.Sprintf(p.W.Less, strings.Join(less, p.W.List))
	}
	p.Diagnoses = out
}

func (p *page) treatments(r *bedsidev1.SuggestTreatmentsResponse, l *links) {
	if r == nil {
		return
	}
	out := &treatments{Abstention: r.GetAbstention()}
	for _, text := range r.GetPatient() {
		out.Patient = append(out.Patient, l.parts(text))
	}
	if d := r.GetDiagnosis(); d != nil {
		out.Diagnosis, out.Status = d.GetCode()+" "+d.GetName(), p.W.Confirmed
		if !d.GetConfirmed() {
			out.Status = fmt.Sprintf(p.W.Suggested, 100*d.GetProbability())
		}
	}
	for _, s := range r.GetSuggestions() {
		t := treatment{
			Kind: p.W.kind[s.GetKind()], Name: s.GetName(), Verdict: p.W.verdict[s.GetVerdict()], Class: class(s.GetVerdict()), ByModel: s.GetNamedByModel(),
			Sources: strings.Join(s.GetSources(), p.W.Semicolon),
		}
		for i, text := range s.GetLines() {
			if i == 0 {
				continue // the verdict and the name
			}
			t.Lines = append(t.Lines, p.line(text, s.GetFindings(), l))
		}
		if n := len(out.All); n > 0 && out.All[n-1].with(&t) {
			out.All[n-1].Name += p.W.List + t.Name
			continue
		}
		out.All = append(out.All, t)
	}
	p.Treatments = out
}

// with says whether there is nothing more to tell of both than their names, so that they can stand in one line.
func (t *treatment) with(other *treatment) bool {
	return len(t.Lines)+len(other.Lines) == 0 && t.Kind == other.Kind && t.Class == other.Class && t.ByModel == other.ByModel && t.Sources == other.Sources
}

// line is a line about a treatment, with what the rule that it tells of rests on.
func (p *page) line(text string, findings []*bedsidev1.TreatmentFinding, l *links) fact {
	i := slices.IndexFunc(findings, func(f *bedsidev1.TreatmentFinding) bool {
		return f.GetText() != "" && strings.Contains(text, f.GetText())
	})
	if i < 0 {
		return fact{Refs: l.parts(text)}
	}
	f := l.claim("t", "", findings[i].GetEvidence(), "")
	f.Refs = l.parts(text) // which names the evidence
	f.Class = class(findings[i].GetSeverity())
	return f
}

// leastShown is the probability below which a suggestion other than the first is told in a line with others.
const leastShown = 0.01

// percent writes a probability. What is hardly possible is not impossible.
func percent(p float64) string {
	if p < 0.0005 {
		return "< 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", 100*p)
}

// class makes a word of the protocol a class of the style sheet; what is none is left out.
func class(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return ""
	}
	return word
}

// about says where it all comes from.
func (p *page) about(in *Input) {
	for _, a := range []struct {
		what     string
		by       *bedsidev1.ModelReference
		notice   string
		warnings []*bedsidev1.Warning
	}{
		{p.W.Summary, in.Summary.GetModel(), in.Summary.GetNotice(), in.Summary.GetWarnings()},
		{p.W.Diagnoses, in.Diagnoses.GetModel(), in.Diagnoses.GetNotice(), in.Diagnoses.GetWarnings()},
		{p.W.Treatments, in.Treatments.GetModel(), in.Treatments.GetNotice(), in.Treatments.GetWarnings()},
	} {
		if a.by != nil {
			p.Models = append(p.Models, model{a.what, a.by.GetName(), a.by.GetVersion(), a.by.GetDigest()})
		}
		if a.notice != "" && !slices.Contains(p.Notices, a.notice) {
			p.Notices = append(p.Notices, a.notice)
		}
		for _, w := range a.warnings {
			if !slices.ContainsFunc(p.Warnings, func(have *bedsidev1.Warning) bool {
				return have.GetKind() == w.GetKind() && have.GetPath() == w.GetPath() && have.GetMessage() == w.GetMessage()
			}) {
				p.Warnings = append(p.Warnings, w)
			}
		}
	}
}
