package summary

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

// longRecord is a stay of 20 days with readings every two hours, laboratory every day and rates of a drug that change all
// the time. Potassium is critical on days 3 and 4 alone, sodium on day 9, lactate at the end of every day.
func longRecord() *record.PatientRecord {
	rec := smallRecord()
	rec.Observations = nil
	add := func(day, hour int, loinc, value, unit, category string) {
		t := at(8)
		t.Time = t.Time.Add(time.Duration(24*day+hour) * time.Hour)
		rec.Observations = append(rec.Observations, record.Observation{
			ID: fmt.Sprintf("%s-%d-%d", loinc, day, hour), Status: "final", Category: category,
			Code: code(record.SystemLOINC, loinc, ""), Start: t, Value: record.Value{Quantity: quantity(value, unit)},
		})
	}
	for day := range 20 {
		for hour := 0; hour < 24; hour += 2 {
			add(day, hour, "8867-4", fmt.Sprint(70+(day*7+hour)%20), "/min", "vital-signs")
			add(day, hour, "2708-6", fmt.Sprint(95+hour%4), "%", "vital-signs")
		}
		potassium, sodium := "4.1", "140"
		switch day {
		case 3:
			potassium = "6.1"
		case 4:
			potassium = "6.6"
		case 9:
			sodium = "121"
		}
		add(day, 10, "2823-3", potassium, "mmol/L", "laboratory")
		add(day, 10, "2951-2", sodium, "mmol/L", "laboratory")
		add(day, 10, "2524-7", fmt.Sprintf("%d.5", 3+day%3), "mmol/L", "laboratory")
		for i := range 20 {
			t := at(8)
			t.Time = t.Time.Add(time.Duration(24*day+i) * time.Hour)
			rec.Medications = append(rec.Medications, record.Medication{
				ID: fmt.Sprintf("n-%d-%d", day, i), Administered: true, Status: "completed", Code: code(record.SystemRxNorm, "7512", ""),
				Rate: quantity(fmt.Sprintf("0.%02d", 1+(day*20+i)%99), "ug/kg/min"), Start: t,
			})
		}
	}
	return rec
}

// criticalOf are the values out of range that a window's own rendering calls critical, by measure and time.
func criticalOf(t *testing.T, rec *record.PatientRecord, lang render.Lang) []render.Fact {
	t.Helper()
	var out []render.Fact
	for _, w := range windowsOf(rec) {
		for _, s := range render.Render(w, render.Options{Lang: lang}).Sections {
			if s.Kind == render.SectionOpen {
				out = append(out, slices.DeleteFunc(s.Facts, func(f render.Fact) bool { return !f.Critical })...)
			}
		}
	}
	return out
}

