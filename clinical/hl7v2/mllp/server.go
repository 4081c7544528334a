package mllp

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Server takes messages over TCP and acknowledges each. A field that is zero takes its default.
type Server struct {
	// Handle stores one message. A message is acknowledged as accepted only after Handle has
	// returned nil: what was acknowledged is its. It is called by many goroutines at once, one a
	// connection.
	Handle func(ctx context.Context, message []byte) error
	// FrameBytes is the size of the largest message; default 16 MiB.
	FrameBytes int
	// IdleTimeout ends a connection on which nothing comes; default 5 minutes.
	IdleTimeout time.Duration
	// WriteTimeout ends a connection that takes no acknowledgement; default 10 s.
	WriteTimeout time.Duration
	// Connections is how many there may be at once; default 64. More wait to be accepted.
	Connections int
	// Now tells the time for acknowledgements; default time.Now.
	Now func() time.Time
}

// Serve accepts connections until ctx ends, then waits for the messages being handled, which
// are still acknowledged. It closes l. It returns nil after ctx ended, else why it stopped.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	run := *s
	run.defaults()
	var open sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	places := make(chan struct{}, run.Connections)
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			open.Wait()
			return nil
		}
		conn, err := l.Accept()
		if err != nil {
			open.Wait()
			if ctx.Err() != nil {
				return nil
			}
			return errors.Join(err, l.Close())
		}
		open.Go(func() {
			defer func() { <-places }()
			run.connection(ctx, conn)
		})
	}
}

func (s *Server) defaults() {
	if s.FrameBytes <= 0 {
		s.FrameBytes = 16 << 20
	}
	if s.IdleTimeout <= 0 {
		s.IdleTimeout = 5 * time.Minute
	}
	if s.WriteTimeout <= 0 {
		s.WriteTimeout = 10 * time.Second
	}
	if s.Connections <= 0 {
		s.Connections = 64
	}
	if s.Now == nil {
		s.Now = time.Now
	}
}

// connection serves one sender, a message at a time, as the protocol has it.
func (s *Server) connection(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	// The end of ctx ends the wait for a message; one that is being handled goes on.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	frames := NewReader(conn, s.FrameBytes)
	for ctx.Err() == nil {
		if conn.SetReadDeadline(time.Now().Add(s.IdleTimeout)) != nil || ctx.Err() != nil {
			return
		}
		message, err := frames.Next()
		if err != nil {
			s.refuse(conn, err)
			return
		}
		err = s.Handle(context.WithoutCancel(ctx), message)
		if s.answer(conn, Ack(message, err, s.Now())) != nil {
			return
		}
	}
}

// refuse tells a sender why its connection ends, where it can still hear it.
func (s *Server) refuse(conn net.Conn, err error) {
	var netErr net.Error
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &netErr) {
		return
	}
	_ = s.answer(conn, Ack(nil, err, s.Now()))
}

func (s *Server) answer(conn net.Conn, ack []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(s.WriteTimeout)); err != nil {
		return err
	}
	return Write(conn, ack)
}
