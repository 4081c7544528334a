package cohort

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
	"github.com/bedside-lm/bedside/clinical/record"
)

// AppendItem writes an item, and Items reads what was so written. The items that visit is
// called with share the memory of b.
func AppendItem(b []byte, it *Item) []byte { return appendItem(b, it) }

// Items calls visit with each item that AppendItem wrote.
func Items(b []byte, visit func(Item)) error { return items(b, visit) }

// ItemBytes is how much of a partition's room an item takes.
func ItemBytes(it *Item) int64 { return int64(len(appendItem(nil, it))) }

// AppendPrepared writes a patient but for its print and counts, and ScanPrepared reads it.
func AppendPrepared(b []byte, p *Prepared) []byte {
	return appendBytes(appendPrepared(b, p), p.Record)
}

// ScanPrepared reads what AppendPrepared wrote.
func ScanPrepared(b []byte) (*Prepared, error) {
	s := scan{b: b}
	p := s.prepared()
	if p.Record = s.bytes(); s.bad || len(s.b) > 0 {
		return nil, errDamaged
	}
	return p, nil
}

func inOrder(its []Item) {
	slices.SortStableFunc(its, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), bytes.Compare(a.Text, b.Text))
	})
}

// Shared gathers the items that belong to no one patient. They may come in any order.
func (p *Plan) Shared(its []Item) (*fhir.Shared, error) {
	inOrder(its)
	out := fhir.NewShared(p.Job.Limits)
	for _, it := range its {
		line := fhir.Line{Name: p.name(it.File), Number: it.Line, Text: it.Text}
		res, err := fhir.Glance(line, p.Job.Limits)
		if err != nil {
			return nil, err
		}
		if err := out.Add(line, res); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Gathered is all that the input has about one patient, in any order. Of data beyond
// Limits.Bytes it keeps only the places.
type Gathered struct {
	// Label is the patient's in the file of labels, where the job has one.
	Label  string
	items  []Item
	places []place
	bytes  int64
}

// place is where an item lies and how long it is.
type place struct{ file, line, bytes int }

// Add takes an item.
func (g *Gathered) Add(it Item, limit int64) {
	g.places = append(g.places, place{it.File, it.Line, len(it.Text)})
	if g.bytes += int64(len(it.Text)); g.bytes > limit {
		g.items = nil
		return
	}
	g.items = append(g.items, it)
}

// Len is how many items there are.
func (g *Gathered) Len() int { return len(g.places) }

// over is the first item, in the order of the input, that passes the limit.
func (g *Gathered) over(limit int64) (place, bool) {
	if g.bytes <= limit {
		return place{}, false
	}
	slices.SortFunc(g.places, func(a, b place) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line)) })
	sum, i := int64(g.places[0].bytes), 0
	for ; sum <= limit; i++ {
		sum += int64(g.places[i+1].bytes)
	}
	return g.places[i], true
}

// Patient prepares one patient. What cannot be used gives a Reject and no error.
func (p *Plan) Patient(patient string, g *Gathered, shared *fhir.Shared) (*Prepared, *Reject, error) {
	done, err := p.patient(patient, g, shared)
	if err == nil {
		return done, nil, nil
	}
	ps, known := problems(err)
	if !known {
		return nil, nil, err
	}
	return nil, &Reject{Patient: patient, Problems: ps}, nil
}

func (p *Plan) patient(patient string, g *Gathered, shared *fhir.Shared) (*Prepared, error) {
	if at, ok := g.over(p.Job.Limits.Bytes); ok {
		return nil, &record.LimitError{Path: fmt.Sprintf("%s:%d", p.name(at.file), at.line), What: "bytes about one patient", Limit: p.Job.Limits.Bytes}
	}
	inOrder(g.items)
	rec, err := assemble(g.items, p.name, shared, &p.Job)
	if err != nil {
		return nil, err
	}
	return Prepare(patient, rec, &p.Job, map[string]string{patient: g.Label})
}

// PartitionOf is the partition of the outputs that a patient stands in, from 1.
func (p *Plan) PartitionOf(patient string) int { return partitionOf(patient, p.Partitions) }

// Compare orders the patients of one partition as Local writes them. itemBytes is the sum of
// ItemBytes over all items of the partition.
func (p *Plan) Compare(itemBytes int64) func(a, b string) int {
	l := &local{job: p.Job, spool: spool{Sizes: []int64{itemBytes}}}
	passes := l.passes(0)
	return func(a, b string) int {
		return cmp.Or(cmp.Compare(passOf(a, passes), passOf(b, passes)), cmp.Compare(xxh3.HashString(a), xxh3.HashString(b)), strings.Compare(a, b))
	}
}

// Together cuts the partitions into groups that are written into the same files, and gives the
// first of each, counted from 0, and at last their number. sizes has the patients of each.
func Together(sizes []int) []int { return together(sizes) }

// Files are the files of one group of partitions.
type Files struct {
	dir    string
	number int
	bySet  map[split.Set]*outputs
}

// NewFiles are to be written below a folder, as they stand below Job.Output. number is the group's.
func NewFiles(dir string, number int) *Files {
	return &Files{dir: dir, number: number, bySet: map[split.Set]*outputs{}}
}

// Add writes one patient. Patients come in the order of their partitions, then of Compare.
func (f *Files) Add(p *Prepared, set split.Set) (err error) {
	if f.bySet[set] == nil {
		if f.bySet[set], err = newOutputs(f.dir, set, f.number); err != nil {
			return err
		}
	}
	return f.bySet[set].add(p)
}

// Commit ends the files, and lists them.
func (f *Files) Commit() (out []Output, err error) { return commitAll(f.dir, f.bySet) }

// Discard takes away what was not committed.
func (f *Files) Discard() {
	for _, o := range f.bySet {
		o.discard()
	}
}
