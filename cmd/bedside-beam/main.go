// Command bedside-beam prepares cohorts on clusters: the work of "bedside prepare" as an Apache
// Beam pipeline. It is a module of its own, so that Beam and the clients of clouds that it brings
// stay out of the server.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"

	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	"github.com/bedside-lm/bedside/cmd/bedside-beam/runner"
)

// The exit codes, as bedside has them.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

const usage = `Prepares a cohort as an Apache Beam pipeline, and prints the manifest.

  bedside-beam --job job.json                                            in this process
  bedside-beam --job job.json --runner flink --endpoint localhost:8099 --environment_type DOCKER

Inputs and output are paths that every worker reaches, such as of a network file system; a run
gives the bytes that "bedside prepare" gives of the same job. On one machine "bedside prepare" is
faster and needs a small part of the memory.

The job, with "-" from standard input, is JSON; what is left out has its default:

  {
    "inputs": ["/data/export"], "format": "fhir", "output": "/data/prepared",
    "prepare": {"skip": ["clock"], "fill_interval": "1h", "same_moment": "30s", "max_clock_offset": "14h", "hampel": 3.5},
    "texts": [{"language": "en"}, {"language": "zh", "style": "compact", "relative_times": true, "derived": true, "token_budget": 512}],
    "split": {"train": 0.8, "validation": 0.1, "test": 0.1, "seed": 1},
    "label": "diagnosis", "max_rejects": 0.05, "limits": {"bytes": 16777216}, "partition_bytes": 8388608
  }

Vectors, and budgets in a model's own tokens, are left to "bedside prepare".

Flags (those of Beam's own follow its documentation):
`

func main() {
	job := flag.String("job", "", "file of the job; - for standard input")
	name := flag.String("runner", runner.Prism, "prism, flink, spark, dataflow or universal; local: without Beam, as bedside prepare")
	verbose := flag.Bool("verbose", false, "show what Beam logs")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	if !*verbose {
		log.LogLevel = "warn"
	}
	beam.Init() // a worker's process goes no further
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *job, *name, flag.Args(), os.Stdin, os.Stdout)
	code := exitCode(ctx, err)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bedside-beam:", err)
	}
	os.Exit(code)
}

// usageError says that the command line cannot be understood.
type usageError string

func (e usageError) Error() string { return string(e) }

func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		return exitInterrupted
	}
	if _, wrong := errors.AsType[usageError](err); wrong {
		return exitUsage
	}
	if _, wrong := errors.AsType[*cohort.JobError](err); wrong {
		return exitUsage
	}
	return exitFailure
}

// jobBytes bounds the file of a job.
const jobBytes = 64 << 20

func run(ctx context.Context, file, name string, rest []string, in io.Reader, out io.Writer) error {
	switch {
	case file == "":
		return usageError("name the job's file with --job; --help shows one")
	case len(rest) > 0:
		return usageError("flags only; --help shows them")
	}
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, jobBytes))
	if err != nil {
		return err
	}
	job := cohort.Job{}
	if err := json.Unmarshal(data, &job); err != nil {
		return &cohort.JobError{Field: "job", Message: err.Error()}
	}
	m, err := runnerOf(name).Run(ctx, job)
	if err != nil {
		return err
	}
	text, err := m.Bytes()
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

// local is the name of the runner without Beam, to compare with.
const local = "local"

func runnerOf(name string) cohort.Runner {
	if name == local {
		return cohort.Local{}
	}
	return runner.Runner{Name: name}
}
