package summary

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/render"
)

// part is one section as it is being written.
type part struct {
	*Checker
	opt      Options
	writer   Writer
	facts    []render.Fact
	lang     render.Lang
	section  Section
	covered  map[string]bool // by fact id
	said     map[string]bool // by sentence
	warnings []Warning
	calls    int
	dropped  int
	failures map[FailureKind]int
}

// writeSections writes all sections, some at once, and hands the sentences on in order.
func writeSections(ctx context.Context, doc *render.Document, w Writer, opt Options) ([]*part, error) {
	checker := NewChecker(doc)
	var parts []*part
	for _, s := range doc.Sections {
		if len(s.Facts) > 0 {
			parts = append(parts, &part{
				Checker: checker, opt: opt, writer: w, facts: s.Facts, lang: doc.Lang,
				section: Section{Kind: s.Kind, Heading: s.Heading},
				covered: map[string]bool{}, said: map[string]bool{}, failures: map[FailureKind]int{},
			})
		}
	}
	done := make([]chan struct{}, len(parts))
	slots := make(chan struct{}, opt.Parallel)
	var wait sync.WaitGroup
	for i, p := range parts {
		done[i] = make(chan struct{})
		wait.Go(func() {
			defer close(done[i])
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
				p.write(ctx)
			case <-ctx.Done():
			}
		})
	}
	for i, p := range parts {
		<-done[i]
		if ctx.Err() != nil {
			break
		}
		for _, s := range p.section.Sentences {
			if opt.OnSentence != nil {
				opt.OnSentence(p.section.Kind, s)
			}
		}
	}
	wait.Wait()
	return parts, ctx.Err()
}

// write fills one section: the model's sentences that stand, the others mended, and
// whatever no summary may leave out.
func (p *part) write(ctx context.Context) {
	if p.writer != nil {
		text, err := p.ask(ctx, sectionPrompt(p.facts, p.lang, p.opt))
		if err != nil {
			p.fail(ctx, err)
		} else {
			p.take(ctx, text)
		}
	}
	if len(p.section.Sentences) == 0 {
		for i, f := range p.facts {
			if i < p.opt.MaxRendered {
				p.addRendered(f, nil)
			}
		}
	}
	for _, f := range p.facts {
		if !p.covered[f.ID] && (f.Critical || p.section.Kind == render.SectionVitals && isSeries(f)) {
			p.addRendered(f, nil)
		}
	}
}

// isSeries says whether a fact is several readings over time.
func isSeries(f render.Fact) bool {
	return slices.ContainsFunc(f.Numbers, func(n render.Number) bool { return n.Role == render.RoleLast })
}

// tells says whether a sentence leaves nothing of a fact to say that a reader would
// miss: of a series it must give the latest value. How a stay began is true as well,
// but alone it misleads.
func (p *part) tells(sentence string, f render.Fact) bool {
	a := p.analyse(fold(cut(sentence, maxSentence)))
	return !isSeries(f) || slices.ContainsFunc(f.Numbers, func(n render.Number) bool {
		return n.Role == render.RoleLast && slices.ContainsFunc(a.numbers, func(x number) bool { return x.equals(n) })
	})
}

func (p *part) ask(ctx context.Context, prompt Prompt) (string, error) {
	p.calls++
	return p.writer.Write(ctx, prompt)
}

// fail stops asking the model for this section. The end of ctx is no fault of the model.
func (p *part) fail(ctx context.Context, err error) {
	p.writer = nil
	if ctx.Err() == nil {
		p.warnings = append(p.warnings, Warning{Kind: WarnWriter, Section: p.section.Kind, Message: writerWarning[p.lang], Err: err})
	}
}

func (p *part) take(ctx context.Context, text string) {
	for _, s := range Split(text) {
		if ctx.Err() != nil || len(p.section.Sentences) >= p.opt.MaxSentences {
			return
		}
		r := p.Check(s)
		if r.OK && !p.owns(r.FactIDs) {
			r = Result{Failures: []CheckFailure{{Kind: FailSection, Text: failureText[FailSection]}}}
		}
		if r.OK {
			p.add(Sentence{Text: s, Evidence: r.Evidence, FactIDs: r.FactIDs, Origin: Model})
			continue
		}
		for _, f := range r.Failures {
			p.failures[f.Kind]++
		}
		p.mend(ctx, s, r.Failures)
	}
}

