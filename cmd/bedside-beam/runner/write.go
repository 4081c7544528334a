package runner

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
)

func init() {
	register.DoFn3x1[[]byte, func(*[]byte) bool, func(int, []byte), error](&placeFn{})
	register.DoFn4x1[int, func(*[]byte) bool, func(*[]byte) bool, func([]byte), error](&writeFn{})
	register.DoFn2x1[[]byte, func(*[]byte) bool, error](&manifestFn{})
	register.Emitter2[int, []byte]()
}

// placeFn finds the files that a prepared patient goes into.
type placeFn struct {
	planned
	drawn drawn
}

// ProcessElement hands a patient on under the number of the files.
func (f *placeFn) ProcessElement(b []byte, drawings func(*[]byte) bool, emit func(int, []byte)) error {
	ok, err := f.drawn.read(drawings)
	if err != nil || !ok {
		return err
	}
	n, err := scanNamed(b)
	if err == nil {
		emit(f.drawn.drawing.Parts[f.plan.PartitionOf(n.patient)].Files, b)
	}
	return err
}

// writeFn writes the files of one group of partitions.
type writeFn struct {
	planned
	packer packer
	drawn  drawn
}

// Setup readies the function.
func (f *writeFn) Setup() (err error) {
	if f.packer, err = newPacker(); err != nil {
		return err
	}
	return f.planned.Setup()
}

// ProcessElement puts the patients in order, and writes them by their sets.
func (f *writeFn) ProcessElement(number int, patients, drawings func(*[]byte) bool, emit func([]byte)) error {
	ok, err := f.drawn.read(drawings)
	if err != nil || !ok {
		return err
	}
	parts := map[int][]named{}
	for b := []byte(nil); patients(&b); b = nil {
		n, err := scanNamed(b)
		if err != nil {
			return err
		}
		p := f.plan.PartitionOf(n.patient)
		parts[p] = append(parts[p], n)
	}
	written, err := f.place(func(dir string) ([]cohort.Output, error) {
		files := cohort.NewFiles(dir, number)
		defer files.Discard()
		for _, p := range slices.Sorted(maps.Keys(parts)) {
			if err := f.writePart(files, parts[p], &f.drawn.drawing.Parts[p]); err != nil {
				return nil, err
			}
		}
		return files.Commit()
	})
	if err != nil {
		return err
	}
	data, err := json.Marshal(written)
	if err == nil {
		emit(data)
	}
	return err
}

func (f *writeFn) writePart(files *cohort.Files, patients []named, as *part) error {
	if len(patients) != len(as.Sets) {
		return errDamaged
	}
	order := f.plan.Compare(as.Bytes)
	slices.SortFunc(patients, func(a, b named) int { return order(a.patient, b.patient) })
	for i, n := range patients {
		plain, err := f.packer.unpack(n.packed)
		if err != nil {
			return err
		}
		p, err := cohort.ScanPrepared(plain)
		if err != nil {
			return err
		}
		if err := files.Add(p, split.Set(as.Sets[i])); err != nil {
			return err
		}
	}
	return nil
}

// place has files written in a folder of their own and then moves them below the output folder:
// a runner may try a step again while the first try still runs, and each moves whole files with
// the same bytes.
func (p *planned) place(write func(dir string) ([]cohort.Output, error)) ([]cohort.Output, error) {
	dir, err := os.MkdirTemp(cohort.WorkDir(p.plan.Job.Output), "try-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	written, err := write(dir)
	if err != nil {
		return nil, err
	}
	for _, o := range written {
		path := filepath.FromSlash(o.Path)
		to := filepath.Join(p.plan.Job.Output, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			return nil, err
		}
		if err := os.Rename(filepath.Join(dir, path), to); err != nil {
			return nil, err
		}
	}
	return written, nil
}

// placeFile writes one file whole or not at all.
func (p *planned) placeFile(name string, data []byte) error {
	_, err := p.place(func(dir string) ([]cohort.Output, error) {
		return []cohort.Output{{Path: name}}, cohort.WriteFile(filepath.Join(dir, filepath.Base(name)), data)
	})
	return err
}

// manifestFn writes the manifest, last.
type manifestFn struct{ planned }

// ProcessElement adds the files that were written to what is known.
func (f *manifestFn) ProcessElement(b []byte, outputs func(*[]byte) bool) error {
	d := &drawing{}
	if err := json.Unmarshal(b, d); err != nil {
		return err
	}
	for outputs(&b) {
		var written []cohort.Output
		if err := json.Unmarshal(b, &written); err != nil {
			return err
		}
		d.Manifest.Outputs = append(d.Manifest.Outputs, written...)
	}
	data, err := d.Manifest.Bytes()
	if err != nil {
		return err
	}
	return f.placeFile(cohort.ManifestName, data)
}
