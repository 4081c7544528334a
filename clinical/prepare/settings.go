package prepare

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

//go:embed data/measures.tsv
var settingsFile embed.FS

// limits of one measure, in its usual unit. Soft limits are what is plausible in a living
// patient of any age, shock and crisis included; hard limits are what no patient survives or
// no assay reports. Both are wider than reference ranges by design: compare the variable ranges
// of Harutyunyan et al. 2019, Multitask learning and benchmarking with clinical time series
// data, doi:10.1038/s41597-019-0103-9.
type limits struct {
	softLow, softHigh float64
	hardLow, hardHigh float64
	// carry is how long a reading stands for what came after it; about the usual interval
	// between two of its kind on an intensive care unit.
	carry time.Duration
	// scale is a difference that two good readings of one moment may have: the instrument's
	// resolution and the patient's own restlessness.
	scale float64
	// molarMass in g/mol, 0 where mass and amount are not both in use.
	molarMass float64
	unit      unit.Unit // the measure's usual one
	code      string    // its UCUM code
	shown     string    // as people write it
	group     string    // vital, gas, lab or score
	loinc     string
	// alternatives are other units in which the measure is filed.
	alternatives []unit.Unit
}

// settings has the limits of each measure of the table of terms that has some, by its key.
var settings = sync.OnceValue(func() map[string]*limits {
	out, err := loadSettings()
	if err != nil {
		panic(err) // the file is part of the binary: a fault of the build, which the tests find
	}
	return out
})

func loadSettings() (map[string]*limits, error) {
	data, err := settingsFile.ReadFile("data/measures.tsv")
	if err != nil {
		return nil, err
	}
	out := map[string]*limits{}
	for i, line := range strings.Split(strings.TrimRight(string(data), "\n"), "\n")[1:] {
		e, l, err := parseSettings(strings.Split(line, "\t"))
		if err != nil {
			return nil, fmt.Errorf("data/measures.tsv line %d: %w", i+2, err)
		}
		out[e.Key] = l
	}
	return out, nil
}

const settingsColumns = 10

func parseSettings(cells []string) (*terms.Entry, *limits, error) {
	if len(cells) != settingsColumns {
		return nil, nil, fmt.Errorf("%d columns, want %d", len(cells), settingsColumns)
	}
	e := terms.Measure(cells[0])
	if e == nil || e.Unit == "" || e.Name(terms.English) != cells[9] {
		return nil, nil, fmt.Errorf("code %s is not the measure %q with a unit", cells[0], cells[9])
	}
	u, err := unit.Parse(e.Unit)
	if err != nil {
		return nil, nil, fmt.Errorf("unit %s: %w", e.Unit, err)
	}
	l := &limits{unit: u, code: e.Unit, shown: e.Unit, group: e.Group, loinc: cells[0]}
	if shown := terms.UnitByCode(e.Unit); shown != nil && shown.Display[terms.English] != "" {
		l.shown = shown.Display[terms.English]
	}
	var carry float64
	for i, to := range []*float64{&l.softLow, &l.softHigh, &l.hardLow, &l.hardHigh, &carry, &l.scale} {
		if *to, err = strconv.ParseFloat(cells[i+1], 64); err != nil {
			return nil, nil, err
		}
	}
	l.carry = time.Duration(carry * float64(time.Minute))
	if cells[8] != "" {
		if l.molarMass, err = strconv.ParseFloat(cells[8], 64); err != nil {
			return nil, nil, err
		}
	}
	for _, code := range strings.FieldsFunc(cells[7], func(r rune) bool { return r == '|' }) {
		alt, err := unit.Parse(code)
		if err != nil {
			return nil, nil, fmt.Errorf("unit %s: %w", code, err)
		}
		if _, ok := l.convert(1, alt); !ok {
			return nil, nil, fmt.Errorf("unit %s does not measure what %s does", code, e.Unit)
		}
		l.alternatives = append(l.alternatives, alt)
	}
	return e, l, nil
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
