package interceptor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/engine"
	"github.com/bedside-lm/bedside/server/watchdog"
)

// The reasons of google.rpc.ErrorInfo, for callers that act on more than the code. A kind of
// NotFoundError gives <KIND>_NOT_FOUND; a status that a service made itself gives its code's name.
const (
	reasonInvalidField     = "INVALID_FIELD"
	reasonPromptTooLong    = "PROMPT_TOO_LONG"
	reasonQueueFull        = "QUEUE_FULL"
	reasonDraining         = "DRAINING"
	reasonRecordInvalid    = "RECORD_INVALID"
	reasonRecordTooLarge   = "RECORD_TOO_LARGE"
	reasonChatInvalid      = "CHAT_INVALID"
	reasonNotFound         = "_NOT_FOUND"
	reasonNoModel          = "NO_MODEL"
	reasonCancelled        = "CANCELLED"
	reasonDeadlineExceeded = "DEADLINE_EXCEEDED"
	reasonInternal         = "INTERNAL"
	reasonUnauthenticated  = "UNAUTHENTICATED"
	reasonDenied           = "PERMISSION_DENIED"
	reasonNoAudit          = "AUDIT_UNAVAILABLE"
	reasonHung             = "MODEL_HUNG"
	reasonSlowReader       = "SLOW_READER"
	reasonTenantLimit      = "TENANT_LIMIT"
	reasonMemory           = "MEMORY_SHORT"
)

// Another replica, or this one started anew, should answer by then.
const drainingRetry = time.Second

// rules map each error type of the system to what the caller is told. The first that knows
// the error wins; contexts come last, since a typed error may wrap one. None reads a text.
var rules = []func(error) (answer, bool){
	statusError, validationError, fieldError, notFoundError, noModelError, modelError, queueError, runError, batcherError,
	engineStopped, hungError, graphError,
	quotaError, readerError, recordError, recordLimit, tokenizerError, samplingError, authError, auditError, contextError,
}

func describe(err error) (answer, bool) {
	for _, rule := range rules {
		if a, ok := rule(err); ok {
			return a, true
		}
	}
	return answer{}, false
}

// statusError passes on a status that a service or gRPC made, without the text of errors
// wrapped around it.
func statusError(err error) (answer, bool) {
	e, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err)
	if !ok || e.GRPCStatus().Code() == codes.OK { // of nil too
		return answer{}, false
	}
	return answer{passed: e.GRPCStatus(), code: e.GRPCStatus().Code()}, true
}

// validationError maps rules of the protocol files that a request breaks.
func validationError(err error) (answer, bool) {
	e, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return answer{}, false
	}
	a := answer{code: codes.InvalidArgument, reason: reasonInvalidField}
	for _, v := range e.Violations {
		// The messages are the rules' own and hold no value of the request.
		what := v.Proto.GetMessage()
		if what == "" {
			what = v.Proto.GetRuleId()
		}
		a.violate(pathOf(v.Proto.GetField()), what)
	}
	return a, true
}

// pathOf writes a field's path. The key of a map is the caller's own text, and stays out of it.
func pathOf(path *validate.FieldPath) string {
	var b strings.Builder
	for i, e := range path.GetElements() {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(e.GetFieldName())
		switch e.WhichSubscript() {
		case validate.FieldPathElement_Subscript_not_set_case:
		case validate.FieldPathElement_Index_case:
			b.WriteString("[" + strconv.FormatUint(e.GetIndex(), 10) + "]")
		default:
			b.WriteString("[…]")
		}
	}
	return b.String()
}

func fieldError(err error) (answer, bool) {
	e, ok := errors.AsType[*apierror.FieldError](err)
	if !ok {
		return answer{}, false
	}
	a := answer{code: codes.InvalidArgument, reason: reasonInvalidField}
	a.violate(e.Field, e.Message)
	return a, true
}

func notFoundError(err error) (answer, bool) {
	e, ok := errors.AsType[*apierror.NotFoundError](err)
	if !ok {
		return answer{}, false
	}
	kind := strings.ToUpper(strings.ReplaceAll(e.Kind, " ", "_"))
	return answer{code: codes.NotFound, reason: kind + reasonNotFound, message: e.Error()}, true
}

func noModelError(err error) (answer, bool) {
	e, ok := errors.AsType[*apierror.NoModelError](err)
	if !ok {
		return answer{}, false
	}
	return answer{code: codes.FailedPrecondition, reason: reasonNoModel, message: e.Error()}, true
}

