package soak

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/auth"
)

// connectionFaults are clients and networks that fail, and callers who are not whom they should be.
func connectionFaults() []fault {
	return []fault{
		{
			name: "clients killed", injected: "20 clients in the middle of a stream, whose connections are cut off (RST)",
			expected: "their slots are free again", inject: killClients,
		},
		{
			name: "network cut", injected: "a proxy that stops passing bytes on, in the middle of streams",
			expected: "keepalive notices within 50 s, the connection is closed", inject: cutNetwork, long: true,
		},
		{
			name: "half-open connections", injected: "200 TCP connections that say nothing, 50 with TLS that say nothing more",
			expected: "closed after 20 s", long: true, inject: halfOpen,
		},
		{
			name: "garbage", injected: "100 connections that send random bytes, half of them within TLS",
			expected: "closed", inject: garbage,
		},
		{
			name: "ping flood", injected: "a client that sends 50 HTTP/2 pings in a row", expected: "GOAWAY, too many pings",
			inject: func(ctx context.Context, e *env) (string, error) {
				return e.raw(ctx, func(f *http2.Framer, _ *bytes.Buffer, _ *hpack.Encoder) error {
					for range 50 {
						if err := f.WritePing(false, [8]byte{1}); err != nil {
							return nil //nolint:nilerr // it was told to go, and the connection is closed
						}
					}
					return nil
				}, "GOAWAY ENHANCE_YOUR_CALM")
			},
		},
		{
			name: "rapid reset", injected: "a client that opens and resets 5,000 streams (CVE-2023-44487)", expected: "nothing is left of them",
			inject: func(ctx context.Context, e *env) (string, error) {
				return e.raw(ctx, func(f *http2.Framer, buf *bytes.Buffer, h *hpack.Encoder) error {
					for i := range uint32(5000) {
						buf.Reset()
						for _, field := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":path", "/bedside.v1.EmbeddingService/Embed"},
							{":authority", "localhost"}, {"content-type", "application/grpc"}, {"te", "trailers"}} {
							if err := h.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
								return err
							}
						}
						if f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: buf.Bytes(), EndHeaders: true}) != nil ||
							f.WriteRSTStream(2*i+1, http2.ErrCodeCancel) != nil {
							return nil // the server has had enough
						}
					}
					return nil
				}, "")
			},
		},
		{
			name: "wrong token", injected: "an API key that nobody has, a token of another signer, no token, none that is one",
			expected: "UNAUTHENTICATED", inject: wrongTokens,
		},
		{
			name: "expired token", injected: "tokens that have expired, or are for another audience", expected: "UNAUTHENTICATED",
			inject: func(ctx context.Context, e *env) (string, error) {
				var errs []error
				for _, change := range []map[string]any{{"exp": time.Now().Add(-time.Hour).Unix()}, {"aud": "other"}, {"iss": "https://other.example"}} {
					claims := map[string]any{"iss": issuer, "aud": audience, "sub": "dr-wang", "exp": time.Now().Add(time.Hour).Unix(), "roles": []string{"clinician"}}
					for k, v := range change {
						claims[k] = v
					}
					errs = append(errs, e.refusedAs(ctx, e.signer.Token(claims)))
				}
				return "UNAUTHENTICATED", errors.Join(errs...)
			},
		},
		{
			name: "credentials that end", injected: "an API key is added to the callers' file, and expires under an open stream",
			expected: "it works within 10 s, then the stream ends, UNAUTHENTICATED", inject: endingKey, long: true,
		},
		{
			name: "certificate rotation", injected: "a half-written certificate, then a new one",
			expected: "the old one stays in force, then the new one is within 10 s; connections go on", inject: rotate, long: true,
		},
	}
}

// refusedAs calls with a token.
func (e *env) refusedAs(ctx context.Context, token string) error {
	c, err := e.dial(e.addr, token)
	if err != nil {
		return err
	}
	defer func() { _ = c.conn.Close() }()
	_, err = c.generation.Tokenize(ctx, &bedsidev1.TokenizeRequest{Input: &bedsidev1.TokenizeRequest_Text{Text: "x"}})
	return wants(err, codes.Unauthenticated, "")
}

func wrongTokens(ctx context.Context, e *env) (string, error) {
	forged := e.forger.Token(map[string]any{"iss": issuer, "aud": audience, "sub": "x", "exp": time.Now().Add(time.Hour).Unix(), "roles": []string{"clinician"}})
	return "UNAUTHENTICATED", errors.Join(e.refusedAs(ctx, ""), e.refusedAs(ctx, "bsk_0123456789abcdef_x"), e.refusedAs(ctx, forged), e.refusedAs(ctx, "x"))
}

// killClients closes sockets under clients that read a long text.
func killClients(ctx context.Context, e *env) (string, error) {
	var errs []error
	for range 20 {
		var mu sync.Mutex
		var socket net.Conn
		c, err := e.dial(e.addr, e.keys["clinician"], grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
			mu.Lock()
			defer mu.Unlock()
			socket = conn
			return conn, err
		}))
		if err != nil {
			return "", err
		}
		stream, err := c.generation.StreamGenerate(ctx, generate("", "heart rate", 480))
		if err == nil {
			_, err = stream.Recv()
		}
		mu.Lock()
		if tcp, ok := socket.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = socket.Close()
		mu.Unlock()
		errs = append(errs, err, c.conn.Close())
	}
	took, err := until(ctx, 10*time.Second, func() bool {
		m, err := e.metrics(ctx)
		return err == nil && m["bedside_requests_running"] < 12
	})
	return fmt.Sprintf("slots free within %v", took.Round(50*time.Millisecond)), errors.Join(append(errs, err)...)
}

