package cohort

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/bedside-lm/bedside/clinical/prepare/split"
)

// Output is one file that was written.
type Output struct {
	Path   string `json:"path"` // below the output folder
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Rows   int    `json:"rows"`
}

// outputs are the files of some partitions and one set.
type outputs struct {
	dir, name string // the set's folder, the number in the files' names
	files     map[string]*file
	tables    map[string]*table
	rows      map[string]int
}

func newOutputs(root string, set split.Set, number int) (*outputs, error) {
	o := &outputs{
		dir: filepath.Join(root, set.String()), name: fmt.Sprintf("%05d", number),
		files: map[string]*file{}, tables: map[string]*table{}, rows: map[string]int{},
	}
	return o, os.MkdirAll(o.dir, 0o750)
}

func (o *outputs) file(kind, extension string) (*file, error) {
	key := kind + "-" + o.name + extension
	if f := o.files[key]; f != nil {
		return f, nil
	}
	f, err := create(filepath.Join(o.dir, key))
	if err == nil {
		o.files[key] = f
	}
	return f, err
}

// textLine is one line of text-*.jsonl.
type textLine struct {
	Patient  string `json:"patient"`
	Language string `json:"language"`
	Label    string `json:"label,omitempty"`
	Tokens   int    `json:"tokens,omitempty"`
	Omitted  int    `json:"omitted_facts,omitempty"`
	Text     string `json:"text"`
}

// add writes one patient into all files.
func (o *outputs) add(p *Prepared) error {
	records, err := o.file("records", ".ndjson")
	if err != nil {
		return err
	}
	if _, err := records.Write(append(p.Record, '\n')); err != nil {
		return err
	}
	o.rows[filepath.Base(records.path)]++
	if err := o.texts(p); err != nil {
		return err
	}
	return o.numbers(p)
}

func (o *outputs) texts(p *Prepared) error {
	for _, t := range p.Texts {
		f, err := o.file("text", ".jsonl")
		if err != nil {
			return err
		}
		line, err := json.Marshal(textLine{Patient: p.Patient, Language: t.Language, Label: p.Label, Tokens: t.Tokens, Omitted: t.Omitted, Text: t.Text})
		if err != nil {
			return err
		}
		if _, err := f.Write(append(line, '\n')); err != nil {
			return err
		}
		o.rows[filepath.Base(f.path)]++
	}
	return nil
}

func (o *outputs) numbers(p *Prepared) error {
	t, err := o.table("readings", 0)
	if err != nil {
		return err
	}
	if err := t.readings(p.Patient, p.Readings); err != nil {
		return err
	}
	o.rows["readings-"+o.name+".parquet"] += len(p.Readings)
	if t, err = o.table("features", 0); err != nil {
		return err
	}
	if err := t.features(p); err != nil {
		return err
	}
	o.rows["features-"+o.name+".parquet"]++
	if len(p.Vector) == 0 {
		return nil
	}
	if t, err = o.table("vectors", len(p.Vector)); err != nil {
		return err
	}
	o.rows["vectors-"+o.name+".parquet"]++
	return t.vector(p)
}

func (o *outputs) table(kind string, length int) (*table, error) {
	if t := o.tables[kind]; t != nil {
		return t, nil
	}
	f, err := o.file(kind, ".parquet")
	if err != nil {
		return nil, err
	}
	form := readingsTable()
	switch kind {
	case "features":
		form = featuresTable()
	case "vectors":
		form = vectorsTable(length)
	}
	t, err := newTable(f, form)
	if err == nil {
		o.tables[kind] = t
	}
	return t, err
}

// commit puts all files in their places, and lists them by name.
func (o *outputs) commit(root string) ([]Output, error) {
	for _, t := range o.tables {
		if err := t.close(); err != nil {
			return nil, err
		}
	}
	o.tables = nil
	var out []Output
	for name, f := range o.files {
		if err := f.commit(); err != nil {
			return nil, err
		}
		path, err := filepath.Rel(root, f.path)
		if err != nil {
			return nil, err
		}
		out = append(out, Output{Path: filepath.ToSlash(path), Bytes: f.size, SHA256: f.sum(), Rows: o.rows[name]})
	}
	slices.SortFunc(out, func(a, b Output) int { return cmpPath(a.Path, b.Path) })
	return out, nil
}

func (o *outputs) discard() {
	for _, f := range o.files {
		f.discard()
	}
}

func cmpPath(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Partitions are written together into one file of each kind, up to so many partitions and
// about so many patients: a table of many columns keeps a note of each stretch of rows.
const (
	partitionsTogether = 8
	patientsTogether   = 4000
)

// together cuts the partitions into groups that are written together, and gives the first of
// each, counted from 0, and at last their number. sizes has the patients of each.
func together(sizes []int) []int {
	starts, patients := []int{0}, 0
	for p, n := range sizes {
		last := starts[len(starts)-1]
		if p > last && (p-last == partitionsTogether || patients+n > patientsTogether) {
			starts, patients = append(starts, p), 0
		}
		patients += n
	}
	return append(starts, len(sizes))
}

// finish writes the outputs of some partitions, once all sets are drawn. sets has one set a
// patient of each.
func (l *local) finish(number, from int, sets [][]split.Set) ([]Output, error) {
	done := filepath.Join(l.work, fmt.Sprintf("done-%05d", number))
	if data, err := os.ReadFile(done); err == nil {
		var out []Output
		if json.Unmarshal(data, &out) == nil {
			return out, nil
		}
	}
	bySet := map[split.Set]*outputs{}
	defer func() {
		for _, o := range bySet {
			o.discard()
		}
	}()
	for i, of := range sets {
		if err := l.writePart(number, from+i, of, bySet); err != nil {
			return nil, err
		}
	}
	out, err := commitAll(l.job.Output, bySet)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	return out, writeFile(done, data)
}

// commitAll puts the files of all sets in their places, and lists them.
func commitAll(root string, bySet map[split.Set]*outputs) ([]Output, error) {
	var out []Output
	for _, set := range []split.Set{split.All, split.Train, split.Validation, split.Test} {
		if bySet[set] == nil {
			continue
		}
		files, err := bySet[set].commit(root)
		if err != nil {
			return nil, err
		}
		out = append(out, files...)
	}
	return out, nil
}

// writePart writes the patients of one partition into the files of their sets.
func (l *local) writePart(number, partition int, sets []split.Set, bySet map[split.Set]*outputs) error {
	n := 0
	err := readPart(partName(l.work, partition), func(p *Prepared) error {
		if n >= len(sets) {
			return errDamaged
		}
		set := sets[n]
		n++
		if bySet[set] == nil {
			o, err := newOutputs(l.job.Output, set, number)
			if err != nil {
				return err
			}
			bySet[set] = o
		}
		return bySet[set].add(p)
	})
	if err == nil && n != len(sets) {
		err = fmt.Errorf("part %d holds %d patients, its index %d: %w", partition, n, len(sets), errDamaged)
	}
	return err
}
