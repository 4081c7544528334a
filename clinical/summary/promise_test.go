package summary

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/hl7v2"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

// requireTold holds a summary in any style to what no style may break: each sentence stands in the record, and no critical
// fact is left out.
func requireTold(t *testing.T, doc *render.Document, s *Summary) {
	t.Helper()
	c := NewChecker(doc)
	ids := map[string]bool{}
	for _, section := range s.Sections {
		if section.Heading == "" || len(section.Sentences) == 0 {
			t.Errorf("%s: section %q", s.Style, section.Kind)
		}
		for _, x := range section.Sentences {
			if r := c.Check(x.Text); !r.OK || len(x.Evidence) == 0 {
				t.Errorf("%s %s: %q does not stand: %v", doc.Lang, s.Style, x.Text, r.Failures)
			}
			for _, id := range x.FactIDs {
				ids[id] = true
			}
		}
	}
	for _, section := range doc.Sections {
		for _, f := range section.Facts {
			if f.Critical && !ids[f.ID] {
				t.Errorf("%s %s: critical %s is left out", doc.Lang, s.Style, f.ID)
			}
		}
	}
}

func sampleRecords(t *testing.T) map[string]*record.PatientRecord {
	t.Helper()
	out := map[string]*record.PatientRecord{"small": smallRecord(), "long": longRecord()}
	paths, err := filepath.Glob("../../testdata/records/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		var parse func([]byte) (*record.PatientRecord, error)
		switch {
		case strings.HasSuffix(path, ".fhir.json"):
			parse = func(b []byte) (*record.PatientRecord, error) { return fhir.Parse(b, fhir.Limits{}) }
		case strings.HasSuffix(path, ".hl7"):
			parse = func(b []byte) (*record.PatientRecord, error) { return hl7v2.Parse(b, hl7v2.Limits{}) }
		default:
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(path)] = rec
	}
	return out
}

// TestPromises: of every sample record, in both languages and all styles, whatever a model writes: nothing unsupported is
// said, nothing critical is left out, and both languages tell the same facts in the same order.
func TestPromises(t *testing.T) {
	records := sampleRecords(t)
	if len(records) < 6 {
		t.Fatalf("%d records", len(records))
	}
	both := []render.Lang{render.English, render.Chinese}
	for name, rec := range records {
		for _, style := range []Style{Plain, Brief, Handover, Discharge} {
			var told []string
			for _, lang := range both {
				opt := Options{Style: style, ModelLanguages: both, TokenBudget: 3000}
				doc, _ := Prepare(rec, lang, opt)
				w := writerFunc(func(_ context.Context, p Prompt) (string, error) {
					h := fnv.New64a()
					h.Write([]byte(p.System + p.User))
					return adversary(rand.New(rand.NewPCG(1, h.Sum64())), doc, p)
				})
				s, err := Summarize(t.Context(), doc, w, opt)
				if err != nil {
					t.Fatal(err)
				}
				requireTold(t, doc, s)
				var ids []string
				for _, section := range s.Sections {
					for _, x := range section.Sentences {
						ids = append(ids, fmt.Sprint(section.Kind, x.FactIDs))
					}
				}
				if told != nil && !slices.Equal(told, ids) {
					t.Errorf("%s %q: English tells %v, Chinese %v", name, style, told, ids)
				}
				told = ids
			}
		}
	}
}