func TestLongStay(t *testing.T) {
	rec := longRecord()
	var told [2][]string
	for i, lang := range []render.Lang{render.English, render.Chinese} {
		doc, windows := Prepare(rec, lang, Options{TokenBudget: 4096})
		if windows < 8 || windows > maxWindows {
			t.Fatalf("%s: %d windows", lang, windows)
		}
		if lang == render.English && render.EstimateTokens(doc.Text()) > 5000 {
			t.Errorf("the text has %d tokens", render.EstimateTokens(doc.Text()))
		}
		critical := criticalOf(t, rec, lang)
		if len(critical) < windows {
			t.Fatalf("%s: %d critical facts in %d windows", lang, len(critical), windows)
		}
		for _, style := range []Style{Plain, Brief, Handover, Discharge} {
			s, err := Summarize(t.Context(), doc, nil, Options{Style: style, ModelLanguages: []render.Lang{lang}})
			if err != nil {
				t.Fatal(err)
			}
			requireTold(t, doc, s)
			if r := NewChecker(doc).Check(map[render.Lang]string{
				render.English: "The latest sodium was 121 mmol/L.", render.Chinese: "最近一次钠为121 mmol/L。",
			}[lang]); r.OK {
				t.Errorf("%s: the last value of a window passes for the latest", lang)
			}
			for _, x := range s.Sections {
				for _, y := range x.Sentences {
					if strings.Contains(y.Text, "121") && (strings.Contains(strings.ToLower(y.Text), "latest") || strings.Contains(y.Text, "最近")) {
						t.Errorf("%q is not the latest", y.Text)
					}
				}
			}
			for _, f := range critical {
				value := f.Numbers[slices.IndexFunc(f.Numbers, func(n render.Number) bool { return n.Role == render.RoleLast })].Value.Text
				if !slices.ContainsFunc(s.Sections, func(x Section) bool {
					return slices.ContainsFunc(x.Sentences, func(y Sentence) bool {
						return slices.Contains(y.Evidence, f.Evidence[0]) && strings.Contains(y.Text, value) && strings.Contains(strings.ToLower(y.Text), strings.ToLower(f.Terms[0].Names[0]))
					})
				}) {
					t.Errorf("%s %s: %q of a window is lost", lang, style, f.Text)
				}
			}
			for _, x := range s.Sections {
				for _, y := range x.Sentences {
					told[i] = append(told[i], fmt.Sprint(style, x.Kind, y.FactIDs))
				}
			}
		}
		c := NewChecker(doc)
		for _, s := range doc.Sections {
			for _, f := range s.Facts {
				if r := c.inspect(f.Text); s.Kind == render.SectionCourse && !r.OK {
					t.Errorf("%q does not stand by its content: %v", f.Text, r.Failures)
				}
			}
		}
	}
	if !slices.Equal(told[0], told[1]) {
		t.Error("the languages tell different facts")
	}
}

// TestSmallStaysAreWhole: what fits is rendered as ever.
func TestSmallStaysAreWhole(t *testing.T) {
	rec := recordOf(t, "sepsis-icu")
	for _, lang := range []render.Lang{render.English, render.Chinese} {
		doc, windows := Prepare(rec, lang, Options{})
		if want := render.Render(rec, render.Options{Lang: lang}); windows != 0 || doc.Text() != want.Text() {
			t.Errorf("%s: %d windows, or another text", lang, windows)
		}
	}
}

func TestWindows(t *testing.T) {
	for _, c := range []struct {
		name    string
		gap     time.Duration
		n, want int
	}{
		{"none", 0, 0, 0},
		{"one", 0, 1, 1},
		{"the same moment", 0, 50, 1},
		{"a day", time.Hour, 24, 4},
		{"a week", 24 * time.Hour, 7, 7},
		{"a year", 24 * time.Hour, 365, 5},
		{"a century", 365 * 24 * time.Hour, 100, 12},
	} {
		rec := &record.PatientRecord{}
		for i := range c.n {
			start := at(6)
			start.Time = start.Time.Add(time.Duration(i) * c.gap)
			rec.Observations = append(rec.Observations, record.Observation{Start: start})
		}
		rec.Observations = append(rec.Observations, record.Observation{ID: "of no time"})
		got, held := windowsOf(rec), 0
		for _, w := range got {
			held += len(w.Observations)
		}
		if len(got) != c.want || held != c.n {
			t.Errorf("%s: %d windows of %d readings, want %d of %d", c.name, len(got), held, c.want, c.n)
		}
	}
}

// TestReducedFactsAreToldWhole: a model that tells one value of several is not taken at its word.
func TestReducedFactsAreToldWhole(t *testing.T) {
	doc, _ := Prepare(longRecord(), render.English, Options{TokenBudget: 1})
	w := writerFunc(func(_ context.Context, p Prompt) (string, error) {
		if strings.Contains(p.User, "Out of range") {
			return "Potassium was high, 6.1 mmol/L.", nil
		}
		return "", nil
	})
	s, err := Summarize(t.Context(), doc, w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Stats.ModelCalls == 0 || s.Stats.Sentences[Model] != 0 {
		t.Errorf("%+v", s.Stats)
	}
}
