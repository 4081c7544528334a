package render_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

// variant is one way to render.
type variant struct {
	lang render.Lang
	opt  render.Options
}

func (v variant) String() string {
	style := "full"
	if v.opt.Style == render.StyleCompact {
		style = "compact"
	}
	return fmt.Sprintf("%s %s relative=%t", v.lang, style, v.opt.RelativeTimes)
}

func variants() []variant {
	var out []variant
	for _, relative := range []bool{false, true} {
		for _, style := range []render.Style{render.StyleFull, render.StyleCompact} {
			for _, lang := range both {
				out = append(out, variant{lang, render.Options{Lang: lang, Style: style, RelativeTimes: relative, Derived: true, MaxFacts: 1000}})
			}
		}
	}
	return out
}

const (
	keyDiastolic = "measure:diastolic blood pressure"
	keyPressure  = "measure:blood pressure"
)

type manner struct {
	lang  render.Lang
	style render.Style
}

// languages are put together once.
var languages = sync.OnceValue(func() map[manner]*language {
	out := map[manner]*language{}
	for _, v := range variants() {
		out[manner{v.lang, v.opt.Style}] = newLanguage(v.lang, v.opt.Style)
	}
	return out
})

func languageOf(v variant, year int) *language {
	l := *languages()[manner{v.lang, v.opt.Style}]
	l.year = year
	return &l
}

type failer interface {
	Fatalf(format string, args ...any)
}

// readText takes a whole text apart, into the items of each line of each section.
func readText(t failer, v variant, doc *render.Document, rec *record.PatientRecord, year int) [][][]item {
	l := languageOf(v, year).with(doc, rec)
	var out [][][]item
	lines := strings.Split(strings.TrimRight(doc.Text(), "\n"), "\n")
	for _, s := range doc.Sections {
		heading := s.Heading
		if l.compact {
			heading = "# " + heading
		}
		if len(lines) == 0 || !strings.HasPrefix(lines[0], heading) {
			t.Fatalf("%s: no heading for %s", v, s.Kind)
		}
		if len(s.Facts) == 0 && l.compact {
			lines = lines[1:]
		} else {
			lines = lines[1:]
			if len(s.Facts) == 0 {
				lines = lines[1:]
			}
		}
		var section [][]item
		for range s.Facts {
			items, err := l.read(strings.TrimPrefix(lines[0], "- "))
			if err != nil {
				t.Fatalf("%s: %v", v, err)
			}
			section = append(section, items)
			lines = lines[1:]
		}
		out = append(out, section)
		if len(lines) > 0 && lines[0] == "" {
			lines = lines[1:]
		}
	}
	if len(lines) > 0 {
		t.Fatalf("%s: %d lines more than facts", v, len(lines))
	}
	return out
}

// checkParity renders a record in every way, reads the facts back from each text, and holds
// them against the facts' own lists and against those of every other language and style.
func checkParity(t failer, rec *record.PatientRecord, anchor record.DateTime, relative bool) {
	year := lastYear(rec)
	var first *render.Document
	texts := map[string][][][]item{}
	vs := slices.DeleteFunc(variants(), func(v variant) bool { return v.opt.RelativeTimes != relative })
	for _, v := range vs {
		doc := render.Render(rec, v.opt)
		if first == nil {
			first = doc
		}
		read := readText(t, v, doc, rec, year)
		for i, s := range doc.Sections {
			for j, f := range s.Facts {
				compareStructured(t, v, f, read[i][j], anchor)
			}
		}
		texts[v.String()] = read
		compareDocuments(t, v, first, doc)
	}
	for _, pair := range [][2]int{{0, 1}, {2, 3}, {0, 2}, {1, 3}} {
		a, b := vs[pair[0]], vs[pair[1]]
		for i := range texts[a.String()] {
			for j := range texts[a.String()][i] {
				x, y := texts[a.String()][i][j], texts[b.String()][i][j]
				if only, more := pairOff(x, y); len(only)+len(more) > 0 {
					t.Fatalf("%s.%d: %s says %v more, %s %v", first.Sections[i].Kind, j+1, a, only, b, more)
				}
			}
		}
	}
}

// compareDocuments holds the structured facts of two renderings against each other: all but
// the words and what times by the clock have not must be the same.
func compareDocuments(t failer, v variant, a, b *render.Document) {
	for i := range a.Sections {
		if len(a.Sections[i].Facts) != len(b.Sections[i].Facts) {
			t.Fatalf("%s: section %s has %d facts, the first rendering %d", v, a.Sections[i].Kind, len(b.Sections[i].Facts), len(a.Sections[i].Facts))
		}
		for j := range a.Sections[i].Facts {
			if x, y := essence(a.Sections[i].Facts[j]), essence(b.Sections[i].Facts[j]); x != y {
				t.Fatalf("%s: facts differ:\n%s\n%s", v, x, y)
			}
		}
	}
}

func essence(f render.Fact) string {
	var b strings.Builder
	fmt.Fprint(&b, f.ID, f.Evidence, f.Dates, f.Negated, f.Flag, f.Trend, f.State, f.Marks)
	for _, n := range f.Numbers {
		if n.Role != render.RoleOffset && n.Role != render.RoleLabel {
			fmt.Fprint(&b, n.Value.Text, n.Unit, n.Role, n.Of, n.At, n.Comparator, n.Flag, ";")
		}
	}
	for _, x := range f.Terms {
		fmt.Fprint(&b, x.Key, ";")
	}
	return b.String()
}

func lastYear(rec *record.PatientRecord) int {
	year := 0
	for _, o := range rec.Observations {
		year = max(year, o.Start.Time.Year(), o.End.Time.Year())
	}
	for _, e := range rec.Encounters {
		year = max(year, e.Start.Time.Year(), e.End.Time.Year())
	}
	for _, m := range rec.Medications {
		year = max(year, m.Start.Time.Year(), m.End.Time.Year())
	}
	for _, d := range rec.Reports {
		year = max(year, d.Start.Time.Year(), d.Issued.Time.Year())
	}
	for _, c := range rec.Conditions {
		year = max(year, c.Onset.Time.Year(), c.Recorded.Time.Year(), c.Abatement.Time.Year())
	}
	for _, p := range rec.Procedures {
		year = max(year, p.Start.Time.Year(), p.End.Time.Year())
	}
	for _, i := range rec.Immunizations {
		year = max(year, i.When.Time.Year())
	}
	return year
}

// anchorOf is the one inpatient stay's start.
func anchorOf(rec *record.PatientRecord) record.DateTime {
	var at record.DateTime
	for _, e := range rec.Encounters {
		if e.Class == "IMP" && e.Start.Precision >= record.PrecisionDay && e.Start.Compare(at) > 0 {
			at = e.Start
		}
	}
	return at
}

func TestSameFactsInSampleRecords(t *testing.T) {
	files, err := filepath.Glob("../../testdata/records/*.fhir.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample records: %v", err)
	}
	for _, f := range files {
		name := filepath.Base(f[:len(f)-len(".fhir.json")])
		t.Run(name, func(t *testing.T) {
			rec := load(t, name)
			checkParity(t, rec, anchorOf(rec), false)
			checkParity(t, rec, anchorOf(rec), true)
		})
	}
}

func TestSameFactsInRandomRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := wardRecord(t)
		checkParity(t, rec, anchorOf(rec), rapid.Bool().Draw(t, "relative"))
	})
}
