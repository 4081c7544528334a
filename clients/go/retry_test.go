package bedside_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	bedside "github.com/bedside-lm/bedside/clients/go"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

func TestRetries(t *testing.T) {
	unavailable := status.Error(codes.Unavailable, "draining")
	for _, c := range []struct {
		name     string
		failures int
		err      error
		attempts int // with a header, as Bedside's server answers
		bare     int // without
		code     codes.Code
	}{
		{"unreachable twice", 2, unavailable, 1, 3, codes.Unavailable},
		{"unreachable for good", 9, unavailable, 1, 4, codes.Unavailable},
		{"draining twice", 2, draining(5 * time.Millisecond), 3, 3, codes.OK},
		{"draining for good", 9, draining(5 * time.Millisecond), 4, 4, codes.Unavailable},
		{"full queue twice", 2, queueFull(5 * time.Millisecond), 3, 3, codes.OK},
		{"full queue for good", 9, queueFull(5 * time.Millisecond), 4, 4, codes.ResourceExhausted},
		{"full queue beyond the deadline", 9, queueFull(time.Hour), 1, 1, codes.ResourceExhausted},
		{"exhausted without a hint", 9, status.Error(codes.ResourceExhausted, "too large"), 1, 1, codes.ResourceExhausted},
		{"bad request", 9, status.Error(codes.InvalidArgument, "bad"), 1, 1, codes.InvalidArgument},
		{"internal", 9, status.Error(codes.Internal, "bug"), 1, 1, codes.Internal},
	} {
		for _, header := range []bool{true, false} {
			attempts := c.attempts
			if !header {
				attempts = c.bare
			}
			code := c.code
			if attempts > c.failures {
				code = codes.OK
			}
			service := func() *scripted {
				s := failing(c.failures, c.err)()
				s.header = header
				return s
			}
			name := fmt.Sprintf("%s/header=%t", c.name, header)
			t.Run(name+"/unary", func(t *testing.T) {
				inBubble(t, service, func(t *testing.T, client *bedside.Client, s *scripted) {
					text, err := client.Text(t.Context(), "x")
					require.Equal(t, code, status.Code(err), "%v", err)
					require.Equal(t, attempts, s.count())
					require.Equal(t, err == nil, text == "after x")
				})
			})
			t.Run(name+"/stream", func(t *testing.T) {
				inBubble(t, service, func(t *testing.T, client *bedside.Client, s *scripted) {
					text, err := collect(client, bedside.Prompt("x"))
					require.Equal(t, code, status.Code(err), "%v", err)
					require.Equal(t, attempts, s.count())
					require.Equal(t, err == nil, text == "after x")
				})
			})
		}
	}
}

func TestRetriesOverTheWire(t *testing.T) {
	for _, failure := range []error{status.Error(codes.Unavailable, ""), queueFull(time.Millisecond)} {
		overBoth(t, failing(2, failure), func(t *testing.T, client *bedside.Client, s *scripted) {
			text, err := client.Text(t.Context(), "x")
			require.NoError(t, err)
			require.Equal(t, "after x", text)
			require.Equal(t, 3, s.count())
		})
	}
}

// inBubble runs a test in memory and in synthetic time.
func inBubble(t *testing.T, service func() *scripted, test func(*testing.T, *bedside.Client, *scripted)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := bufconn.Listen(1 << 20)
		s := service()
		_, stop := serve(s, listener)
		defer stop()
		runWith(t, "passthrough:///memory", s, test, inMemory(listener))
	})
}

func collect(client *bedside.Client, req *bedsidev1.GenerateRequest) (string, error) {
	var text strings.Builder
	for piece, err := range client.Stream(context.Background(), req) {
		if err != nil {
			return text.String(), err
		}
		text.WriteString(piece.GetText())
	}
	return text.String(), nil
}

// Records are larger than what gRPC keeps for a retry unless told.
func TestLargeRequestsAreRetried(t *testing.T) {
	overBoth(t, failing(1, status.Error(codes.Unavailable, "")), func(t *testing.T, client *bedside.Client, s *scripted) {
		prompt := strings.Repeat("x", 3<<20)
		text, err := client.Text(t.Context(), prompt)
		require.NoError(t, err)
		require.Len(t, text, len("after ")+len(prompt))
		require.Equal(t, 2, s.count())
	})
}

func TestStreamIsNotRetriedOnceItHasAnswered(t *testing.T) {
	for _, failure := range []error{queueFull(time.Millisecond), status.Error(codes.Unavailable, "")} {
		overBoth(t, func() *scripted {
			return &scripted{stream: func(_ int, _ *bedsidev1.GenerateRequest, out grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error {
				return errors.Join(out.Send(&bedsidev1.StreamGenerateResponse{Text: "one "}), failure)
			}}
		}, func(t *testing.T, client *bedside.Client, s *scripted) {
			text, err := collect(client, bedside.Prompt("x"))
			require.Error(t, err)
			require.Equal(t, "one ", text)
			require.Equal(t, 1, s.count())
		})
	}
}
