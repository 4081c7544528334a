package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/batcher/dynamic"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/engine"
	"github.com/bedside-lm/bedside/server/infer"
)

// refusal gives a real refusal of the scheduler.
func refusal(cfg continuous.Config, prepare func(*continuous.Scheduler), r continuous.Request) error {
	s, err := continuous.New(cfg)
	if err != nil {
		panic(err)
	}
	if prepare != nil {
		prepare(s)
	}
	return s.Admit(time.Unix(0, 0), r)
}

var mappings = []struct {
	name       string
	err        error
	code       codes.Code
	reason     string
	message    string // exact, where given
	violations []string
	retry      bool
	metadata   map[string]string
}{
	{
		name: "batcher, field", err: refusal(continuous.Config{}, nil, continuous.Request{ID: 1, PromptTokens: 1, MaxNewTokens: -1}),
		code: codes.InvalidArgument, reason: "INVALID_FIELD", violations: []string{"sampling.max_tokens: max_new_tokens: -1 is negative"},
	},
	{
		name: "batcher, too long",
		err:  refusal(continuous.Config{SlotCapacity: 512}, nil, continuous.Request{ID: 1, PromptTokens: 600, MaxNewTokens: 100}),
		code: codes.InvalidArgument, reason: "PROMPT_TOO_LONG", metadata: map[string]string{"tokens": "700", "limit": "512"},
		violations: []string{"sampling.max_tokens: prompt and answer need 700 tokens, the limit is 512"},
	},
	{
		name: "batcher, queue full", err: refusal(continuous.Config{MaxQueue: 1}, func(s *continuous.Scheduler) {
			_ = s.Admit(time.Unix(0, 0), continuous.Request{ID: 1, PromptTokens: 1, MaxNewTokens: 1})
		}, continuous.Request{ID: 2, PromptTokens: 1, MaxNewTokens: 1}),
		code: codes.ResourceExhausted, reason: "QUEUE_FULL", retry: true,
	},
	{
		name: "batcher, draining",
		err:  refusal(continuous.Config{}, (*continuous.Scheduler).Drain, continuous.Request{ID: 1, PromptTokens: 1, MaxNewTokens: 1}),
		code: codes.Unavailable, reason: "DRAINING", retry: true,
	},
	{
		name: "engine stopped", err: engine.ErrStopped, code: codes.Unavailable, reason: "DRAINING", retry: true,
		message: "the server stopped before the answer was complete",
	},
	{
		name: "record", code: codes.InvalidArgument, reason: "RECORD_INVALID",
		err:        &record.InvalidError{Violations: []record.Violation{{Path: "Bundle.entry[3].resource.status", Message: "required"}, {Path: "Bundle.type", Message: "required"}}},
		message:    "Bundle.entry[3].resource.status: required (and 1 more)",
		violations: []string{"Bundle.entry[3].resource.status: required", "Bundle.type: required"},
	},
	{
		name: "record too large", err: &record.LimitError{Path: "Bundle", What: "bytes", Limit: 64 << 20},
		code: codes.InvalidArgument, reason: "RECORD_TOO_LARGE", metadata: map[string]string{"limit": "67108864", "what": "bytes"},
		violations: []string{"Bundle: more than 67108864 bytes"},
	},
	{
		name: "chat", err: &tokenizer.Error{Kind: tokenizer.KindMessages, Path: "messages[2].role", Reason: "is not one of system, user"},
		code: codes.InvalidArgument, reason: "CHAT_INVALID", violations: []string{"chat.messages[2].role: is not one of system, user"},
	},
	{
		name: "sampling", err: sampling.Params{MaxTokens: 1, TopP: 2, RepetitionPenalty: 1}.Validate(),
		code: codes.InvalidArgument, reason: "INVALID_FIELD", violations: []string{"sampling.top_p: is 2; allowed is above 0 to 1"},
	},
	{
		name: "field", err: &apierror.FieldError{Field: "chat.messages", Message: "the last is not the user's"},
		code: codes.InvalidArgument, reason: "INVALID_FIELD", violations: []string{"chat.messages: the last is not the user's"},
	},
	{
		name: "unknown model", err: &apierror.NotFoundError{Kind: "model", Name: canary, Known: []string{"device", "small"}},
		code: codes.NotFound, reason: "MODEL_NOT_FOUND", message: "unknown model; known: device, small",
	},
	{
		name: "model not ready", err: &repository.ModelError{Kind: repository.KindNotReady, Name: "triage", Reason: "it is LOADING"},
		code: codes.Unavailable, reason: "MODEL_NOT_READY", message: `model "triage" is not ready: it is LOADING`, retry: true,
	},
	{
		name: "model cannot be loaded", code: codes.FailedPrecondition, reason: "MODEL_LOAD_FAILED",
		err:     &repository.ModelError{Kind: repository.KindLoadFailed, Name: "triage", Reason: "no such file", Err: fmt.Errorf("open: %s", canary)},
		message: `model "triage" cannot be loaded: no such file`,
	},
	{
		name: "control mode", err: repository.ErrControlMode, code: codes.FailedPrecondition, reason: "MODEL_CONTROL_MODE",
	},
	{
		name: "dynamic batcher, queue full", err: &dynamic.Error{Kind: dynamic.KindQueueFull, Have: 9, Limit: 8, RetryAfter: time.Second},
		code: codes.ResourceExhausted, reason: "QUEUE_FULL", retry: true,
	},
	{
		name: "dynamic batcher, place given to another tenant", err: &dynamic.Error{Kind: dynamic.KindDisplaced, RetryAfter: time.Second},
		code: codes.ResourceExhausted, reason: "QUEUE_FULL", retry: true,
	},
	{
		name: "dynamic batcher, queue timeout", err: &dynamic.Error{Kind: dynamic.KindTimeout},
		code: codes.DeadlineExceeded, reason: "QUEUE_TIMEOUT",
	},
	{
		name: "dynamic batcher, stopped", err: dynamic.ErrStopped, code: codes.Unavailable, reason: "DRAINING", retry: true,
	},
	{
		name: "model failed", err: &ort.RunError{Where: "Add node sum", Detail: canary}, code: codes.Internal, reason: "MODEL_FAILED",
		message: "the model failed on these inputs: Add node sum",
	},
	{
		name: "model has no row for each", err: &infer.OutputError{Output: "OUTPUT0", Shape: []int64{1}, Rows: 2},
		code: codes.FailedPrecondition, reason: "MODEL_FAILED",
	},
	{
		name: "cancelled", err: context.Canceled, code: codes.Canceled, reason: "CANCELLED", message: "the call was cancelled",
	},
	{
		name: "deadline", err: context.DeadlineExceeded, code: codes.DeadlineExceeded, reason: "DEADLINE_EXCEEDED",
		message: "the deadline passed before the answer was complete",
	},
	{
		name: "status", err: status.Error(codes.FailedPrecondition, "no such thing"),
		code: codes.FailedPrecondition, reason: "FAILED_PRECONDITION", message: "no such thing",
	},
}

