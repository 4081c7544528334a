package interceptor

import (
	"errors"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/bedside-lm/bedside/batcher/dynamic"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/infer"
)

const (
	reasonModelNotReady   = "MODEL_NOT_READY"
	reasonModelLoadFailed = "MODEL_LOAD_FAILED"
	reasonControlMode     = "MODEL_CONTROL_MODE"
	reasonVersionNotFound = "MODEL_VERSION_NOT_FOUND"
	reasonQueueTimeout    = "QUEUE_TIMEOUT"
	reasonModelFailed     = "MODEL_FAILED"
)

// A model that is being loaded is often ready by then.
const modelRetry = 2 * time.Second

// modelError maps what is wrong with a model. Its name is the server's own, but for an
// unknown one, which registry maps to a NotFoundError.
func modelError(err error) (answer, bool) {
	e, ok := errors.AsType[*repository.ModelError](err)
	if !ok {
		return answer{}, false
	}
	switch e.Kind {
	case repository.KindInvalid:
		a := answer{code: codes.InvalidArgument, reason: reasonInvalidField}
		a.violate(e.Field, e.Reason)
		return a, true
	case repository.KindUnknownModel, repository.KindUnknownVersion:
		return answer{code: codes.NotFound, reason: reasonVersionNotFound, message: e.Error()}, true
	case repository.KindNotReady:
		return answer{code: codes.Unavailable, reason: reasonModelNotReady, message: e.Error(), retry: modelRetry}, true
	case repository.KindLoadFailed:
		return answer{code: codes.FailedPrecondition, reason: reasonModelLoadFailed, message: e.Error()}, true
	case repository.KindControlMode:
		return answer{code: codes.FailedPrecondition, reason: reasonControlMode, message: e.Error()}, true
	case repository.KindClosed:
		return answer{code: codes.Unavailable, reason: reasonDraining, message: e.Error(), retry: drainingRetry}, true
	}
	return answer{}, false
}

// queueError maps what the dynamic batcher refused. A request that waited for longer than its
// queue's policy allows is DEADLINE_EXCEEDED and not UNAVAILABLE as in Triton: clients repeat
// what is unavailable of their own accord, and a full server would get every request twice.
func queueError(err error) (answer, bool) {
	e, ok := errors.AsType[*dynamic.Error](err)
	if !ok {
		return answer{}, false
	}
	switch e.Kind {
	case dynamic.KindQueueFull, dynamic.KindDisplaced, dynamic.KindTooLate:
		return answer{code: codes.ResourceExhausted, reason: reasonQueueFull, message: e.Error(), retry: e.RetryAfter}, true
	case dynamic.KindTimeout:
		return answer{code: codes.DeadlineExceeded, reason: reasonQueueTimeout, message: e.Error()}, true
	case dynamic.KindExpired:
		return answer{code: codes.DeadlineExceeded, reason: reasonDeadlineExceeded, message: e.Error()}, true
	case dynamic.KindCancelled:
		return answer{code: codes.Canceled, reason: reasonCancelled, message: e.Error()}, true
	case dynamic.KindDraining, dynamic.KindStopped:
		return answer{code: codes.Unavailable, reason: reasonDraining, message: e.Error(), retry: drainingRetry}, true
	case dynamic.KindInvalid, dynamic.KindFailed: // the server's own doing
	}
	return answer{}, false
}

// runError maps a failure within a tensor model. Its text names nodes and shapes, no element.
func runError(err error) (answer, bool) {
	if e, ok := errors.AsType[*infer.OutputError](err); ok { // the model's configuration is wrong
		return answer{code: codes.FailedPrecondition, reason: reasonModelFailed, message: e.Error()}, true
	}
	if e, ok := errors.AsType[*ort.RunError](err); ok {
		code := codes.Internal
		if e.Invalid {
			code = codes.InvalidArgument
		}
		return answer{code: code, reason: reasonModelFailed, message: e.Error()}, true
	}
	return answer{}, false
}
