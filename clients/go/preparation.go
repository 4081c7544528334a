package bedside

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"google.golang.org/grpc"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// Preparation is the generated stub of PreparationService.
func (c *Client) Preparation() bedsidev1.PreparationServiceClient { return c.preparation }

// PrepareRecords has the server clean records one after another, and gives an answer to each,
// in order. A record that cannot be read is answered by a failure and ends nothing; a request
// that cannot be sent, since it is larger than [MaxRequestBytes] or its text is not UTF-8, ends the
// call. Each range over the result is a call of its own; leaving the loop early cancels it. An
// error of the call comes as the last pair, with a nil message.
//
// requests is read in a goroutine, only as fast as the server takes them, and is asked for no
// more than one request after the loop has ended. The loop does not wait for it: a sequence
// that can wait for long should end with a context that its caller cancels after the loop.
//
// A stream of records is not tried again by itself: its caller knows which were answered. It
// has no deadline unless ctx has one.
func (c *Client) PrepareRecords(ctx context.Context, requests iter.Seq[*bedsidev1.PrepareRecordsRequest], opts ...grpc.CallOption) iter.Seq2[*bedsidev1.PrepareRecordsResponse, error] {
	return func(yield func(*bedsidev1.PrepareRecordsResponse, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // also ends a Send that waits
		stream, err := c.preparation.PrepareRecords(ctx, opts...)
		if err != nil {
			yield(nil, err)
			return
		}
		sending := recordSender{stream: stream}
		go sending.all(requests)
		for {
			answer, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, sending.cause(err))
				return
			}
			if !yield(answer, nil) {
				return
			}
		}
	}
}

// recordSender sends the requests of one call.
type recordSender struct {
	stream grpc.BidiStreamingClient[bedsidev1.PrepareRecordsRequest, bedsidev1.PrepareRecordsResponse]

	mu  sync.Mutex // held while a request is sent
	err error      // why a request could not be sent
}

func (s *recordSender) all(requests iter.Seq[*bedsidev1.PrepareRecordsRequest]) {
	for request := range requests {
		if !s.send(request) {
			return
		}
	}
	_ = s.stream.CloseSend() // it always gives nil
}

// send says whether there may be more to send.
func (s *recordSender) send(request *bedsidev1.PrepareRecordsRequest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.stream.Send(request)
	if err != nil && !errors.Is(err, io.EOF) { // of io.EOF, Recv says why
		s.err = err
	}
	return err == nil
}

// cause is why a call ended of which Recv gave err. Where it ended on this side, Recv may know
// no more than that it was cancelled.
func (s *recordSender) cause(err error) error {
	s.mu.Lock() // a Send that runs returns, since the call has ended
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return err
}

// DescribeSignal says what a waveform, an image file or a sound shows, in words.
func (c *Client) DescribeSignal(ctx context.Context, req *bedsidev1.DescribeSignalRequest, opts ...grpc.CallOption) (*bedsidev1.DescribeSignalResponse, error) {
	return c.preparation.DescribeSignal(ctx, req, opts...)
}

// Deidentify takes what identifies a person out of a text or a record.
func (c *Client) Deidentify(ctx context.Context, req *bedsidev1.DeidentifyRequest, opts ...grpc.CallOption) (*bedsidev1.DeidentifyResponse, error) {
	return c.preparation.Deidentify(ctx, req, opts...)
}
