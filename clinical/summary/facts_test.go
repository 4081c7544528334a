package summary

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/render"
)

type factCase struct {
	fact, answer string
	want         FailureKind // "" for one that is taken
}

var sepsisCases = []factCase{
	{"Heart rate", "The heart rate was 118/min (high) at 2026-03-14 06:00 and 94/min at 18:00, falling.", ""},
	{"Heart rate", "The heart rate was 118/min (high) at 2026-03-14 06:00.", FailFact},
	{"Heart rate", "The heart rate was falling.", FailFact},
	{"Heart rate", "The respiratory rate was 28/min at 06:00 and 20/min at 18:00.", FailFact},
	{"Heart rate", "Sepsis has been known since 2026-03-14 07:00. The heart rate fell to 94/min.", FailFact},
	{"Heart rate", "", FailUnsupported},
	{"Given: norepinephrine 0.05", "Norepinephrine 0.05 µg/kg/min, intravenous, was given at 2026-03-14 12:00.", FailFact},
	{"Given: norepinephrine 0.05", "Norepinephrine 0.05 µg/kg/min, intravenous, was given at 2026-03-14 12:00, in progress.", ""},
	{"Devices", "The devices are bedside patient monitor, infusion pump and blood gas analyser.", ""},
	{"Devices", "The devices are bedside patient monitor and blood gas analyser.", FailFact},
	{"Patient", "The patient is 67 years old.", FailFact},
	{"Patient", "The patient is female.", FailFact},
	{"Stay", "The stay is inpatient in intensive care since 06:00.", ""},
	{"Blood pressure", "Blood pressure was 92/52 mmHg and 114/64 mmHg at 18:00.", ""},
	{"Platelet", "Platelet count was 128 ×10^9/L (low).", ""},
	{"Platelet", "Platelet count was 128 ×10^9/L.", FailFact},
	{"Potassium", "Potassium was 4.6 mmol/L.", ""},
	{"Potassium", "Potassium was recorded at 06:00.", FailFact},
	{"Potassium", "Potassium was 4.6 at 06:00.", FailFact},
	{"Ordered: levofloxacin", "Levofloxacin 750 mg, intravenous, was ordered at 06:30.", ""},
	{"Ordered: levofloxacin", "The order levofloxacin 750 mg, intravenous, was completed at 06:30.", FailFact},
	{"Ordered: levofloxacin", "Levofloxacin 750 mg, intravenous, at 06:30.", FailFact},
	{"Given: levofloxacin", "Levofloxacin 750 mg, intravenous, was given from 06:45 to 07:45.", ""},
	{"Given: levofloxacin", "Levofloxacin, intravenous, was given from 06:45 to 07:45.", FailFact},
	{"Given: levofloxacin", "Levofloxacin 750 mg, intravenous, was given from 07:45 to 07:45.", FailDate},
	{"Given: levofloxacin", "Levofloxacin 750 mg, intravenous, was given from 07:45 until 06:45.", FailDate},
	{"Given: levofloxacin", "Levofloxacin 750 mg, intravenous, was given since 07:45.", FailDate},
	{"Given: levofloxacin", "Levofloxacin 750 mg, intravenous, was given until 07:45.", ""},
	{"Stay", "The stay is inpatient in intensive care until 06:00.", FailDate},
	{"Report pending", "The blood culture is pending.", ""},
	{"Report pending", "The blood culture is preliminary, from 2026-03-14 18:00.", FailFact},
	{"Latest creatinine", "The latest creatinine is high, 1.41 mg/dL at 18:00.", ""},
	{"Latest creatinine", "The latest creatinine is 1.41 mg/dL at 18:00.", FailFact},
	{"Latest creatinine", "The creatinine was high at 1.92 mg/dL.", FailFact},
}

var diabetesCases = []factCase{
	{"Patient", "The patient is male, 54 to 55 years old.", ""},
	{"Patient", "The patient is male, 54 to 56 years old.", FailNumber},
	{"Patient", "The patient is male, 54 to 55 months old.", FailNumber},
	{"Stay", "The stay was inpatient, finished, from 2026-05-04 08:00 to 2026-05-07 12:00.", ""},
	{"Stay", "The stay was inpatient, finished, from 2026-05-07 12:00 to 2026-05-07 12:00.", FailDate},
	{"Stay", "The stay was inpatient, finished, since 2026-05-07 12:00.", FailDate},
	{"Diagnosis", "The diagnosis is type 2 diabetes with hyperglycemia, active since 2026-04.", ""},
	{"Skin flux", "The skin flux index was 0.82 flux units at 10:00.", ""},
	{"Skin flux", "The skin flux index was 0.82 at 10:00.", FailFact},
	{"Given", "Insulin glargine 12 mg, subcutaneous, was given at 2026-05-04 22:00.", FailUnit},
}

