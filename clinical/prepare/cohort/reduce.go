package cohort

import (
	"bytes"
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

// roomOf is how many bytes of partitions are worked on at once, per worker, in partitions' usual
// sizes. A partition that is larger, since a patient in it is, is worked on alone, and in
// several passes where it holds several such.
const roomOf = 2

// passes is how often a partition is read, each time for other patients.
func (l *local) passes(partition int) int {
	return 1 + int(l.spool.Sizes[partition]/(roomOf*2*l.job.PartitionBytes))
}

// gather reads one partition from all segments, for the patients of one pass. Data of a
// patient beyond the limit are let go at once.
func (l *local) gather(partition, pass, passes int) ([]*patientItems, error) {
	byPatient := map[string]*patientItems{}
	take := func(it Item) {
		if passes > 1 {
			if passOf(it.Patient, passes) != pass {
				return
			}
			it.Text = bytes.Clone(it.Text) // and the others' memory is free
		}
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
	}
	for n := range l.spool.Segments {
		stretch, err := readStretch(segmentName(l.work, n), partition)
		if err == nil {
			err = items(stretch, take)
		}
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

// passOf is the pass that a patient is taken in, by another hash than the partition's.
func passOf(patient string, passes int) int {
	const seed = 1
	return int(xxh3.HashStringSeed(patient, seed) % uint64(passes))
}

// reduce prepares the patients of one partition.
func (l *local) reduce(ctx context.Context, partition int) error {
	path := partName(l.work, partition)
	if exists(path) {
		return l.recount(path)
	}
	weight := min(l.spool.Sizes[partition], l.roomSize())
	if err := l.room.Acquire(ctx, weight); err != nil {
		return context.Cause(ctx)
	}
	defer l.room.Release(weight)
	w, err := createPart(path)
	if err != nil {
		return err
	}
	defer w.f.discard()
	r := &reducer{local: l, w: w, ix: index{Counts: map[string]int{}}}
	passes := l.passes(partition)
	for pass := range passes {
		patients, err := l.gather(partition, pass, passes)
		if err != nil {
			return err
		}
		for i, p := range patients {
			patients[i] = nil // its memory is free when it is done
			if err := r.one(ctx, p); err != nil {
				return err
			}
		}
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	known, err := json.Marshal(r.ix)
	if err != nil {
		return err
	}
	if err := writeFile(path+".index", known); err != nil {
		return err
	}
	return w.commit()
}

// roomSize is how many bytes of partitions are worked on at once.
func (l *local) roomSize() int64 { return roomOf * int64(l.job.Workers) * l.job.PartitionBytes }

// reducer writes one part.
type reducer struct {
	*local
	w       *partWriter
	ix      index
	pending []*Prepared // without vectors yet
	bytes   int64       // of their items
}

// one prepares one patient, or says why not.
func (r *reducer) one(ctx context.Context, p *patientItems) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	done, err := r.prepared(p)
	if err != nil {
		ps, known := problems(err)
		if !known {
			return err
		}
		r.ix.Told.reject(Reject{Patient: p.patient, Problems: ps})
		r.progress.rejected.Add(1)
		return nil
	}
	r.pending = append(r.pending, done)
	if r.bytes += p.bytes; r.job.Embedder != nil && len(r.pending) < embedAtOnce && r.bytes < r.job.PartitionBytes {
		return nil
	}
	return r.flush(ctx)
}

// flush writes the patients that wait.
func (r *reducer) flush(ctx context.Context) error {
	if len(r.pending) == 0 {
		return nil
	}
	if r.job.Embedder != nil {
		if err := Embed(ctx, r.pending, r.job.Embedder); err != nil {
			return err
		}
	}
	for _, p := range r.pending {
		if err := r.w.add(p); err != nil {
			return err
		}
		r.ix.add(p)
		r.progress.patients.Add(1)
		r.progress.observations.Add(int64(p.Counts["observations"]))
	}
	clear(r.pending) // their memory is free
	r.pending, r.bytes = r.pending[:0], 0
	return nil
}

func (l *local) prepared(p *patientItems) (*Prepared, error) {
	if p.over != nil {
		return nil, &record.LimitError{Path: fmt.Sprintf("%s:%d", l.name(p.over.File), p.over.Line), What: "bytes about one patient", Limit: l.job.Limits.Bytes}
	}
	rec, err := assemble(p.items, l.name, l.shared, &l.job)
	if err != nil {
		return nil, err
	}
	return Prepare(p.patient, rec, &l.job, l.labels)
}

// recount takes what a part that was there already holds into the progress.
func (l *local) recount(path string) error {
	ix, err := readIndex(path)
	if err != nil {
		return err
	}
	l.progress.patients.Add(int64(len(ix.Members)))
	l.progress.observations.Add(int64(ix.Counts["observations"]))
	l.progress.rejected.Add(int64(ix.Told.Rejected))
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
