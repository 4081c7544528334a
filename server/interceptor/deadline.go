package interceptor

import (
	"context"
	"strings"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"google.golang.org/grpc"
)

// endless says whether a method may run for as long as its caller likes: gRPC's own
// services (health's Watch, reflection), whatever is called Watch, and ModelStreamInfer and
// PrepareRecords, which clients keep open for one request after another: each has a time of
// its own there.
func endless(fullMethod string) bool {
	_, method, _ := strings.Cut(strings.TrimPrefix(fullMethod, "/"), "/")
	return strings.HasPrefix(fullMethod, "/grpc.") || strings.HasPrefix(method, "Watch") || method == "ModelStreamInfer" ||
		method == "PrepareRecords"
}

// boundUnary ends a call after the request timeout, or earlier if its own deadline says so.
func (c *Chain) boundUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if endless(info.FullMethod) {
		return handler(ctx, req)
	}
	ctx, cancel := context.WithTimeout(ctx, c.limits.RequestTimeout)
	defer cancel()
	return handler(ctx, req)
}

func (c *Chain) boundStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if endless(info.FullMethod) {
		return handler(srv, stream)
	}
	ctx, cancel := context.WithTimeout(stream.Context(), c.limits.RequestTimeout)
	defer cancel()
	wrapped := middleware.WrapServerStream(stream)
	wrapped.WrappedContext = ctx
	return handler(srv, wrapped)
}
