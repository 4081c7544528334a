package summary

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lm/bedside/clinical/render"
)

var update = flag.Bool("update", false, "write the golden files")

// writerFunc is an adversary: it answers whatever the test wants it to.
type writerFunc func(ctx context.Context, p Prompt) (string, error)

func (f writerFunc) Write(ctx context.Context, p Prompt) (string, error) { return f(ctx, p) }

// recorded is what a small model once wrote of facts: true, wrong, of another fact,
// incomplete and beside the point.
var recorded = []struct{ fact, free, strict string }{
	{"Patient", "The patient is a 67-year-old woman. She is a very kind lady.", ""},
	{"Devices", "The devices are bedside patient monitor and blood gas analyser.", "Devices: monitor."},
	{"Reason for the stay", "The reason for the stay is pneumonia.", ""},
	{"Diagnosis: sepsis", "Scol Hyperthymelosia is diagnosed, active since 2026-03-14 07:00.", "Diagnosis: sepsis, active, since 2026-03-14 07:00."},
	{"Suspected: pneumonia", "The diagnosis is pneumonia.", "Sure! Here is the sentence."},
	{"Known problem", "The patient has sepsis.", "Known problem: hypertension, active, since 2026-03-14 06:00."},
	{"Allergy", "The patient has an allergy to penicillin, high risk, with urticaria as reaction.", ""},
	{"Heart rate", "The heart rate fell from 118/min to 94/min.", ""},
	{"Blood pressure", "Blood pressure rose to 140/90 mmHg.", "Blood pressure: 92/52 mmHg"},
	{"Respiratory rate", "The respiratory rate was 28/min at 06:00.", "Respiratory rate: 28/min (high) at 2026-03-14 06:00, 20/min at 18:00."},
	{"Procalcitonin", "Procalcitonin was 18.6 ng/mL at 2026-03-14 06:00.", ""},
	{"Latest procalcitonin", "The latest procalcitonin is high, 18.6 ng/mL at 2026-03-14 06:00.", ""},
	{"Lactate", "Lactate fell from 4.8 mmol/L (high) to 1.8 mmol/L. The creatinine is improving.", ""},
	{"Ordered: levofloxacin", "The order levofloxacin 750 mg, intravenous, was completed at 2026-03-14 06:30.", "Ordered: levofloxacin 750 mg, intravenous, active, at 2026-03-14 6:30."},
	{"Given: levofloxacin", "Levofloxacin 750 mg, intravenous, was given from 2026-03-14 07:45 to 07:45.", "Given: levofloxacin 750 mg"},
	{"Given: vancomycin", "Vancomycin, intravenous, was given.", "Meropenem 1 g was given."},
	{"Report pending", "The blood culture is pending.", ""},
}

func recordedWriter(_ context.Context, p Prompt) (string, error) {
	fact := strings.TrimPrefix(p.User, factMark[p.Lang])
	for _, r := range recorded {
		switch {
		case !strings.HasPrefix(fact, r.fact):
		case p.System == systemPrompts[strict]:
			return r.strict, nil
		default:
			return r.free, nil
		}
	}
	return "", nil
}

