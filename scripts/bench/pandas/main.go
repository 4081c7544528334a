// Command pandas is Bedside's side of the comparison with pandas: it makes what both clean, and cleans it.
//
//	go run ./scripts/bench/pandas -dirty FOLDER -copies 4 COHORT   # damages a clean bulk export, so many times over
//	go run ./scripts/bench/pandas -fill 5m FOLDER                  # reads and cleans it, in memory, and says how long it took
//
// A copy has other ids and other damage than the next, so that an export of any size can be made of a small one.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/corrupt"
	"github.com/bedside-lm/bedside/clinical/prepare/evaluate"
	"github.com/bedside-lm/bedside/clinical/record"
)

type options struct {
	dirty   string
	copies  int
	seed    uint64
	workers int
	fill    time.Duration
	clock   bool
}

func main() {
	var o options
	flag.StringVar(&o.dirty, "dirty", "", "folder to write a damaged export to, instead of cleaning")
	flag.IntVar(&o.copies, "copies", 1, "how often the cohort is written, with other ids and damage")
	flag.Uint64Var(&o.seed, "seed", 1, "of the damage")
	flag.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "patients worked on at once")
	flag.DurationVar(&o.fill, "fill", 5*time.Minute, "grid on which gaps are filled")
	flag.BoolVar(&o.clock, "clock", true, "align clocks, too (what pandas is compared with does not)")
	flag.Parse()
	if err := run(o, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "pandas:", err)
		os.Exit(1)
	}
}

func run(o options, folder string) error {
	if folder == "" {
		return errors.New("name the folder of an export")
	}
	if o.dirty != "" {
		return dirty(o, folder)
	}
	return clean(o, folder)
}

// took is what cleaning cost and did; the other side prints the same.
type took struct {
	Bytes        int64          `json:"bytes"`
	Patients     int            `json:"patients"`
	Observations int            `json:"observations"`
	ParseSeconds float64        `json:"parse_s"`
	CleanSeconds float64        `json:"clean_s"`
	Counts       map[string]int `json:"counts"`
}

func clean(o options, folder string) error {
	began := time.Now()
	records, size, err := evaluate.Read(folder, o.workers)
	if err != nil {
		return err
	}
	t := took{Bytes: size, Patients: len(records), ParseSeconds: time.Since(began).Seconds(), Counts: map[string]int{}}
	opt := prepare.Options{FillInterval: o.fill, MaxFilled: 10_000_000, MaxChanges: 1}
	if !o.clock {
		opt.Skip = []prepare.StageName{prepare.StageClock}
	}
	began = time.Now()
	results := make([]*prepare.Result, len(records))
	evaluate.Each(len(records), o.workers, func(i int) { results[i] = prepare.Run(records[i], opt) })
	t.CleanSeconds = time.Since(began).Seconds()
	for i, res := range results {
		t.Observations += len(records[i].Observations)
		for _, r := range res.Reports {
			for kind, n := range r.Counts {
				t.Counts[string(kind)] += n
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(t)
}

// dirty writes a damaged export, a file for each type of resource.
func dirty(o options, folder string) error {
	records, _, err := evaluate.Read(folder, o.workers)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.dirty, 0o750); err != nil {
		return err
	}
	out := &export{folder: o.dirty, files: map[string]*bufio.Writer{}, shared: map[string]bool{}}
	for n := range o.copies {
		for _, rec := range records {
			if err := out.patient(rec, n, o.seed+uint64(n)); err != nil {
				return errors.Join(err, out.close())
			}
		}
	}
	return out.close()
}

// export is a bulk export that is being written.
type export struct {
	folder string
	files  map[string]*bufio.Writer
	open   []*os.File
	shared map[string]bool // ids of devices of no one patient that were written
}

// mark is what every id of a generated cohort that is a patient's own begins with; see scripts/corpus/cohort.py.
var mark = []byte("c000d")

func (e *export) patient(rec *record.PatientRecord, n int, seed uint64) error {
	damaged, _ := corrupt.Apply(rec, seed, corrupt.Usual())
	text, err := fhir.AppendBundle(nil, damaged)
	if err != nil {
		return err
	}
	var bundle struct {
		Entry []struct {
			Resource json.RawMessage `json:"resource"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(bytes.ReplaceAll(text, mark, fmt.Appendf(nil, "c%03dd", n)), &bundle); err != nil {
		return err
	}
	for _, entry := range bundle.Entry {
		var is struct {
			Type string `json:"resourceType"`
			ID   string `json:"id"`
		}
		if err := json.Unmarshal(entry.Resource, &is); err != nil {
			return err
		}
		if is.Type == "Device" {
			if e.shared[is.ID] {
				continue
			}
			e.shared[is.ID] = true
		}
		if err := e.line(is.Type, entry.Resource); err != nil {
			return err
		}
	}
	return nil
}

func (e *export) line(kind string, text []byte) error {
	w := e.files[kind]
	if w == nil {
		f, err := os.Create(filepath.Join(e.folder, kind+".ndjson"))
		if err != nil {
			return err
		}
		w = bufio.NewWriterSize(f, 1<<20)
		e.files[kind], e.open = w, append(e.open, f)
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	return w.WriteByte('\n')
}

func (e *export) close() error {
	var errs []error
	for _, w := range e.files {
		errs = append(errs, w.Flush())
	}
	for _, f := range e.open {
		errs = append(errs, f.Close())
	}
	e.files, e.open = nil, nil
	return errors.Join(errs...)
}
