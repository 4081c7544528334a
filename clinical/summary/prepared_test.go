package summary

import (
	"os"
	"strings"
	"testing"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

func recordOf(t *testing.T, name string) *record.PatientRecord {
	t.Helper()
	data, err := os.ReadFile("../../testdata/records/" + name + ".fhir.json")
	if err != nil {
		t.Fatal(err)
	}
	rec, err := fhir.Parse(data, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// TestDerivedFactsPassByContent: what is computed from readings stands the same test as what was filed.
func TestDerivedFactsPassByContent(t *testing.T) {
	for _, lang := range []render.Lang{render.English, render.Chinese} {
		for _, name := range []string{"sepsis-icu", "sepsis-ward"} {
			doc := render.Render(recordOf(t, name), render.Options{Lang: lang, Derived: true})
			c := NewChecker(doc)
			derived := 0
			for _, f := range c.facts {
				for _, n := range f.Numbers {
					if n.Role == render.RoleSlope || n.Role == render.RoleShare || n.Role == render.RolePoints {
						derived++
						break
					}
				}
				if r := c.inspect(f.Text); !r.OK && !strings.ContainsAny(f.Text, `"“`) {
					t.Errorf("%s %s %q: %v", lang, f.ID, f.Text, r.Failures)
				}
			}
			if derived == 0 {
				t.Errorf("%s %s: nothing was derived", lang, name)
			}
		}
	}
}

// TestReadingsInDoubtAreNotRetold: a marked reading stands in the fact's own words alone.
func TestReadingsInDoubtAreNotRetold(t *testing.T) {
	rec := recordOf(t, "sepsis-icu")
	marked := 0
	for i := range rec.Observations {
		o := &rec.Observations[i]
		if q := o.Value.Quantity; q != nil && o.Code.Code(record.SystemLOINC) == "8867-4" && q.Value.Text == "126" {
			o.Marks = []record.Mark{record.MarkArtefact}
			marked++
		}
	}
	if marked == 0 {
		t.Fatal("the sample has no heart rate of 126")
	}
	c := NewChecker(render.Render(rec, render.Options{}))
	if r := c.Check("The highest heart rate was 126/min."); r.OK {
		t.Error("an artefact is told as a reading")
	}
	if r := c.Check("The heart rate was 126/min."); r.OK {
		t.Error("an artefact is told as a reading")
	}
	for _, f := range c.facts {
		if len(f.Marks) > 0 && tellable(f) {
			t.Errorf("%s is handed to a model", f.ID)
		}
		if r := c.Check(f.Text); len(f.Marks) > 0 && !r.OK {
			t.Errorf("%s does not stand in its own words", f.ID)
		}
	}
}
