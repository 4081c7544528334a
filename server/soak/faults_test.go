package soak

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/channelz/grpc_channelz_v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

// fault is one thing that goes wrong.
type fault struct {
	name, injected, expected string
	// inject makes it go wrong, waits until it is over, and says what was seen. An error is what should not have been.
	inject func(ctx context.Context, e *env) (seen string, err error)
	// fails says which kinds of calls may fail meanwhile, with what code; slows which may take long. nil: none.
	fails func(kind string, code codes.Code) bool
	slows func(kind string) bool
	// long faults take more time than a short run has.
	long bool
	// volume is a folder that has to be a file system of its own.
	volume func(p *place) string
}

// env is what faults work with.
type env struct {
	*place
	traffic           *traffic
	clinician, ops    *clients
	integrator, noisy *clients
}

func everything(string) bool { return true }

// unavailable is what clients are told, or conclude, of a server that is not there.
func unavailable(_ string, code codes.Code) bool {
	return code == codes.Unavailable || code == codes.Canceled || code == codes.DeadlineExceeded
}

// wants says whether err has the code and, where one is given, the reason.
func wants(err error, code codes.Code, reason string) error {
	s := status.Convert(err)
	if s.Code() != code {
		return fmt.Errorf("got %v (%s), want %v", s.Code(), s.Message(), code)
	}
	if reason == "" {
		return nil
	}
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetReason() == reason {
			return nil
		}
	}
	return fmt.Errorf("%v without the reason %s", code, reason)
}

// counted says by how much a metric grew.
func (e *env) counted(ctx context.Context, name string, do func() error) (float64, error) {
	before, err := e.metrics(ctx)
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := e.metrics(ctx)
	return after[name] - before[name], err
}

