package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
)

// How the tests are shown.
const (
	neutral = "neutral" // the same ones in every record
	visible = "visible" // those that were made
)

// example is one line of a corpus.
type example struct {
	ID       string `json:"id"`
	Patient  string `json:"patient"`
	Disease  string `json:"disease"`
	Hours    int    `json:"hours"`
	Tests    string `json:"tests"`
	Draw     int    `json:"draw"`
	Language string `json:"language"`
	Task     string `json:"task"`
	Prompt   string `json:"prompt"`
	Answer   string `json:"answer"`
}

// row is what a model that reads numbers is told in an example's place.
type row struct {
	window               features.Window
	tests, patient, code string
	draw                 int
	values               []float32
}

// made is what came of one stay.
type made struct {
	examples []example
	rows     []row
}

// output are the files of one part.
type output struct {
	dir, part string
	file      *os.File
	lines     *bufio.Writer
	encode    *json.Encoder
	values    map[string][]float32
	whose     map[string][]string
}

func newOutput(dir, part string) (*output, error) {
	f, err := os.Create(filepath.Join(dir, part+".jsonl"))
	if err != nil {
		return nil, err
	}
	o := &output{dir: dir, part: part, file: f, lines: bufio.NewWriterSize(f, 1<<20), values: map[string][]float32{}, whose: map[string][]string{}}
	o.encode = json.NewEncoder(o.lines)
	o.encode.SetEscapeHTML(false)
	return o, nil
}

func (o *output) add(m *made) error {
	for i := range m.examples {
		if err := o.encode.Encode(&m.examples[i]); err != nil {
			return err
		}
	}
	for _, r := range m.rows {
		name := fmt.Sprintf("%s-%dh-%s", o.part, r.window.Hours(), r.tests)
		o.values[name] = append(o.values[name], r.values...)
		o.whose[name] = append(o.whose[name], fmt.Sprintf("%s\t%s\t%d\n", r.patient, r.code, r.draw))
	}
	return nil
}

func (o *output) close() error {
	errs := []error{o.lines.Flush(), o.file.Close()}
	for name, values := range o.values {
		whose := o.whose[name]
		errs = append(errs,
			os.WriteFile(filepath.Join(o.dir, name+".npy"), npy(values, len(whose)), 0o600),
			os.WriteFile(filepath.Join(o.dir, name+".tsv"), []byte(strings.Join(whose, "")), 0o600))
	}
	return errors.Join(errs...)
}

// npy is a matrix in NumPy's format, version 1.0 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
func npy(values []float32, rows int) []byte {
	columns := 0
	if rows > 0 {
		columns = len(values) / rows
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, columns)
	const before = 10 // magic, version and the header's length
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	out = append(out, header...)
	out, _ = binary.Append(out, binary.LittleEndian, values) // a slice of numbers always has a size
	return out
}
