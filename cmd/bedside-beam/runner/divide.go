package runner

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
)

func init() {
	register.DoFn3x1[int, func(*[]byte) bool, func([]byte), error](&divideFn{})
}

// divideFn draws the sets. All notes come to one worker, since a patient's set depends on all
// others; they are some hundred bytes a patient.
type divideFn struct{ planned }

// ProcessElement reads all notes, writes what was rejected, and hands on the drawing.
func (f *divideFn) ProcessElement(_ int, notes func(*[]byte) bool, emit func([]byte)) error {
	var read []*note
	parts := make([][]*note, f.plan.Partitions+1)
	digests := make([]string, len(f.plan.Sources))
	for b := []byte(nil); notes(&b); {
		n := &note{}
		if err := json.Unmarshal(b, n); err != nil {
			return err
		}
		switch {
		case n.Patient != "":
			p := f.plan.PartitionOf(n.Patient)
			parts[p] = append(parts[p], n)
		case n.Told != nil:
			read = append(read, n)
		default:
			digests[n.File] = n.Digest
		}
	}
	m := f.plan.NewManifest(digests)
	rejects := readRejects(read, m)
	members, kept := f.sortParts(parts, m, &rejects)
	told, err := f.place(func(dir string) ([]cohort.Output, error) {
		o, err := cohort.WriteRejects(dir, rejects)
		return []cohort.Output{o}, err
	})
	if err != nil {
		return err
	}
	m.Outputs = append(m.Outputs, told...)
	drawn, err := f.plan.Divide(m, members)
	if err != nil {
		if r, ok := refusalOf(err); ok {
			return f.refuse(r)
		}
		return err
	}
	sizes := make([]int, f.plan.Partitions)
	for i := range sizes {
		sizes[i] = kept[i+1].patients
		for _, set := range drawn[:sizes[i]] {
			kept[i+1].Sets = append(kept[i+1].Sets, byte(set))
		}
		drawn = drawn[sizes[i]:]
	}
	starts := cohort.Together(sizes)
	for n := range len(starts) - 1 {
		for p := starts[n]; p < starts[n+1]; p++ {
			kept[p+1].Files = n
		}
	}
	data, err := json.Marshal(drawing{Manifest: m, Parts: kept})
	if err == nil {
		emit(data)
	}
	return err
}

// drawing is what is known once all patients are: the manifest but for the files, and of each
// partition, from 1, where its patients are written.
type drawing struct {
	Manifest *cohort.Manifest
	Parts    []part
}

// part is what writing a partition takes.
type part struct {
	Bytes    int64  // of its items
	Files    int    // number of the group of partitions that it is written with
	Sets     []byte // the split.Set of each patient, in order
	patients int
}

// readRejects counts what was read into the manifest, and lists what of it was rejected.
func readRejects(read []*note, m *cohort.Manifest) (out []cohort.Reject) {
	slices.SortFunc(read, func(a, b *note) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Stretch, b.Stretch)) })
	for _, n := range read {
		m.Pieces += n.Told.Pieces
		m.RejectedText += n.Told.Rejected
		out = append(out, n.Told.Listed...)
	}
	return out
}

// sortParts counts the patients into the manifest, in the order in which they are written.
func (f *divideFn) sortParts(parts [][]*note, m *cohort.Manifest, rejects *[]cohort.Reject) (members []split.Member, kept []part) {
	kept = make([]part, len(parts))
	for p, ns := range parts {
		for _, n := range ns {
			kept[p].Bytes += n.Bytes
		}
		order := f.plan.Compare(kept[p].Bytes)
		slices.SortFunc(ns, func(a, b *note) int { return order(a.Patient, b.Patient) })
		listed := 0
		for _, n := range ns {
			if n.Reject == nil {
				members = append(members, *n.Member)
				kept[p].patients++
				for k, c := range n.Counts {
					m.Counts[k] += c
				}
				continue
			}
			m.Rejected++
			if listed++; listed <= cohort.Listed {
				*rejects = append(*rejects, *n.Reject)
			}
		}
	}
	m.Patients = len(members)
	return members, kept
}

// drawn keeps the drawing, once it was read: it is the same for every element.
type drawn struct {
	drawing *drawing
}

// read gives the drawing; false where the job was refused.
func (d *drawn) read(drawings func(*[]byte) bool) (bool, error) {
	var b []byte
	if d.drawing != nil || !drawings(&b) {
		return d.drawing != nil, nil
	}
	d.drawing = &drawing{}
	return true, json.Unmarshal(b, d.drawing)
}
