package summary

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lm/bedside/clinical/render"
)

func summaryInStyle(t *testing.T, name string, lang render.Lang, style Style) *Summary {
	t.Helper()
	s, err := Summarize(t.Context(), sampleOf(t, name, lang), nil, Options{Style: style, ModelLanguages: []render.Lang{lang}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStyles(t *testing.T) {
	for _, c := range []struct {
		record   string
		style    Style
		sections string
		warnings string
	}{
		{"sepsis-icu", Brief, "summary", ""},
		{"sepsis-icu", Handover, "situation background assessment recommendation", ""},
		{"sepsis-icu", Discharge, "stay diagnoses course treatment latest outstanding", "open-stay"},
		{"diabetes-ward", Brief, "summary", "no-allergies"},
		{"diabetes-ward", Discharge, "stay diagnoses course treatment latest outstanding", "no-allergies"},
		{"diabetes-ward", Plain, "who why vitals laboratory medication open", ""},
	} {
		for _, lang := range []render.Lang{render.English, render.Chinese} {
			s := summaryInStyle(t, c.record, lang, c.style)
			var sections, warnings []string
			for _, x := range s.Sections {
				sections = append(sections, string(x.Kind))
			}
			for _, w := range s.Warnings {
				warnings = append(warnings, string(w.Kind))
				if w.Message == "" {
					t.Errorf("%s: an empty warning", lang)
				}
			}
			if got := strings.Join(sections, " "); got != c.sections || strings.Join(warnings, " ") != c.warnings {
				t.Errorf("%s %s %s: sections %s, warnings %v", c.record, lang, c.style, got, warnings)
			}
		}
	}
}

// TestHandover: a recommendation is what the record leaves open and no more, and a drug that runs is in the assessment.
func TestHandover(t *testing.T) {
	s := summaryInStyle(t, "sepsis-icu", render.English, Handover)
	for _, section := range s.Sections {
		for _, x := range section.Sentences {
			open := !slices.ContainsFunc(x.FactIDs, func(id string) bool { return !strings.HasPrefix(id, "open.") })
			if open != (section.Kind == SectionRecommendation) {
				t.Errorf("%s tells %v", section.Kind, x.FactIDs)
			}
		}
	}
	if !strings.Contains(fmt.Sprint(s.Sections[2]), "norepinephrine 0.05 µg/kg/min, intravenous, in progress") {
		t.Error("the assessment leaves out a drug that runs")
	}
}

// TestValuesOutOfRangeAreToldTogether: few sentences, each value with its time, each fact once.
func TestValuesOutOfRangeAreToldTogether(t *testing.T) {
	for lang, want := range map[render.Lang]string{
		render.English: "Latest values out of range: creatinine 1.41 mg/dL (high) at 2026-03-14 18:00, sodium 133 mmol/L (low) at 06:00, glucose 182 mg/dL (high) at 06:00.",
		render.Chinese: "最近超出范围的数值：肌酐 2026-03-14 18:00 为1.41 mg/dL（偏高），钠 06:00 为133 mmol/L（偏低），葡萄糖 06:00 为182 mg/dL（偏高）。",
	} {
		found := false
		for _, x := range summaryInStyle(t, "sepsis-icu", lang, Brief).Sections[0].Sentences {
			if x.Text == want {
				found = true
				if len(x.FactIDs) != 3 || len(x.Evidence) != 3 || x.Origin != Rendered {
					t.Errorf("%+v", x)
				}
			}
		}
		if !found {
			t.Errorf("%s: %q is not there", lang, want)
		}
	}
}

// TestTheNearestExampleIsLast: what begins with a fact's own words is what a model reads right before it.
func TestTheNearestExampleIsLast(t *testing.T) {
	for text, want := range map[string]string{
		"Reason for the stay: pneumonia.":                                                      "Reason for the stay: syncope.",
		"Allergy: penicillin, high risk, active.":                                              "Allergy: latex,",
		"Given: norepinephrine 0.05 µg/kg/min, intravenous, in progress, at 2026-03-14 12:00.": "Given: dobutamine",
		"Given: vancomycin 1500 mg, intravenous, completed, from 2026-03-14 07:00 to 08:00.":   "Given: furosemide",
		"Known problem: hypertension, active, since 2026-03-14 06:00.":                         "Diagnosis: asthma,",
	} {
		section, f := render.SectionWhy, render.Fact{Text: text}
		if strings.HasPrefix(text, "Given") {
			section, f.State = render.SectionMedication, render.StateAdministered
		}
		all := examplesFor(render.English, section, f)
		if last := all[len(all)-1].User; !strings.HasPrefix(last, want) {
			t.Errorf("%q: the last example is %q, want %q", text, last, want)
		}
	}
}
