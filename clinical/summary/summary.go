// Package summary writes a summary of a rendered record with a language model, fact
// by fact, and holds every sentence of it against the record. What does not stand is
// written again, or replaced by the fact as it was rendered, so that no number, time,
// drug or diagnosis reaches a reader that the record does not hold.
package summary

import (
	"context"
	"slices"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

// Writer is a language model. Implementations must be safe for concurrent use and
// return soon after ctx ends.
type Writer interface {
	Write(ctx context.Context, prompt Prompt) (string, error)
}

// Prompt is one request to a Writer.
type Prompt struct {
	System    string
	Examples  []Exchange // to be put between System and User, as turns of their own
	User      string
	MaxTokens int
	Greedy    bool
	Seed      uint64 // used where Greedy is false
	Lang      render.Lang
}

// Options say how a summary is made; the zero value takes every default.
type Options struct {
	Style Style
	// ModelLanguages are the languages that the model writes; default English alone.
	// A document in another language is summarised by its rendered facts.
	ModelLanguages []render.Lang
	// MaxSentences bounds the facts told in one section; default 12. Critical facts
	// and series of vital signs are told beyond it.
	MaxSentences int
	// MaxWritten bounds the facts that the model is asked to tell, the first ones; default 256. Further ones are told as
	// rendered.
	MaxWritten int
	// TokenBudget is how long a record's text may be for it to be summarised as a whole, for Prepare alone.
	TokenBudget int
	// Parallel bounds the facts written at once; default 8.
	Parallel int
	// MaxTokens bounds one answer of the model; default 128. A short fact gets less.
	MaxTokens int
	// Seed is passed on to the writer; with Sampled unset it writes greedily.
	Seed    uint64
	Sampled bool
	// OnSentence is called with each finished sentence and its section, which has no sentences then, in the order of the
	// summary, from one goroutine at a time. An error ends the summary with it.
	OnSentence func(Section, Sentence) error
}

// Origin says where a sentence's words come from.
type Origin string

// The origins.
const (
	Model     Origin = "model"     // the model's first wording
	Rewritten Origin = "rewritten" // the model's second wording, closer to the fact's
	Rendered  Origin = "rendered"  // the fact as rendered from the record
)

// Sentence is one sentence of a summary and what it rests on.
type Sentence struct {
	Text     string
	Evidence []string // "Observation/hr-0800", ...
	FactIDs  []string // render.Fact.ID of each fact that it tells
	Origin   Origin
	Reasons  []CheckFailure // why an earlier wording was not taken
}

// Section is one section of a summary: of the document, or of the style.
type Section struct {
	Kind      render.SectionKind
	Heading   string
	Sentences []Sentence
}

// WarningKind classes warnings.
type WarningKind string

// The kinds of warning.
const (
	WarnLanguage WarningKind = "language" // the model does not write the language
	WarnWriter   WarningKind = "writer"   // the model failed

	// Of the styles that stand for a whole record.
	WarnOpenStay    WarningKind = "open-stay"    // a discharge summary of a stay that has not ended
	WarnNoAllergies WarningKind = "no-allergies" // the record says nothing of allergies, not even that there are none
)

// Warning tells a reader how the summary came about. Err is for the caller's own
// handling and is not meant for display.
type Warning struct {
	Kind    WarningKind
	Section render.SectionKind // empty for the whole summary
	Message string
	Err     error
}

// Stats counts how the summary came about.
type Stats struct {
	ModelCalls int
	Sentences  map[Origin]int
	Failures   map[FailureKind]int // of wordings not taken
}

// Summary is a record in a few sentences.
type Summary struct {
	Lang     render.Lang
	Style    Style
	Sections []Section // those that have facts, in the order of the style
	Windows  int       // of time that a long stay was cut into; 0 where it was summarised as a whole
	Warnings []Warning
	Notice   string
	Stats    Stats
}

// Notices that every summary carries, by language.
var notices = map[render.Lang]string{
	render.English: "This summary supports a clinician and decides nothing. Check it against the record before acting on it.",
	render.Chinese: "本摘要仅供临床医师参考，不作任何决定。据此处置前请核对原始记录。",
}

// Record writes a summary of a record in one language, and gives the document that it was written of. It fails as
// Summarize does.
func Record(ctx context.Context, rec *record.PatientRecord, lang render.Lang, w Writer, opt Options) (*render.Document, *Summary, error) {
	doc, windows := Prepare(rec, lang, opt)
	s, err := Summarize(ctx, doc, w, opt)
	if err != nil {
		return nil, nil, err
	}
	s.Windows = windows
	return doc, s, nil
}

// Summarize writes a summary of a document. It fails only when ctx ends or OnSentence fails: a model that
// errs or writes nonsense leaves the rendered facts in its place, with a warning.
func Summarize(ctx context.Context, doc *render.Document, w Writer, opt Options) (*Summary, error) {
	opt = opt.withDefaults()
	out := &Summary{
		Lang: doc.Lang, Style: opt.Style, Notice: notices[doc.Lang],
		Stats: Stats{Sentences: map[Origin]int{}, Failures: map[FailureKind]int{}},
	}
	if opt.Style == Discharge && doc.Discharge.IsZero() {
		out.Warnings = append(out.Warnings, Warning{Kind: WarnOpenStay, Message: openStayWarning[doc.Lang]})
	}
	if opt.Style != Plain && !knowsAllergies(doc) {
		out.Warnings = append(out.Warnings, Warning{Kind: WarnNoAllergies, Message: allergiesWarning[doc.Lang]})
	}
	if !slices.Contains(opt.ModelLanguages, doc.Lang) {
		out.Warnings = append(out.Warnings, Warning{Kind: WarnLanguage, Message: languageWarning[doc.Lang]})
		w = nil
	}
	work := &writing{Checker: NewChecker(doc), opt: opt, writer: w}
	work.turns = work.plan(doc)
	if err := work.run(ctx, out.take); err != nil {
		return nil, err
	}
	return out, nil
}

// take adds what came of one turn.
func (s *Summary) take(t *turn) {
	s.Stats.ModelCalls += t.calls
	s.Stats.Sentences[t.sentence.Origin]++
	for _, k := range t.failures {
		s.Stats.Failures[k]++
	}
	warned := slices.ContainsFunc(s.Warnings, func(w Warning) bool { return w.Kind == WarnWriter && w.Section == t.section.Kind })
	if t.err != nil && !warned {
		s.Warnings = append(s.Warnings, Warning{Kind: WarnWriter, Section: t.section.Kind, Message: writerWarning[s.Lang], Err: t.err})
	}
	last := len(s.Sections) - 1
	if last < 0 || s.Sections[last].Kind != t.section.Kind {
		s.Sections = append(s.Sections, *t.section)
		last++
	}
	s.Sections[last].Sentences = append(s.Sections[last].Sentences, t.sentence)
}

func (o Options) withDefaults() Options {
	if o.ModelLanguages == nil {
		o.ModelLanguages = []render.Lang{render.English}
	}
	for _, d := range []struct {
		v     *int
		value int
	}{{&o.MaxSentences, 12}, {&o.MaxWritten, 256}, {&o.Parallel, 8}, {&o.MaxTokens, 128}} {
		if *d.v <= 0 {
			*d.v = d.value
		}
	}
	return o
}

var languageWarning = map[render.Lang]string{
	render.English: "the model does not write English; the facts are shown as rendered from the record",
	render.Chinese: "模型不支持中文写作；以下为由记录直接生成的事实",
}

var openStayWarning = map[render.Lang]string{
	render.English: "the record has no end of the stay; this is no final discharge summary",
	render.Chinese: "记录中无出院时间；本摘要并非最终出院小结",
}

var allergiesWarning = map[render.Lang]string{
	render.English: "the record says nothing about allergies",
	render.Chinese: "记录中无过敏相关信息",
}

func knowsAllergies(doc *render.Document) bool {
	return slices.ContainsFunc(doc.Sections, func(s render.Section) bool {
		return slices.ContainsFunc(s.Facts, func(f render.Fact) bool { return names(&f, render.TermAllergen) })
	})
}

var writerWarning = map[render.Lang]string{
	render.English: "the model failed; facts are shown as rendered from the record",
	render.Chinese: "模型运行失败；部分内容为由记录直接生成的事实",
}
