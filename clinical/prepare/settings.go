package prepare

import (
	"embed"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bedside-lm/bedside/clinical/internal/tsv"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

//go:embed data/measures.tsv
var settingsFile embed.FS

// limits of one measure, in its usual unit. Soft limits are what is plausible in a living
// patient, shock and crisis included, of any age or, where the table says so, of an adult. Hard
// limits are where a reading is far less likely than a wrong unit. Both are wider than reference
// ranges by design. The table's source column says H19 where the limits were held against the
// variable ranges of Harutyunyan et al. 2019, Multitask learning and benchmarking with clinical
// time series data, doi:10.1038/s41597-019-0103-9, and J where they are judged here alone.
type limits struct {
	key               string // of the table of terms
	listed            bool   // false: the measure's unit is known and nothing else
	softLow, softHigh float64
	hardLow, hardHigh float64
	// carry is how long a reading stands for what came after it; about the usual interval
	// between two of its kind on an intensive care unit.
	carry time.Duration
	// scale is a difference that two good readings of one moment may have: the instrument's
	// resolution and the patient's own restlessness.
	scale float64
	kind  kind
	// molarMass in g/mol, 0 where mass and amount are not both in use.
	molarMass float64
	unit      unit.Unit // the measure's usual one
	code      string    // its UCUM code
	shown     string    // as people write it
	group     string    // vital, gas, lab or score
	coding    record.Coding
	// alternatives are other units in which the measure is filed.
	alternatives []unit.Unit
}

// kind says how a measure comes about, where it is not read off the patient.
type kind string

const (
	kindSet kind = "set" // chosen by people: jumps from one value to another, and stays
	kindSum kind = "sum" // over a time that the reading does not tell
)

// tables has the limits of every measure of the table of terms that has a unit, by its key.
type tables struct{ any, adult map[string]*limits }

var settings = sync.OnceValue(func() tables {
	out, err := loadSettings()
	if err != nil {
		panic(err) // the file is part of the binary: a fault of the build, which the tests find
	}
	return out
})

func loadSettings() (tables, error) {
	out := tables{any: map[string]*limits{}, adult: map[string]*limits{}}
	for _, e := range terms.Entries() {
		if e.Kind != "measure" || e.Unit == "" || e.Group == "wave" {
			continue
		}
		l, err := unlisted(e)
		if err != nil {
			return out, err
		}
		out.any[e.Key], out.adult[e.Key] = l, l
	}
	rows, err := tsv.Rows(settingsFile, "data/measures.tsv", settingsColumns)
	if err != nil {
		return out, err
	}
	for i, cells := range rows {
		l, adult, err := parseSettings(cells)
		if err != nil {
			return out, fmt.Errorf("data/measures.tsv line %d: %w", tsv.FirstLine+i, err)
		}
		out.any[l.key], out.adult[l.key] = l, adult
	}
	return out, nil
}

func unlisted(e *terms.Entry) (*limits, error) {
	u, err := unit.Parse(e.Unit)
	if err != nil {
		return nil, fmt.Errorf("%s: unit %s: %w", e.Key, e.Unit, err)
	}
	inf := math.Inf(1)
	l := &limits{key: e.Key, unit: u, code: e.Unit, shown: e.Unit, group: e.Group, softLow: -inf, softHigh: inf, hardLow: -inf, hardHigh: inf}
	if shown := terms.UnitByCode(e.Unit); shown != nil && shown.Display[terms.English] != "" {
		l.shown = shown.Display[terms.English]
	}
	return l, nil
}

// The columns of the table.
const (
	colCode = iota
	colSoftLow
	colSoftHigh
	colHardLow
	colHardHigh
	colAdultLow
	colAdultHigh
	colAdultHardLow
	colAdultHardHigh
	colCarry
	colScale
	colKind
	colAlternatives
	colMolarMass
	colSource
	colName
	settingsColumns
)

// parseSettings reads one row: the limits for any age, and those for adults.
func parseSettings(cells []string) (all, adult *limits, err error) {
	system, code := record.SystemLOINC, "L"+cells[colCode]
	if mdc, ok := strings.CutPrefix(cells[colCode], "M"); ok {
		system, code = record.SystemIEEE11073, "M"+mdc
	}
	e := terms.ByCode("measure", code)
	if e == nil || e.Unit == "" || e.Name(terms.English) != cells[colName] {
		return nil, nil, fmt.Errorf("code %s is not the measure %q with a unit", cells[colCode], cells[colName])
	}
	l, err := unlisted(e)
	if err != nil {
		return nil, nil, err
	}
	l.listed, l.kind, l.coding = true, kind(cells[colKind]), record.Coding{System: system, Code: code[1:]}
	var carry float64
	for col, to := range map[int]*float64{
		colSoftLow: &l.softLow, colSoftHigh: &l.softHigh, colHardLow: &l.hardLow, colHardHigh: &l.hardHigh,
		colCarry: &carry, colScale: &l.scale,
	} {
		if *to, err = strconv.ParseFloat(cells[col], 64); err != nil {
			return nil, nil, err
		}
	}
	l.carry = time.Duration(carry * float64(time.Minute))
	if err := l.parseUnits(cells[colAlternatives], cells[colMolarMass]); err != nil {
		return nil, nil, err
	}
	grown := *l
	for col, to := range map[int]*float64{
		colAdultLow: &grown.softLow, colAdultHigh: &grown.softHigh, colAdultHardLow: &grown.hardLow, colAdultHardHigh: &grown.hardHigh,
	} {
		if cells[col] == "" {
			continue
		}
		if *to, err = strconv.ParseFloat(cells[col], 64); err != nil {
			return nil, nil, err
		}
	}
	return l, &grown, nil
}

func (l *limits) parseUnits(alternatives, molarMass string) (err error) {
	if molarMass != "" {
		if l.molarMass, err = strconv.ParseFloat(molarMass, 64); err != nil {
			return err
		}
	}
	for _, code := range strings.FieldsFunc(alternatives, func(r rune) bool { return r == '|' }) {
		alt, err := unit.Parse(code)
		if err != nil {
			return fmt.Errorf("unit %s: %w", code, err)
		}
		if _, ok := l.convert(1, alt); !ok {
			return fmt.Errorf("unit %s does not measure what %s does", code, l.code)
		}
		l.alternatives = append(l.alternatives, alt)
	}
	return nil
}

// convert gives v, in unit from, in the measure's usual unit; between mass and amount by the
// measure's molar mass.
func (l *limits) convert(v float64, from unit.Unit) (float64, bool) {
	if c, ok := from.Convert(v, l.unit); ok {
		return c, true
	}
	if l.molarMass == 0 {
		return 0, false
	}
	for _, amountToMass := range []bool{true, false} {
		bridged := from
		if amountToMass {
			bridged.Dim.Amount, bridged.Dim.Mass = from.Dim.Amount-1, from.Dim.Mass+1
			bridged.Factor = from.Factor * l.molarMass
		} else {
			bridged.Dim.Amount, bridged.Dim.Mass = from.Dim.Amount+1, from.Dim.Mass-1
			bridged.Factor = from.Factor / l.molarMass
		}
		if c, ok := bridged.Convert(v, l.unit); ok {
			return c, true
		}
	}
	return 0, false
}

func (l *limits) plausible(v float64) bool { return v >= l.softLow && v <= l.softHigh }
func (l *limits) possible(v float64) bool  { return v >= l.hardLow && v <= l.hardHigh }

// unitOf reads a quantity's unit: its UCUM code, else the words.
func unitOf(q *record.Quantity) (unit.Unit, bool) {
	if q.Code != "" {
		u, err := unit.Parse(q.Code)
		return u, err == nil
	}
	u, err := unit.Text(q.Unit)
	return u, err == nil && q.Unit != ""
}
