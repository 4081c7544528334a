package cohort

import (
	"context"
	"errors"
	"io"

	"github.com/bedside-lm/bedside/clinical/hl7v2"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/tabular"
)

// other takes the pieces of formats that know their patients by themselves.
func (r *reader) other(ctx context.Context, o io.Reader, i int) error {
	if r.inputs[i].format == FormatCSV {
		return r.table(ctx, o, i)
	}
	return r.messages(ctx, o, i)
}

// messages takes a file of HL7 v2 message by message. Those that carry no results, such as
// admissions, are passed over.
func (r *reader) messages(ctx context.Context, o io.Reader, i int) error {
	name, lim := r.inputs[i].Name, r.job.messageLimits()
	stream := hl7v2.NewMessages(o, name, lim)
	for {
		m, err := stream.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && !m.Results() {
			continue
		}
		it := Item{Format: FormatHL7v2, File: i, Line: m.Line, Text: m.Text}
		if err == nil {
			if it.Patient = m.Patient(); it.Patient == "" {
				_, err = hl7v2.ParseMessages([]hl7v2.Message{m}, lim) // says why
			}
		}
		if err := r.take(ctx, it, err); err != nil {
			return err
		}
	}
}

// table takes a table row by row. The rows hold the cells that the mapping reads, and no
// others: what stands in other columns goes nowhere.
func (r *reader) table(ctx context.Context, o io.Reader, i int) error {
	m, err := r.job.mapping()
	if err != nil {
		return err
	}
	rows, err := tabular.NewRows(o, r.inputs[i].Name, m, r.job.tableLimits())
	if err != nil {
		return unreadable(err)
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		it := Item{Patient: row.Patient, Format: FormatCSV, File: i, Line: row.Number}
		if err == nil {
			it.Text = row.Append(nil)
		}
		if err := r.take(ctx, it, err); err != nil {
			return err
		}
	}
}

// take takes a piece, or notes why it is none. Behind what is too large nothing more of a file
// can be read: a quote that is never closed would otherwise swallow the rest in silence.
func (r *reader) take(ctx context.Context, it Item, err error) error {
	if err == nil {
		return r.add(ctx, it)
	}
	if _, wrong := errors.AsType[*record.InvalidError](err); wrong {
		return r.reject(ctx, it.File, it.Line, err)
	}
	return unreadable(err)
}

// unreadable makes the job's what keeps a whole file from being read.
func unreadable(err error) error {
	if _, known := problems(err); known {
		return &JobError{"inputs", err.Error()}
	}
	return err
}

// assembleOther reads all pieces about one patient, which are of one format.
func assembleOther(its []Item, name names, job *Job) (*record.PatientRecord, error) {
	if its[0].Format == FormatHL7v2 {
		ms := make([]hl7v2.Message, len(its))
		for i, it := range its {
			ms[i] = hl7v2.Message{Name: name(it.File), Line: it.Line, Text: it.Text}
		}
		return hl7v2.ParseMessages(ms, job.messageLimits())
	}
	m, err := job.mapping() // some 0.1 ms: little beside a patient's rows
	if err != nil {
		return nil, err
	}
	rows := make([]tabular.Row, len(its))
	for i, it := range its {
		cells, ok := m.Cells(it.Text)
		if !ok {
			return nil, errDamaged
		}
		rows[i] = tabular.Row{Name: name(it.File), Number: it.Line, Patient: it.Patient, Cells: cells}
	}
	return tabular.ParseRows(rows, m, job.tableLimits())
}

func (j *Job) mapping() (*tabular.Mapping, error) {
	if len(j.Mapping) == 0 {
		return nil, &JobError{"mapping", "name the file that says what a table's columns are"}
	}
	m, err := tabular.ParseMapping(j.Mapping)
	if err != nil {
		return nil, &JobError{"mapping", err.Error()}
	}
	return m, nil
}

func (j *Job) messageLimits() hl7v2.Limits {
	return hl7v2.Limits{Bytes: j.Limits.Bytes, Violations: j.Limits.Violations, Notices: j.Limits.Notices}
}

func (j *Job) tableLimits() tabular.Limits {
	return tabular.Limits{Bytes: j.Limits.Bytes, Violations: j.Limits.Violations, Notices: j.Limits.Notices}
}