// requestFields are the request's names of what the batcher was asked. What is not here is
// not the caller's doing: its refusal is a fault of the server.
var requestFields = map[string]string{
	"prompt_tokens":  "prompt",
	"max_new_tokens": "sampling.max_tokens",
}

func batcherError(err error) (answer, bool) {
	e, ok := errors.AsType[*continuous.Error](err)
	if !ok {
		return answer{}, false
	}
	field, callers := requestFields[e.Field]
	switch e.Kind {
	case continuous.KindInvalid:
		if !callers {
			return answer{}, false
		}
		a := answer{code: codes.InvalidArgument, reason: reasonInvalidField}
		a.violate(field, e.Error())
		return a, true
	case continuous.KindTooLong:
		a := answer{
			code: codes.InvalidArgument, reason: reasonPromptTooLong,
			metadata: map[string]string{"tokens": strconv.Itoa(e.Have), "limit": strconv.Itoa(e.Limit)},
		}
		a.violate(field, e.Error())
		return a, true
	case continuous.KindQueueFull:
		return answer{code: codes.ResourceExhausted, reason: reasonQueueFull, message: e.Error(), retry: e.RetryAfter}, true
	case continuous.KindDraining:
		return answer{code: codes.Unavailable, reason: reasonDraining, message: e.Error(), retry: drainingRetry}, true
	case continuous.KindDuplicate: // ids are the server's own
	}
	return answer{}, false
}

// engineStopped maps what a shutdown cut short, as what it no longer took.
func engineStopped(err error) (answer, bool) {
	if !errors.Is(err, engine.ErrStopped) {
		return answer{}, false
	}
	return answer{
		code: codes.Unavailable, reason: reasonDraining, message: "the server stopped before the answer was complete", retry: drainingRetry,
	}, true
}

// hungError maps a request over which the model went on for ever. Sent again, it would do so again.
func hungError(err error) (answer, bool) {
	if !errors.Is(err, watchdog.ErrHung) {
		return answer{}, false
	}
	return answer{
		code: codes.Internal, reason: reasonHung, message: "the model took too long over this request, and was stopped",
	}, true
}

func recordError(err error) (answer, bool) {
	e, ok := errors.AsType[*record.InvalidError](err)
	if !ok {
		return answer{}, false
	}
	a := answer{code: codes.InvalidArgument, reason: reasonRecordInvalid}
	for _, v := range e.Violations {
		a.violate(v.Path, v.Message)
	}
	return a, true
}

// recordLimit maps to INVALID_ARGUMENT, since the same record will be too large tomorrow:
// RESOURCE_EXHAUSTED tells clients to try again later.
func recordLimit(err error) (answer, bool) {
	e, ok := errors.AsType[*record.LimitError](err)
	if !ok {
		return answer{}, false
	}
	a := answer{
		code: codes.InvalidArgument, reason: reasonRecordTooLarge,
		metadata: map[string]string{"limit": strconv.FormatInt(e.Limit, 10), "what": e.What},
	}
	a.violate(e.Path, fmt.Sprintf("more than %d %s", e.Limit, e.What))
	return a, true
}

// tokenizerError maps what is wrong with a chat. The other kinds speak of a model's files.
func tokenizerError(err error) (answer, bool) {
	e, ok := errors.AsType[*tokenizer.Error](err)
	if !ok || e.Kind != tokenizer.KindMessages {
		return answer{}, false
	}
	a := answer{code: codes.InvalidArgument, reason: reasonChatInvalid}
	a.violate("chat."+e.Path, e.Reason)
	return a, true
}

// samplingError maps what is wrong with the parameters. Logits that are no distribution are
// the model's fault.
func samplingError(err error) (answer, bool) {
	e, ok := errors.AsType[*sampling.Error](err)
	if !ok || e.Kind != sampling.KindParams {
		return answer{}, false
	}
	a := answer{code: codes.InvalidArgument, reason: reasonInvalidField}
	a.violate("sampling."+e.Field, e.Reason)
	return a, true
}

func contextError(err error) (answer, bool) {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return answer{
			code: codes.DeadlineExceeded, reason: reasonDeadlineExceeded, message: "the deadline passed before the answer was complete",
		}, true
	case errors.Is(err, context.Canceled):
		return answer{code: codes.Canceled, reason: reasonCancelled, message: "the call was cancelled"}, true
	}
	return answer{}, false
}

// reasonOf returns the reason in a status's ErrorInfo, or "".
func reasonOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == errorDomain {
			return info.GetReason()
		}
	}
	return ""
}
