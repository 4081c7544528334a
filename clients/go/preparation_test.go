package bedside_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedside "github.com/bedside-lm/bedside/clients/go"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// answering answers each request of a stream by answer, under the request's id.
func answering(answer func(*bedsidev1.PrepareRecordsRequest) *bedsidev1.PrepareRecordsResponse) func(int, preparing) error {
	return func(_ int, stream preparing) error {
		for {
			req, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			out := answer(req)
			out.RequestId = req.GetRequestId()
			if err := stream.Send(out); err != nil {
				return err
			}
		}
	}
}

func wellPrepared(*bedsidev1.PrepareRecordsRequest) *bedsidev1.PrepareRecordsResponse {
	return &bedsidev1.PrepareRecordsResponse{
		Result: &bedsidev1.PrepareRecordsResponse_Prepared{Prepared: &bedsidev1.PreparedRecord{}},
	}
}

func failed(message string) *bedsidev1.PrepareRecordsResponse {
	failure := &bedsidev1.PreparationFailure{Code: int32(codes.InvalidArgument), Message: message}
	return &bedsidev1.PrepareRecordsResponse{Result: &bedsidev1.PrepareRecordsResponse_Failure{Failure: failure}}
}

// numbered gives n requests, or requests without end where n is negative, and then closes ended.
func numbered(n int, ended chan<- struct{}) iter.Seq[*bedsidev1.PrepareRecordsRequest] {
	return func(yield func(*bedsidev1.PrepareRecordsRequest) bool) {
		defer close(ended)
		for i := 0; i != n; i++ {
			if !yield(&bedsidev1.PrepareRecordsRequest{RequestId: fmt.Sprint(i)}) {
				return
			}
		}
	}
}

// within fails the test where c does not come: the client hangs.
func within(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatal(what)
	}
}

func TestRecordsAreAnsweredInOrder(t *testing.T) {
	service := func() *scripted {
		return &scripted{prepare: answering(func(req *bedsidev1.PrepareRecordsRequest) *bedsidev1.PrepareRecordsResponse {
			if req.GetRequestId() == "2" {
				return failed("it must be a FHIR resource")
			}
			return wellPrepared(req)
		})}
	}
	overBoth(t, service, func(t *testing.T, client *bedside.Client, s *scripted) {
		ended := make(chan struct{})
		n := 0
		for answer, err := range client.PrepareRecords(t.Context(), numbered(50, ended)) {
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(n), answer.GetRequestId())
			require.Equal(t, n == 2, answer.GetFailure() != nil, "a failure ends nothing")
			n++
		}
		require.Equal(t, 50, n)
		within(t, ended, "the requests were not read to their end")
		require.Equal(t, 1, s.count())
	})
}

func TestNoRecordsAreNoAnswers(t *testing.T) {
	overBoth(t, func() *scripted { return &scripted{prepare: answering(wellPrepared)} },
		func(t *testing.T, client *bedside.Client, s *scripted) {
			answers := client.PrepareRecords(t.Context(), func(func(*bedsidev1.PrepareRecordsRequest) bool) {})
			for range 2 { // each range is a call of its own
				for range answers {
					t.Fatal("an answer to nothing")
				}
			}
			require.Equal(t, 2, s.count())
		})
}

func TestLeavingTheAnswersEndsTheRequests(t *testing.T) {
	told := make(chan error, 1)
	service := func() *scripted {
		return &scripted{prepare: func(attempt int, stream preparing) error {
			err := answering(wellPrepared)(attempt, stream)
			told <- stream.Context().Err()
			return err
		}}
	}
	overBoth(t, service, func(t *testing.T, client *bedside.Client, _ *scripted) {
		ended := make(chan struct{})
		for answer, err := range client.PrepareRecords(t.Context(), numbered(-1, ended)) {
			require.NoError(t, err)
			if answer.GetRequestId() == "3" {
				break
			}
		}
		within(t, ended, "the requests were read on")
		require.ErrorIs(t, <-told, context.Canceled)
	})
}

// A server that reads nothing more holds the client's Send up.
func TestLeavingEndsASendThatWaits(t *testing.T) {
	service := func() *scripted {
		return &scripted{prepare: func(_ int, stream preparing) error {
			if err := stream.Send(failed("too busy")); err != nil {
				return err
			}
			<-stream.Context().Done()
			return stream.Context().Err()
		}}
	}
	source := &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: strings.Repeat(" ", 1<<20)}}
	overBoth(t, service, func(t *testing.T, client *bedside.Client, _ *scripted) {
		given, ended := make(chan struct{}, 64), make(chan struct{})
		requests := func(yield func(*bedsidev1.PrepareRecordsRequest) bool) {
			defer close(ended)
			for {
				given <- struct{}{}
				if !yield(&bedsidev1.PrepareRecordsRequest{Source: source}) {
					return
				}
			}
		}
		for _, err := range client.PrepareRecords(t.Context(), requests) {
			require.NoError(t, err)
			<-given // it is being sent, or soon will be
			break
		}
		within(t, ended, "a Send waits on")
		require.Less(t, len(given), 8, "records were taken from a client that nobody reads")
	})
}

