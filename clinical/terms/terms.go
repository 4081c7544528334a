// Package terms is the one table of what records name, in English and Chinese: measures,
// diagnoses, drugs, allergens, devices, the words of FHIR's codes, and units. Everything
// that reads or writes clinical words takes them from here.
package terms

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/bedside-lm/bedside/clinical/internal/tsv"
)

//go:embed data/*.tsv
var files embed.FS

// Lang is a language that Bedside writes in, by its BCP 47 tag.
type Lang string

// The languages.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// Entry is one row of the table of terms: a thing that records name, in both languages.
//
// Measures carry LOINC and ISO/IEEE 11073 codes, diagnoses ICD-10-CM, drugs and
// allergens RxNorm ingredients, vaccines CVX; words carry the FHIR or HL7 v3 code
// they stand for. Drugs and classes of drugs carry codes of the WHO's ATC classification too.
type Entry struct {
	Kind    string // measure, diagnosis, drug, ..., or the set of words: route, class, status, flag, ...
	Key     string // unique: kind and English name
	Codes   []string
	ATC     []string // of a drug: where it stands (level 5); of a drug-class: the groups it is made of
	Group   string   // of a measure: vital, gas, lab, wave, score
	Names   map[Lang][]string
	Abbr    map[Lang]string // the shortest name in use, one of Names; nil where there is none
	Unit    string          // UCUM code that the reference range is given in
	Male    *Bounds
	Female  *Bounds
	RangeBy string // source of the range
	Rank    int    // place in the table
}

// Bounds is an adult reference range; a nil end is open.
type Bounds struct{ Low, High *float64 }

// Unit is a unit of measure: its UCUM code and the ways it is written.
type Unit struct {
	Code    string
	Display map[Lang]string
	Aliases []string
}

// Name returns the entry's first name in a language.
func (e *Entry) Name(lang Lang) string { return e.Names[lang][0] }

type table struct {
	entries []*Entry
	units   []*Unit
	byCode  map[string]*Entry // kind + prefix letter + code
	byName  map[string]*Entry // kind + lower-case name, any language
	byUnit  map[string]*Unit  // any way of writing it
}

// loaded is read once; the files are part of the binary, so a fault in them is a
// fault of the build and the package's own test finds it.
var loaded = sync.OnceValue(func() *table {
	t, err := loadTable()
	if err != nil {
		panic(err)
	}
	return t
})

// Entries returns the whole table of terms, in the order of the files. It must not be changed.
func Entries() []*Entry { return loaded().entries }

// Units returns the whole table of units. It must not be changed.
func Units() []*Unit { return loaded().units }

func loadTable() (*table, error) {
	t := &table{byCode: map[string]*Entry{}, byName: map[string]*Entry{}, byUnit: map[string]*Unit{}}
	for _, f := range []string{"measures", "diagnoses", "drugs", "words"} {
		rows, err := tsv.Rows(files, "data/"+f+".tsv", 11)
		if err != nil {
			return nil, err
		}
		for i, r := range rows {
			if err := t.add(r); err != nil {
				return nil, fmt.Errorf("data/%s.tsv line %d: %w", f, tsv.FirstLine+i, err)
			}
		}
	}
	if err := t.addPharmacy(); err != nil {
		return nil, err
	}
	rows, err := tsv.Rows(files, "data/units.tsv", 4)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		u := &Unit{Code: r[0], Display: map[Lang]string{English: r[1], Chinese: r[2]}, Aliases: split(r[3])}
		t.units = append(t.units, u)
		for _, n := range append([]string{u.Code, r[1], r[2]}, u.Aliases...) {
			if n != "" && t.byUnit[n] == nil {
				t.byUnit[n] = u
			}
		}
	}
	return t, nil
}

func (t *table) add(r []string) error {
	e := &Entry{
		Kind: r[0], Codes: split(r[1]), Group: r[2], Unit: r[7], RangeBy: r[9], Key: r[0] + ":" + r[3],
		Names: map[Lang][]string{
			English: append([]string{r[3]}, split(r[5])...),
			Chinese: append([]string{r[4]}, split(r[6])...),
		},
		Rank: len(t.entries),
	}
	if r[3] == "" || r[4] == "" {
		return fmt.Errorf("a name is missing")
	}
	if r[10] != "" { // "HR", or "Cr|肌酐" where the languages differ
		en, zh, two := strings.Cut(r[10], "|")
		if !two {
			zh = en
		}
		e.Abbr = map[Lang]string{English: en, Chinese: zh}
	}
	if err := e.parseRange(r[8]); err != nil {
		return err
	}
	t.entries = append(t.entries, e)
	for _, c := range e.Codes {
		k := e.Kind + " " + c
		if t.byCode[k] != nil {
			return fmt.Errorf("code %s stands twice", c)
		}
		t.byCode[k] = e
	}
	for _, names := range e.Names {
		for _, n := range names {
			if k := e.Kind + " " + strings.ToLower(n); t.byName[k] == nil {
				t.byName[k] = e
			}
		}
	}
	return nil
}

// parseRange reads "60..100", "..8.0", "65.." or "male 14..18| female 12..16".
func (e *Entry) parseRange(s string) error {
	if s == "" {
		return nil
	}
	for _, part := range strings.Split(strings.ReplaceAll(s, "|", ","), ",") {
		sex, span, named := strings.Cut(strings.TrimSpace(part), " ")
		if !named {
			sex, span = "", sex
		}
		low, high, ok := strings.Cut(span, "..")
		if !ok {
			return fmt.Errorf("range %q", s)
		}
		b := &Bounds{}
		var err error
		if b.Low, err = bound(low); err != nil {
			return err
		}
		if b.High, err = bound(high); err != nil {
			return err
		}
		if sex != "female" {
			e.Male = b
		}
		if sex != "male" {
			e.Female = b
		}
	}
	return nil
}

func bound(s string) (*float64, error) {
	if s == "" {
		return nil, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	return &f, err
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "|")
}