var sepsisCasesZH = []factCase{
	{"患者", "患者为女性，67岁。", ""},
	{"患者", "患者为女性。", FailFact},
	{"疑似：急性肾损伤", "疑似急性肾损伤，活动性。", ""},
	{"心率", "心率2026-03-14 06:00 为118次/分（偏高），18:00 为94次/分，呈下降趋势。", ""},
	{"心率", "心率2026-03-14 06:00 为118次/分（偏高）。", FailFact},
	{"血小板计数", "血小板计数2026-03-14 06:00 为128 ×10^9/L（偏低）。", ""},
	{"已给药：左氧氟沙星", "给予左氧氟沙星750 mg，静脉给药，2026-03-14 06:45 至 07:45。", ""},
	{"已给药：左氧氟沙星", "给予左氧氟沙星750 mg，静脉给药，2026-03-14 07:45 至 06:45。", FailDate},
	{"最近一次肌酐", "最近一次肌酐偏高，2026-03-14 18:00 为1.41 mg/dL。", ""},
	{"报告待定", "血培养报告待定，为初步结果。", ""},
}

// TestOneFactIsTold holds answers against the fact they were asked to tell.
func TestOneFactIsTold(t *testing.T) {
	for _, x := range []struct {
		doc   *render.Document
		cases []factCase
	}{
		{sample(t, render.English), sepsisCases}, {sampleOf(t, "diabetes-ward", render.English), diabetesCases}, {sample(t, render.Chinese), sepsisCasesZH},
	} {
		w := &writing{Checker: NewChecker(x.doc)}
		for _, c := range x.cases {
			i := slices.IndexFunc(w.facts, func(f render.Fact) bool { return strings.HasPrefix(f.Text, c.fact) })
			if i < 0 {
				t.Fatalf("the sample has no fact %q", c.fact)
			}
			_, r := w.accept(c.answer, w.facts[i])
			has := slices.ContainsFunc(r.Failures, func(f CheckFailure) bool { return f.Kind == c.want })
			if r.OK != (c.want == "") || !r.OK && !has {
				t.Errorf("%s: %q gives %v, want %q", c.fact, c.answer, r.Failures, c.want)
			}
			if r.OK && !slices.Equal(r.Evidence, w.facts[i].Evidence) {
				t.Errorf("%q rests on %v", c.answer, r.Evidence)
			}
		}
	}
}

// TestFactsSayWhatTheyTell: a fact's own text leaves out nothing of it.
func TestFactsSayWhatTheyTell(t *testing.T) {
	for _, lang := range []render.Lang{render.English, render.Chinese} {
		for _, doc := range []*render.Document{sample(t, lang), smallDocument(lang)} {
			c := NewChecker(doc)
			for _, f := range c.facts {
				if tellable(f) && !c.tells(f.Text, f) {
					t.Errorf("%q does not tell itself", f.Text)
				}
			}
		}
	}
}

