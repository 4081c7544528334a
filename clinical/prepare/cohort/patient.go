package cohort

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Prepared is what becomes of one patient.
type Prepared struct {
	Patient  string
	Label    string
	Print    split.Print
	Record   []byte // FHIR R4 Bundle in one line
	Texts    []Text
	Readings []Row
	Features []float64
	Vector   []float32 // of the first text
	// Counts are of observations given and of changes by stage and kind.
	Counts map[string]int
}

// Text is a record in words.
type Text struct {
	Language string
	Text     string
	Tokens   int
	Omitted  int
}

// Row is one number of a record, as it was prepared and as it was filed.
type Row struct {
	ID, Encounter, Device  string
	Code, Measure          string // LOINC or the first code; the table's English name
	Time, RawTime          int64  // microseconds since 1970, UTC; noTime where none
	Value, RawValue        float64
	Comparator             string
	Unit, RawUnit          string // UCUM
	Marks, DerivedFrom     string // joined by spaces
	Component, Observation int    // the component's index or -1; the observation's place in the record
}

const noTime = -1 << 63

// names gives the names of a job's inputs, for errors.
type names func(file int) string

// assemble reads all items about one patient into a record. They are in the order of the input.
func assemble(its []Item, name names, shared *fhir.Shared, job *Job) (*record.PatientRecord, error) {
	if its[0].Format == FormatFHIR {
		lines := make([]fhir.Line, len(its))
		for i, it := range its {
			if it.Format != FormatFHIR {
				return nil, mixed(name(it.File), it.Line)
			}
			lines[i] = fhir.Line{Name: name(it.File), Number: it.Line, Text: it.Text}
		}
		return fhir.ParseResources(lines, shared, job.Limits)
	}
	for _, it := range its[1:] {
		if it.Format != its[0].Format {
			return nil, mixed(name(it.File), it.Line)
		}
	}
	return assembleOther(its, name, job)
}

func mixed(name string, line int) error {
	return &record.InvalidError{Violations: []record.Violation{{
		Path: fmt.Sprintf("%s:%d", name, line), Message: "the same patient in inputs of two formats; prepare them apart",
	}}}
}

// Prepare makes all that is written of one patient but the vector. labels is nil but for
// LabelFile. The error is a *record.InvalidError or a *record.LimitError where the patient's
// data are at fault.
func Prepare(patient string, rec *record.PatientRecord, job *Job, labels map[string]string) (*Prepared, error) {
	res := prepare.Run(rec, job.Prepare)
	out := &Prepared{
		Patient: patient, Print: split.PrintOf(res.Record), Features: features.Extract(res.Record),
		Readings: rows(res), Counts: map[string]int{"observations": len(rec.Observations)},
	}
	switch job.Label {
	case LabelDiagnosis:
		out.Label = diagnosis(rec)
	case LabelFile:
		out.Label = labels[patient]
	case LabelNone:
	}
	for _, r := range res.Reports {
		for kind, n := range r.Counts {
			out.Counts[string(r.Stage)+"/"+string(kind)] += n
		}
	}
	var err error
	if out.Record, err = fhir.AppendBundle(nil, res.Record); err != nil {
		return nil, err
	}
	for _, o := range job.Texts {
		doc := render.Render(res.Record, o)
		out.Texts = append(out.Texts, Text{Language: string(doc.Lang), Text: doc.Text(), Tokens: doc.Tokens, Omitted: doc.Omitted})
	}
	return out, nil
}

// embedAtOnce is how many texts are given to the embedder at once.
const embedAtOnce = 32

// Embed gives each patient the vector of the first text.
func Embed(ctx context.Context, ps []*Prepared, embedder Embedder) error {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.Texts[0].Text
	}
	vectors, err := embedder.Embed(ctx, texts)
	if err != nil {
		return fmt.Errorf("embedding: %w", err)
	}
	if len(vectors) != len(ps) {
		return fmt.Errorf("embedding: %d vectors of %d texts", len(vectors), len(ps))
	}
	for i, p := range ps {
		p.Vector = vectors[i]
		if len(p.Vector) == 0 || len(p.Vector) != len(ps[0].Vector) {
			return errors.New("embedding: vectors of different lengths")
		}
	}
	return nil
}

