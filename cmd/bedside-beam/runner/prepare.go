package runner

import (
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
)

func init() {
	register.DoFn5x1[string, func(*[]byte) bool, func(*[]byte) bool, func([]byte), func([]byte), error](&prepareFn{})
	register.Iter1[[]byte]()
}

// prepareFn prepares one patient.
type prepareFn struct {
	planned
	packer packer
	shared *fhir.Shared // once it was read: it is the same for every patient
}

// Setup readies the function.
func (f *prepareFn) Setup() (err error) {
	if f.packer, err = newPacker(); err != nil {
		return err
	}
	return f.planned.Setup()
}

// ProcessElement gathers what there is about the patient, and hands on what becomes of it.
func (f *prepareFn) ProcessElement(patient string, values, shared func(*[]byte) bool, prepared, notes func([]byte)) error {
	if err := f.readShared(shared); err != nil {
		return err
	}
	g, room, err := f.gather(values)
	if err != nil || g.Len() == 0 {
		return err // a label of a patient that the input does not have
	}
	done, reject, err := f.plan.Patient(patient, g, f.shared)
	if err != nil {
		return err
	}
	n := &note{Patient: patient, Bytes: room, Reject: reject}
	if done != nil {
		n.Member = &split.Member{Patient: split.Key(patient), Label: done.Label, Print: done.Print}
		n.Counts = done.Counts
		prepared(named{patient, f.packer.pack(cohort.AppendPrepared(nil, done))}.append(nil))
	}
	return emitNote(n, notes)
}

func (f *prepareFn) gather(values func(*[]byte) bool) (g *cohort.Gathered, room int64, err error) {
	g = &cohort.Gathered{}
	for b := []byte(nil); values(&b); {
		if len(b) > 0 && b[0] == packedLabel {
			g.Label = string(b[1:])
			continue
		}
		err := f.packer.items(b, func(it cohort.Item) {
			room += cohort.ItemBytes(&it)
			g.Add(it, f.plan.Job.Limits.Bytes)
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return g, room, nil
}

func (f *prepareFn) readShared(shared func(*[]byte) bool) (err error) {
	if f.shared != nil {
		return nil
	}
	var its []cohort.Item
	for b := []byte(nil); shared(&b); {
		if err := f.packer.items(b, func(it cohort.Item) { its = append(its, it) }); err != nil {
			return err
		}
	}
	f.shared, err = f.plan.Shared(its)
	return err
}
