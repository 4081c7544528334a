package interceptor

import (
	"errors"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/bedside-lm/bedside/clinical/graph/store"
)

const (
	reasonNoGraph      = "GRAPH_NOT_AVAILABLE"
	reasonGraphBound   = "GRAPH_QUERY_TOO_LARGE"
	reasonNodeNotFound = "GRAPH_NODE_NOT_FOUND"
	reasonGraphBusy    = "GRAPH_BUSY"
)

// A database that is started anew is often there by then.
const graphRetry = time.Second

// graphError maps what is wrong with a graph or a question about it.
func graphError(err error) (answer, bool) {
	e, ok := errors.AsType[*store.Error](err)
	if !ok {
		return answer{}, false
	}
	switch e.Kind {
	case store.KindOpen:
		return answer{code: codes.FailedPrecondition, reason: reasonNoGraph, message: e.Error()}, true
	case store.KindQuery:
		a := answer{code: codes.InvalidArgument, reason: reasonInvalidField}
		a.violate(e.Field, e.Reason)
		return a, true
	case store.KindNotFound:
		return answer{code: codes.NotFound, reason: reasonNodeNotFound, message: e.Error()}, true
	case store.KindBound: // the same question is as large tomorrow, so there is no time to wait
		return answer{code: codes.ResourceExhausted, reason: reasonGraphBound, message: e.Error()}, true
	case store.KindBusy:
		return answer{code: codes.Unavailable, reason: reasonGraphBusy, message: e.Error(), retry: graphRetry}, true
	}
	return answer{}, false
}