func TestErrorsGetTheirStatus(t *testing.T) {
	for _, m := range mappings {
		t.Run(m.name, func(t *testing.T) {
			require.Error(t, m.err)
			// What services wrap around an error is not for callers.
			wrapped := fmt.Errorf("while reading %s: %w", canary, m.err)
			s := start(t, func(context.Context) error { return wrapped })
			_, unary := s.generation.Generate(deadline(t), prompt())
			for _, err := range []error{unary, s.stream(deadline(t), prompt())} {
				require.Equal(t, m.code, status.Code(err), err)
				require.NotEmpty(t, status.Convert(err).Message())
				if m.message != "" {
					require.Equal(t, m.message, status.Convert(err).Message())
				}
				info := detail[*errdetails.ErrorInfo](t, err)
				require.Equal(t, "bedside", info.GetDomain())
				require.Equal(t, m.reason, info.GetReason())
				require.Equal(t, m.metadata, info.GetMetadata())
				require.Equal(t, m.violations, violations(t, err))
				retry := detail[*errdetails.RetryInfo](t, err)
				require.Equal(t, m.retry, retry.GetRetryDelay().AsDuration() > 0)
				require.NotContains(t, fmt.Sprint(status.Convert(err).Proto()), "Zhang")
			}
			s.stop()
			require.NotContains(t, s.log.String(), "Zhang")
			require.Equal(t, 2, strings.Count(s.log.String(), `"reason":"`+m.reason+`"`))
		})
	}
}

