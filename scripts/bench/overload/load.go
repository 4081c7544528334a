package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

// model is what is asked, and how its answer is judged.
type model struct {
	name    string
	request *inference.ModelInferRequest
	right   func(*inference.ModelInferResponse) bool
}

func input(name, datatype string, shape ...int64) *inference.ModelInferRequest_InferInputTensor {
	return &inference.ModelInferRequest_InferInputTensor{Name: name, Datatype: datatype, Shape: shape}
}

// slowModel takes about as long for a batch as for one row.
func slowModel() model {
	data := []byte{0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64} // 1, 2, 3, 4
	return model{"slow", &inference.ModelInferRequest{
		ModelName: "slow", RawInputContents: [][]byte{data},
		Inputs: []*inference.ModelInferRequest_InferInputTensor{input("INPUT0", "FP32", 1, 4)},
	}, func(r *inference.ModelInferResponse) bool { return slices.Equal(r.GetRawOutputContents()[0], data) }}
}

// simpleModel adds and subtracts.
func simpleModel() model {
	var ones, twos []byte
	for range 16 {
		ones, twos = binary.LittleEndian.AppendUint32(ones, 1), binary.LittleEndian.AppendUint32(twos, 2)
	}
	return model{"simple", &inference.ModelInferRequest{
		ModelName: "simple", RawInputContents: [][]byte{ones, ones},
		Inputs: []*inference.ModelInferRequest_InferInputTensor{input("INPUT0", "INT32", 1, 16), input("INPUT1", "INT32", 1, 16)},
	}, func(r *inference.ModelInferResponse) bool { return slices.Equal(r.GetRawOutputContents()[0], twos) }}
}

func embeddingModel(name string) model {
	in := input("text", "BYTES", 1, 1)
	in.Contents = &inference.InferTensorContents{BytesContents: [][]byte{[]byte("The ventilator reported high airway pressure; suctioning brought it down.")}}
	return model{name, &inference.ModelInferRequest{ModelName: name, Inputs: []*inference.ModelInferRequest_InferInputTensor{in}},
		func(r *inference.ModelInferResponse) bool { return len(r.GetRawOutputContents()[0]) >= 4 }}
}

// tally is what became of some requests.
type tally struct {
	sent, refused int
	within        int             // answered within that time
	late          int             // given up at their deadline
	over          time.Duration   // for how long requests were sent
	took          []time.Duration // of those that were answered, sorted
	refusals      []time.Duration // of those that were refused, sorted
	others        map[string]int  // neither
}

func (t tally) rate() float64 { return float64(t.within) / t.over.Seconds() }

func (t tally) String() string {
	return fmt.Sprintf("%.1f answers/s, p50 %.1f ms, p99 %.1f ms, longest %.1f ms", t.rate(), at(t.took, 0.5), at(t.took, 0.99), at(t.took, 1))
}

// report prints what should not have been, and counts it.
func (t tally) report() int {
	n := 0
	for what, count := range t.others {
		fmt.Fprintf(os.Stderr, "FAULT: %d times %s\n", count, what)
		n += count
	}
	return n
}

// at gives a quantile of sorted times, in milliseconds.
func at(took []time.Duration, quantile float64) float64 {
	if len(took) == 0 {
		return 0
	}
	return float64(took[min(int(quantile*float64(len(took))), len(took)-1)].Microseconds()) / 1000
}

// counter makes a tally of requests that end in any goroutine.
type counter struct {
	mu    sync.Mutex
	t     tally
	ended bool // what is answered from now on is not within the time
}

// ask sends one request and counts it. One that is cut off because everything ends is left out.
func (c *counter) ask(ctx context.Context, s *server, m model, i int, tenant string) {
	if tenant != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "bedside-tenant", tenant)
	}
	began := time.Now()
	resp, err := s.clients[i%connections].ModelInfer(ctx, m.request)
	took := time.Since(began)
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t.sent++
	switch {
	case status.Code(err) == codes.ResourceExhausted:
		c.t.refused++
		c.t.refusals = append(c.t.refusals, took)
	case status.Code(err) == codes.DeadlineExceeded:
		c.t.late++
	case err != nil:
		c.other(status.Code(err).String())
	case !m.right(resp):
		c.other("a wrong answer")
	default:
		c.t.took = append(c.t.took, took)
		if !c.ended {
			c.t.within++
		}
	}
}

func (c *counter) other(what string) {
	if c.t.others == nil {
		c.t.others = map[string]int{}
	}
	c.t.others[what]++
}

func (c *counter) tally(over time.Duration) tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.t.took)
	slices.Sort(c.t.refusals)
	c.t.over = over
	return c.t
}

// until has callers send a request as soon as their last one is answered, until ctx ends.
func until(ctx context.Context, s *server, m model, callers int) tally {
	var c counter
	var wg sync.WaitGroup
	began := time.Now()
	for i := range callers {
		wg.Go(func() {
			for ctx.Err() == nil {
				c.ask(ctx, s, m, i, "")
			}
		})
	}
	wg.Wait()
	return c.tally(time.Since(began))
}

// closed is until, for a time, after some warming up.
func closed(ctx context.Context, s *server, m model, callers int, d time.Duration) (tally, error) {
	var t tally
	for _, length := range []time.Duration{d / 5, d} {
		timed, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(length, cancel)
		t = until(timed, s, m, callers)
		timer.Stop()
		cancel()
	}
	if len(t.took) == 0 {
		return t, fmt.Errorf("%s: nothing was answered: %v", m.name, t.others)
	}
	return t, ctx.Err()
}

// open sends requests at a rate, whatever becomes of those before.
func open(ctx context.Context, s *server, m model, tenant string, rate float64, o options) tally {
	var c counter
	var wg sync.WaitGroup
	var flying atomic.Int64
	began := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		due := began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		if due.Sub(began) >= o.flood {
			break
		}
		time.Sleep(time.Until(due))
		if flying.Load() >= 20_000 {
			continue // the generator's own bound; never reached by a server that refuses in time
		}
		flying.Add(1)
		wg.Go(func() {
			defer flying.Add(-1)
			ctx, cancel := context.WithTimeout(ctx, o.deadline)
			defer cancel()
			c.ask(ctx, s, m, i, tenant)
		})
	}
	over := time.Since(began)
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	wg.Wait()
	return c.tally(over)
}
