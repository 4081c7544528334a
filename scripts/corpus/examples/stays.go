package main

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// stay is one patient as generated, with the answers that are hidden from models.
type stay struct {
	id, part string
	code     string // ICD-10-CM, of what the patient was admitted for
	rec      *record.PatientRecord
}

// readBlock reads the stays of one file, in the order of their ids.
func readBlock(path, part string) (out []stay, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	lines := map[string][]fhir.Line{}
	for from := fhir.NewLines(z, filepath.Base(path), fhir.Limits{}); ; {
		line, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		res, err := fhir.Glance(line, fhir.Limits{})
		if err != nil {
			return nil, err
		}
		lines[res.Patient] = append(lines[res.Patient], line.Clone())
	}
	for id, of := range lines {
		rec, err := fhir.ParseResources(of, nil, fhir.Limits{})
		if err != nil {
			return nil, fmt.Errorf("patient %s: %w", id, err)
		}
		code, err := admittedFor(rec)
		if err != nil {
			return nil, fmt.Errorf("%s: patient %s: %w", path, id, err)
		}
		out = append(out, stay{id: id, part: part, code: code, rec: rec})
	}
	slices.SortFunc(out, func(a, b stay) int { return cmp.Compare(a.id, b.id) })
	return out, nil
}

var errNoReason = errors.New("no inpatient stay with a coded reason")

// admittedFor is the code of what the patient was admitted for.
func admittedFor(rec *record.PatientRecord) (string, error) {
	for _, e := range rec.Encounters {
		if e.Class != "IMP" {
			continue
		}
		for _, r := range e.Reasons {
			if code := cmp.Or(r.Code(record.SystemICD10CM), r.Code(record.SystemICD10)); code != "" {
				return code, nil
			}
		}
	}
	return "", errNoReason
}

// hidden is a record without what gives the answer away: complaints, conditions, orders, reports,
// procedures and whatever was typed. Left are who the patient is, the stay and the readings.
func hidden(rec *record.PatientRecord) *record.PatientRecord {
	out := &record.PatientRecord{Patient: rec.Patient, Devices: rec.Devices}
	for _, e := range rec.Encounters {
		e.Reasons, e.Service, e.End = nil, record.Concept{}, record.DateTime{}
		e.Status = "in-progress"
		out.Encounters = append(out.Encounters, e)
	}
	for i := range rec.Observations {
		o := rec.Observations[i]
		if strings.TrimSpace(o.Value.Text) == "" {
			out.Observations = append(out.Observations, o)
		}
	}
	return out
}
