// Package features turns a prepared record into numbers of a fixed schema, for models that
// read numbers instead of text.
//
// A number that is not there is NaN, and never filled in: readings that preparation imputed do
// not count. So whoever trains on the numbers decides how to fill, and can do it without
// telling the model which tests were ordered; filling with a median does tell, and a model may
// then read the diagnosis from what the ward suspected. The columns that tell it by themselves,
// the counts, say so (Column.Presence).
package features

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/score"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// SchemaName changes whenever a column changes its place, name or meaning.
const SchemaName = "bedside.features.v1"

// Column is one number of the schema.
type Column struct {
	Name       string // such as "heart_rate.24h.mean"
	Unit       string // UCUM code, "" for a plain number
	Definition string
	// Presence says that the number tells by itself what was measured, whatever its value: leave
	// it out of a model that must not know which tests were ordered.
	Presence bool
}

// measures are the LOINC codes of what the schema has columns for.
var measures = []string{
	"8867-4", "8480-6", "8462-4", "8478-0", "9279-1", "2708-6", "8310-5", "29463-7", "8302-2", "3151-8", "19994-3", "20077-4",
	"20112-9", "20139-2", "60985-9", "19891-1", "9187-6", "72514-3", "9269-2",
	"2744-1", "2019-8", "2703-7", "1960-4", "1925-7", "50984-4", "2524-7",
	"6690-2", "789-8", "718-7", "4544-3", "787-2", "777-3", "770-8", "751-8", "731-0", "1988-5", "33959-8", "4537-7", "2276-4",
	"2160-0", "3094-0", "33914-3", "33037-3", "2951-2", "2823-3", "2075-0", "2028-9", "17861-6", "1994-3", "19123-9", "2777-1",
	"2345-7", "4548-4", "6873-4", "2692-2", "1742-6", "1920-8", "6768-6", "2324-2", "1975-2", "1968-7", "1751-7", "2885-2", "2532-0", "2157-6",
	"10839-9", "6598-7", "30934-4", "33762-6", "6301-6", "5902-2", "3173-2", "3255-7", "48065-7", "1798-8", "3040-3", "1841-6", "3016-3",
}

// windows begin at admission; both ends belong to them.
var windows = []struct {
	name, words string
	length      time.Duration
}{
	{"1h", "within the first hour after admission", time.Hour},
	{"24h", "within 24 h after admission", 24 * time.Hour},
}

// Places of the statistics of one measure and window.
const (
	statLast = iota
	statMin
	statMax
	statMean
	statSlope
	statCount
	statistics
)

var statisticWords = [statistics]struct{ name, definition string }{
	statLast:  {"last", "latest reading, of several at one moment their mean,"},
	statMin:   {"min", "least reading"},
	statMax:   {"max", "greatest reading"},
	statMean:  {"mean", "mean of the readings"},
	statSlope: {"slope", "least-squares slope of the readings over time, from two moments on,"},
	statCount: {"count", "number of readings, 0 where none was made,"},
}

// Places of the columns that are of no measure.
const (
	columnAge = iota
	columnFemale
	columnScores
)

// scoreParts are the parts of NEWS2 in the order of its chart; their columns are followed by the total's.
var scoreParts = []score.PartName{
	score.PartRespiratoryRate, score.PartOxygenSaturation, score.PartOxygen, score.PartSystolic,
	score.PartPulse, score.PartConsciousness, score.PartTemperature,
}

// measure is what the schema knows of one measure.
type measure struct {
	first int // its first column
	code  string
	unit  unit.Unit
}

type schema struct {
	columns []Column
	byEntry map[*terms.Entry]*measure
	// byCode finds a measure by a coding's system and code, without a look at the table of terms.
	byCode map[coding]*terms.Entry
}

var theSchema = sync.OnceValue(func() *schema {
	s := &schema{byEntry: map[*terms.Entry]*measure{}, byCode: codes()}
	s.columns = []Column{
		columnAge:    {Name: "age", Unit: "a", Definition: "whole years at admission; 90 stands for all ages above 89"},
		columnFemale: {Name: "female", Definition: "1 for female, 0 for male, else not a number"},
	}
	for _, w := range windows {
		s.addScore(w.name, w.words)
	}
	for _, code := range measures {
		e := terms.Measure(code)
		if e == nil {
			panic("features: no measure " + code) // the tables are part of the binary; the tests find it
		}
		s.byEntry[e] = &measure{first: len(s.columns), code: e.Unit, unit: unit.Must(e.Unit)}
		for _, w := range windows {
			s.addMeasure(e, w.name, w.words)
		}
	}
	return s
})

func (s *schema) addScore(window, words string) {
	for _, p := range scoreParts {
		s.columns = append(s.columns, Column{
			Name: "news2." + window + "." + slug(string(p)), Unit: "{score}",
			Definition: "points of NEWS2 for the latest reading " + words + ", of six hours at most",
		})
	}
	s.columns = append(s.columns, Column{
		Name: "news2." + window + ".total", Unit: "{score}", Definition: "NEWS2 where all its parts are known, from 16 years on",
	})
}

func (s *schema) addMeasure(e *terms.Entry, window, words string) {
	for i, st := range statisticWords {
		c := Column{Name: slug(e.Name(terms.English)) + "." + window + "." + st.name, Unit: e.Unit, Definition: st.definition + " " + words, Presence: i == statCount}
		switch i {
		case statSlope:
			c.Unit += "/h"
		case statCount:
			c.Unit = ""
		}
		s.columns = append(s.columns, c)
	}
}

func slug(name string) string {
	return strings.NewReplacer(" ", "_", "-", "_", "/", "_per_").Replace(strings.ToLower(name))
}

// Schema lists the columns, in their order. It must not be changed.
func Schema() []Column { return theSchema().columns }

// Describe is the schema as text, a line a column, for the manifest of a cohort.
func Describe() string {
	var b strings.Builder
	for _, c := range Schema() {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", c.Name, c.Unit, c.Definition)
	}
	return b.String()
}
