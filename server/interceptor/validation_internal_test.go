package interceptor

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

func newChain(t testing.TB) *Chain {
	c, err := New(Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Registerer: prometheus.NewRegistry()})
	require.NoError(t, err)
	return c
}

// summarize asks about a record of n observations that change has seen.
func summarize(n int, change func(*bedsidev1.Observation)) *bedsidev1.SummarizeRecordRequest {
	p := &bedsidev1.PatientRecord{Patient: &bedsidev1.Patient{Id: "p"}}
	for i := range n {
		o := &bedsidev1.Observation{
			Id: fmt.Sprint(i), Start: "2026-03-01T08:00:00+08:00",
			Code: &bedsidev1.Concept{Codings: []*bedsidev1.Coding{{System: "http://loinc.org", Code: "8867-4"}}},
			Value: &bedsidev1.Value{Value: &bedsidev1.Value_Quantity{
				Quantity: &bedsidev1.Quantity{Value: "88", Unit: "beats/min", Code: "/min"},
			}},
		}
		if change != nil {
			change(o)
		}
		p.Observations = append(p.Observations, o)
	}
	return &bedsidev1.SummarizeRecordRequest{Source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Record{Record: p}}}
}

func describedAs(t *testing.T, err error) answer {
	t.Helper()
	require.Error(t, err)
	a, ok := describe(err)
	require.True(t, ok, "%v", err)
	return a
}

// A small request can hold a great many things that are wrong; refusing it must stay cheap.
func TestValidationIsBounded(t *testing.T) {
	c := newChain(t)
	took := func(req any) (answer, time.Duration) {
		start := time.Now()
		err := c.validate(req)
		return describedAs(t, err), time.Since(start)
	}

	a, d := took(summarize(100_001, func(o *bedsidev1.Observation) { o.Reset() }))
	require.Equal(t, "source.record.observations", a.violations[0].GetField())
	require.Equal(t, "must contain no more than 100000 item(s)", a.violations[0].GetDescription())
	require.Less(t, d, time.Second)

	a, d = took(summarize(100_000, func(o *bedsidev1.Observation) { o.Reset() }))
	require.Equal(t, "source.record.observations[0].id", a.violations[0].GetField())
	require.Len(t, a.violations, maxViolations)
	require.Positive(t, a.leftOut)
	require.Less(t, d, 10*time.Second)

	a, _ = took(summarize(1, func(o *bedsidev1.Observation) { o.Code.Codings = make([]*bedsidev1.Coding, 100_000) }))
	require.Equal(t, "Concept.codings", a.violations[0].GetField())
	require.Equal(t, "must contain no more than 32 item(s)", a.violations[0].GetDescription())
}

func TestValidationGivesUp(t *testing.T) {
	c := newChain(t)
	req := summarize(100, nil)
	require.NoError(t, c.validate(req))
	c.visits = 500
	a := describedAs(t, c.validate(req))
	require.Equal(t, "SummarizeRecordRequest: holds too many values", a.text())
}

// The largest record that the rules allow stays far from the bound.
func TestLargestRecordIsValidated(t *testing.T) {
	c := newChain(t)
	c.visits = maxVisits / 50
	require.NoError(t, c.validate(summarize(100_000/50, nil)))
}

// What lies beyond the second pass is still refused, by the first one's finding.
func TestOneViolationAtTheEnd(t *testing.T) {
	req := summarize(30_000, nil)
	req.GetSource().GetRecord().Observations[29_999].Code = nil
	a := describedAs(t, newChain(t).validate(req))
	require.Len(t, a.violations, 1)
	require.Equal(t, "source.record.observations[29999].code", a.violations[0].GetField())
}

func BenchmarkValidate(b *testing.B) {
	c, req := newChain(b), summarize(10_000, nil)
	for b.Loop() {
		if err := c.validate(req); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "readings/s")
}
