package summary

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lm/bedside/clinical/render"
)

// TestBrief holds brief summaries against the golden files: a sentence a line, with the facts that it tells.
func TestBrief(t *testing.T) {
	for _, name := range []string{"sepsis-icu", "small"} {
		for _, lang := range []render.Lang{render.English, render.Chinese} {
			doc := smallDocument(lang)
			if name != "small" {
				doc = sampleOf(t, name, lang)
			}
			s, err := Summarize(t.Context(), doc, nil, Options{Style: Brief, ModelLanguages: []render.Lang{lang}})
			if err != nil {
				t.Fatal(err)
			}
			requireTold(t, doc, s)
			var got strings.Builder
			for _, section := range s.Sections {
				got.WriteString("# " + section.Heading + "\n")
				for _, x := range section.Sentences {
					got.WriteString(x.Text + " [" + strings.Join(x.FactIDs, " ") + "]\n")
				}
			}
			golden := filepath.Join("../../testdata/golden/summary", name+".brief."+string(lang)+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("differs from %s (run with -update if that is right):\n%s", golden, got.String())
			}
		}
	}
}

// TestVitalsAreToldOnce: a vital sign out of range stands in the line of vital signs, with its flag, and in no other; it
// rests on its latest reading alone.
func TestVitalsAreToldOnce(t *testing.T) {
	s, err := Summarize(t.Context(), smallDocument(render.English), nil, Options{Style: Brief})
	if err != nil {
		t.Fatal(err)
	}
	var told []Sentence
	for _, x := range s.Sections[0].Sentences {
		if strings.Contains(x.Text, "temperature") {
			told = append(told, x)
		}
	}
	if len(told) != 1 || !strings.Contains(told[0].Text, "body temperature 38.9 °C (high)") || !strings.Contains(told[0].Text, "blood pressure 112/64 mmHg at") {
		t.Fatalf("%+v", told)
	}
	if want := []string{"Observation/hr4", "Observation/bp2", "Observation/t"}; !slices.Equal(told[0].Evidence, want) {
		t.Errorf("evidence %v, want %v", told[0].Evidence, want)
	}
}