// owns says whether one of the facts is of this section.
func (p *part) owns(ids []string) bool {
	return slices.ContainsFunc(p.facts, func(f render.Fact) bool { return slices.Contains(ids, f.ID) })
}

// mend says the fact that a failed sentence was about: in the model's words if a
// second try stands, else as rendered. A sentence about no fact left to say is dropped.
func (p *part) mend(ctx context.Context, sentence string, reasons []CheckFailure) {
	f, ok := p.about(sentence)
	if !ok {
		p.dropped++
		return
	}
	if p.writer != nil {
		text, err := p.ask(ctx, rewritePrompt(f, p.lang, p.opt))
		if err != nil {
			p.fail(ctx, err)
			text = ""
		}
		for i, s := range Split(text) {
			if r := p.Check(s); i == 0 && r.OK && slices.Contains(r.FactIDs, f.ID) && !p.said[s] {
				p.add(Sentence{Text: s, Evidence: r.Evidence, FactIDs: r.FactIDs, Origin: Rewritten, Reasons: reasons})
				return
			}
		}
	}
	p.addRendered(f, reasons)
}

// about picks the fact not yet said that shares most names and numbers with a
// sentence; the first one where none shares any.
func (p *part) about(sentence string) (render.Fact, bool) {
	a := p.analyse(fold(cut(sentence, maxSentence)))
	best, score := -1, -1
	for i, f := range p.facts {
		if p.covered[f.ID] {
			continue
		}
		n := 0
		for _, m := range a.mentions {
			if slices.ContainsFunc(f.Terms, func(t render.Term) bool { return m.has(t.Key) }) {
				n += 4
			}
		}
		for _, x := range a.numbers {
			if slices.ContainsFunc(f.Numbers, x.equals) {
				n++
			}
		}
		if n > score {
			best, score = i, n
		}
	}
	if best < 0 {
		return render.Fact{}, false
	}
	return p.facts[best], true
}

func (p *part) addRendered(f render.Fact, reasons []CheckFailure) {
	p.add(Sentence{Text: tidy(f.Text), Evidence: slices.Clone(f.Evidence), FactIDs: []string{f.ID}, Origin: Rendered, Reasons: reasons})
}

// add keeps a sentence once.
func (p *part) add(s Sentence) {
	for _, f := range p.facts {
		if slices.Contains(s.FactIDs, f.ID) && (s.Origin == Rendered || p.tells(s.Text, f)) {
			p.covered[f.ID] = true
		}
	}
	if p.said[s.Text] {
		return
	}
	p.said[s.Text] = true
	p.section.Sentences = append(p.section.Sentences, s)
}

func cut(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes])
}

// Kinds returns the failure kinds counted, in a fixed order.
func (s Stats) Kinds() []FailureKind { return slices.Sorted(maps.Keys(s.Failures)) }

// Bounds on a prompt, so that a small model's context holds it.
const (
	maxPromptFacts = 6
	maxPromptText  = 1200 // bytes of facts
)

const systemPrompt = "You restate facts from a patient record. Copy every number, unit, name and time exactly. Add nothing."

// inLanguage is added for a model that writes other languages than the prompt's.
var inLanguage = map[render.Lang]string{render.Chinese: " Write in Chinese."}

// sectionPrompt lists a section's first facts.
func sectionPrompt(facts []render.Fact, lang render.Lang, opt Options) Prompt {
	var list strings.Builder
	for i, f := range facts {
		if i == maxPromptFacts || list.Len()+len(f.Text) > maxPromptText {
			break
		}
		list.WriteString("- " + f.Text + "\n")
	}
	return prompt("Facts:\n"+list.String()+"\nRestate the most important facts in one or two short sentences."+inLanguage[lang], opt.MaxTokens, lang, opt)
}

func rewritePrompt(f render.Fact, lang render.Lang, opt Options) Prompt {
	return prompt("Repeat this fact as one sentence. Change nothing.\n"+cut(f.Text, maxSentence), max(1, opt.MaxTokens/2), lang, opt)
}

func prompt(user string, tokens int, lang render.Lang, opt Options) Prompt {
	return Prompt{System: systemPrompt, User: user, MaxTokens: tokens, Greedy: !opt.Sampled, Seed: opt.Seed, Lang: lang}
}
