// Package htmlreport makes one page of all that was said about a record: the summary, diagnoses and treatments with what
// they rest on, plots, and the readings themselves. The page is whole in itself: no scripts, and nothing is fetched.
package htmlreport

import (
	_ "embed"
	"html/template"
	"io"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// Input is what a page is made of.
type Input struct {
	Lang terms.Lang
	// Record as it was prepared.
	Record *record.PatientRecord
	// The server's answers; nil where there is none.
	Summary    *bedsidev1.SummarizeRecordResponse
	Diagnoses  *bedsidev1.SuggestDiagnosesResponse
	Treatments *bedsidev1.SuggestTreatmentsResponse
	// Why there is none.
	NoSummary, NoDiagnoses, NoTreatments Missing
	// Graph is an SVG document that is trusted: it goes into the page as it is. Empty for none.
	Graph []byte
	// Made is when, and Version by which Bedside.
	Made    time.Time
	Version string
}

// Missing says why an answer is not there.
type Missing struct {
	NotAsked bool
	NoModel  bool   // the server has none that does this
	Error    string // without patient text
}

//go:embed page.html
var pageText string

//go:embed page.css
var styleText string

// Write writes the page.
func Write(w io.Writer, in Input) error {
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	return page.Execute(w, view(&in))
}
