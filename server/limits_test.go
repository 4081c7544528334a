package server

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/config"
)

// trapped is a server whose only model fails of "~" and hangs of "^" (scripts/testmodels/traps.py).
func trapped(t *testing.T, change func(*config.Config)) *Server {
	t.Helper()
	return startServer(t, func(c *config.Config) {
		withoutModels(c)
		c.Models, c.Model = "../testdata/traps", "trap-attention"
		c.SlotCapacity = 64
		if change != nil {
			change(c)
		}
	})
}

func ready(t *testing.T, s *Server) (bool, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.HTTPAddr()+"/readyz", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode == http.StatusOK, string(body)
}

func TestReadinessKnowsOfAModelThatHangs(t *testing.T) {
	s := trapped(t, func(c *config.Config) { c.HTTPListen = "127.0.0.1:0" })
	ok, _ := ready(t, s)
	require.True(t, ok)
	h, err := s.models.find("trap-attention", "")
	require.NoError(t, err)
	h.Model().language.engine.Abandon()
	h.Release()
	require.Eventually(t, func() bool { ok, _ := ready(t, s); return !ok }, 5*time.Second, 10*time.Millisecond)
	_, reason := ready(t, s)
	require.Contains(t, reason, "trap-attention")
	for _, name := range []string{"", "bedside.v1.GenerationService"} {
		resp, err := healthpb.NewHealthClient(dial(t, s)).Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
		require.NoError(t, err)
		require.Equal(t, healthpb.HealthCheckResponse_NOT_SERVING, resp.GetStatus(), name)
	}
}

func TestATokenLimitCountsPromptsAndAnswers(t *testing.T) {
	s := trapped(t, func(c *config.Config) { c.TenantLimits = []config.TenantLimit{{Tenant: "ward", Tokens: 10}} })
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "bedside-tenant", "ward")
	req := &bedsidev1.GenerateRequest{Input: &bedsidev1.GenerateRequest_Prompt{Prompt: "abcabcabc"}, Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(8))}}
	resp, err := client.Generate(ctx, req)
	require.NoError(t, err)
	used := resp.GetUsage().GetPromptTokens() + resp.GetUsage().GetCompletionTokens()
	require.Greater(t, used, int32(12))
	_, err = client.Generate(ctx, req)
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	var retry time.Duration
	for _, d := range status.Convert(err).Details() {
		if r, ok := d.(*errdetails.RetryInfo); ok {
			retry = r.GetRetryDelay().AsDuration()
		}
	}
	require.InDelta(t, float64(used-10)/10, retry.Seconds(), 0.3)
	_, err = client.Generate(t.Context(), req)
	require.NoError(t, err, "another tenant")
}

// TestAStreamEndsWithItsCallersCredentials opens one that would go on for ever.
func TestAStreamEndsWithItsCallersCredentials(t *testing.T) {
	var key string
	s := startSecured(t, func(c *config.Config) {
		var err error
		key, err = auth.NewKey(c.CallersFile, auth.KeyHolder{Roles: []auth.Role{auth.Operator}, Expires: time.Now().Add(2 * time.Second)}, time.Now())
		require.NoError(t, err)
	})
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+key), 20*time.Second)
	defer cancel()
	stream, err := bedsidev1.NewModelServiceClient(s.connect(t)).WatchModels(ctx, &bedsidev1.WatchModelsRequest{})
	for err == nil {
		_, err = stream.Recv()
	}
	require.Equal(t, codes.Unauthenticated, status.Code(err), err)
	require.Contains(t, status.Convert(err).Message(), "expired")
}
