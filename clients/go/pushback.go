package bedside

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A full queue is answered RESOURCE_EXHAUSTED with google.rpc.RetryInfo, a draining server
// UNAVAILABLE with it. gRPC's own retries do not read that detail, cannot tell a full queue
// from a message that is too large (which no retry mends), and give up once an answer
// has a header, such as a request id. These two interceptors retry what says when.

func pushbackUnary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	for attempt := 1; ; attempt++ {
		var header metadata.MD
		err := invoke(ctx, method, req, reply, cc, append(opts[:len(opts):len(opts)], grpc.Header(&header))...)
		if !asksForRetry(err, header) || attempt >= maxAttempts || !wait(ctx, err) {
			return err
		}
	}
}

// asksForRetry says whether err is one to retry here: gRPC has already retried
// UNAVAILABLE where it came without a header.
func asksForRetry(err error, header metadata.MD) bool {
	if _, says := RetryAfter(err); !says {
		return false
	}
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return true
	case codes.Unavailable:
		return len(header) > 0
	default:
		return false
	}
}

// wait waits as long as err asks for. It says false where that would pass the deadline:
// then err is worth more to the caller than a late DEADLINE_EXCEEDED.
func wait(ctx context.Context, err error) bool {
	delay, _ := RetryAfter(err)
	// Up to a quarter more, so that those turned down together do not return together.
	delay = max(delay, 10*time.Millisecond)
	delay += rand.N(delay/4 + 1)
	if deadline, has := ctx.Deadline(); has && time.Until(deadline) <= delay {
		return false
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func pushbackStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, desc, cc, method, opts...)
	if err != nil || desc.ClientStreams {
		return stream, err
	}
	reopen := func() (grpc.ClientStream, error) { return open(ctx, desc, cc, method, opts...) }
	return &pushbackClientStream{ctx: ctx, stream: stream, reopen: reopen}, nil
}

// pushbackClientStream is a stream of one request and many answers that asks again as
// long as no answer has come.
type pushbackClientStream struct {
	ctx    context.Context // the call's own; a stream is one call
	reopen func() (grpc.ClientStream, error)

	mu       sync.Mutex // Header and Trailer may be called beside RecvMsg
	stream   grpc.ClientStream
	request  any
	answered bool
}

func (s *pushbackClientStream) current() grpc.ClientStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream
}

func (s *pushbackClientStream) SendMsg(m any) error {
	s.request = m
	return s.current().SendMsg(m)
}

func (s *pushbackClientStream) RecvMsg(m any) error {
	for attempt := 1; ; attempt++ {
		err := s.current().RecvMsg(m)
		if err == nil {
			s.answered = true
			return nil
		}
		if s.answered || attempt >= maxAttempts {
			return err
		}
		header, _ := s.Header() // it is there, or never will be: the stream has ended
		if !asksForRetry(err, header) || !wait(s.ctx, err) {
			return err
		}
		if err := s.again(); err != nil {
			return err
		}
	}
}

func (s *pushbackClientStream) again() error {
	stream, err := s.reopen()
	if err != nil {
		return err
	}
	// SendMsg says io.EOF where the stream has ended: RecvMsg then tells why.
	_ = stream.SendMsg(s.request)
	_ = stream.CloseSend()
	s.mu.Lock()
	s.stream = stream
	s.mu.Unlock()
	return nil
}

func (s *pushbackClientStream) Header() (metadata.MD, error) { return s.current().Header() }
func (s *pushbackClientStream) Trailer() metadata.MD         { return s.current().Trailer() }
func (s *pushbackClientStream) CloseSend() error             { return s.current().CloseSend() }
func (s *pushbackClientStream) Context() context.Context     { return s.current().Context() }
