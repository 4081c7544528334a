package interceptor

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/bedside-lm/bedside/server/audit"
	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/tenant"
)

// admit settles who makes a call, and on whose account it runs. The audit learns of the caller also where they are
// refused.
func (c *Chain) admit(ctx context.Context) (context.Context, error) {
	method, _ := grpc.Method(ctx)
	if c.audit != nil && auth.Audited(method) { // a load balancer's probes carry what its client's calls do
		purpose, err := audit.PurposeOf(ctx)
		if err != nil {
			return nil, err
		}
		callOf(ctx).setPurpose(purpose)
	}
	if c.gate == nil {
		return ctx, nil
	}
	id, err := c.gate.Admit(ctx, method)
	callOf(ctx).setIdentity(id)
	if err != nil {
		return nil, err
	}
	return tenant.With(ctx, id.Tenant), nil
}

func authError(err error) (answer, bool) {
	e, ok := errors.AsType[*auth.Error](err)
	if !ok {
		return answer{}, false
	}
	if e.Kind == auth.Denied {
		return answer{code: codes.PermissionDenied, reason: reasonDenied, message: e.Reason}, true
	}
	return answer{code: codes.Unauthenticated, reason: reasonUnauthenticated, message: e.Reason}, true
}

// By then a full disk may have been cleared.
const auditRetry = 5 * time.Second

func auditError(err error) (answer, bool) {
	if _, ok := errors.AsType[*audit.Error](err); !ok {
		return answer{}, false
	}
	return answer{
		code: codes.Unavailable, reason: reasonNoAudit, retry: auditRetry,
		message: "the call cannot be written into the audit log, so it is not answered",
	}, true
}
