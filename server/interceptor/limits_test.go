package interceptor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/interceptor"
	"github.com/bedside-lm/bedside/server/memory"
	"github.com/bedside-lm/bedside/server/quota"
)

func limited(t *testing.T, limits ...config.TenantLimit) func(*interceptor.Options) {
	return func(o *interceptor.Options) {
		ledger, err := quota.New(limits, o.Registerer)
		require.NoError(t, err)
		o.Quota = ledger
	}
}

func as(ctx context.Context, tenant string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "bedside-tenant", tenant)
}

func TestATenantsLimitsAreItsOwn(t *testing.T) {
	s := start(t, func(context.Context) error { return nil }, limited(t, config.TenantLimit{Tenant: "ward", Requests: 0.5}))
	_, err := s.generation.Generate(as(deadline(t), "ward"), prompt())
	require.NoError(t, err)
	_, unary := s.generation.Generate(as(deadline(t), "ward"), prompt())
	for _, err := range []error{unary, s.stream(as(deadline(t), "ward"), prompt())} {
		require.Equal(t, codes.ResourceExhausted, status.Code(err))
		info := detail[*errdetails.ErrorInfo](t, err)
		require.Equal(t, "TENANT_LIMIT", info.GetReason())
		require.Equal(t, "requests", info.GetMetadata()["limit"])
		require.InDelta(t, 2, detail[*errdetails.RetryInfo](t, err).GetRetryDelay().AsDuration().Seconds(), 0.5)
	}
	for range 5 {
		_, err = s.generation.Generate(as(deadline(t), "other"), prompt())
		require.NoError(t, err)
		_, err = s.health.Check(as(deadline(t), "ward"), &healthgrpc.HealthCheckRequest{})
		require.NoError(t, err, "probes are on nobody's account")
	}
}

// TestCallsAreCountedUntilTheyEnd fills a tenant's places, and finds them free when the calls have ended, however they did.
func TestCallsAreCountedUntilTheyEnd(t *testing.T) {
	running, release := make(chan struct{}, 8), make(chan struct{})
	s := start(t, func(ctx context.Context) error {
		running <- struct{}{}
		select {
		case <-release:
			panic("it ends badly")
		case <-ctx.Done():
			return ctx.Err()
		}
	}, limited(t, config.TenantLimit{Tenant: config.EveryTenant, Calls: 2}))
	ctx, cancel := context.WithCancel(deadline(t))
	ended := make(chan error, 2)
	go func() { _, err := s.generation.Generate(ctx, prompt()); ended <- err }()
	go func() { ended <- s.stream(ctx, prompt()) }()
	<-running
	<-running
	_, err := s.generation.Generate(deadline(t), prompt())
	require.Equal(t, "calls", detail[*errdetails.ErrorInfo](t, err).GetMetadata()["limit"])
	cancel()
	<-ended
	<-ended
	close(release)
	require.Eventually(t, func() bool {
		_, err := s.generation.Generate(deadline(t), prompt())
		return status.Code(err) == codes.Internal // it got in, twice and more
	}, 5*time.Second, 5*time.Millisecond)
	_, err = s.generation.Generate(deadline(t), prompt())
	require.Equal(t, codes.Internal, status.Code(err))
}

// TestASlowReaderIsDropped has a client that reads nothing of a long stream: the handler is freed, and the log says why.
func TestASlowReaderIsDropped(t *testing.T) {
	ended := make(chan error, 1)
	s := start(t, nil, func(o *interceptor.Options) { o.Limits.SendTimeout = 100 * time.Millisecond })
	s.impl.flood = func(stream grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error {
		for {
			if err := stream.Send(&bedsidev1.StreamGenerateResponse{Text: strings.Repeat("x", 1<<16)}); err != nil {
				ended <- err
				return err
			}
		}
	}
	stream, err := s.generation.StreamGenerate(deadline(t), prompt())
	require.NoError(t, err)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the handler still waits for its reader")
	}
	for err == nil {
		_, err = stream.Recv()
	}
	require.Equal(t, codes.Canceled, status.Code(err), "gRPC says so itself, in the middle of a message")
	require.Eventually(t, func() bool { return len(s.lines(t, "call")) == 1 }, 5*time.Second, time.Millisecond)
	require.Equal(t, "SLOW_READER", s.lines(t, "call")[0]["reason"])
	require.InDelta(t, 1, s.family(t, "bedside_slow_readers_total")[0].GetCounter().GetValue(), 0)
}

// TestWithoutMemoryCallsAreRefusedBeforeTheyAreRead but for probes.
func TestWithoutMemoryCallsAreRefusedBeforeTheyAreRead(t *testing.T) {
	pressure := memory.NewPressure(1000)
	s := start(t, func(context.Context) error { return nil }, func(o *interceptor.Options) { o.Pressure = pressure })
	pressure.Note(950)
	_, err := s.generation.Generate(deadline(t), prompt())
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	require.Equal(t, "MEMORY_SHORT", detail[*errdetails.ErrorInfo](t, err).GetReason())
	require.NotZero(t, detail[*errdetails.RetryInfo](t, err).GetRetryDelay().AsDuration())
	_, err = s.health.Check(deadline(t), &healthgrpc.HealthCheckRequest{})
	require.NoError(t, err)
	pressure.Note(500)
	_, err = s.generation.Generate(deadline(t), prompt())
	require.NoError(t, err)
}
