// Package tabular reads tables of readings, CSV and TSV (RFC 4180 with any delimiter), into
// patients' records. A small mapping file says what the columns are: in the long form a row is
// one reading, in the wide form a row is a moment and a column is a measure.
//
// It is strict: a cell that cannot be read is named by its row and column, all of them
// together, and nothing is returned. Columns that the mapping does not name are never read, so
// names and addresses in them go nowhere.
package tabular

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Limits bound what is read; more is a *record.LimitError. A field that is zero or less takes
// its default.
type Limits struct {
	Bytes     int64 // of all rows about one patient; default 64 MiB
	Rows      int   // about one patient; default 1,000,000
	RowBytes  int   // of one row, in UTF-8; default 1 MiB
	Columns   int   // of a table; default 4,096
	CellBytes int   // of a cell that is read; default 4,096
	// Violations is how many are collected before the reader gives up; default 20.
	Violations int
	// Notices is how many are kept; a last one says how many more there were. Default 1,000.
	Notices int
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 64 << 20
	}
	for _, f := range []struct {
		field *int
		value int
	}{
		{&l.Rows, 1_000_000}, {&l.RowBytes, 1 << 20}, {&l.Columns, 4096}, {&l.CellBytes, 4096}, {&l.Violations, 20}, {&l.Notices, 1000},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return l
}

// Parse reads a table about one patient. The record shares no memory with data. The error is a
// *record.InvalidError or a *record.LimitError.
func Parse(data []byte, m *Mapping, lim Limits) (*record.PatientRecord, error) {
	lim = lim.withDefaults()
	if int64(len(data)) > lim.Bytes {
		return nil, &record.LimitError{Path: "table", What: "bytes", Limit: lim.Bytes}
	}
	b := newBuilder(m, lim)
	rows, err := NewRows(bytes.NewReader(data), "", m, lim)
	if err != nil {
		return nil, err
	}
	for !b.done() {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if wrong, ok := errors.AsType[*record.InvalidError](err); ok {
			b.violations = append(b.violations, wrong.Violations...)
			continue
		}
		if err != nil {
			return nil, err
		}
		b.row(&row)
	}
	return b.result()
}

// ParseRows is Parse for rows that were read and gathered by patient before. Give them in a
// fixed order: ids of readings follow the row, and where two rows share one, the order.
func ParseRows(rows []Row, m *Mapping, lim Limits) (*record.PatientRecord, error) {
	lim = lim.withDefaults()
	b := newBuilder(m, lim)
	left := lim.Bytes
	for i := range rows {
		for _, c := range rows[i].Cells {
			left -= int64(len(c))
		}
		if left < 0 {
			return nil, &record.LimitError{Path: rows[i].String(), What: "bytes about one patient", Limit: lim.Bytes}
		}
		if b.row(&rows[i]); b.done() {
			break
		}
	}
	return b.result()
}

func invalid(path, format string, args ...any) *record.InvalidError {
	return &record.InvalidError{Violations: []record.Violation{{Path: path, Message: fmt.Sprintf(format, args...)}}}
}
