package tracing

import (
	"context"
	"log/slog"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// allowed are the attributes that leave this process, by the names of OpenTelemetry's conventions of today and of before.
// Each takes its value from a list that is the server's own. An address is not among them, nor a request's id, which
// callers choose: the log has the trace's id beside it.
var allowed = map[attribute.Key]bool{
	"rpc.system.name":          true,
	"rpc.system":               true,
	"rpc.service":              true,
	"rpc.method":               true,
	"rpc.response.status_code": true,
	Model:                      true,
	Reason:                     true,
	ErrorID:                    true,
}

// allowing sends spans on without what is not allowed.
type allowing struct {
	sdktrace.SpanExporter
	log    *slog.Logger
	failed atomic.Bool
}

// ExportSpans is of sdktrace.SpanExporter. That nothing can be sent is said once, not every few seconds, and not to
// OpenTelemetry's own handler of errors, which would write to standard error.
func (a *allowing) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	out := make([]sdktrace.ReadOnlySpan, 0, len(spans))
	for _, s := range spans {
		out = append(out, plain{s})
	}
	err := a.SpanExporter.ExportSpans(ctx, out)
	if was := a.failed.Swap(err != nil); err != nil && !was {
		a.log.Warn("traces cannot be sent, and are dropped", "error", err)
	} else if err == nil && was {
		a.log.Info("traces can be sent again")
	}
	return nil
}

// plain is a span without what is not allowed: other attributes, events, links, what a status says beside its code.
type plain struct{ sdktrace.ReadOnlySpan }

func (p plain) Attributes() []attribute.KeyValue {
	var out []attribute.KeyValue
	for _, a := range p.ReadOnlySpan.Attributes() {
		if allowed[a.Key] {
			out = append(out, a)
		}
	}
	return out
}

func (plain) Events() []sdktrace.Event { return nil }
func (plain) Links() []sdktrace.Link   { return nil }

func (p plain) Status() sdktrace.Status { return sdktrace.Status{Code: p.ReadOnlySpan.Status().Code} }

func (p plain) SpanContext() trace.SpanContext {
	return p.ReadOnlySpan.SpanContext().WithTraceState(trace.TraceState{})
}

func (p plain) Parent() trace.SpanContext {
	return p.ReadOnlySpan.Parent().WithTraceState(trace.TraceState{})
}