func TestGoldenSummary(t *testing.T) {
	for _, lang := range []render.Lang{render.English, render.Chinese} {
		t.Run(string(lang), func(t *testing.T) {
			s, err := Summarize(t.Context(), sample(t, lang), writerFunc(recordedWriter), Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(s, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			golden := filepath.Join("../../testdata/golden/summary", "sepsis-icu."+string(lang)+".json")
			if *update {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("differs from %s (run with -update if that is right):\n%s", golden, got)
			}
		})
	}
}

// requireSound holds a whole summary to its promises.
func requireSound(t interface {
	Helper()
	Fatalf(string, ...any)
}, doc *render.Document, s *Summary, opt Options,
) {
	t.Helper()
	c := NewChecker(doc)
	opt = opt.withDefaults()
	said := map[string]bool{}
	texts := map[string]bool{}
	for i, sec := range s.Sections {
		facts := doc.Sections[i].Facts
		if len(sec.Sentences) == 0 || sec.Kind != doc.Sections[i].Kind {
			t.Fatalf("section %s says nothing", sec.Kind)
		}
		room, last := opt.MaxSentences, -1
		for _, x := range sec.Sentences {
			if r := c.Check(x.Text); !r.OK {
				t.Fatalf("%s sentence %q does not pass: %v", x.Origin, x.Text, r.Failures)
			}
			if texts[x.Text] {
				t.Fatalf("%q is said twice", x.Text)
			}
			texts[x.Text] = true
			k := slices.IndexFunc(facts, func(f render.Fact) bool { return slices.Equal(x.FactIDs, []string{f.ID}) })
			if k <= last {
				t.Fatalf("%s sentence %q rests on %v, which is not the next fact", x.Origin, x.Text, x.FactIDs)
			}
			last = k
			if f := facts[k]; !slices.Equal(x.Evidence, f.Evidence) || x.Origin != Rendered && !c.tells(x.Text, f) {
				t.Fatalf("%s sentence %q does not tell its fact %q by %v", x.Origin, x.Text, f.Text, x.Evidence)
			}
			said[facts[k].ID] = true
			if !needed(sec.Kind, facts[k]) {
				room--
			}
		}
		if len(sec.Sentences) > opt.MaxSentences && room != opt.MaxSentences {
			t.Fatalf("section %s: %d sentences of %d, more than are needed", sec.Kind, len(sec.Sentences), opt.MaxSentences)
		}
	}
	for _, sec := range doc.Sections {
		for _, f := range sec.Facts {
			if needed(sec.Kind, f) && !said[f.ID] {
				t.Fatalf("needed fact %s is left out", f.ID)
			}
		}
	}
}

func TestTrueSentencesAreKept(t *testing.T) {
	w := writerFunc(func(_ context.Context, p Prompt) (string, error) {
		if strings.Contains(p.User, "Heart rate") {
			return "The heart rate fell from 128/min to 98/min.", nil
		}
		return "", nil
	})
	s, err := Summarize(t.Context(), smallDocument(render.English), w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, sec := range s.Sections {
		if sec.Kind == render.SectionVitals {
			if x := sec.Sentences[0]; x.Origin != Model || x.Text != "The heart rate fell from 128/min to 98/min." || x.Evidence[0] != "Observation/hr0" {
				t.Errorf("first sentence %+v, want the model's own", x)
			}
		}
	}
}

func TestRewriteUnderConstraint(t *testing.T) {
	w := writerFunc(func(_ context.Context, p Prompt) (string, error) {
		if p.System == systemPrompts[strict] {
			return strings.TrimPrefix(p.User, "Fact: "), nil
		}
		return "Heart rate was 999/min.", nil
	})
	s, err := Summarize(t.Context(), smallDocument(render.English), w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Stats.Sentences[Rewritten] == 0 || s.Stats.Failures[FailNumber] == 0 {
		t.Errorf("stats %+v: no sentence was rewritten", s.Stats)
	}
	for _, sec := range s.Sections {
		for _, x := range sec.Sentences {
			if x.Origin == Rewritten && len(x.Reasons) == 0 {
				t.Errorf("%q gives no reason for its rewriting", x.Text)
			}
		}
	}
}

func TestLanguageTheModelDoesNotWrite(t *testing.T) {
	w := writerFunc(func(context.Context, Prompt) (string, error) {
		t.Error("the model was asked in a language that it does not write")
		return "", nil
	})
	s, err := Summarize(t.Context(), smallDocument(render.Chinese), w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) != 1 || s.Warnings[0].Kind != WarnLanguage || s.Stats.Sentences[Rendered] == 0 || s.Notice == "" {
		t.Errorf("warnings %v, stats %+v", s.Warnings, s.Stats)
	}
}

func TestFailingModelWarns(t *testing.T) {
	gone := errors.New("model gone")
	w := writerFunc(func(context.Context, Prompt) (string, error) { return "", gone })
	doc := smallDocument(render.English)
	s, err := Summarize(t.Context(), doc, w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	requireSound(t, doc, s, Options{})
	if len(s.Warnings) != len(s.Sections) || s.Warnings[0].Kind != WarnWriter || !errors.Is(s.Warnings[0].Err, gone) {
		t.Errorf("warnings %v", s.Warnings)
	}
}

func TestCancellationIsReturned(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := writerFunc(func(ctx context.Context, _ Prompt) (string, error) {
		cancel()
		<-ctx.Done()
		return "", ctx.Err()
	})
	if _, err := Summarize(ctx, smallDocument(render.English), w, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the cancellation", err)
	}
}

func TestSentencesAreHandedOnInOrder(t *testing.T) {
	var got []string
	opt := Options{OnSentence: func(of Section, s Sentence) error {
		got = append(got, string(of.Kind)+" "+s.Text)
		return nil
	}}
	s, err := Summarize(t.Context(), sample(t, render.English), writerFunc(recordedWriter), opt)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, sec := range s.Sections {
		for _, x := range sec.Sentences {
			want = append(want, string(sec.Kind)+" "+x.Text)
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("handed on\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
