package diagnosis

import (
	"embed"
	"fmt"
	"strings"
	"sync"

	"github.com/bedside-lm/bedside/clinical/internal/tsv"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
	"github.com/bedside-lm/bedside/clinical/treatment/rules"
)

//go:embed data/next.tsv
var files embed.FS

// Test is what would help to settle a suggestion.
type Test struct {
	Code   string // LOINC, of a measure; "" for what no code of the table of terms stands for
	Name   string
	Source string
}

// nextRow is a line of the table: tests that a guideline names for diseases.
type nextRow struct {
	icd      []string       // codes, each with all that begin with it
	measures []*terms.Entry // of which one is enough; none for what has a name
	name     map[terms.Lang]string
	source   *rules.Source
}

// nextRows is read once; the table is part of the binary, and the package's test finds a fault in it.
var nextRows = sync.OnceValue(func() []nextRow {
	out, err := loadNext()
	if err != nil {
		panic(err)
	}
	return out
})

func loadNext() ([]nextRow, error) {
	rows, err := tsv.Rows(files, "data/next.tsv", 5)
	if err != nil {
		return nil, err
	}
	var out []nextRow
	for i, r := range rows {
		row := nextRow{icd: strings.Split(r[0], "|"), source: rules.SourceOf(r[4]), name: map[terms.Lang]string{terms.English: r[2], terms.Chinese: r[3]}}
		if r[1] != "" {
			for code := range strings.SplitSeq(r[1], "|") {
				row.measures = append(row.measures, terms.Measure(code))
			}
		}
		for _, e := range row.measures {
			if e == nil {
				return nil, fmt.Errorf("data/next.tsv line %d: unknown LOINC code", tsv.FirstLine+i)
			}
		}
		if row.source == nil || len(row.measures) == 0 && (r[2] == "" || r[3] == "") {
			return nil, fmt.Errorf("data/next.tsv line %d: no source, or neither measure nor names", tsv.FirstLine+i)
		}
		out = append(out, row)
	}
	return out, nil
}

// next lists the tests for a disease that the record does not show. Of what has no code nobody knows whether it was done.
func next(icd string, have map[*terms.Entry]bool, lang terms.Lang) []Test {
	var out []Test
	for _, row := range nextRows() {
		if !row.about(icd) || row.done(have) {
			continue
		}
		t := Test{Name: row.name[lang], Source: row.source.Text()}
		if len(row.measures) > 0 {
			t.Code, t.Name = loinc(row.measures[0]), row.measures[0].Name(lang)
		}
		out = append(out, t)
	}
	return out
}

func (r *nextRow) about(icd string) bool {
	for _, c := range r.icd {
		if strings.HasPrefix(icd, c) {
			return true
		}
	}
	return false
}

func (r *nextRow) done(have map[*terms.Entry]bool) bool {
	for _, e := range r.measures {
		if have[e] {
			return true
		}
	}
	return false
}

// measured are the measures that a record has a reading of, whenever.
func measured(rec *record.PatientRecord) map[*terms.Entry]bool {
	out := map[*terms.Entry]bool{}
	for i := range rec.Observations {
		o := &rec.Observations[i]
		if e, _ := terms.Find("measure", o.Code); e != nil {
			out[e] = true
		}
		for j := range o.Components {
			if e, _ := terms.Find("measure", o.Components[j].Code); e != nil {
				out[e] = true
			}
		}
	}
	return out
}
