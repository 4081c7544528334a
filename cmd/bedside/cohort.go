package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	"github.com/bedside-lm/bedside/clinical/render"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

const (
	defaultEmbedding = "multilingual-e5-small"
	localRunner      = "local"
)

// cohort prepares all inputs into a folder.
func (p *prepareCmd) cohort(a *app) error {
	job, err := p.job()
	if err != nil {
		return err
	}
	if p.Memory > 0 {
		debug.SetMemoryLimit(p.Memory << 20)
	}
	if !p.Vectors {
		return p.runJob(a, job)
	}
	p.need = func(c *config.Config) { c.Model, c.EmbeddingModel = "", defaultEmbedding }
	return p.withClient(a, func(client *bedside.Client) error {
		job.Embedder, job.EmbedderName = &clientEmbedder{client}, defaultEmbedding
		return p.runJob(a, job)
	})
}

func (p *prepareCmd) job() (cohort.Job, error) {
	shares, err := p.shares()
	if err != nil {
		return cohort.Job{}, &usageError{err}
	}
	job := cohort.Job{
		Inputs: p.Inputs, Output: p.Out, Prepare: prepare.Options{FillInterval: p.FillInterval},
		Split: shares, Label: cohort.Label(p.Label), Labels: p.Labels, MaxRejects: p.MaxRejects, Workers: p.Workers, Version: version,
	}
	if p.Format != "auto" {
		job.Format = cohort.Format(p.Format)
	}
	for _, s := range p.Skip {
		job.Prepare.Skip = append(job.Prepare.Skip, prepare.StageName(s))
	}
	if p.Mapping != "" {
		if job.Mapping, err = os.ReadFile(p.Mapping); err != nil {
			return job, err
		}
	}
	if p.NoText {
		return job, nil
	}
	for _, lang := range p.Lang {
		o := render.Options{
			Lang: render.Lang(lang), RelativeTimes: p.RelativeTimes, TokenBudget: int(p.TokenBudget), Derived: true,
		}
		if p.Style == "compact" {
			o.Style = render.StyleCompact
		}
		job.Texts = append(job.Texts, o)
	}
	return job, nil
}

func (p *prepareCmd) runJob(a *app, job cohort.Job) error {
	shown := &cohortProgress{statusLine{w: a.err, tty: a.errIsTTY, quiet: p.Quiet}}
	job.Progress = shown.tell
	ctx, cancel := context.WithCancelCause(a.ctx)
	defer cancel(nil)
	stop := context.AfterFunc(a.ctx, func() { cancel(cohort.ErrInterrupted) })
	defer stop()
	began := time.Now()
	var m *cohort.Manifest
	var err error
	if p.Runner == localRunner {
		m, err = cohort.Local{}.Run(ctx, job)
	} else {
		m, err = p.throughBeam(a, job)
	}
	shown.line.end()
	var wrong *cohort.JobError
	switch {
	case errors.As(err, &wrong):
		return &usageError{err}
	case err != nil && a.ctx.Err() != nil:
		fmt.Fprintf(a.err, "bedside: stopped; the same command goes on from here\n")
		return err
	case err != nil:
		return err
	}
	return writeManifest(a.out, job.Output, m, time.Since(began))
}

// writeManifest writes what a run came to.
func writeManifest(w io.Writer, folder string, m *cohort.Manifest, took time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d patients, %d observations in %.1f s; %d patients and %d pieces rejected\n",
		m.Patients, m.Counts["observations"], took.Seconds(), m.Rejected, m.RejectedText)
	if m.Split != nil {
		for _, set := range []string{"train", "validation", "test"} {
			n := 0
			for _, k := range m.Split.Sets[set] {
				n += k
			}
			fmt.Fprintf(&b, "  %-10s %d patients\n", set, n)
		}
		fmt.Fprintf(&b, "  leakage    none in %d pairs compared\n", m.Split.Leakage.Pairs)
	}
	bytes := int64(0)
	for _, o := range m.Outputs {
		bytes += o.Bytes
	}
	fmt.Fprintf(&b, "%s: %d files, %s; %s says what is in them\n", folder, len(m.Outputs), size(bytes), cohort.ManifestName)
	_, err := io.WriteString(w, b.String())
	return err
}

func size(n int64) string {
	f, unit := float64(n), "B"
	for _, next := range []string{"kB", "MB", "GB"} {
		if f < 1000 {
			break
		}
		f, unit = f/1000, next
	}
	return fmt.Sprintf("%.3g %s", f, unit)
}

// cohortProgress tells how far a cohort has come.
type cohortProgress struct{ line statusLine }

func (c *cohortProgress) tell(p cohort.Progress) {
	if p.Step == "" {
		return
	}
	text := fmt.Sprintf("%s %3.0f%%, %d patients, %d observations", p.Step, 100*float64(p.Done)/float64(max(p.Total, 1)), p.Patients, p.Observations)
	if s := p.Elapsed.Seconds(); s > 0 && p.Observations > 0 {
		text += fmt.Sprintf(" (%.0f/s)", float64(p.Observations)/s)
	}
	if p.Rejected > 0 {
		text += fmt.Sprintf(", %d rejected", p.Rejected)
	}
	if p.Remaining > 0 {
		text += ", " + p.Remaining.Round(time.Second).String() + " left of this step"
	}
	c.line.show(text, p.Elapsed)
}

// clientEmbedder gives vectors by a server, or by the engine in this process.
type clientEmbedder struct{ client *bedside.Client }

// Embed gives each text a vector as a passage. What is longer than the model takes is cut.
func (e *clientEmbedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	response, err := e.client.Embedding().Embed(ctx, &bedsidev1.EmbedRequest{
		Kind: bedsidev1.EmbeddingKind_EMBEDDING_KIND_PASSAGE, Texts: texts, Truncate: true,
	})
	if err != nil {
		return nil, err
	}
	out := make([][]float32, len(response.GetEmbeddings()))
	for i, v := range response.GetEmbeddings() {
		out[i] = v.GetValues()
	}
	return out, nil
}
