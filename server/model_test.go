package server

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

func explicitly(c *config.Config) { c.ModelControlMode = "explicit" }

func TestModelsAreUnloadedAndLoadedOnDemand(t *testing.T) {
	s := startServer(t, explicitly)
	conn := dial(t, s)
	models, health := bedsidev1.NewModelServiceClient(conn), healthpb.NewHealthClient(conn)
	name := s.cfg.Model
	watch, err := models.WatchModels(t.Context(), &bedsidev1.WatchModelsRequest{Names: []string{name}})
	require.NoError(t, err)
	until := func(want bedsidev1.ModelState) *bedsidev1.Model {
		t.Helper()
		for {
			got, err := watch.Recv()
			require.NoError(t, err)
			if got.GetModel().GetState() == want {
				return got.GetModel()
			}
		}
	}
	generate := func() error {
		_, err := bedsidev1.NewGenerationServiceClient(conn).Generate(t.Context(), &bedsidev1.GenerateRequest{
			Input: &bedsidev1.GenerateRequest_Prompt{Prompt: "The"}, Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(2))},
		})
		return err
	}
	first := until(bedsidev1.ModelState_MODEL_STATE_READY)
	require.Equal(t, name, first.GetReference().GetName())
	require.NotEmpty(t, first.GetReference().GetDigest())

	_, err = models.UnloadModel(t.Context(), &bedsidev1.UnloadModelRequest{Name: name})
	require.NoError(t, err)
	require.NotEmpty(t, until(bedsidev1.ModelState_MODEL_STATE_UNAVAILABLE).GetStateReason())
	require.Equal(t, codes.Unavailable, status.Code(generate()))
	requireHealth(t, health, modelHealth(name), healthpb.HealthCheckResponse_NOT_SERVING)

	loaded, err := models.LoadModel(t.Context(), &bedsidev1.LoadModelRequest{Name: name})
	require.NoError(t, err)
	require.Len(t, loaded.GetModels(), 1)
	require.Equal(t, first.GetReference().GetDigest(), loaded.GetModels()[0].GetReference().GetDigest())
	until(bedsidev1.ModelState_MODEL_STATE_READY)
	require.NoError(t, generate())
	requireHealth(t, health, modelHealth(name), healthpb.HealthCheckResponse_SERVING)

	_, err = models.LoadModel(t.Context(), &bedsidev1.LoadModelRequest{Name: "no-such-model"})
	require.Equal(t, codes.NotFound, status.Code(err))
	_, err = models.UnloadModel(t.Context(), &bedsidev1.UnloadModelRequest{Name: "no-such-model"})
	require.Equal(t, codes.NotFound, status.Code(err))
}

// requireHealth waits for the change: the health of models follows the registry a moment later.
func requireHealth(t *testing.T, c healthpb.HealthClient, service string, want healthpb.HealthCheckResponse_ServingStatus) {
	t.Helper()
	watch, err := c.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: service})
	require.NoError(t, err)
	for {
		got, err := watch.Recv()
		require.NoError(t, err)
		if got.GetStatus() == want {
			return
		}
	}
}

func TestClientsMayNotLoadUnlessTheServerSaysSo(t *testing.T) {
	s := startServer(t, nil)
	models := bedsidev1.NewModelServiceClient(dial(t, s))
	_, err := models.LoadModel(t.Context(), &bedsidev1.LoadModelRequest{Name: s.cfg.Model})
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
	_, err = models.UnloadModel(t.Context(), &bedsidev1.UnloadModelRequest{Name: s.cfg.Model})
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
}

func TestWatchEndsWhenTheServerGoesDown(t *testing.T) {
	s := startServer(t, nil)
	watch, err := bedsidev1.NewModelServiceClient(dial(t, s)).WatchModels(t.Context(), &bedsidev1.WatchModelsRequest{})
	require.NoError(t, err)
	_, err = watch.Recv()
	require.NoError(t, err)
	require.NoError(t, s.Shutdown(t.Context()), "an open watch does not hold it up")
	require.NoError(t, drainWatch(watch))
}

func drainWatch(watch grpc.ServerStreamingClient[bedsidev1.WatchModelsResponse]) error {
	for {
		if _, err := watch.Recv(); err == io.EOF { //nolint:errorlint // grpc returns it bare
			return nil
		} else if err != nil {
			return err
		}
	}
}
