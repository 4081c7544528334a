package bedside_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	bedside "github.com/bedside-lm/bedside/clients/go"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// endless streams until its context ends and then closes ended.
func endless(ended chan<- struct{}) func() *scripted {
	return func() *scripted {
		return &scripted{stream: func(_ int, _ *bedsidev1.GenerateRequest, out grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error {
			for out.Context().Err() == nil {
				if err := out.Send(&bedsidev1.StreamGenerateResponse{Text: "x"}); err != nil {
					break
				}
				time.Sleep(time.Millisecond)
			}
			ended <- struct{}{}
			return out.Context().Err()
		}}
	}
}

func TestLeavingAStreamCancelsIt(t *testing.T) {
	ended := make(chan struct{}, 1)
	overBoth(t, endless(ended), func(t *testing.T, client *bedside.Client, _ *scripted) {
		seen := 0
		for piece, err := range client.Stream(t.Context(), bedside.Prompt("x")) {
			require.NoError(t, err)
			require.Equal(t, "x", piece.GetText())
			if seen++; seen == 3 {
				break
			}
		}
		require.Equal(t, 3, seen)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the server was not told")
		}
	})
}

func TestCancellingTheContextEndsAStream(t *testing.T) {
	ended := make(chan struct{}, 1)
	overBoth(t, endless(ended), func(t *testing.T, client *bedside.Client, _ *scripted) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		for _, err := range client.Stream(ctx, bedside.Prompt("x")) {
			cancel()
			last = err
		}
		require.Equal(t, codes.Canceled, status.Code(last))
		<-ended
	})
}

func TestDeadlines(t *testing.T) {
	left := make(chan time.Duration, 1)
	report := func() *scripted {
		return &scripted{
			generate: func(ctx context.Context, _ int, _ *bedsidev1.GenerateRequest) (*bedsidev1.GenerateResponse, error) {
				deadline, has := ctx.Deadline()
				if !has {
					left <- 0
				} else {
					left <- time.Until(deadline)
				}
				return &bedsidev1.GenerateResponse{}, nil
			},
			stream: func(_ int, _ *bedsidev1.GenerateRequest, out grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error {
				<-out.Context().Done()
				return out.Context().Err()
			},
		}
	}
	check := func(ctx context.Context, low, high time.Duration) func(*testing.T, *bedside.Client, *scripted) {
		return func(t *testing.T, client *bedside.Client, _ *scripted) {
			_, err := client.Generate(ctx, bedside.Prompt("x"))
			require.NoError(t, err)
			got := <-left
			require.True(t, low <= got && got <= high, "server sees %v", got)
		}
	}
	long, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	t.Run("default", func(t *testing.T) {
		overBoth(t, report, check(t.Context(), 4*time.Minute, 5*time.Minute))
	})
	t.Run("option", func(t *testing.T) {
		overBoth(t, report, check(t.Context(), 30*time.Second, time.Minute), bedside.WithTimeout(time.Minute))
	})
	t.Run("none", func(t *testing.T) { overBoth(t, report, check(t.Context(), 0, 0), bedside.WithTimeout(0)) })
	t.Run("caller", func(t *testing.T) {
		overBoth(t, report, check(long, 59*time.Minute, time.Hour), bedside.WithTimeout(time.Minute))
	})
	t.Run("stream", func(t *testing.T) {
		overBoth(t, report, func(t *testing.T, client *bedside.Client, _ *scripted) {
			_, err := collect(client, bedside.Prompt("x"))
			require.Equal(t, codes.DeadlineExceeded, status.Code(err))
		}, bedside.WithTimeout(30*time.Millisecond))
	})
}

func TestWaitsForAServerUnlessToldOtherwise(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	listener := bufconn.Listen(1 << 16)
	s := failing(0, nil)()
	check, stop := serve(s, listener)
	defer stop()
	check.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)

	hasty, err := bedside.Dial("passthrough:///memory", bedside.WithFailFast(), inMemory(listener))
	require.NoError(t, err)
	defer hasty.Close()
	_, err = hasty.Text(t.Context(), "x")
	require.Equal(t, codes.Unavailable, status.Code(err))

	patient, err := bedside.Dial("passthrough:///memory", inMemory(listener))
	require.NoError(t, err)
	defer patient.Close()
	time.AfterFunc(50*time.Millisecond, func() { check.SetServingStatus("", healthpb.HealthCheckResponse_SERVING) })
	_, err = patient.Text(t.Context(), "x")
	require.NoError(t, err)
	require.Equal(t, 1, s.count(), "an unhealthy server was asked")
}

// A call that waits for an hour in a queue outlives the server's rule on pings.
func TestKeepaliveIsAccepted(t *testing.T) {
	for _, c := range []struct {
		name     string
		opts     []bedside.Option
		attempts int
	}{
		{"default", nil, 1},
		// gRPC's client pings less often after each time it was hung up on.
		{"too often", []bedside.Option{bedside.WithKeepalive(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: time.Second})}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := bufconn.Listen(1 << 16)
				s := &scripted{generate: func(ctx context.Context, attempt int, _ *bedsidev1.GenerateRequest) (*bedsidev1.GenerateResponse, error) {
					select {
					case <-time.After(time.Hour):
					case <-ctx.Done():
					}
					return &bedsidev1.GenerateResponse{}, nil
				}}
				_, stop := serve(s, listener, enforcement)
				defer stop()
				client, err := bedside.Dial("passthrough:///memory", append(c.opts, bedside.WithTimeout(2*time.Hour), inMemory(listener))...)
				require.NoError(t, err)
				defer client.Close()
				_, err = client.Text(t.Context(), "x")
				require.NoError(t, err)
				require.Equal(t, c.attempts, s.count())
			})
		})
	}
}

