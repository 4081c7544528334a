package interceptor

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/proto"

	"github.com/bedside-lm/bedside/server/auth"
)

// A handler that sends waits until its client has read, and one that receives until its client sends: what ends either from
// outside is the context that a call gets before anything else does.
type enderKey struct{}

// tap is the first to see a call, before its request is read: one that there is no memory for is refused here. Nobody
// has asked who calls, and the audit does not learn of it.
func (c *Chain) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	if _, open := auth.Allowed(info.FullMethodName); !open && c.pressure.High() {
		return nil, memoryShort.status().Err()
	}
	ctx, end := context.WithCancelCause(ctx) // gRPC ends the outer context with the call
	return context.WithValue(ctx, enderKey{}, end), nil
}

// By then calls that run may have ended.
const memoryRetry = time.Second

var memoryShort = &answer{
	code: codes.ResourceExhausted, reason: reasonMemory, message: "the server is short of memory", retry: memoryRetry,
}

// end ends a call for a reason of the server's.
func end(ctx context.Context, why error) {
	if cancel, ok := ctx.Value(enderKey{}).(context.CancelCauseFunc); ok {
		cancel(why)
	}
}

// slowReader says that a client did not read its answers.
type slowReader struct{}

func (slowReader) Error() string { return "the client has not read its answers for too long" }

func readerError(err error) (answer, bool) {
	if _, ok := errors.AsType[slowReader](err); !ok {
		return answer{}, false
	}
	return answer{code: codes.DeadlineExceeded, reason: reasonSlowReader, message: err.Error()}, true
}

// endedBy gives the server's own reason why a call was ended, else err.
func endedBy(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if _, slow := errors.AsType[slowReader](cause); slow {
		return cause
	}
	if _, expired := errors.AsType[*auth.Error](cause); expired {
		return cause
	}
	return err
}

// patience ends a call whose client reads nothing for a while.
func (c *Chain) patience(ctx context.Context) *time.Timer {
	return time.AfterFunc(c.limits.SendTimeout, func() {
		end(ctx, slowReader{})
		c.slow.Inc()
		if p, ok := peer.FromContext(ctx); ok {
			if a, ok := p.Addr.(*guardedAddr); ok {
				a.conn.blame()
			}
		}
	})
}

// readStream ends a stream whose client does not read.
func (c *Chain) readStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return handler(srv, &readStream{WrappedServerStream: middleware.WrapServerStream(stream), chain: c})
}

type readStream struct {
	*middleware.WrappedServerStream
	chain *Chain
	timer *time.Timer // runs while a message is sent; nil before the first
}

func (s *readStream) SendMsg(m any) error {
	if s.timer == nil {
		s.timer = s.chain.patience(s.Context())
	} else {
		s.timer.Reset(s.chain.limits.SendTimeout)
	}
	defer s.timer.Stop()
	return s.WrappedServerStream.SendMsg(m)
}

// gRPC takes this much of an answer off a handler's hands whether the client reads or not.
const buffered = 64 << 10

// readUnary ends a call whose client does not read a long answer, which gRPC sends after the handler has returned.
func (c *Chain) readUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	resp, err := handler(ctx, req)
	if m, ok := resp.(proto.Message); ok && err == nil && proto.Size(m) >= buffered {
		timer := c.patience(ctx)
		context.AfterFunc(ctx, func() { timer.Stop() })
	}
	return resp, err
}

// maxBlame is how many calls of a connection may end because nobody read. gRPC keeps up to 64 KiB of each until the connection
// ends.
const maxBlame = 16

// Guard wraps a port, so that a connection whose client leaves call after call unread is ended.
func Guard(l net.Listener) net.Listener { return &guardedListener{l} }

type guardedListener struct{ net.Listener }

func (l *guardedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	g := &guardedConn{Conn: conn}
	g.addr = &guardedAddr{Addr: conn.RemoteAddr(), conn: g}
	return g, nil
}

type guardedConn struct {
	net.Conn
	addr   *guardedAddr
	blamed atomic.Int32
}

func (c *guardedConn) RemoteAddr() net.Addr { return c.addr }

func (c *guardedConn) blame() {
	if c.blamed.Add(1) == maxBlame {
		_ = c.Close() // it is closed, or was
	}
}

// guardedAddr leads from a call's peer to its connection.
type guardedAddr struct {
	net.Addr
	conn *guardedConn
}
