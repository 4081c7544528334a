package cohort

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// patientItems is all that one partition holds about one patient.
type patientItems struct {
	patient string
	items   []Item
	bytes   int64
	over    *Item // where the patient's data passed the limit
}

// gather reads one partition from all segments. Data of a patient beyond the limit are let
// go at once.
func (l *local) gather(partition int) ([]*patientItems, error) {
	byPatient := map[string]*patientItems{}
	for n := range l.spool.Segments {
		stretch, err := readStretch(segmentName(l.work, n), partition)
		if err != nil {
			return nil, err
		}
		err = items(stretch, func(it Item) {
			p := byPatient[it.Patient]
			if p == nil {
				p = &patientItems{patient: it.Patient}
				byPatient[it.Patient] = p
			}
			if p.bytes += int64(len(it.Text)); p.bytes > l.job.Limits.Bytes && p.over == nil {
				p.over, p.items = &Item{File: it.File, Line: it.Line}, nil
			}
			if p.over == nil {
				p.items = append(p.items, it)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", segmentName(l.work, n), err)
		}
	}
	out := make([]*patientItems, 0, len(byPatient))
	for _, p := range byPatient {
		slices.SortStableFunc(p.items, func(a, b Item) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *patientItems) int {
		return cmp.Or(cmp.Compare(xxh3.HashString(a.patient), xxh3.HashString(b.patient)), strings.Compare(a.patient, b.patient))
	})
	return out, nil
}

// reduce prepares the patients of one partition.
func (l *local) reduce(ctx context.Context, partition int) error {
	path := partName(l.work, partition)
	if exists(path) {
		return l.recount(path)
	}
	patients, err := l.gather(partition)
	if err != nil {
		return err
	}
	w, err := createPart(path)
	if err != nil {
		return err
	}
	defer w.f.discard()
	ix := index{Counts: map[string]int{}}
	for i, p := range patients {
		patients[i] = nil // its memory is free when it is done
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := l.one(ctx, p, w, &ix); err != nil {
			return err
		}
	}
	told, err := json.Marshal(ix)
	if err != nil {
		return err
	}
	if err := writeFile(path+".index", told); err != nil {
		return err
	}
	return w.commit()
}

// one prepares one patient, or says why not.
func (l *local) one(ctx context.Context, p *patientItems, w *partWriter, ix *index) error {
	ix.Patients++
	done, err := l.prepared(ctx, p)
	if err != nil {
		ps, known := problems(err)
		if !known {
			return err
		}
		ix.Rejects = append(ix.Rejects, Reject{Patient: p.patient, Problems: ps})
		l.progress.rejected.Add(1)
		return nil
	}
	if err := w.add(done); err != nil {
		return err
	}
	ix.add(done)
	l.progress.patients.Add(1)
	l.progress.observations.Add(int64(done.Counts["observations"]))
	return nil
}

func (l *local) prepared(ctx context.Context, p *patientItems) (*Prepared, error) {
	if p.over != nil {
		return nil, &record.LimitError{Path: fmt.Sprintf("%s:%d", l.name(p.over.File), p.over.Line), What: "bytes about one patient", Limit: l.job.Limits.Bytes}
	}
	rec, err := assemble(p.items, l.name, l.shared, &l.job)
	if err != nil {
		return nil, err
	}
	return Prepare(ctx, p.patient, rec, &l.job, l.labels)
}

// recount takes what a part that was there already holds into the progress.
func (l *local) recount(path string) error {
	ix, err := readIndex(path)
	if err != nil {
		return err
	}
	l.progress.patients.Add(int64(len(ix.Members)))
	l.progress.observations.Add(int64(ix.Counts["observations"]))
	l.progress.rejected.Add(int64(len(ix.Rejects)))
	return nil
}

func readIndex(path string) (*index, error) {
	data, err := os.ReadFile(path + ".index")
	if err != nil {
		return nil, err
	}
	ix := &index{}
	if err := json.Unmarshal(data, ix); err != nil {
		return nil, fmt.Errorf("%s.index: %w", path, errDamaged)
	}
	return ix, nil
}

// readShared takes the shared items out of all segments.
func (l *local) readShared() error {
	l.shared = fhir.NewShared(l.job.Limits)
	for n := range l.spool.Segments {
		stretch, err := readStretch(segmentName(l.work, n), 0)
		if err != nil {
			return err
		}
		var failed error
		err = items(stretch, func(it Item) {
			line := fhir.Line{Name: l.name(it.File), Number: it.Line, Text: it.Text}
			res, err := fhir.Glance(line, l.job.Limits)
			if err == nil {
				err = l.shared.Add(line, res)
			}
			failed = cmp.Or(failed, err)
		})
		if err != nil || failed != nil {
			return cmp.Or(err, failed)
		}
	}
	return nil
}
