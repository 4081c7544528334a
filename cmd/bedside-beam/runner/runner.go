// Package runner prepares cohorts as an Apache Beam pipeline, for clusters: Flink, Spark or
// Dataflow carry it out, or Prism, Beam's own runner, within this process.
//
//	sources - read - group by patient - prepare - place - group by files - write - manifest
//	            \                          /     \      |                     |       |
//	             shared resources ---------       divide: who stands in which set --
//
// It writes the bytes that cohort.Local writes of the same job. On one machine Local is faster
// and needs a small part of the memory: a shuffle of Prism's holds all of its data at once.
//
// Inputs and output are files that every worker reaches under the same path.
package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/dataflow" // runs by name
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/flink"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/spark"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal"

	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
)

// Prism is the runner within this process.
const Prism = "prism"

// Runner carries jobs out by Beam. beam.Init must have been called.
type Runner struct {
	// Name is the runner as Beam knows it: prism, flink, spark, dataflow or universal. "" is
	// prism. Beam's own flags say where it is.
	Name string
}

var _ cohort.Runner = Runner{}

// Run carries the job out. A job with an Embedder, or with a tokenizer of a model's, is refused,
// since functions do not travel; so is one whose output Local would refuse. Progress is not
// told. A run that was ended begins anew when the same job is run again. The error is a
// *cohort.JobError, a *split.LeakError, or Beam's.
func (r Runner) Run(ctx context.Context, job cohort.Job) (*cohort.Manifest, error) {
	if _, err := json.Marshal(job); err != nil {
		if wrong, ok := errors.AsType[*cohort.JobError](err); ok {
			return nil, wrong
		}
		return nil, err
	}
	plan, err := cohort.NewPlan(job)
	if err != nil {
		return nil, err
	}
	if done, err := plan.Claim(); done != nil || err != nil {
		return done, err
	}
	refused := refusedPath(plan.Job.Output)
	if err := os.Remove(refused); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	p, err := Pipeline(plan)
	if err != nil {
		return nil, err
	}
	name := r.Name
	if name == "" {
		name = Prism
	}
	if _, err := beam.Run(ctx, name, p); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return finished(plan)
}

// finished is what the pipeline left.
func finished(plan *cohort.Plan) (*cohort.Manifest, error) {
	if data, err := os.ReadFile(refusedPath(plan.Job.Output)); err == nil {
		r := refusal{}
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, err
		}
		return nil, errors.Join(r.err(), os.Remove(refusedPath(plan.Job.Output)))
	}
	data, err := os.ReadFile(filepath.Join(plan.Job.Output, cohort.ManifestName))
	if err != nil {
		return nil, fmt.Errorf("the runner ended, or only began, and there is no manifest yet: %w", err)
	}
	m := &cohort.Manifest{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, err
	}
	return m, os.RemoveAll(cohort.WorkDir(plan.Job.Output))
}

// Pipeline expresses a plan.
func Pipeline(plan *cohort.Plan) (*beam.Pipeline, error) {
	data, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	with := planned{Plan: data}
	p, s := beam.NewPipelineWithRoot()
	numbers := make([]int, len(plan.Sources))
	for i := range numbers {
		numbers[i] = i
	}
	sources := beam.Reshuffle(s, beam.CreateList(s, numbers))
	pieces, shared, told := beam.ParDo3(s.Scope("read"), &readFn{planned: with}, sources)
	if plan.Job.Label == cohort.LabelFile {
		labels := beam.ParDo(s.Scope("labels"), &labelsFn{planned: with}, beam.Impulse(s))
		pieces = beam.Flatten(s, pieces, labels)
	}
	prepared, known := beam.ParDo2(s.Scope("prepare"), &prepareFn{planned: with}, beam.GroupByKey(s, pieces), beam.SideInput{Input: shared})
	notes := beam.AddFixedKey(s, beam.Flatten(s, told, known))
	drawn := beam.ParDo(s.Scope("divide"), &divideFn{planned: with}, beam.GroupByKey(s, notes))
	placed := beam.ParDo(s.Scope("place"), &placeFn{planned: with}, prepared, beam.SideInput{Input: drawn})
	outputs := beam.ParDo(s.Scope("write"), &writeFn{planned: with}, beam.GroupByKey(s, placed), beam.SideInput{Input: drawn})
	beam.ParDo0(s.Scope("manifest"), &manifestFn{planned: with}, drawn, beam.SideInput{Input: outputs})
	return p, nil
}

// planned is what the steps of a pipeline have in common: the plan, as it travels and as it is used.
type planned struct {
	Plan []byte
	plan *cohort.Plan
}

// Setup reads the plan.
func (p *planned) Setup() error {
	p.plan = &cohort.Plan{}
	return json.Unmarshal(p.Plan, p.plan)
}

// refusal says why a job that was read is not carried out. It travels as a file, since the
// errors of a step are Beam's by the time they come back.
type refusal struct {
	Job  *cohort.JobError `json:"job,omitempty"`
	Leak *split.LeakError `json:"leak,omitempty"`
}

func (r *refusal) err() error {
	if r.Leak != nil {
		return r.Leak
	}
	return r.Job
}

// refusalOf is what of an error travels. Other errors end the pipeline.
func refusalOf(err error) (*refusal, bool) {
	if wrong, ok := errors.AsType[*cohort.JobError](err); ok {
		return &refusal{Job: wrong}, true
	}
	if leak, ok := errors.AsType[*split.LeakError](err); ok {
		return &refusal{Leak: leak}, true
	}
	return nil, false
}

// refusedName is where a refusal stands while the run is not over.
const refusedName = "refused.json"

func refusedPath(output string) string { return filepath.Join(output, refusedName) }

func (p *planned) refuse(r *refusal) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return p.placeFile(refusedName, data)
}
