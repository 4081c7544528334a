package prepare_test

import (
	"fmt"
	"time"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/record"
)

var admission = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func at(minutes float64) record.DateTime {
	return record.DateTime{Time: admission.Add(time.Duration(minutes * float64(time.Minute))), Precision: record.PrecisionSecond}
}

func loinc(code string) record.Concept {
	return record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: code}}}
}

func amount(v float64, unit string) record.Value {
	return record.Value{Quantity: &record.Quantity{Value: record.NewDecimal(v), Code: unit}}
}

func vital(id, code string, v float64, unit string, minutes float64) record.Observation {
	return record.Observation{ID: id, Status: "final", Category: "vital-signs", Code: loinc(code), Start: at(minutes), Value: amount(v, unit)}
}

func by(device string, o record.Observation) record.Observation {
	o.DeviceID = device
	return o
}

func of(obs ...record.Observation) *record.PatientRecord {
	return &record.PatientRecord{Patient: record.Patient{ID: "p"}, Observations: obs}
}

// find returns the observation with an id.
func find(rec *record.PatientRecord, id string) *record.Observation {
	for i := range rec.Observations {
		if rec.Observations[i].ID == id {
			return &rec.Observations[i]
		}
	}
	return nil
}

func report(res *prepare.Result, name prepare.StageName) prepare.Report {
	for _, r := range res.Reports {
		if r.Stage == name {
			return r
		}
	}
	panic(fmt.Sprintf("no report of %s", name))
}

// only runs one stage.
func only(rec *record.PatientRecord, name prepare.StageName, opt prepare.Options) *prepare.Result {
	for _, s := range prepare.Stages() {
		if s != name {
			opt.Skip = append(opt.Skip, s)
		}
	}
	return prepare.Run(rec, opt)
}
