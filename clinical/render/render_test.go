package render_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

var update = flag.Bool("update", false, "write the golden files")

func load(t testing.TB, name string) *record.PatientRecord {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../testdata/records", name+".fhir.json"))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := fhir.Parse(data, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("../../testdata/records/*.fhir.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample records: %v", err)
	}
	for _, f := range files {
		name := filepath.Base(f[:len(f)-len(".fhir.json")])
		for _, lang := range []render.Lang{render.English, render.Chinese} {
			t.Run(name+"."+string(lang), func(t *testing.T) {
				rec := load(t, name)
				got := render.Render(rec, render.Options{Lang: lang}).Text()
				if again := render.Render(rec, render.Options{Lang: lang}).Text(); again != got {
					t.Fatal("rendering twice gives two texts")
				}
				golden := filepath.Join("../../testdata/golden/render", name+"."+string(lang)+".txt")
				if *update {
					if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("differs from %s (run with -update if that is right):\n%s", golden, got)
				}
			})
		}
	}
}