func TestChosenFacts(t *testing.T) {
	fact := func(id string, critical bool, roles ...render.Role) render.Fact {
		f := render.Fact{ID: id, Text: "Text " + strings.TrimRight(id, "'") + ".", Critical: critical}
		for _, r := range roles {
			f.Numbers = append(f.Numbers, render.Number{Role: r})
		}
		return f
	}
	facts := []render.Fact{
		fact("a", false), fact("b", false), fact("b'", false), fact("c", false), fact("d", true), fact("e", true),
		fact("f", false, render.RoleFirst, render.RoleLast),
	}
	for _, c := range []struct {
		kind render.SectionKind
		max  int
		want string
	}{
		{render.SectionLaboratory, 1, "d e"},
		{render.SectionVitals, 1, "d e f"},
		{render.SectionVitals, 4, "a d e f"},
		{render.SectionLaboratory, 5, "a b d e"},
		{render.SectionLaboratory, 12, "a b c d e f"},
	} {
		var got []string
		for _, x := range (&writing{opt: Options{MaxSentences: c.max}}).choose(&Section{}, chosen(c.kind, facts)) {
			got = append(got, x.fact.ID)
			if x.render(nil); x.fact.ID == "b" && !slices.Equal(x.sentence.FactIDs, []string{"b", "b'"}) {
				t.Errorf("facts in the same words are told by %v", x.sentence.FactIDs)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s, at most %d: %v, want %s", c.kind, c.max, got, c.want)
		}
	}
}

// TestDeniedFactsStayAsTheyStand: the model is asked neither for them nor for what is too long.
func TestDeniedFactsStayAsTheyStand(t *testing.T) {
	var asked atomic.Int32
	w := writerFunc(func(context.Context, Prompt) (string, error) {
		asked.Add(1)
		return "Acetaminophen was given, not ordered.", nil
	})
	denied := render.Fact{ID: "a", Text: "Not given: acetaminophen.", Negated: true, Evidence: []string{"x"}, Terms: []render.Term{{Key: "k", Names: []string{"acetaminophen"}}}}
	long := render.Fact{ID: "b", Text: "Report: " + strings.Repeat("long ", 200) + ".", Evidence: []string{"y"}, Terms: denied.Terms}
	doc := &render.Document{Lang: render.English, Sections: []render.Section{{Kind: render.SectionOpen, Facts: []render.Fact{denied, long}}}}
	s, err := Summarize(t.Context(), doc, w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 0 || s.Stats.Sentences[Rendered] != 2 {
		t.Errorf("asked %d times: %+v", asked.Load(), s.Sections)
	}
}

// TestTheSameSentenceTwice: what is true of two facts is said of the first alone.
func TestTheSameSentenceTwice(t *testing.T) {
	w := writerFunc(func(_ context.Context, p Prompt) (string, error) {
		if strings.Contains(strings.ToLower(p.User), "potassium") {
			return "Potassium is high, 6.6 mmol/L.", nil
		}
		return "", nil
	})
	rec := smallRecord()
	for i := range rec.Observations {
		if rec.Observations[i].ID == "k" {
			rec.Observations[i].Value.Quantity = quantity("6.6", "mmol/L")
		}
	}
	doc := render.Render(rec, render.Options{Lang: render.English})
	s, err := Summarize(t.Context(), doc, w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	requireSound(t, doc, s, Options{})
	if s.Stats.Sentences[Model] != 1 {
		t.Errorf("%d sentences of the model, want one", s.Stats.Sentences[Model])
	}
}

// TestFactsAreWrittenAtOnce: with one second a call, the first sentences go out after
// one second, and no more calls run than allowed.
func TestFactsAreWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, calls atomic.Int32
		w := writerFunc(func(_ context.Context, p Prompt) (string, error) {
			calls.Add(1)
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return strings.TrimPrefix(p.User, "Fact: "), nil
		})
		start := time.Now()
		var first time.Duration
		opt := Options{Parallel: 5, OnSentence: func(Section, Sentence) error {
			if first == 0 {
				first = time.Since(start)
			}
			return nil
		}}
		s, err := Summarize(t.Context(), sample(t, render.English), w, opt)
		if err != nil {
			t.Fatal(err)
		}
		want := time.Duration(calls.Load()+4) / 5 * time.Second
		if took := time.Since(start); most.Load() != 5 || first != time.Second || took != want {
			t.Errorf("%d at once, first sentence after %s, all after %s, want %s", most.Load(), first, took, want)
		}
		if int(calls.Load()) != s.Stats.ModelCalls {
			t.Errorf("%d calls counted, %d made", s.Stats.ModelCalls, calls.Load())
		}
	})
}

func TestPrompts(t *testing.T) {
	for _, lang := range []render.Lang{render.English, render.Chinese} {
		doc := sample(t, lang)
		w := &writing{Checker: NewChecker(doc), opt: Options{}.withDefaults()}
		for _, s := range doc.Sections {
			for _, x := range w.choose(&Section{Kind: s.Kind}, chosen(s.Kind, s.Facts)) {
				for _, style := range []style{free, strict} {
					p := w.prompt(x, style)
					size := utf8.RuneCountInString(p.System)
					for _, e := range p.Examples {
						size += utf8.RuneCountInString(e.User + e.Assistant)
						if e.Assistant == "" || !strings.HasPrefix(e.User, factMark[lang]) || style == strict && e.User != factMark[lang]+e.Assistant {
							t.Errorf("%s %s: example %+v", lang, s.Kind, e)
						}
					}
					if len(p.Examples) == 0 || size > 700 {
						t.Errorf("%s %s: %d examples, %d characters", lang, s.Kind, len(p.Examples), size)
					}
					if p.User != factMark[lang]+x.fact.Text || p.MaxTokens < 24 || p.MaxTokens > w.opt.MaxTokens {
						t.Errorf("%s: %q, at most %d tokens", lang, p.User, p.MaxTokens)
					}
				}
			}
		}
	}
}
