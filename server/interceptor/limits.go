package interceptor

import (
	"context"
	"errors"
	"time"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/quota"
	"github.com/bedside-lm/bedside/server/tenant"
)

// enter takes a call onto its tenant's account. Probes are on nobody's.
func (c *Chain) enter(ctx context.Context, method string) (_ context.Context, leave func(), err error) {
	if _, open := auth.Allowed(method); open || c.quota == nil {
		return ctx, func() {}, nil
	}
	account, err := tenant.Of(ctx)
	if err != nil {
		return nil, nil, err
	}
	return c.quota.Enter(ctx, account)
}

func (c *Chain) limitUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, leave, err := c.enter(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	defer leave()
	return handler(ctx, req)
}

func (c *Chain) limitStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, leave, err := c.enter(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	defer leave()
	defer expire(ctx)()
	wrapped := middleware.WrapServerStream(stream)
	wrapped.WrappedContext = ctx
	return handler(srv, &limitedStream{WrappedServerStream: wrapped})
}

// limitedStream counts each of a stream's requests as a call. One for which it is too early waits, and its client with it.
type limitedStream struct {
	*middleware.WrappedServerStream
	received bool
}

func (s *limitedStream) RecvMsg(m any) error {
	if err := s.WrappedServerStream.RecvMsg(m); err != nil {
		return err
	}
	if !s.received { // the call itself
		s.received = true
		return nil
	}
	return quota.Next(s.Context())
}

// expire ends a stream when its caller's credentials end. What it returns is to be called at the stream's end.
func expire(ctx context.Context) func() {
	at := callOf(ctx).expires()
	if at.IsZero() {
		return func() {}
	}
	timer := time.AfterFunc(time.Until(at), func() {
		end(ctx, &auth.Error{Kind: auth.Unauthenticated, Reason: "the caller's credentials have expired"})
	})
	return func() { timer.Stop() }
}

func quotaError(err error) (answer, bool) {
	e, ok := errors.AsType[*quota.Error](err)
	if !ok {
		return answer{}, false
	}
	return answer{
		code: codes.ResourceExhausted, reason: reasonTenantLimit, message: e.Error(), retry: e.RetryAfter,
		metadata: map[string]string{"limit": string(e.Limit)},
	}, true
}
