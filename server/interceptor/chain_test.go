package interceptor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/interceptor"
)

func fine(context.Context) error { return nil }

// lines are the log's lines whose msg is the given one.
func (s *system) lines(t *testing.T, msg string) []map[string]any {
	t.Helper()
	s.stop()
	var out []map[string]any
	for line := range strings.Lines(s.log.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		if fields["msg"] == msg {
			out = append(out, fields)
		}
	}
	return out
}

func TestOneLineACall(t *testing.T) {
	s := start(t, fine)
	_, err := s.generation.Generate(deadline(t), prompt())
	require.NoError(t, err)
	_ = s.stream(deadline(t), prompt())

	lines := s.lines(t, "call")
	require.Len(t, lines, 2)
	for i, method := range []string{"Generate", "StreamGenerate"} {
		l := lines[i]
		require.Equal(t, "/bedside.v1.GenerationService/"+method, l["method"])
		require.Equal(t, "OK", l["code"])
		require.Equal(t, "INFO", l["level"])
		require.Equal(t, "bufconn", l["peer"])
		require.Equal(t, "small", l["model"])
		require.Positive(t, l["duration_ms"])
		require.Regexp(t, `^[0-9a-f]{16}$`, l["request_id"])
	}
	require.NotContains(t, s.log.String(), "Zhang")
}

func TestRequestID(t *testing.T) {
	for name, c := range map[string]struct {
		sent []string
		keep bool
	}{
		"well formed": {[]string{"ward-3.A_7"}, true},
		"none":        {nil, false},
		"a text":      {[]string{"Zhang Wei"}, false},
		"too long":    {[]string{strings.Repeat("a", 65)}, false},
		"empty":       {[]string{""}, false},
		"two":         {[]string{"a", "b"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			inside := make(chan string, 2)
			s := start(t, func(ctx context.Context) error {
				inside <- interceptor.RequestID(ctx)
				return nil
			})
			ctx := deadline(t)
			for _, id := range c.sent {
				ctx = metadata.AppendToOutgoingContext(ctx, interceptor.RequestIDKey, id)
			}
			var trailer metadata.MD
			_, err := s.generation.Generate(ctx, prompt(), grpc.Trailer(&trailer))
			require.NoError(t, err)
			got := trailer.Get(interceptor.RequestIDKey)
			require.Len(t, got, 1)
			require.Equal(t, got[0], <-inside)
			if c.keep {
				require.Equal(t, c.sent[0], got[0])
			} else {
				require.Regexp(t, `^[0-9a-f]{16}$`, got[0])
			}

			answers, err := s.generation.StreamGenerate(ctx, prompt())
			require.NoError(t, err)
			for err == nil {
				_, err = answers.Recv()
			}
			require.ErrorIs(t, err, io.EOF)
			require.Len(t, answers.Trailer().Get(interceptor.RequestIDKey), 1)
			require.Equal(t, answers.Trailer().Get(interceptor.RequestIDKey)[0], <-inside)
			s.stop()
			require.Contains(t, s.log.String(), got[0])
			require.NotContains(t, s.log.String(), "Zhang")
		})
	}
}

func TestModelOfAFailedCall(t *testing.T) {
	s := start(t, func(ctx context.Context) error {
		interceptor.SetModel(ctx, "device", "")
		return context.DeadlineExceeded
	})
	_, err := s.generation.Generate(deadline(t), prompt())
	require.Error(t, err)
	line := s.lines(t, "call")[0]
	require.Equal(t, "device", line["model"])
	require.Equal(t, "WARN", line["level"])
}

func TestHealthIsQuiet(t *testing.T) {
	s := start(t, fine)
	_, err := s.health.Check(deadline(t), &healthgrpc.HealthCheckRequest{})
	require.NoError(t, err)
	_, err = s.health.Check(deadline(t), &healthgrpc.HealthCheckRequest{Service: canary})
	require.Equal(t, codes.NotFound, status.Code(err))
	lines := s.lines(t, "call")
	require.Len(t, lines, 2)
	for _, l := range lines {
		require.Equal(t, "DEBUG", l["level"])
	}
}

