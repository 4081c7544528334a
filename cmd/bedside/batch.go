package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/cmd/bedside/internal/batch"
	"github.com/bedside-lm/bedside/cmd/bedside/internal/records"
)

// someFailedError says that a run answered about all records, some with an error.
type someFailedError struct{ n batch.Counts }

func (e *someFailedError) Error() string {
	return fmt.Sprintf("%d of %d records have no answer; the first, %s: %s", e.n.Failed, e.n.Records, e.n.First, e.n.Why)
}

// runBatch writes a line for each of many records.
func (q *question[Q, R]) runBatch(a *app, to *connection, about *asked) (err error) {
	for _, name := range about.Records {
		if name == records.Stdin {
			continue
		}
		if _, err := os.Stat(name); err != nil { // before a model is loaded
			return err
		}
	}
	job := batch.Job{Records: records.Read(interruptible{a.ctx, a.in}, about.Records...), AtOnce: about.Concurrency, Path: about.Out}
	job.Question.Call = q.call
	if job.Question.Request, err = jsonOf(q.request(nil)); err != nil {
		return err
	}
	job.Write = func(line []byte) error { _, err := a.out.Write(line); return err }
	if about.Out != "" {
		out, err := batch.Open(about.Out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, out.Close()) }()
		job.Written, job.Write = out.Entries(), func(line []byte) error { _, err := out.Write(line); return err }
	}
	return to.withClient(a, func(client *bedside.Client) error {
		job.Ask = func(ctx context.Context, r *records.Record) (string, json.RawMessage, error) {
			return q.askBatch(ctx, client, to, r)
		}
		return runJob(a, to, about, job)
	})
}

func runJob(a *app, to *connection, about *asked, job batch.Job) error {
	shown := &statusLine{w: a.err, tty: a.errIsTTY, quiet: to.Quiet}
	start := time.Now()
	job.Tell = func(n batch.Counts) {
		took := time.Since(start)
		text := fmt.Sprintf("%d records", n.Records)
		if asked := n.Records - n.Written; asked > 0 {
			text += fmt.Sprintf(" (%.1f/s)", float64(asked)/max(took.Seconds(), 1e-3))
		}
		if n.Failed > 0 {
			text += fmt.Sprintf(", %d without an answer", n.Failed)
		}
		shown.show(text, took)
	}
	n, err := batch.Run(a.ctx, job)
	shown.end()
	if err != nil && about.Out != "" && n.Records > n.Written {
		fmt.Fprintf(a.err, "bedside: stopped after %d records; the same command goes on from here\n", n.Records)
	}
	switch {
	case err != nil:
		return err
	case n.Records == 0:
		return errors.New("the inputs hold no record")
	case n.Failed > 0:
		return &someFailedError{n}
	}
	if !to.Quiet && about.Out != "" {
		fmt.Fprintf(a.err, "%d records, %d of them by an earlier run\n", n.Records, n.Written)
	}
	return nil
}

// askBatch asks about one of many records. What a busy server turns down is asked again for as long as a call may take.
func (q *question[Q, R]) askBatch(ctx context.Context, client *bedside.Client, to *connection, r *records.Record) (string, json.RawMessage, error) {
	id := patientOf(r)
	until := time.Now().Add(to.Timeout)
	for {
		answer, err := q.ask(ctx, client, q.request(sourceOf(r)))
		if err == nil {
			text, err := jsonOf(answer)
			return id, text, err
		}
		after, busy := bedside.RetryAfter(err)
		if !busy || status.Code(err) != codes.ResourceExhausted || time.Now().Add(after).After(until) {
			return id, nil, to.failure(err)
		}
		wait := time.NewTimer(after)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return id, nil, ctx.Err()
		}
	}
}

// failure is the record's own fault where another one could fare better, else what ends a run.
func (c *connection) failure(err error) error {
	_, busy := bedside.RetryAfter(err)
	switch code := status.Code(err); {
	case code == codes.InvalidArgument, code == codes.DeadlineExceeded, code == codes.Internal, code == codes.OutOfRange,
		code == codes.ResourceExhausted && !busy: // larger than a request may be
	default:
		return c.failed(err)
	}
	f := &batch.Failure{Code: codeOf(err), Reason: bedside.Reason(err), Message: (&callError{err: err}).Error()}
	for _, v := range bedside.Violations(err) {
		f.Violations = append(f.Violations, batch.Violation{Field: v.Field, Description: v.Description})
	}
	return f
}

// codeOf is the name of an error's code as google.rpc.Code has it.
func codeOf(err error) string { return code.Code(status.Code(err)).String() }

// patientOf is the id of the patient whom a record is about, as it was filed, or "".
func patientOf(r *records.Record) string {
	if r.HL7 {
		return ""
	}
	found, err := fhir.Glance(fhir.Line{Text: []byte(r.Text)}, fhir.Limits{})
	if err != nil {
		return "" // the server says what is wrong with it
	}
	return found.Patient
}

// jsonOf is a message as JSON on one line, without its end.
func jsonOf(m proto.Message) (json.RawMessage, error) {
	var out bytes.Buffer
	if err := writeJSONLine(&out, m); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}
