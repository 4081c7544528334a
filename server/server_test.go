package server

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// defaults is the configuration as the flags' defaults have it, on free ports.
func defaults(t testing.TB) config.Config {
	t.Helper()
	var cfg config.Config
	parser, err := kong.New(&cfg)
	require.NoError(t, err)
	_, err = parser.Parse(nil)
	require.NoError(t, err)
	cfg.Listen, cfg.HTTPListen = "127.0.0.1:0", ""
	cfg.EmbeddingModel = "" // for the tests that need it
	cfg.GraphDatabase = ""  // likewise
	cfg.Verify = false      // the set-up has just done it, and it takes time under -race
	return cfg
}

// startServer runs a server with the real model until the test ends.
func startServer(t testing.TB, change func(*config.Config)) *Server {
	t.Helper()
	cfg := defaults(t)
	if change != nil {
		change(&cfg)
	}
	s, err := Start(t.Context(), cfg, quiet())
	require.NoError(t, err, "run 'make setup'")
	t.Cleanup(func() {
		// t.Context has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
	})
	return s
}

// dial connects over TCP, as a client outside the process would.
func dial(t testing.TB, s *Server) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(256<<20)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

// collect reads a stream to its end.
func collect(stream grpc.ServerStreamingClient[bedsidev1.StreamGenerateResponse]) (text string, last *bedsidev1.StreamGenerateResponse, err error) {
	for {
		piece, err := stream.Recv()
		if err == io.EOF { //nolint:errorlint // grpc returns it bare
			return text, last, nil
		}
		if err != nil {
			return text, last, err
		}
		text += piece.GetText()
		last = piece
	}
}

// quiet is a log that nobody reads.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func ptr[T any](v T) *T { return &v }
