package server

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

func TestShutdownLetsRunningRequestsFinish(t *testing.T) {
	s := startServer(t, nil)
	conn := dial(t, s)
	client := bedsidev1.NewGenerationServiceClient(conn)
	watch, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: "bedside.v1.GenerationService"})
	require.NoError(t, err)
	now, err := watch.Recv()
	require.NoError(t, err)
	require.Equal(t, healthpb.HealthCheckResponse_SERVING, now.GetStatus())

	stream, err := client.StreamGenerate(t.Context(), &bedsidev1.GenerateRequest{
		Input:    &bedsidev1.GenerateRequest_Prompt{Prompt: prompt(1, 20)},
		Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(40)), Temperature: 1, Seed: ptr(uint64(3))},
	})
	require.NoError(t, err)
	_, err = stream.Recv()
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(ctx) }()

	_, last, err := collect(stream)
	require.NoError(t, err, "a running request finishes")
	require.NotZero(t, last.GetFinishReason())
	now, err = watch.Recv()
	require.NoError(t, err)
	require.Equal(t, healthpb.HealthCheckResponse_NOT_SERVING, now.GetStatus())
	require.NoError(t, <-down)
	require.NoError(t, ctx.Err(), "an open Watch does not hold the server up")
	_, err = client.Generate(t.Context(), &bedsidev1.GenerateRequest{Input: &bedsidev1.GenerateRequest_Prompt{Prompt: "a"}})
	require.Equal(t, codes.Unavailable, status.Code(err))
}

func TestShutdownCutsOffWhatOutlastsItsGrace(t *testing.T) {
	s := startServer(t, nil)
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	stream, err := client.StreamGenerate(t.Context(), &bedsidev1.GenerateRequest{
		Input:    &bedsidev1.GenerateRequest_Prompt{Prompt: prompt(1, 20)},
		Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(2000)), Temperature: 1.5, Seed: ptr(uint64(3))},
	})
	require.NoError(t, err)
	_, err = stream.Recv()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.NoError(t, s.Shutdown(ctx))
	_, _, err = collect(stream)
	require.Error(t, err)
}

func TestDeadlineEndsARequest(t *testing.T) {
	s := startServer(t, nil)
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := client.Generate(ctx, &bedsidev1.GenerateRequest{
		Input:    &bedsidev1.GenerateRequest_Prompt{Prompt: prompt(1, 1000)},
		Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(500))},
	})
	require.Equal(t, codes.DeadlineExceeded, status.Code(err))
	require.Eventually(t, func() bool { return gauge(t, s, "bedside_requests_running") == 0 }, 5*time.Second, 10*time.Millisecond)
	require.InDelta(t, 64, gauge(t, s, "bedside_slots_free"), 0)
}

func TestFullQueueSaysWhenToComeBack(t *testing.T) {
	s := startServer(t, func(c *config.Config) { c.Slots, c.MaxQueueSize = 1, 1 })
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	long := &bedsidev1.GenerateRequest{
		Input:    &bedsidev1.GenerateRequest_Prompt{Prompt: prompt(1, 5)},
		Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(1500)), Temperature: 1.5, Seed: ptr(uint64(3))},
	}
	running, err := client.StreamGenerate(ctx, long)
	require.NoError(t, err)
	_, err = running.Recv()
	require.NoError(t, err)
	_, err = client.StreamGenerate(ctx, long)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return gauge(t, s, "bedside_requests_waiting") == 1 }, 5*time.Second, 10*time.Millisecond)
	_, err = client.Generate(ctx, long)
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	require.Contains(t, status.Convert(err).Proto().String(), "RetryInfo")
}

func TestReflectionAndHealth(t *testing.T) {
	s := startServer(t, func(c *config.Config) { c.HTTPListen = "127.0.0.1:0" })
	conn := dial(t, s)

	v1, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	require.NoError(t, err)
	require.NoError(t, v1.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}))
	list, err := v1.Recv()
	require.NoError(t, err)
	require.Contains(t, list.String(), "bedside.v1.ClinicalService")
	require.NoError(t, v1.CloseSend())

	alpha, err := reflectionv1alpha.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	require.NoError(t, err)
	require.NoError(t, alpha.Send(&reflectionv1alpha.ServerReflectionRequest{MessageRequest: &reflectionv1alpha.ServerReflectionRequest_ListServices{}})) //nolint:staticcheck // as above
	_, err = alpha.Recv()
	require.NoError(t, err)
	require.NoError(t, alpha.CloseSend())

	for _, name := range []string{"", "bedside.v1.GenerationService", "bedside.v1.ClinicalService", "bedside.v1.ModelService"} {
		resp, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
		require.NoError(t, err, name)
		require.Equal(t, healthpb.HealthCheckResponse_SERVING, resp.GetStatus())
	}
	for path, want := range map[string]string{"healthz": "ok", "readyz": "ready", "metrics": "bedside_time_to_first_token_seconds"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.HTTPAddr()+"/"+path, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Contains(t, string(body), want)
	}
	http.DefaultClient.CloseIdleConnections()
}