// The requests wait for a device that sends nothing; the loop ends all the same.
func TestLeavingDoesNotWaitForTheRequests(t *testing.T) {
	for name, leave := range map[string]error{"by its reader": nil, "by the server": status.Error(codes.Internal, "as scripted")} {
		t.Run(name, func(t *testing.T) {
			service := func() *scripted {
				return &scripted{prepare: func(_ int, stream preparing) error {
					if _, err := stream.Recv(); err != nil || leave != nil {
						return errors.Join(err, leave)
					}
					_ = stream.Send(wellPrepared(nil))
					<-stream.Context().Done()
					return nil
				}}
			}
			overBoth(t, service, func(t *testing.T, client *bedside.Client, _ *scripted) {
				ctx, cancel := context.WithCancel(t.Context())
				ended, left := make(chan struct{}), make(chan struct{})
				requests := func(yield func(*bedsidev1.PrepareRecordsRequest) bool) {
					defer close(ended)
					if yield(&bedsidev1.PrepareRecordsRequest{}) {
						<-ctx.Done()
					}
				}
				go func() {
					defer close(left)
					for answer, err := range client.PrepareRecords(t.Context(), requests) {
						if err == nil && answer == nil {
							t.Error("neither answer nor error")
						}
						break
					}
				}()
				within(t, left, "the loop waits for the requests")
				cancel()
				within(t, ended, "the requests did not end with their context")
			})
		})
	}
}

func TestTheErrorOfTheCallComesLast(t *testing.T) {
	for _, failure := range []error{status.Error(codes.Unavailable, "draining"), draining(time.Millisecond), queueFull(time.Millisecond)} {
		service := func() *scripted {
			return &scripted{prepare: func(_ int, stream preparing) error {
				req, err := stream.Recv()
				if err != nil {
					return err
				}
				if err := stream.Send(&bedsidev1.PrepareRecordsResponse{RequestId: req.GetRequestId()}); err != nil {
					return err
				}
				return failure
			}}
		}
		overBoth(t, service, func(t *testing.T, client *bedside.Client, s *scripted) {
			ended := make(chan struct{})
			var answers int
			var last error
			for answer, err := range client.PrepareRecords(t.Context(), numbered(-1, ended)) {
				require.NoError(t, last, "something came after the error")
				require.Equal(t, err == nil, answer != nil)
				if last = err; err == nil {
					answers++
				}
			}
			require.Equal(t, status.Code(failure), status.Code(last))
			require.Equal(t, 1, answers)
			within(t, ended, "the requests were read on")
			require.Equal(t, 1, s.count(), "a stream of records was tried again")
		})
	}
}

func TestAStreamOfRecordsIsNotTriedAgain(t *testing.T) {
	for _, failure := range []error{status.Error(codes.Unavailable, ""), draining(time.Millisecond), queueFull(time.Millisecond)} {
		overBoth(t, func() *scripted { return &scripted{prepare: func(int, preparing) error { return failure }} },
			func(t *testing.T, client *bedside.Client, s *scripted) {
				ended := make(chan struct{})
				var last error
				for answer, err := range client.PrepareRecords(t.Context(), numbered(1, ended)) {
					require.Nil(t, answer)
					last = err
				}
				require.Equal(t, status.Code(failure), status.Code(last))
				within(t, ended, "the requests were read on")
				require.Equal(t, 1, s.count())
			})
	}
}

// What a client cannot send is told as such, and not as the cancellation that follows.
func TestARequestThatCannotBeSent(t *testing.T) {
	overBoth(t, func() *scripted { return &scripted{prepare: answering(wellPrepared)} },
		func(t *testing.T, client *bedside.Client, _ *scripted) {
			for range 20 {
				requests := func(yield func(*bedsidev1.PrepareRecordsRequest) bool) {
					yield(&bedsidev1.PrepareRecordsRequest{RequestId: "\xff"})
				}
				var last error
				for _, err := range client.PrepareRecords(t.Context(), requests) {
					last = err
				}
				require.Equal(t, codes.Internal, status.Code(last), "%v", last)
				require.ErrorContains(t, last, "UTF-8")
			}
		})
}

func TestRecordsHaveNoDeadlineOfTheClients(t *testing.T) {
	type deadline struct {
		at  time.Time
		has bool
	}
	seen := make(chan deadline, 1)
	service := func() *scripted {
		return &scripted{prepare: func(_ int, stream preparing) error {
			at, has := stream.Context().Deadline()
			seen <- deadline{at, has}
			return nil
		}}
	}
	overBoth(t, service, func(t *testing.T, client *bedside.Client, _ *scripted) {
		for _, err := range client.PrepareRecords(t.Context(), numbered(0, make(chan struct{}))) {
			t.Fatal("an answer to nothing", err)
		}
		require.False(t, (<-seen).has)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for _, err := range client.PrepareRecords(ctx, numbered(0, make(chan struct{}))) {
			t.Fatal("an answer to nothing", err)
		}
		got := <-seen
		require.True(t, got.has)
		require.InDelta(t, 3600, time.Until(got.at).Seconds(), 60)
	}, bedside.WithTimeout(time.Minute))
}

func TestDescribeSignalIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		err      error
		failures int
		attempts int
	}{
		{status.Error(codes.Unavailable, ""), 2, 3},
		{queueFull(time.Millisecond), 2, 3},
		{status.Error(codes.InvalidArgument, ""), 9, 1},
	} {
		service := func() *scripted {
			return &scripted{describe: func(attempt int, req *bedsidev1.DescribeSignalRequest) (*bedsidev1.DescribeSignalResponse, error) {
				if attempt <= c.failures {
					return nil, c.err
				}
				return &bedsidev1.DescribeSignalResponse{Language: req.GetLanguage()}, nil
			}}
		}
		inBubble(t, service, func(t *testing.T, client *bedside.Client, s *scripted) {
			answer, err := client.DescribeSignal(t.Context(), &bedsidev1.DescribeSignalRequest{Language: "zh"})
			require.Equal(t, c.attempts, s.count())
			if c.attempts <= c.failures {
				require.Equal(t, status.Code(c.err), status.Code(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, "zh", answer.GetLanguage())
		})
	}
}