// cutNetwork lets a proxy fall silent, and waits until the server notices.
func cutNetwork(ctx context.Context, e *env) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	cut, noticed := make(chan struct{}), make(chan struct{})
	go func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.addr)
		if err != nil {
			return
		}
		defer server.Close()
		go func() { pass(server, client, cut) }()
		pass(client, server, cut)
		// What the server sends from now on is read and thrown away, as a network that loses it would; nothing is answered.
		_, _ = io.Copy(io.Discard, server)
		close(noticed)
	}()
	c, err := e.dial(l.Addr().String(), e.keys["clinician"])
	if err != nil {
		return "", err
	}
	defer func() { _ = c.conn.Close() }()
	stream, err := c.models.WatchModels(ctx, &bedsidev1.WatchModelsRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		return "", err
	}
	began := time.Now()
	close(cut)
	select {
	case <-noticed:
		return fmt.Sprintf("closed after %v", time.Since(began).Round(time.Second)), nil
	case <-time.After(70 * time.Second):
		return "", errors.New("the server keeps the connection")
	}
}

// pass copies bytes until the network is cut.
func pass(from, to net.Conn, cut <-chan struct{}) {
	buf := make([]byte, 32<<10)
	for {
		_ = from.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := from.Read(buf)
		select {
		case <-cut:
			_ = from.SetReadDeadline(time.Time{})
			return
		default:
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if e, ok := errors.AsType[net.Error](err); err != nil && (!ok || !e.Timeout()) {
			return
		}
	}
}

// closed says whether the other side has closed a connection that nothing else comes on.
func closed(conn net.Conn, limit time.Duration) error {
	_ = conn.SetReadDeadline(time.Now().Add(limit))
	_, err := io.Copy(io.Discard, conn)
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return fmt.Errorf("a connection is still open after %v", limit)
	}
	return nil // closed in order, or reset
}

func halfOpen(ctx context.Context, e *env) (string, error) {
	began := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, 250)
	for i := range errs {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.addr)
		if err != nil {
			return "", err
		}
		defer func() { _ = conn.Close() }()
		if i < 50 {
			secure := tls.Client(conn, e.tls())
			if err := secure.HandshakeContext(ctx); err != nil {
				return "", err
			}
			conn = secure
		}
		wg.Go(func() { errs[i] = closed(conn, 30*time.Second) })
	}
	wg.Wait()
	return fmt.Sprintf("all closed within %v", time.Since(began).Round(time.Second)), errors.Join(errs...)
}

func garbage(ctx context.Context, e *env) (string, error) {
	for i := range 100 {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.addr)
		if err != nil {
			return "", err
		}
		if i%2 == 0 {
			conn = tls.Client(conn, e.tls())
		}
		bytes := make([]byte, 4096)
		_, _ = rand.Read(bytes)
		_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		_, _ = conn.Write(bytes) // the server may have closed it half-way
		err = closed(conn, 25*time.Second)
		_ = conn.Close()
		if err != nil {
			return "", err
		}
	}
	return "closed", nil
}

// raw speaks HTTP/2 itself. Where the server should end the connection, want says with what.
func (e *env) raw(ctx context.Context, speak func(*http2.Framer, *bytes.Buffer, *hpack.Encoder) error, want string) (string, error) {
	conn, err := (&tls.Dialer{Config: e.tls()}).DialContext(ctx, "tcp", e.addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return "", err
	}
	var buf bytes.Buffer
	f := http2.NewFramer(conn, conn)
	if err := f.WriteSettings(); err != nil {
		return "", err
	}
	answered := make(chan string, 1)
	go func() {
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				answered <- ""
				return
			}
			if away, ok := frame.(*http2.GoAwayFrame); ok {
				answered <- "GOAWAY " + away.ErrCode.String()
				return
			}
		}
	}()
	if err := speak(f, &buf, hpack.NewEncoder(&buf)); err != nil {
		return "", err
	}
	if want == "" {
		return "nothing else noticed", nil
	}
	if seen := <-answered; seen != want {
		return seen, fmt.Errorf("the server said %q, want %q", seen, want)
	}
	return want, nil
}

// endingKey adds a key that soon expires.
func endingKey(ctx context.Context, e *env) (string, error) {
	file := e.dir + "/callers.yaml"
	key, err := auth.NewKey(file, auth.KeyHolder{Roles: []auth.Role{auth.Operator}, Expires: time.Now().Add(13 * time.Second)}, time.Now())
	if err != nil {
		return "", err
	}
	c, err := e.dial(e.addr, key)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.conn.Close() }()
	took, err := until(ctx, 10*time.Second, func() bool {
		_, err := c.models.ListModels(ctx, &bedsidev1.ListModelsRequest{})
		return err == nil
	})
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	stream, err := c.models.WatchModels(ctx, &bedsidev1.WatchModelsRequest{})
	for err == nil {
		_, err = stream.Recv()
	}
	return fmt.Sprintf("worked after %v; the stream ended UNAUTHENTICATED", took.Round(time.Second)), wants(err, codes.Unauthenticated, "")
}
