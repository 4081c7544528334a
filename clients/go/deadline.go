package bedside

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// deadlineUnary gives calls without a deadline one. It is no timeout in the service
// config, since that would also cut short a longer deadline of the caller's.
func deadlineUnary(d time.Duration) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		ctx, cancel := withDefaultTimeout(ctx, d)
		defer cancel()
		return invoke(ctx, method, req, reply, cc, opts...)
	}
}

func deadlineStream(d time.Duration) grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		// These run until their caller leaves, or has no more to send.
		if strings.Contains(method, "/Watch") || strings.HasSuffix(method, "/PrepareRecords") {
			return open(ctx, desc, cc, method, opts...)
		}
		ctx, cancel := withDefaultTimeout(ctx, d)
		stream, err := open(ctx, desc, cc, method, opts...)
		if err != nil {
			cancel()
			return nil, err
		}
		return &cancelledStream{ClientStream: stream, cancel: sync.OnceFunc(cancel)}, nil
	}
}

func withDefaultTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has || d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// cancelledStream frees its context's timer when the stream has ended.
type cancelledStream struct {
	grpc.ClientStream
	cancel func()
}

func (s *cancelledStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err != nil {
		s.cancel()
	}
	return err
}
