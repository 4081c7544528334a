package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/audit"
	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/auth/authtest"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/interceptor"
)

// guarded is a server behind TLS that asks who is calling, and has no models.
func guarded(t *testing.T, cfg config.Security) (addr string) {
	t.Helper()
	gate, err := auth.New(auth.Options{Config: cfg, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(gate.Close)
	chain, err := interceptor.New(interceptor.Options{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Gate: gate})
	require.NoError(t, err)
	require.NotNil(t, gate.Credentials())
	s := grpc.NewServer(chain.ServerOptions()...)
	bedsidev1.RegisterModelServiceServer(s, noModels{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	t.Cleanup(func() { s.Stop(); <-served })
	return listener.Addr().String()
}

type noModels struct {
	bedsidev1.UnimplementedModelServiceServer
}

func (noModels) ListModels(context.Context, *bedsidev1.ListModelsRequest) (*bedsidev1.ListModelsResponse, error) {
	return &bedsidev1.ListModelsResponse{}, nil
}

func TestCallingAServerThatAsks(t *testing.T) {
	dir, ca := t.TempDir(), authtest.NewCA(t)
	file := func(name string, data []byte) string { return authtest.Write(t, dir, name, data) }
	cert, key := ca.Issue("server", "")
	mine, myKey := ca.Issue("station", "")
	cfg := config.Security{
		TLSCert: file("server.pem", cert), TLSKey: file("server.key", key), TLSClientCA: file("ca.pem", ca.PEM()),
		CallersFile: file("callers.yaml", []byte("- {certificate: 'CN=station,O=Test', roles: [auditor]}")),
	}
	made := command(t.Context(), nil, "auth", "new-key", "--file", cfg.CallersFile, "--role", "operator", "--tenant", "ward-3")
	require.Equal(t, exitOK, made.code, made.err)
	require.Regexp(t, `^bsk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\n$`, made.out)
	token := file("token", []byte(made.out))
	addr := guarded(t, cfg)

	list := func(args ...string) result {
		return command(t.Context(), nil, append([]string{"models", "list", "--addr", addr, "--ca", cfg.TLSClientCA}, args...)...)
	}
	for name, args := range map[string][]string{
		"a key": {"--token-file", token}, "a certificate": {"--cert", file("me.pem", mine), "--key", file("me.key", myKey)},
	} {
		got := list(args...)
		require.Equal(t, exitOK, got.code, name+got.err)
	}
	got := list()
	require.Equal(t, exitFailure, got.code)
	require.Contains(t, got.err, "server does not know the caller: ")
	require.Contains(t, got.err, "hint: --token-file")
	got = list("--token-file", filepath.Join(dir, "none"))
	require.Equal(t, exitUsage, got.code)
	got = list("--token-file", file("words", []byte("two words")))
	require.Equal(t, exitFailure, got.code)
	require.Contains(t, got.err, "one token and nothing else")
	require.NotContains(t, got.err, "two words")
	got = list("--cert", token)
	require.Equal(t, exitUsage, got.code)

	refused := command(t.Context(), nil, "auth", "new-key", "--file", cfg.CallersFile, "--role", "operator", "--tenant", "two words")
	require.Equal(t, exitUsage, refused.code)
	require.Empty(t, refused.out)
}

func TestAuditCommands(t *testing.T) {
	dir := t.TempDir()
	log, err := audit.Open(audit.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	hash := audit.HashPatient(log.Key(), "ward-3", "4711")
	require.NoError(t, log.Append(&audit.Record{Event: audit.EventCall, Patients: []string{hash}, Code: "OK"}))
	require.NoError(t, log.Close())

	got := command(t.Context(), nil, "audit", "verify", dir)
	require.Equal(t, exitOK, got.code, got.err)
	require.Regexp(t, `^3 lines from \S+ to \S+, head 3:[0-9a-f]{64}\n$`, got.out)
	got = command(t.Context(), strings.NewReader("4711\n"), "audit", "hash", "--key-file", dir+"/audit.key", "--tenant", "ward-3", "--patient", "-")
	require.Equal(t, hash+"\n", got.out)
	got = command(t.Context(), nil, "audit", "verify", "--head", "9:"+hash, dir)
	require.Equal(t, exitFailure, got.code)
	require.Contains(t, got.out, "number 9 is not there")

	path := dir + "/audit-000001.jsonl"
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(data), `"OK"`, `"NO"`, 1)), 0o600))
	got = command(t.Context(), nil, "audit", "verify", path)
	require.Equal(t, exitFailure, got.code)
	require.Contains(t, got.out, path+":2: number 2 was changed")
	require.Contains(t, got.err, "not whole")
	for _, args := range [][]string{{"audit", "verify", t.TempDir()}, {"audit", "verify", dir + "/none"}} {
		require.Equal(t, exitFailure, command(t.Context(), nil, args...).code)
	}
	require.Equal(t, exitUsage, command(t.Context(), nil, "audit", "verify", "--head", "x", dir).code)
}
