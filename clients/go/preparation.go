package bedside

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// Preparation is the generated stub of PreparationService.
func (c *Client) Preparation() bedsidev1.PreparationServiceClient { return c.preparation }

// PrepareRecords has the server clean records one after another, and gives an answer to each,
// in order. A record that cannot be read is answered by a failure and ends nothing. requests is
// read in a goroutine, only as fast as the server takes them. Each range over the result is a call of its
// own; leaving the loop early cancels it. An error of the call comes as the last pair, with a
// nil message.
//
// A stream of records is not tried again by itself: its caller knows which were answered.
func (c *Client) PrepareRecords(ctx context.Context, requests iter.Seq[*bedsidev1.PrepareRecordsRequest], opts ...grpc.CallOption) iter.Seq2[*bedsidev1.PrepareRecordsResponse, error] {
	return func(yield func(*bedsidev1.PrepareRecordsResponse, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := c.preparation.PrepareRecords(ctx, opts...)
		if err != nil {
			yield(nil, err)
			return
		}
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for request := range requests {
				if stream.Send(request) != nil {
					return // Recv says why
				}
			}
			_ = stream.CloseSend() // it always gives nil
		}()
		defer func() {
			cancel() // ends a Send that waits
			<-sent
		}()
		for {
			answer, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(answer, nil) {
				return
			}
		}
	}
}

// DescribeSignal says what a waveform, an image file or a sound shows, in words.
func (c *Client) DescribeSignal(ctx context.Context, req *bedsidev1.DescribeSignalRequest, opts ...grpc.CallOption) (*bedsidev1.DescribeSignalResponse, error) {
	return c.preparation.DescribeSignal(ctx, req, opts...)
}