func TestErrorDetails(t *testing.T) {
	bad := withDetails(codes.InvalidArgument, &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
		{Field: "sampling.max_tokens", Description: "must be at least 1"},
		{Field: "prompt", Description: "must not be empty"},
	}})
	overBoth(t, failing(9, bad), func(t *testing.T, client *bedside.Client, _ *scripted) {
		_, err := client.Text(t.Context(), "")
		require.Equal(t, []bedside.Violation{
			{"sampling.max_tokens", "must be at least 1"},
			{"prompt", "must not be empty"},
		}, bedside.Violations(err))
		_, has := bedside.RetryAfter(err)
		require.False(t, has)
	})
	overBoth(t, failing(9, queueFull(time.Hour)), func(t *testing.T, client *bedside.Client, _ *scripted) {
		_, err := client.Text(t.Context(), "x")
		after, has := bedside.RetryAfter(err)
		require.True(t, has)
		require.Equal(t, time.Hour, after)
		require.Equal(t, "QUEUE_FULL", bedside.Reason(err))
		require.Empty(t, bedside.Violations(err))
	})
	require.Empty(t, bedside.Violations(nil))
	require.Empty(t, bedside.Violations(errors.New("of another kind")))
	require.Empty(t, bedside.Reason(nil))
}

func TestEveryCallReachesItsMethod(t *testing.T) {
	overBoth(t, failing(0, nil), func(t *testing.T, client *bedside.Client, _ *scripted) {
		scores, err := client.Score(t.Context(), &bedsidev1.ScoreRequest{Continuations: []string{"ab", "c"}})
		require.NoError(t, err)
		require.EqualValues(t, 2, scores.GetScores()[0].GetTokenCount())
		tokens, err := client.Tokenize(t.Context(), &bedsidev1.TokenizeRequest{Input: &bedsidev1.TokenizeRequest_Text{Text: "abc"}})
		require.NoError(t, err)
		require.Equal(t, "abc", string(tokens.GetTokens()[0].GetPiece()))
		diagnoses, err := client.SuggestDiagnoses(t.Context(), &bedsidev1.SuggestDiagnosesRequest{Language: "zh"})
		require.NoError(t, err)
		require.Equal(t, "zh", diagnoses.GetLanguage())
		treatments, err := client.SuggestTreatments(t.Context(), &bedsidev1.SuggestTreatmentsRequest{Diagnosis: "A41.9"})
		require.NoError(t, err)
		require.Equal(t, "A41.9", treatments.GetDiagnosis().GetCode())
		summary, err := client.SummarizeRecord(t.Context(), &bedsidev1.SummarizeRecordRequest{Language: "zh"})
		require.NoError(t, err)
		require.Equal(t, "zh", summary.GetLanguage())
		var pieces []*bedsidev1.StreamSummarizeRecordResponse
		brief := &bedsidev1.SummarizeRecordRequest{Style: bedsidev1.SummaryStyle_SUMMARY_STYLE_BRIEF}
		for piece, err := range client.StreamSummarizeRecord(t.Context(), brief) {
			require.NoError(t, err)
			pieces = append(pieces, piece)
		}
		require.Equal(t, "x", pieces[0].GetSentence().GetText())
		require.Equal(t, brief.GetStyle(), pieces[1].GetSummary().GetStyle())
		models, err := client.Models(t.Context())
		require.NoError(t, err)
		require.Equal(t, "attention", models[0].GetKind())
		raw, err := client.Generation().Generate(t.Context(), bedside.Ask("x"))
		require.NoError(t, err)
		require.Equal(t, "after ", raw.GetText(), "a chat has no prompt")
	})
}

func TestDialRefusesContradictions(t *testing.T) {
	for _, opts := range [][]bedside.Option{
		{bedside.WithInsecure(), bedside.WithTLS(nil)},
		{bedside.WithTimeout(-time.Second)},
		{bedside.WithDialOptions(grpc.WithDefaultServiceConfig("{"))},
	} {
		_, err := bedside.Dial("127.0.0.1:8001", opts...)
		require.Error(t, err)
	}
}

// Patient data leaves the machine in plain text only where that was asked for.
func TestRemoteTargetsAreEncrypted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := failing(0, nil)()
	_, stop := serve(s, listener)
	defer stop()
	// A name that is not this machine's, led to the plain-text server all the same.
	toServer := bedside.WithDialOptions(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	}))
	remote := "passthrough:///bedside.example:8001"
	encrypted, err := bedside.Dial(remote, bedside.WithFailFast(), toServer)
	require.NoError(t, err)
	defer encrypted.Close()
	_, err = encrypted.Text(t.Context(), "x")
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.Zero(t, s.count())

	plain, err := bedside.Dial(remote, bedside.WithInsecure(), toServer)
	require.NoError(t, err)
	defer plain.Close()
	_, err = plain.Text(t.Context(), "x")
	require.NoError(t, err)
}
