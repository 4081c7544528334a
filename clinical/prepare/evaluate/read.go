package evaluate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// export is a bulk export in memory: the lines of each patient, and those of all.
type export struct {
	shared *fhir.Shared
	lines  map[string][]fhir.Line
	bytes  int64
}

// Read reads a FHIR bulk export of as many patients as fit into memory: all .ndjson files of a
// folder, one record a patient in the order of their ids, with so many workers. It says how many
// bytes were read. For more patients there is package cohort.
func Read(folder string, workers int) ([]*record.PatientRecord, int64, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.ndjson"))
	if err != nil || len(files) == 0 {
		return nil, 0, fmt.Errorf("%s holds no .ndjson files", folder)
	}
	in := &export{shared: fhir.NewShared(fhir.Limits{}), lines: map[string][]fhir.Line{}}
	for _, file := range files {
		if err := in.file(file); err != nil {
			return nil, 0, err
		}
	}
	out, err := in.parse(workers)
	return out, in.bytes, err
}

func (in *export) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := fhir.NewLines(f, filepath.Base(path), fhir.Limits{})
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		in.bytes += int64(len(line.Text)) + 1
		res, err := fhir.Glance(line, fhir.Limits{})
		if err != nil {
			return err
		}
		switch {
		case res.Patient != "":
			in.lines[res.Patient] = append(in.lines[res.Patient], line.Clone())
		case res.Shared():
			if err := in.shared.Add(line, res); err != nil {
				return err
			}
		}
	}
}

func (in *export) parse(workers int) ([]*record.PatientRecord, error) {
	ids := make([]string, 0, len(in.lines))
	for id := range in.lines {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out, errs := make([]*record.PatientRecord, len(ids)), make([]error, len(ids))
	Each(len(ids), workers, func(i int) {
		out[i], errs[i] = fhir.ParseResources(in.lines[ids[i]], in.shared, fhir.Limits{})
	})
	return out, errors.Join(errs...)
}

// Each calls do with 0 to n-1, from so many goroutines, and waits for all.
func Each(n, workers int, do func(int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