func TestValidation(t *testing.T) {
	many := int32(-1)
	req := prompt()
	req.Sampling = &bedsidev1.Sampling{MaxTokens: &many, Stop: []string{"", canary}, MinP: 2}
	called := false
	s := start(t, func(context.Context) error { called = true; return nil })
	_, unary := s.generation.Generate(deadline(t), req)
	for _, err := range []error{unary, s.stream(deadline(t), req)} {
		require.Equal(t, codes.InvalidArgument, status.Code(err))
		require.Equal(t, "INVALID_FIELD", detail[*errdetails.ErrorInfo](t, err).GetReason())
		fields := strings.Join(violations(t, err), "\n")
		require.Regexp(t, `(?m)^sampling\.max_tokens: \S`, fields)
		require.Regexp(t, `(?m)^sampling\.min_p: \S`, fields)
		require.Regexp(t, `(?m)^sampling\.stop\[0\]: \S`, fields)
		require.Len(t, violations(t, err), 3)
	}

	_, err := s.generation.Generate(deadline(t), &bedsidev1.GenerateRequest{Model: strings.Repeat(canary, 9)})
	require.Len(t, violations(t, err), 2)
	require.Regexp(t, `^input: `, violations(t, err)[0])
	require.Regexp(t, `^model: .*128`, violations(t, err)[1])
	require.NotContains(t, fmt.Sprint(status.Convert(err).Proto()), "Zhang")

	record := &bedsidev1.PatientRecord{Patient: &bedsidev1.Patient{Sex: canary}}
	for range 4 {
		record.Observations = append(record.Observations, &bedsidev1.Observation{Id: "a", Code: &bedsidev1.Concept{Text: canary}})
	}
	record.Observations[3].Code = nil
	record.Observations[2].Value = &bedsidev1.Value{Value: &bedsidev1.Value_Quantity{Quantity: &bedsidev1.Quantity{Value: canary}}}
	_, err = s.clinical.SummarizeRecord(deadline(t), &bedsidev1.SummarizeRecordRequest{
		Source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Record{Record: record}},
	})
	fields := strings.Join(violations(t, err), "\n")
	require.Contains(t, fields, "source.record.observations[3].code: ")
	require.Contains(t, fields, "source.record.observations[2].value.quantity.value: ")
	require.Contains(t, fields, "source.record.patient.sex: ")
	require.NotContains(t, fmt.Sprint(status.Convert(err).Proto()), "Zhang")
	require.False(t, called)
	s.stop()
	require.NotContains(t, s.log.String(), "Zhang")
}

func TestErrorTextOnlyOnRequest(t *testing.T) {
	s := start(t, func(context.Context) error { return fmt.Errorf("invented: %w", fmt.Errorf("cause")) },
		func(o *interceptor.Options) { o.LogErrorText = true })
	_, err := s.generation.Generate(deadline(t), prompt())
	require.Equal(t, codes.Internal, status.Code(err))
	lines := s.lines(t, "internal error")
	require.Len(t, lines, 1)
	require.Equal(t, "DEBUG", lines[0]["level"])
	require.Equal(t, "invented: cause", lines[0]["text"])
	call := s.lines(t, "call")[0]
	require.Equal(t, lines[0]["error_id"], call["error_id"])
	require.Regexp(t, regexp.MustCompile(`^\*fmt\.wrapError > \*\S+$`), call["error_type"])
}

// A call without a deadline, or with a longer one, ends all the same.
func TestRequestTimeout(t *testing.T) {
	s := start(t, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}, func(o *interceptor.Options) { o.Limits.RequestTimeout = 50 * time.Millisecond })
	_, unary := s.generation.Generate(deadline(t), prompt())
	for _, err := range []error{unary, s.stream(deadline(t), prompt())} {
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
		require.Equal(t, "DEADLINE_EXCEEDED", detail[*errdetails.ErrorInfo](t, err).GetReason())
	}

	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	watch, err := s.health.Watch(ctx, &healthgrpc.HealthCheckRequest{})
	require.NoError(t, err)
	_, err = watch.Recv()
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { _, err := watch.Recv(); ended <- err }()
	select {
	case err := <-ended:
		t.Fatalf("health's Watch ended: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	cancel()
	require.Equal(t, codes.Canceled, status.Code(<-ended))
}

func TestMessageLimit(t *testing.T) {
	s := start(t, fine, func(o *interceptor.Options) { o.Limits.MessageBytes = 1 << 10 })
	req := prompt()
	req.Input = &bedsidev1.GenerateRequest_Prompt{Prompt: strings.Repeat("a", 2<<10)}
	_, err := s.generation.Generate(deadline(t), req)
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
}

func TestMetrics(t *testing.T) {
	s := start(t, fine)
	_, err := s.generation.Generate(deadline(t), &bedsidev1.GenerateRequest{})
	require.Error(t, err)
	_, err = s.generation.Generate(deadline(t), prompt())
	require.NoError(t, err)
	s.stop()
	handled := map[string]float64{}
	for _, m := range s.family(t, "grpc_server_handled_total") {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		handled[labels["grpc_method"]+" "+labels["grpc_code"]] = m.GetCounter().GetValue()
	}
	buckets := s.family(t, "grpc_server_handling_seconds")[0].GetHistogram().GetBucket()
	require.InDelta(t, 600, buckets[len(buckets)-1].GetUpperBound(), 0)
	require.InDelta(t, 1, handled["Generate OK"], 0)
	require.InDelta(t, 1, handled["Generate InvalidArgument"], 0)
	zero, there := handled["Tokenize OK"]
	require.True(t, there)
	require.Zero(t, zero)
}

// family are the metrics of one name.
func (s *system) family(t *testing.T, name string) []*dto.Metric {
	t.Helper()
	families, err := s.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()
		}
	}
	t.Fatalf("no metric %s", name)
	return nil
}

func TestNewNeedsItsParts(t *testing.T) {
	_, err := interceptor.New(interceptor.Options{})
	require.Error(t, err)
}
