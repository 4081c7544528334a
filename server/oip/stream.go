package oip

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/server/infer"
	"github.com/bedside-lm/bedside/server/tenant"
)

type inferStream = grpc.BidiStreamingServer[inference.ModelInferRequest, inference.ModelStreamInferResponse]

// grpcErrorKey is the metadata key with which a client asks that the first failure ends the stream with its status,
// instead of being told in an answer.
const grpcErrorKey = "triton_grpc_error"

// streamBytes is how large all requests of one stream that run may be together. One that is larger runs alone.
const streamBytes = 128 << 20

// ModelStreamInfer runs the requests of a stream side by side. Answers of models that give one each leave in the order
// of their requests; those of decoupled models leave as they come.
func (s *Service) ModelStreamInfer(stream inferStream) error {
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	account, err := tenant.Of(ctx)
	if err != nil {
		return err
	}
	c := &conversation{
		service: s, stream: stream, ctx: ctx, cancel: cancel, account: account,
		strict: slices.Equal(metadata.ValueFromIncomingContext(ctx, grpcErrorKey), []string{"true"}),
		places: semaphore.NewWeighted(int64(s.opt.StreamRequests)), bytes: semaphore.NewWeighted(streamBytes), turn: make(chan struct{}), stuck: make(chan struct{}),
	}
	close(c.turn)
	err = c.read()
	if err != nil {
		cancel(err) // what runs is of no use any more
	}
	c.wait()
	if cause := context.Cause(ctx); err == nil && cause != nil {
		err = cause
	}
	return err
}

// conversation is one stream.
type conversation struct {
	service *Service
	stream  inferStream
	ctx     context.Context // of all its requests; its cause is what the stream ends with
	cancel  context.CancelCauseFunc
	account string // whose it is
	strict  bool

	places  *semaphore.Weighted // for each request that runs
	bytes   *semaphore.Weighted // of these requests
	running sync.WaitGroup
	turn    chan struct{} // closed when the last ordered request has answered; the reader's own
	sending sync.Mutex    // a stream takes one message at a time
	stuck   chan struct{} // closed when a message could not be sent for too long
	once    sync.Once
}

// wait returns when all requests have ended, or when one cannot end: sending it stops only with the call itself.
func (c *conversation) wait() {
	ended := make(chan struct{})
	go func() {
		c.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-c.stuck:
	}
}

// received is what comes of one Recv.
type received struct {
	req *inference.ModelInferRequest
	err error
}

// read starts a request for each that comes, until the client says that there are no more, or the server drains.
func (c *conversation) read() error {
	in := make(chan received)
	// Recv returns when the call is over, so this goroutine ends soon after at the latest.
	go func() {
		for {
			req, err := c.stream.Recv()
			select {
			case in <- received{req, err}:
			case <-c.ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	for {
		select {
		case r := <-in:
			if errors.Is(r.err, io.EOF) {
				return nil
			}
			if r.err != nil {
				return r.err
			}
			if err := c.start(r.req); err != nil {
				return err
			}
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		case <-c.service.opt.Draining:
			c.wait()
			return status.Error(codes.Unavailable, "the server is shutting down: its streams end with the requests that they had")
		}
	}
}

// start runs one request, once there is a place for it and for its bytes.
func (c *conversation) start(req *inference.ModelInferRequest) error {
	size := min(int64(proto.Size(req)), streamBytes)
	if c.places.Acquire(c.ctx, 1) != nil || c.bytes.Acquire(c.ctx, size) != nil {
		return context.Cause(c.ctx)
	}
	lease, err := c.service.acquire(c.ctx, "model_name", req.GetModelName(), "model_version", req.GetModelVersion())
	decoupled := false
	if err == nil {
		_, decoupled = lease.Model.(Streamer)
	}
	mine, before := make(chan struct{}), c.turn
	if !decoupled {
		c.turn = mine
	}
	c.running.Go(func() {
		defer c.places.Release(1)
		defer c.bytes.Release(size)
		defer close(mine)
		if err == nil {
			defer lease.Release()
			err = c.run(req, lease, before)
		}
		if err == nil {
			return
		}
		if !decoupled {
			c.await(before)
		}
		c.fail(req, err)
	})
	return nil
}

// await waits for the turn of an ordered request; a stream that ends lets everyone through, and nothing is sent.
func (c *conversation) await(before <-chan struct{}) {
	select {
	case <-before:
	case <-c.ctx.Done():
	}
}

// run answers one request.
func (c *conversation) run(req *inference.ModelInferRequest, lease Lease, before <-chan struct{}) (err error) {
	// The interceptors watch over the call's own goroutine alone.
	defer func() {
		if v := recover(); v != nil {
			err = c.service.opt.Errors.Recovered(c.ctx, v)
		}
	}()
	r, err := prepare(req, c.account)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.service.opt.RequestTimeout)
	defer cancel()
	of := answered{req.GetModelName(), lease.Version, req.GetId()}
	if m, decoupled := lease.Model.(Streamer); decoupled {
		final, err := m.Stream(ctx, &r, func(out infer.Response) error { return c.send(of, out, false) })
		if err != nil {
			return err
		}
		return c.send(of, final, true)
	}
	out, err := lease.Model.Infer(ctx, &r)
	if err != nil {
		return err
	}
	c.await(before)
	return c.send(of, out, true)
}

// send answers a request. Every answer says whether it is the request's last one.
func (c *conversation) send(of answered, r infer.Response, final bool) error {
	out, err := encode(of, r)
	if err != nil {
		return err
	}
	if out.Parameters == nil {
		out.Parameters = map[string]*inference.InferParameter{}
	}
	out.Parameters[paramFinal] = &inference.InferParameter{ParameterChoice: &inference.InferParameter_BoolParam{BoolParam: final}}
	return c.write(&inference.ModelStreamInferResponse{InferResponse: out})
}

// fail answers a request with what went wrong, or ends the stream with it where the client wants that.
func (c *conversation) fail(req *inference.ModelInferRequest, err error) {
	if c.ctx.Err() != nil {
		return // nobody listens
	}
	if c.strict {
		c.cancel(err)
		return
	}
	// A write that fails has ended the stream.
	_ = c.write(&inference.ModelStreamInferResponse{
		ErrorMessage:  c.service.opt.Errors.Status(c.ctx, err).Message(),
		InferResponse: &inference.ModelInferResponse{Id: req.GetId()},
	})
}

// write sends one message. One that cannot be sent ends the stream.
func (c *conversation) write(out *inference.ModelStreamInferResponse) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	// A client that does not read holds what its requests hold.
	patience := time.AfterFunc(c.service.opt.RequestTimeout, func() {
		c.cancel(status.Error(codes.DeadlineExceeded, "the client has not read its answers for too long"))
		c.once.Do(func() { close(c.stuck) })
	})
	defer patience.Stop()
	if err := c.stream.Send(out); err != nil {
		c.cancel(err)
		return err
	}
	return nil
}
