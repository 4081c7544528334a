package tabular

import (
	"bufio"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Row is one row of a table: the cells that the mapping reads.
type Row struct {
	Name    string // of the file, as it stands in errors; "" for none
	Number  int    // as a spreadsheet counts: the header is row 1, blank lines count
	Patient string // id in the record
	Cells   []string
}

// String returns where the row stands, such as "vitals.csv: row 17".
func (r *Row) String() string {
	if r.Name == "" {
		return fmt.Sprintf("row %d", r.Number)
	}
	return fmt.Sprintf("%s: row %d", r.Name, r.Number)
}

// Append adds the cells to b in a form that Cells reads again, for keeping rows in files.
func (r *Row) Append(b []byte) []byte {
	for _, c := range r.Cells {
		b = append(binary.AppendUvarint(b, uint64(len(c))), c...)
	}
	return b
}

// Cells reads what Append wrote for a row of the same mapping. ok is false for anything else.
func (m *Mapping) Cells(b []byte) (cells []string, ok bool) {
	cells = make([]string, 0, len(m.columns))
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return nil, false
		}
		b = b[size:]
		cells = append(cells, string(b[:n]))
		b = b[n:]
	}
	return cells, len(cells) == len(m.columns)
}

// Rows reads a table row by row, in memory for the largest. It is for one goroutine.
type Rows struct {
	m       *Mapping
	lim     Limits
	name    string
	budget  *budget
	csv     *csv.Reader
	indexes []int // of the mapping's columns in the table
	width   int
	number  int // of the last row
	line    int // on which the last row ended
	err     error
}

// NewRows reads a table from r, which errors call name: its header at once. The error is a
// *record.InvalidError, a *record.LimitError, or one of r's own, wrapped.
func NewRows(r io.Reader, name string, m *Mapping, lim Limits) (*Rows, error) {
	if m.spec.Encoding == "gb18030" {
		r = transform.NewReader(r, simplifiedchinese.GB18030.NewDecoder())
	}
	s := &Rows{m: m, lim: lim.withDefaults(), name: name}
	s.budget = &budget{r: bufio.NewReaderSize(r, readAhead)}
	s.csv = csv.NewReader(s.budget)
	s.csv.Comma, _ = utf8.DecodeRuneInString(m.spec.Delimiter)
	s.csv.FieldsPerRecord = -1 // counted here, with a better message
	s.csv.ReuseRecord = true
	if err := s.header(); err != nil {
		return nil, err
	}
	return s, nil
}

// budget fails a read that would take a row beyond its limit, such as one whose quote is
// never closed.
type budget struct {
	r    *bufio.Reader
	left int
}

const (
	readAhead = 64 << 10
	slack     = 8 << 10 // what the CSV reader may read beyond a row
)

var errTooLong = errors.New("a row is too long")

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// Next returns the next row, or io.EOF. A row that cannot be read is a *record.InvalidError, and
// the next call goes on behind it; a *record.LimitError and an error of the file itself are final.
func (s *Rows) Next() (Row, error) {
	if s.err != nil {
		return Row{}, s.err
	}
	fields, err := s.read()
	if err != nil {
		return Row{}, err
	}
	row := Row{Name: s.name, Number: s.number}
	if len(fields) != s.width {
		return Row{}, invalid(row.String(), "expected as many cells as the header has")
	}
	row.Cells = make([]string, len(s.indexes))
	for i, at := range s.indexes {
		cell := strings.TrimSpace(fields[at])
		switch {
		case len(cell) > s.lim.CellBytes:
			return Row{}, invalid(place(&row, s.m.columns[i]), "a cell of more than %d bytes", s.lim.CellBytes)
		case !utf8.ValidString(cell) || strings.ContainsRune(cell, utf8.RuneError):
			return Row{}, invalid(place(&row, s.m.columns[i]), "not in the encoding that the mapping names (%s)", s.m.spec.Encoding)
		case strings.ContainsFunc(cell, control):
			return Row{}, invalid(place(&row, s.m.columns[i]), "a control character")
		}
		row.Cells[i] = strings.Clone(cell) // fields are slices of the whole row
	}
	if row.Patient, err = s.m.patientOf(&row); err != nil {
		return Row{}, err
	}
	return row, nil
}

// control says whether a sign is none that a text may hold (FHIR R4, string).
func control(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }

// patientOf is the id of the patient whose row this is.
func (m *Mapping) patientOf(row *Row) (string, error) {
	column := m.spec.Patient.ID
	if column == "" {
		return record.IDOf(m.spec.Patient.Constant), nil
	}
	cell := row.Cells[m.at[column]]
	if m.missing[cell] {
		return "", invalid(place(row, column), "required: the patient's id")
	}
	return record.IDOf(cell), nil
}

// read returns the fields of the next row, valid until the next call.
func (s *Rows) read() ([]string, error) {
	s.budget.left = s.lim.RowBytes + slack
	fields, err := s.csv.Read()
	if err == nil {
		line, _ := s.csv.FieldPos(0)
		s.number += line - s.line
		last := len(fields) - 1
		s.line, _ = s.csv.FieldPos(last)
		s.line += strings.Count(fields[last], "\n")
		return fields, nil
	}
	if errors.Is(err, errTooLong) {
		s.err = &record.LimitError{Path: s.next(), What: "bytes in a row", Limit: int64(s.lim.RowBytes)}
		return nil, s.err
	}
	if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
		s.number += wrong.StartLine - s.line
		s.line = wrong.Line
		row := Row{Name: s.name, Number: s.number}
		return nil, invalid(row.String(), "malformed at line %d, column %d: a quote stands where none can, or is not closed", wrong.Line, wrong.Column)
	}
	if s.err = err; !errors.Is(err, io.EOF) {
		s.err = fmt.Errorf("reading %s: %w", s.next(), err)
	}
	return nil, s.err
}

// next names the row behind the last.
func (s *Rows) next() string {
	row := Row{Name: s.name, Number: s.number + 1}
	return row.String()
}

const byteOrderMark = "\ufeff"

// header finds the mapping's columns.
func (s *Rows) header() error {
	path := Row{Name: s.name, Number: 1}
	if mark, _ := s.budget.r.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = s.budget.r.Discard(len(byteOrderMark))
	}
	fields, err := s.read()
	switch {
	case errors.Is(err, io.EOF):
		return invalid(path.String(), "empty: expected the names of the columns")
	case err != nil:
		return err
	case len(fields) > s.lim.Columns:
		return &record.LimitError{Path: path.String(), What: "columns", Limit: int64(s.lim.Columns)}
	}
	at := map[string]int{}
	twice := map[string]bool{}
	for i, f := range fields {
		f = strings.Clone(strings.TrimSpace(f))
		if _, known := at[f]; known {
			twice[f] = true
		}
		at[f] = i
	}
	indexes := make([]int, 0, len(s.m.columns))
	wrong := &record.InvalidError{}
	for _, c := range s.m.columns {
		i, known := at[c]
		switch {
		case !known:
			wrong.Violations = append(wrong.Violations, record.Violation{Path: place(&path, c), Message: "the mapping names this column, and the table has none"})
		case twice[c]:
			wrong.Violations = append(wrong.Violations, record.Violation{Path: place(&path, c), Message: "stands twice in the header"})
		}
		indexes = append(indexes, i)
	}
	if len(wrong.Violations) > 0 {
		return wrong
	}
	s.indexes, s.width = indexes, len(fields)
	return nil
}
