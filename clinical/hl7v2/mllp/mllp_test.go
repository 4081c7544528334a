package mllp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bedside-lm/bedside/clinical/hl7v2"
	"github.com/bedside-lm/bedside/clinical/hl7v2/mllp"
	"github.com/bedside-lm/bedside/clinical/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const message = "MSH|^~\\&|MON|ICU|BEDSIDE|WARD|20260314070000+0100||ORU^R01|C1|P|2.6\rPID|||p1\r"

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, mllp.Write(&b, []byte("one")))
	b.WriteString("\r\n")
	require.NoError(t, mllp.Write(&b, []byte("two\rlines")))
	r := mllp.NewReader(&b, 0)
	for _, want := range []string{"one", "two\rlines"} {
		got, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	_, err := r.Next()
	require.ErrorIs(t, err, io.EOF)
	require.Error(t, mllp.Write(&b, []byte("a\x1cb")))

	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"no start": {"hello", mllp.ErrFraming}, "no end": {"\x0bhello", io.ErrUnexpectedEOF}, "no carriage return": {"\x0bhello\x1cx", mllp.ErrFraming},
	} {
		_, err := mllp.NewReader(strings.NewReader(c.in), 0).Next()
		require.ErrorIs(t, err, c.want, name)
	}
	_, err = mllp.NewReader(strings.NewReader("\x0b"+strings.Repeat("x", 100)), 10).Next()
	var limit *record.LimitError
	require.ErrorAs(t, err, &limit)
}

func TestAcknowledgements(t *testing.T) {
	now := time.Date(2026, 3, 14, 7, 0, 0, 0, time.UTC)
	_, invalid := hl7v2.Parse([]byte(message+"OBX|1|NM|x||1"), hl7v2.Limits{})
	for name, c := range map[string]struct {
		message string
		err     error
		want    string
	}{
		"accepted": {message, nil, "MSH|^~\\&|BEDSIDE|WARD|MON|ICU|20260314070000+0000||ACK^R01^ACK|ACKC1|P|2.6\rMSA|AA|C1\r"},
		"invalid":  {message, invalid, "MSH|^~\\&|BEDSIDE|WARD|MON|ICU|20260314070000+0000||ACK^R01^ACK|ACKC1|P|2.6\rMSA|AE|C1\rERR|||102^Data type error^HL70357|E||||OBX[1]: stands before any OBR\r"},
		"full":     {message, errors.New("disk full: Zhang"), "MSH|^~\\&|BEDSIDE|WARD|MON|ICU|20260314070000+0000||ACK^R01^ACK|ACKC1|P|2.6\rMSA|AR|C1\rERR|||207^Application internal error^HL70357|E||||the message could not be stored; send it again\r"},
		"no MSH":   {"hello", invalid, "MSH|^~\\&|||||20260314070000+0000||ACK^R01^ACK|ACK|P|2.6\rMSA|AE|\rERR|||102^Data type error^HL70357|E||||OBX[1]: stands before any OBR\r"},
		"other signs": {
			"MSH#*%!$#MON#ICU#B#W#2026##ORU*R01#C#1\rPID", &record.LimitError{Path: "a#b*c", What: "bytes", Limit: 1},
			"MSH#*%!$#B#W#MON#ICU#20260314070000+0000##ACK*R01*ACK#ACKC#P#2.6\rMSA#AE#C\rERR###207*Application internal error*HL70357#E####a!F!b!S!c: more than 1 bytes\r",
		},
		"line feeds": {"MSH|^~\\&|MON|ICU|B|W|2026||ORU^R01|C1|P|2.5\nPID|||Zora", nil, "MSH|^~\\&|B|W|MON|ICU|20260314070000+0000||ACK^R01^ACK|ACKC1|P|2.5\rMSA|AA|C1\r"},
		"no version": {"MSH|^~\\&|||||||ORU^R01|C1\r", nil, "MSH|^~\\&|||||20260314070000+0000||ACK^R01^ACK|ACKC1|P|2.6\rMSA|AA|C1\r"},
	} {
		require.Equal(t, c.want, string(mllp.Ack([]byte(c.message), c.err, now)), name)
	}
}

func serve(t *testing.T, s *mllp.Server) (addr string, stop func() error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	return l.Addr().String(), func() error {
		cancel()
		return <-done
	}
}

func send(t *testing.T, conn net.Conn, r *mllp.Reader, text string) string {
	require.NoError(t, mllp.Write(conn, []byte(text)))
	ack, err := r.Next()
	require.NoError(t, err)
	return string(ack)
}

func TestManySendersOverTCP(t *testing.T) {
	var stored atomic.Int64
	addr, stop := serve(t, &mllp.Server{Handle: func(_ context.Context, m []byte) error {
		if bytes.Contains(m, []byte("bad")) {
			return &record.InvalidError{Violations: []record.Violation{{Path: "PID[1]-3", Message: "bad"}}}
		}
		stored.Add(1)
		return nil
	}})
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			conn, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer conn.Close()
			r := mllp.NewReader(conn, 0)
			for range 20 {
				require.Contains(t, send(t, conn, r, message), "MSA|AA|C1")
				require.Contains(t, send(t, conn, r, message+"NTE|bad\r"), "MSA|AE|C1")
			}
		})
	}
	senders.Wait()
	require.NoError(t, stop())
	require.Equal(t, int64(160), stored.Load())
}

func TestAMessageBeingHandledIsStillAcknowledged(t *testing.T) {
	handling, goOn := make(chan struct{}), make(chan struct{})
	addr, stop := serve(t, &mllp.Server{Handle: func(ctx context.Context, _ []byte) error {
		close(handling)
		<-goOn
		return ctx.Err()
	}})
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, mllp.Write(conn, []byte(message)))
	<-handling
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(goOn)
	ack, err := mllp.NewReader(conn, 0).Next()
	require.NoError(t, err)
	require.Contains(t, string(ack), "MSA|AA|C1")
	require.NoError(t, <-stopped)
}

func TestOddConnections(t *testing.T) {
	addr, stop := serve(t, &mllp.Server{
		Handle: func(context.Context, []byte) error { return nil }, FrameBytes: 64, IdleTimeout: 50 * time.Millisecond, Connections: 2,
	})
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		return conn
	}
	idle := dial()
	_, err := idle.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "a silent connection ends")
	require.NoError(t, idle.Close())

	large := dial()
	require.NoError(t, mllp.Write(large, bytes.Repeat([]byte("x"), 65)))
	ack, err := mllp.NewReader(large, 0).Next()
	require.NoError(t, err)
	require.Contains(t, string(ack), "frame: more than 64 bytes")
	require.NoError(t, large.Close())

	noise := dial()
	_, err = noise.Write([]byte("GET / HTTP/1.1\r\n"))
	require.NoError(t, err)
	ack, err = mllp.NewReader(noise, 0).Next()
	require.NoError(t, err)
	require.Contains(t, string(ack), "MSA|AR|")
	require.NoError(t, noise.Close())
	require.NoError(t, stop())
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("\x0bhello\x1c\r\x0btwo\x1c\r"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := mllp.NewReader(bytes.NewReader(data), 1000)
		for range 100 {
			m, err := r.Next()
			if err != nil {
				return
			}
			if len(m) > 1000 {
				t.Fatal("a frame beyond the limit")
			}
			_ = mllp.Ack(m, nil, time.Time{})
		}
	})
}
