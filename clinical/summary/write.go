package summary

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bedside-lm/bedside/clinical/render"
)

// turn is one fact of the summary and the sentence that comes to tell it.
type turn struct {
	section  *Section           // without its sentences
	from     render.SectionKind // of the document, where the fact stands
	fact     render.Fact
	joined   bool          // of several facts, by no model
	also     []render.Fact // of the same section, in the very same words
	sentence Sentence
	done     chan struct{} // closed when the sentence stands
	calls    int
	failures []FailureKind // of wordings not taken
	err      error         // of the model
}

// writing is a summary as it is being written.
type writing struct {
	*Checker
	opt    Options
	writer Writer // nil where the facts are shown as rendered
	turns  []*turn
}

// run writes all turns, some at once, and hands each sentence on as soon as it and
// all before it stand.
func (w *writing) run(ctx context.Context, take func(*turn)) error {
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	var next atomic.Int64
	for range min(w.opt.Parallel, len(w.turns)) {
		wait.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(w.turns) {
					return
				}
				w.write(ctx, i)
				close(w.turns[i].done)
			}
		})
	}
	defer wait.Wait()
	defer cancel()
	said := map[string]bool{}
	for _, t := range w.turns {
		select {
		case <-t.done:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if said[t.sentence.Text] {
			// True of both facts, but twice the same sentence looks like a mistake.
			t.render(t.sentence.Reasons)
		}
		said[t.sentence.Text] = true
		take(t)
		if w.opt.OnSentence == nil {
			continue
		}
		if err := w.opt.OnSentence(*t.section, t.sentence); err != nil {
			return err
		}
	}
	return nil
}

// write has the model tell one fact: freely, then closer to the fact's own words.
// Where neither stands, the fact stays as it was rendered.
func (w *writing) write(ctx context.Context, i int) {
	t := w.turns[i]
	t.render(nil)
	if w.writer == nil || i >= w.opt.MaxWritten || t.joined || !tellable(t.fact) {
		return
	}
	var reasons []CheckFailure
	for _, x := range []struct {
		style  style
		origin Origin
	}{{free, Model}, {strict, Rewritten}} {
		t.calls++
		text, err := w.writer.Write(ctx, w.prompt(t, x.style))
		if err != nil {
			t.err = err
			break
		}
		sentence, r := w.accept(text, t.fact)
		if r.OK {
			t.sentence = Sentence{Text: sentence, Evidence: r.Evidence, FactIDs: r.FactIDs, Origin: x.origin, Reasons: reasons}
			t.includeAlso()
			return
		}
		for _, f := range r.Failures {
			t.failures = append(t.failures, f.Kind)
		}
		if reasons == nil {
			reasons = r.Failures
		}
	}
	t.render(reasons)
}

// accept holds the first sentence of an answer against the record and against the
// one fact that it was asked to tell: words that are true of other facts are false of
// this one, and evidence that it does not need would mislead.
func (w *writing) accept(text string, f render.Fact) (string, Result) {
	sentences := Split(text)
	if len(sentences) == 0 {
		return "", w.result(nil, map[FailureKind]bool{FailUnsupported: true})
	}
	s := sentences[0]
	if r := w.Check(s); !r.OK {
		return s, r
	}
	if i, ok := w.exact[s]; ok && w.facts[i].ID != f.ID {
		return s, w.result(nil, map[FailureKind]bool{FailFact: true}) // that fact will say it
	}
	alone := NewChecker(&render.Document{
		Lang: w.lang, Sections: []render.Section{{Facts: []render.Fact{f}}},
		Admission: w.times.admission, Discharge: w.times.discharge, Latest: w.times.latest,
	})
	r := alone.Check(s)
	if !r.OK || !alone.tells(s, f) {
		r = w.result(nil, map[FailureKind]bool{FailFact: true})
	}
	return s, r
}

func (t *turn) render(reasons []CheckFailure) {
	t.sentence = Sentence{Text: tidy(t.fact.Text), Evidence: slices.Clone(t.fact.Evidence), Origin: Rendered, Reasons: reasons}
	if !t.joined {
		t.sentence.FactIDs = []string{t.fact.ID}
	}
	t.includeAlso()
}

func (t *turn) includeAlso() {
	s := &t.sentence
	for _, f := range t.also {
		if !slices.Contains(s.FactIDs, f.ID) {
			s.FactIDs = append(s.FactIDs, f.ID)
		}
		for _, e := range f.Evidence {
			if !slices.Contains(s.Evidence, e) {
				s.Evidence = append(s.Evidence, e)
			}
		}
	}
}
