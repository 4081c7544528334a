package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/corrupt"
	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/record"
)

// maker makes the examples of all parts.
type maker struct {
	set   settings
	pools map[features.Window]*pool
}

// Corruption is lighter than in evaluations of the cleaning: wards file most of what they measure
// as it is.
func damage() corrupt.Options {
	return corrupt.Options{Resent: 0.02, Missing: 0.05, Spikes: 0.02, WrongUnit: 0.02, OtherUnit: 0.05, AllWrong: 0.02}
}

// random gives the numbers of one purpose: the same for the same seed, patient and purpose,
// whatever else is drawn.
func (m *maker) random(patient, purpose string, draw int) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%d", patient, purpose, draw)
	return rand.New(rand.NewPCG(m.set.seed, h.Sum64())) //nolint:gosec // the same examples for the same seed are wanted
}

// prepared is what reaches a model of a stay, in one of its damaged forms.
func (m *maker) prepared(s *stay, draw int) *record.PatientRecord {
	damaged, _ := corrupt.Apply(hidden(s.rec), m.set.seed+uint64(draw), damage())
	return prepare.Run(damaged, prepare.Options{}).Record
}

// gather fills the pool from the training patients.
func (m *maker) gather(ctx context.Context, files []string) error {
	perFile := make([][]map[string][]features.Reading, len(files))
	err := inOrder(ctx, files, func(i int, name string) error {
		stays, err := readBlock(filepath.Join(m.set.stays, name), "train")
		for j := range stays {
			if of := readings(m.prepared(&stays[j], 0)); of != nil {
				perFile[i] = append(perFile[i], of)
			}
		}
		return err
	}, nil)
	m.pools = map[features.Window]*pool{}
	for _, w := range windows {
		var patients []series
		for _, of := range slices.Concat(perFile...) {
			patients = append(patients, within(of, w))
		}
		m.pools[w] = newPool(w, patients, m.set.least)
	}
	return err
}

// readings are those of a record from admission on.
func readings(rec *record.PatientRecord) map[string][]features.Reading {
	start, ok := features.Admission(rec)
	if !ok {
		return nil
	}
	return features.Series(rec, start)
}

// part makes one part's files.
func (m *maker) part(ctx context.Context, part string, files []string) (err error) {
	out, err := newOutput(m.set.out, part)
	if err != nil {
		return err
	}
	made := make([][]made, len(files))
	err = inOrder(ctx, files, func(i int, name string) error {
		stays, err := readBlock(filepath.Join(m.set.stays, name), part)
		for j := range stays {
			made[i] = append(made[i], m.stay(&stays[j]))
		}
		return err
	}, func(i int) error {
		for _, one := range made[i] {
			if err := out.add(&one); err != nil {
				return err
			}
		}
		made[i] = nil
		return nil
	})
	if err != nil {
		return err
	}
	return out.close()
}

// inOrder calls work for all files, several at once, and then, one file after another in their
// order, done (which may be nil).
func inOrder(ctx context.Context, files []string, work func(int, string) error, done func(int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	ready := make([]chan struct{}, len(files))
	for i := range ready {
		ready[i] = make(chan struct{})
	}
	ahead := make(chan struct{}, 2*runtime.GOMAXPROCS(0)) // files being worked on or waiting for done
	group.Go(func() error {
		for i := range files {
			select {
			case <-ready[i]:
			case <-ctx.Done():
				return ctx.Err()
			}
			if done != nil {
				if err := done(i); err != nil {
					return err
				}
			}
			<-ahead
		}
		return nil
	})
	group.Go(func() error {
		workers, ctx := errgroup.WithContext(ctx)
		workers.SetLimit(runtime.GOMAXPROCS(0))
		for i, name := range files {
			select {
			case ahead <- struct{}{}:
			case <-ctx.Done():
				return workers.Wait()
			}
			workers.Go(func() error {
				defer close(ready[i])
				return work(i, name)
			})
		}
		return workers.Wait()
	})
	return group.Wait()
}

// describe writes examples.json.
func (m *maker) describe() error {
	columns, shows := map[string][]string{}, map[string]map[string]int{}
	for _, w := range windows {
		hours := fmt.Sprintf("%dh", w.Hours())
		columns[hours+"-"+neutral], columns[hours+"-"+visible] = m.pools[w].columns(), visibleColumns()
		shows[hours] = m.pools[w].shows
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", " ")
	err := e.Encode(map[string]any{
		"seed": m.set.seed, "draws": m.set.draws, "least": m.set.least, "canonical": m.set.canonical,
		"damage": damage(), "neutral_readings": shows,
		"columns": columns,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(m.set.out, "examples.json"), out.Bytes(), 0o600)
}