// diagnosis is the ICD-10 category of the first encounter diagnosis, by the time it was
// recorded, then by id; of any other condition where there is none; else "".
func diagnosis(rec *record.PatientRecord) string {
	var best *record.Condition
	category := ""
	for i := range rec.Conditions {
		c := &rec.Conditions[i]
		code := cmp.Or(c.Code.Code(record.SystemICD10CM), c.Code.Code(record.SystemICD10))
		if code == "" || c.Verification == "refuted" || c.Verification == "entered-in-error" {
			continue
		}
		if best == nil || before(c, best) {
			best, category = c, code[:min(3, len(code))]
		}
	}
	return category
}

func before(a, b *record.Condition) bool {
	const encounter = "encounter-diagnosis"
	if (a.Category == encounter) != (b.Category == encounter) {
		return a.Category == encounter
	}
	if a.Recorded.IsZero() != b.Recorded.IsZero() {
		return b.Recorded.IsZero()
	}
	return cmp.Or(a.Recorded.Compare(b.Recorded), strings.Compare(a.ID, b.ID)) < 0
}

// rows are the numbers of a prepared record.
func rows(res *prepare.Result) []Row {
	out := make([]Row, 0, len(res.Record.Observations))
	known := map[string]*terms.Entry{}
	for i := range res.Record.Observations {
		o := &res.Record.Observations[i]
		raw := res.Raw[o.ID]
		if raw == nil {
			raw = o
		}
		out = appendRow(out, known, o, raw, i, -1)
		for c := range o.Components {
			out = appendRow(out, known, o, raw, i, c)
		}
	}
	return out
}

func appendRow(out []Row, known map[string]*terms.Entry, o, raw *record.Observation, at, component int) []Row {
	code, q, filed := o.Code, o.Value.Quantity, raw.Value.Quantity
	if component >= 0 {
		code, q, filed = o.Components[component].Code, o.Components[component].Value.Quantity, raw.Components[component].Value.Quantity
	}
	if q == nil {
		return out
	}
	r := Row{
		ID: o.ID, Encounter: o.EncounterID, Device: o.DeviceID, Code: code.Code(record.SystemLOINC),
		Time: micros(o.Start), Value: q.Value.Float, Comparator: q.Comparator, Unit: unitText(q),
		DerivedFrom: strings.Join(o.DerivedFrom, " "), Component: component, Observation: at, RawTime: noTime,
	}
	if r.Code == "" && len(code.Codings) > 0 {
		r.Code = code.Codings[0].Code
	}
	if e := entry(known, code); e != nil {
		r.Measure = e.Name(terms.English)
	}
	marks := make([]string, len(o.Marks))
	for i, m := range o.Marks {
		marks[i] = string(m)
	}
	r.Marks = strings.Join(marks, " ")
	if filed != nil && !slices.Contains(o.Marks, record.MarkImputed) {
		r.RawValue, r.RawUnit, r.RawTime = filed.Value.Float, unitText(filed), micros(raw.Start)
	}
	return append(out, r)
}

func entry(known map[string]*terms.Entry, c record.Concept) *terms.Entry {
	key := c.Text
	for _, k := range c.Codings {
		key += "|" + k.System + "|" + k.Code
	}
	e, seen := known[key]
	if !seen {
		e, _ = terms.Find("measure", c)
		known[key] = e
	}
	return e
}

func unitText(q *record.Quantity) string {
	if q.Code != "" {
		return q.Code
	}
	return q.Unit
}

func micros(d record.DateTime) int64 {
	if d.IsZero() {
		return noTime
	}
	return d.Time.UnixMicro()
}
