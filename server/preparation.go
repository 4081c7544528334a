package server

import (
	"context"
	"errors"
	"io"
	"runtime"

	"buf.build/go/protovalidate"
	"golang.org/x/sync/errgroup"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/apierror"
)

type prepareStream = grpc.BidiStreamingServer[bedsidev1.PrepareRecordsRequest, bedsidev1.PrepareRecordsResponse]

// preparationService cleans records and describes signals.
type preparationService struct {
	bedsidev1.UnimplementedPreparationServiceServer
	preparer *preparer
	errors   statuses
	deid     *deidentifier
	draining context.Context // ends when the server begins to shut down
}

// statuses gives errors the status that a caller is told, and makes errors of panics;
// *interceptor.Chain is one.
type statuses interface {
	Status(ctx context.Context, err error) *status.Status
	Recovered(ctx context.Context, v any) error
}

// PrepareRecords works on as many records of a stream at once as there are cores, and answers
// them in the order in which they came.
func (s *preparationService) PrepareRecords(stream prepareStream) error {
	work, ctx := errgroup.WithContext(stream.Context())
	// Each place holds the answer to one request; a full channel is what holds the client up.
	places := make(chan (<-chan *bedsidev1.PrepareRecordsResponse), runtime.GOMAXPROCS(0))
	var ended error // what the stream ends with once all that came is answered
	work.Go(func() (err error) {
		defer close(places)
		ended, err = s.receive(ctx, stream, work, places)
		return err
	})
	work.Go(func() error {
		for place := range places {
			select {
			case answer := <-place:
				if err := stream.Send(answer); err != nil {
					return err
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	if err := work.Wait(); err != nil {
		return err
	}
	return ended
}

// receive starts the work on each request that comes, until the client says that there are no
// more, or the server drains: then what came is still answered, and the stream ends with ended.
func (s *preparationService) receive(
	ctx context.Context, stream prepareStream, work *errgroup.Group, places chan<- (<-chan *bedsidev1.PrepareRecordsResponse),
) (ended, err error) {
	requests := receiving(ctx, stream)
	for {
		select {
		case r := <-requests:
			if errors.Is(r.err, io.EOF) {
				return nil, nil
			}
			if r.err != nil && !againstRules(r.err) {
				return nil, r.err
			}
			place := make(chan *bedsidev1.PrepareRecordsResponse, 1)
			select {
			case places <- place:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			work.Go(func() error {
				place <- s.answer(ctx, r)
				return nil
			})
		case <-s.draining.Done():
			return status.Error(codes.Unavailable, "the server is shutting down: its streams end with the requests that they had"), nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// receivedRecord is a request, and what is wrong with it.
type receivedRecord struct {
	req *bedsidev1.PrepareRecordsRequest
	err error
}

// receiving reads the requests of a stream in a goroutine that ends with the call, since
// nothing else ends a Recv. The last one has the stream's error, io.EOF for a clean end.
func receiving(ctx context.Context, stream prepareStream) <-chan receivedRecord {
	out := make(chan receivedRecord)
	go func() {
		for {
			r := receivedRecord{req: &bedsidev1.PrepareRecordsRequest{}}
			r.err = stream.RecvMsg(r.req)
			select {
			case out <- r:
			case <-ctx.Done():
				return
			}
			if r.err != nil && !againstRules(r.err) {
				return
			}
		}
	}()
	return out
}

// againstRules says whether err is about one message's content. The stream goes on after it.
func againstRules(err error) bool {
	if _, ok := errors.AsType[*protovalidate.ValidationError](err); ok {
		return true
	}
	_, ok := errors.AsType[*apierror.FieldError](err)
	return ok
}

// answer prepares one record. What is wrong with it is told in the answer and ends nothing.
func (s *preparationService) answer(ctx context.Context, r receivedRecord) *bedsidev1.PrepareRecordsResponse {
	out := &bedsidev1.PrepareRecordsResponse{RequestId: r.req.GetRequestId()}
	prepared, err := s.prepared(ctx, r)
	if err != nil {
		out.Result = &bedsidev1.PrepareRecordsResponse_Failure{Failure: failure(s.errors.Status(ctx, err))}
		return out
	}
	out.Result = &bedsidev1.PrepareRecordsResponse_Prepared{Prepared: prepared}
	return out
}

// prepared works on one record. A panic is that record's alone: the interceptor that catches
// those of handlers is in another goroutine.
func (s *preparationService) prepared(ctx context.Context, r receivedRecord) (out *bedsidev1.PreparedRecord, err error) {
	if r.err != nil {
		return nil, r.err
	}
	defer func() {
		if v := recover(); v != nil {
			err = s.errors.Recovered(ctx, v)
		}
	}()
	return s.preparer.prepare(ctx, r.req.GetSource(), r.req.GetOptions())
}

func failure(st *status.Status) *bedsidev1.PreparationFailure {
	out := &bedsidev1.PreparationFailure{Code: int32(st.Code()), Message: st.Message()}
	for _, detail := range st.Details() {
		bad, ok := detail.(*errdetails.BadRequest)
		if !ok {
			continue
		}
		for _, v := range bad.GetFieldViolations() {
			out.Problems = append(out.Problems, &bedsidev1.FieldProblem{Path: v.GetField(), Message: v.GetDescription()})
		}
	}
	return out
}
