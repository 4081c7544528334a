// Package summary writes a summary of a rendered record with a language model and
// holds every sentence of it against the record. What does not stand is written
// again, one fact at a time, or replaced by the fact as it was rendered, so that no
// number, time, drug or diagnosis reaches a reader that the record does not hold.
package summary

import (
	"context"

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
	User      string
	MaxTokens int
	Greedy    bool
	Seed      uint64 // used where Greedy is false
	Lang      render.Lang
}

// Options say how a summary is made; the zero value takes every default.
type Options struct {
	// ModelLanguages are the languages that the model writes; default English alone.
	// A document in another language is summarised by its rendered facts.
	ModelLanguages []render.Lang
	// MaxSentences bounds what the model writes for one section; default 4.
	MaxSentences int
	// MaxRendered bounds the facts shown in place of a model's text; default 12.
	// Critical facts are shown beyond it.
	MaxRendered int
	// Parallel bounds the sections written at once; default 3.
	Parallel int
	// MaxTokens bounds one answer of the model; default 160, and half for a rewrite.
	MaxTokens int
	// Seed is passed on to the writer; with Sampled unset it writes greedily.
	Seed    uint64
	Sampled bool
	// OnSentence is called with each finished sentence, in the order of the summary,
	// from one goroutine at a time.
	OnSentence func(render.SectionKind, Sentence)
}

// Origin says where a sentence's words come from.
type Origin string

// The origins.
const (
	Model     Origin = "model"     // written by the model, passed at once
	Rewritten Origin = "rewritten" // written again from one fact, then passed
	Rendered  Origin = "rendered"  // the fact as rendered from the record
)

// Sentence is one sentence of a summary and what it rests on.
type Sentence struct {
	Text     string
	Evidence []string // "Observation/hr-0800", ...
	FactIDs  []string // render.Fact.ID
	Origin   Origin
	Reasons  []CheckFailure // why an earlier wording was not taken
}

// Section is one section of a summary.
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
	Failures   map[FailureKind]int // of sentences not taken
	Dropped    int                 // sentences not taken that were about no fact left to say
}

// Summary is a record in a few sentences.
type Summary struct {
	Lang     render.Lang
	Sections []Section // those that have facts, in the document's order
	Warnings []Warning
	Notice   string
	Stats    Stats
}

// Notices that every summary carries, by language.
var notices = map[render.Lang]string{
	render.English: "This summary supports a clinician and decides nothing. Check it against the record before acting on it.",
	render.Chinese: "本摘要仅供临床医师参考，不作任何决定。据此处置前请核对原始记录。",
}

// Summarize writes a summary of a document. It fails only when ctx ends: a model that
// errs or writes nonsense leaves the rendered facts in its place, with a warning.
func Summarize(ctx context.Context, doc *render.Document, w Writer, opt Options) (*Summary, error) {
	opt = opt.withDefaults()
	out := &Summary{Lang: doc.Lang, Notice: notices[doc.Lang], Stats: Stats{Sentences: map[Origin]int{}, Failures: map[FailureKind]int{}}}
	writes := false
	for _, l := range opt.ModelLanguages {
		writes = writes || l == doc.Lang
	}
	if !writes {
		out.Warnings = append(out.Warnings, Warning{Kind: WarnLanguage, Message: languageWarning[doc.Lang]})
		w = nil
	}
	parts, err := writeSections(ctx, doc, w, opt)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		out.Sections = append(out.Sections, p.section)
		out.Warnings = append(out.Warnings, p.warnings...)
		out.Stats.ModelCalls += p.calls
		out.Stats.Dropped += p.dropped
		for k, n := range p.failures {
			out.Stats.Failures[k] += n
		}
		for _, s := range p.section.Sentences {
			out.Stats.Sentences[s.Origin]++
		}
	}
	return out, nil
}

func (o Options) withDefaults() Options {
	if o.ModelLanguages == nil {
		o.ModelLanguages = []render.Lang{render.English}
	}
	for _, d := range []struct {
		v     *int
		value int
	}{{&o.MaxSentences, 4}, {&o.MaxRendered, 12}, {&o.Parallel, 3}, {&o.MaxTokens, 160}} {
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

var writerWarning = map[render.Lang]string{
	render.English: "the model failed; the facts are shown as rendered from the record",
	render.Chinese: "模型运行失败；以下为由记录直接生成的事实",
}