// inputFaults are requests that mean harm, or are broken.
func inputFaults() []fault {
	return []fault{
		{
			name: "poisonous prompt", injected: "8 prompts with a token over which ONNX Runtime fails, among others of the same model",
			expected: "each fails alone, INTERNAL; neighbours in the batch have their usual bytes",
			inject: func(ctx context.Context, e *env) (string, error) {
				return e.many(ctx, 8, "INTERNAL", func(ctx context.Context) error {
					_, err := e.clinician.generation.Generate(ctx, generate(trap, "xy~z", 4))
					return wants(err, codes.Internal, "")
				})
			},
		},
		{
			name: "hung step", injected: "2 prompts that make a language model's graph loop for ever (--step-timeout 3s)",
			// What hangs takes a core, too, from all others.
			expected: "stopped by the watchdog, INTERNAL MODEL_HUNG; neighbours are late, and right", slows: everything,
			inject: func(ctx context.Context, e *env) (string, error) {
				return e.many(ctx, 2, "INTERNAL MODEL_HUNG", func(ctx context.Context) error {
					_, err := e.clinician.generation.Generate(ctx, generate(trap, "xy^z", 4))
					return wants(err, codes.Internal, "MODEL_HUNG")
				})
			},
		},
		{
			name: "poisonous tensor", injected: "32 requests to a tensor model with an index outside its table, among good ones",
			expected: "each fails alone; the others of their runs are answered",
			inject: func(ctx context.Context, e *env) (string, error) {
				return e.many(ctx, 32, "the model failed on these inputs", func(ctx context.Context) error {
					if _, err := e.clinician.inference.ModelInfer(ctx, lookup(4711)); status.Code(err) != codes.Internal && status.Code(err) != codes.InvalidArgument {
						return fmt.Errorf("got %w", err)
					}
					return nil
				})
			},
		},
		{
			name: "hung run", injected: "a request that makes a tensor model loop for ever",
			expected: "stopped by the watchdog, INTERNAL MODEL_HUNG", slows: everything, // likewise
			inject: func(ctx context.Context, e *env) (string, error) {
				return e.many(ctx, 1, "INTERNAL MODEL_HUNG", func(ctx context.Context) error {
					in, data := raw("INPUT0", "FP32", make([]byte, 16), 1, 4)
					rounds, n := raw("ROUNDS", "INT64", []byte{0, 0, 0, 0, 0, 0, 0, 16}, 1)
					_, err := e.clinician.inference.ModelInfer(ctx, infer("endless", in, data, rounds, n))
					return wants(err, codes.Internal, "MODEL_HUNG")
				})
			},
		},
		{
			name: "panic in a handler", injected: "20 calls of a service with a defect (build tag faults)",
			expected: "INTERNAL with an id, a stack in the log, nothing else",
			inject: func(ctx context.Context, e *env) (string, error) {
				client := grpc_channelz_v1.NewChannelzClient(e.ops.conn)
				n, err := e.counted(ctx, "bedside_panics_total", func() error {
					_, err := e.many(ctx, 20, "", func(ctx context.Context) error {
						_, err := client.GetServers(ctx, &grpc_channelz_v1.GetServersRequest{})
						return wants(err, codes.Internal, "INTERNAL")
					})
					return err
				})
				return fmt.Sprintf("INTERNAL; bedside_panics_total grew by %.0f", n), err
			},
		},
		{
			name: "gzip bomb", injected: "3 requests of 32 KiB that are 32 MiB when unpacked (--max-message-bytes 8 MiB)",
			expected: "RESOURCE_EXHAUSTED before it is unpacked whole",
			inject: func(ctx context.Context, e *env) (string, error) {
				text := strings.Repeat("0", 32<<20)
				return e.many(ctx, 3, "RESOURCE_EXHAUSTED", func(ctx context.Context) error {
					_, err := e.clinician.embedding.Embed(ctx, &bedsidev1.EmbedRequest{Kind: bedsidev1.EmbeddingKind_EMBEDDING_KIND_PASSAGE, Texts: []string{text}}, grpc.UseCompressor(gzip.Name))
					return wants(err, codes.ResourceExhausted, "")
				})
			},
		},
		{
			name: "message too large", injected: "5 requests of 9 MiB", expected: "RESOURCE_EXHAUSTED, unread",
			inject: func(ctx context.Context, e *env) (string, error) {
				text := strings.Repeat("0", 9<<20)
				return e.many(ctx, 5, "RESOURCE_EXHAUSTED", func(ctx context.Context) error {
					_, err := e.clinician.embedding.Embed(ctx, &bedsidev1.EmbedRequest{Kind: bedsidev1.EmbeddingKind_EMBEDDING_KIND_PASSAGE, Texts: []string{text}})
					return wants(err, codes.ResourceExhausted, "")
				})
			},
		},
		{
			name: "deep JSON", injected: "a FHIR document of 2 million nested lists", expected: "INVALID_ARGUMENT",
			inject: func(ctx context.Context, e *env) (string, error) {
				deep := `{"resourceType":"Bundle","entry":` + strings.Repeat("[", 2<<20)
				return e.many(ctx, 3, "INVALID_ARGUMENT", func(ctx context.Context) error {
					_, err := e.clinician.prepare.Deidentify(ctx, &bedsidev1.DeidentifyRequest{Input: &bedsidev1.DeidentifyRequest_FhirJson{FhirJson: deep}})
					_, other := e.clinician.graph.IngestRecord(ctx, &bedsidev1.IngestRecordRequest{
						Source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: deep}}})
					return errors.Join(wants(err, codes.InvalidArgument, ""), wants(other, codes.InvalidArgument, ""))
				})
			},
		},
		{
			name: "a flood by one tenant", injected: "400 calls at once of a tenant with requests=5 and calls=4",
			expected: "the tenant's own are refused, RESOURCE_EXHAUSTED TENANT_LIMIT with a time to wait; others notice nothing",
			inject: func(ctx context.Context, e *env) (string, error) {
				var refused atomic.Int64
				_, err := e.many(ctx, 400, "", func(ctx context.Context) error {
					_, err := e.noisy.embedding.Embed(ctx, &bedsidev1.EmbedRequest{Kind: bedsidev1.EmbeddingKind_EMBEDDING_KIND_PASSAGE, Texts: []string{"flood"}})
					if err == nil {
						return nil
					}
					refused.Add(1)
					return wants(err, codes.ResourceExhausted, "TENANT_LIMIT")
				})
				if refused.Load() < 350 {
					err = errors.Join(err, fmt.Errorf("only %d were refused", refused.Load()))
				}
				return fmt.Sprintf("%d of 400 refused, TENANT_LIMIT", refused.Load()), err
			},
		},
		{
			name: "slow reader", injected: "a stream of 64 answers of 1 MiB whose client reads none (--send-timeout 2s)",
			expected: "the call is ended, its memory is given back",
			inject:   slowReader,
		},
	}
}

// many makes n calls at once, each of which says whether it went as it should.
func (e *env) many(ctx context.Context, n int, seen string, call func(ctx context.Context) error) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = call(ctx) })
	}
	wg.Wait()
	return seen, errors.Join(errs...)
}

func slowReader(ctx context.Context, e *env) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	n, err := e.counted(ctx, "bedside_slow_readers_total", func() error {
		stream, err := e.clinician.inference.ModelStreamInfer(ctx)
		if err != nil {
			return err
		}
		const floats = 1 << 18
		in, data := raw("INPUT0", "FP32", make([]byte, 4*floats), 1, floats)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for range 64 {
				if stream.Send(infer("identity_fp32", in, data)) != nil {
					return // the server has ended it
				}
			}
		}()
		select {
		case <-sent:
		case <-time.After(sendTimeout + 5*time.Second):
		}
		time.Sleep(sendTimeout + time.Second)
		for err == nil {
			var resp *inference.ModelStreamInferResponse
			resp, err = stream.Recv()
			_ = resp
		}
		if status.Code(err) != codes.Canceled && status.Code(err) != codes.DeadlineExceeded {
			return fmt.Errorf("the stream ended with %w", err)
		}
		return nil
	})
	if err == nil && n < 1 {
		err = errors.New("no slow reader was dropped")
	}
	return fmt.Sprintf("ended; bedside_slow_readers_total grew by %.0f", n), err
}