// What a rule does not know, and what is the server's own fault, says nothing but an id.
func TestOtherErrorsAreInternal(t *testing.T) {
	for name, cause := range map[string]error{
		"unknown":            errors.New(canary),
		"wrapped":            fmt.Errorf("%w: %w", errors.New("model failed"), fmt.Errorf("on %s", canary)),
		"batcher, own id":    &continuous.Error{Kind: continuous.KindDuplicate, Field: "id"},
		"batcher, own field": &continuous.Error{Kind: continuous.KindInvalid, Field: "results"},
		"model folder":       &tokenizer.Error{Kind: tokenizer.KindMissing, Path: canary, Reason: canary},
		"logits":             &sampling.Error{Kind: sampling.KindLogits, Field: "logits", Reason: canary},
		"model failed":       fmt.Errorf("%w: %w", engine.ErrFailed, errors.New(canary)),
		"status of OK":       okStatus{},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(context.Context) error { return cause })
			_, err := s.generation.Generate(deadline(t), prompt())
			require.Equal(t, codes.Internal, status.Code(err))
			info := detail[*errdetails.ErrorInfo](t, err)
			require.Equal(t, "INTERNAL", info.GetReason())
			id := info.GetMetadata()["error_id"]
			require.Len(t, id, 16)
			require.Equal(t, "internal error "+id+": the server's log says more", status.Convert(err).Message())
			s.stop()
			require.Contains(t, s.log.String(), id)
			require.Contains(t, s.log.String(), fmt.Sprintf(`"error_type":"%T`, cause))
			require.NotContains(t, s.log.String(), "Zhang")
		})
	}
}

type okStatus struct{}

func (okStatus) Error() string              { return canary }
func (okStatus) GRPCStatus() *status.Status { return nil }

// A record can have any number of violations; a status is a header and cannot.
func TestViolationsAreBounded(t *testing.T) {
	many := &record.InvalidError{}
	for range 100 {
		many.Violations = append(many.Violations, record.Violation{
			Path: strings.Repeat("长", 500), Message: strings.Repeat("字", 1000) + "\xff",
		})
	}
	s := start(t, func(context.Context) error { return many })
	_, err := s.generation.Generate(deadline(t), prompt())
	got := violations(t, err)
	require.NotEmpty(t, got)
	left := detail[*errdetails.ErrorInfo](t, err).GetMetadata()["violations_left_out"]
	require.Equal(t, fmt.Sprint(100-len(got)), left)
	require.Less(t, len(fmt.Sprint(status.Convert(err).Proto())), 24<<10)
	for _, v := range got {
		require.Less(t, len(v), 700)
	}

	for i := range many.Violations {
		many.Violations[i] = record.Violation{Path: fmt.Sprintf("a[%d]", i), Message: "wrong"}
	}
	_, err = s.generation.Generate(deadline(t), prompt())
	require.Len(t, violations(t, err), 20)
	require.Equal(t, "a[0]: wrong (and 99 more)", status.Convert(err).Message())
}

// An ErrorInfo that a service made itself stays the only one.
func TestStatusKeepsItsOwnDetails(t *testing.T) {
	own, err := status.New(codes.Aborted, "busy").WithDetails(&errdetails.ErrorInfo{Reason: "LOADING", Domain: "bedside"})
	require.NoError(t, err)
	s := start(t, func(context.Context) error { return own.Err() })
	_, err = s.generation.Generate(deadline(t), prompt())
	require.Equal(t, codes.Aborted, status.Code(err))
	require.Equal(t, "LOADING", detail[*errdetails.ErrorInfo](t, err).GetReason())
}
