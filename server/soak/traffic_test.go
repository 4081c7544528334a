package soak

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

// clients call the server over one connection.
type clients struct {
	conn       *grpc.ClientConn
	generation bedsidev1.GenerationServiceClient
	embedding  bedsidev1.EmbeddingServiceClient
	prepare    bedsidev1.PreparationServiceClient
	graph      bedsidev1.KnowledgeGraphServiceClient
	models     bedsidev1.ModelServiceClient
	inference  inference.GRPCInferenceServiceClient
	health     healthpb.HealthClient
}

// dial connects to the server, or to addr in its place, with a token; "" for none.
func (p *place) dial(addr, token string, more ...grpc.DialOption) (*clients, error) {
	withToken := func(ctx context.Context) context.Context {
		if token == "" {
			return ctx
		}
		return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	options := append([]grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(p.tls())),
		grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: 2 * time.Second, Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
		}),
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return invoke(withToken(ctx), method, req, reply, cc, opts...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, stream grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return stream(withToken(ctx), desc, cc, method, opts...)
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(1<<30), grpc.MaxCallRecvMsgSize(1<<30)),
	}, more...)
	conn, err := grpc.NewClient("passthrough:///"+addr, options...)
	if err != nil {
		return nil, err
	}
	return &clients{
		conn: conn, generation: bedsidev1.NewGenerationServiceClient(conn), embedding: bedsidev1.NewEmbeddingServiceClient(conn),
		prepare: bedsidev1.NewPreparationServiceClient(conn), graph: bedsidev1.NewKnowledgeGraphServiceClient(conn),
		models: bedsidev1.NewModelServiceClient(conn), inference: inference.NewGRPCInferenceServiceClient(conn), health: healthpb.NewHealthClient(conn),
	}, nil
}

func (p *place) tls() *tls.Config {
	return &tls.Config{RootCAs: p.ca.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}
}

// kind is one kind of call. Its answer, but for times, is the same whenever it is made; nil where each call is another.
type kind struct {
	name   string
	weight int
	call   func(ctx context.Context, c *clients) ([]byte, error)
}

func canonical(m proto.Message, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *bedsidev1.GenerateResponse:
		m.Timings = nil
	case *bedsidev1.StreamGenerateResponse:
		m.Timings = nil
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

func tokens(n int32) *bedsidev1.Sampling { return &bedsidev1.Sampling{MaxTokens: &n} }

func generate(model, prompt string, n int32) *bedsidev1.GenerateRequest {
	return &bedsidev1.GenerateRequest{Model: model, Input: &bedsidev1.GenerateRequest_Prompt{Prompt: prompt}, Sampling: tokens(n)}
}

// read reads a stream of text to its end.
func read(stream grpc.ServerStreamingClient[bedsidev1.StreamGenerateResponse], err error) ([]byte, error) {
	var all []byte
	for err == nil {
		var piece *bedsidev1.StreamGenerateResponse
		if piece, err = stream.Recv(); err == nil {
			var data []byte
			data, err = canonical(piece, nil)
			all = append(all, data...)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return all, err
}

func raw(name, datatype string, data []byte, shape ...int64) (*inference.ModelInferRequest_InferInputTensor, []byte) {
	return &inference.ModelInferRequest_InferInputTensor{Name: name, Datatype: datatype, Shape: shape}, data
}

func infer(model string, inputs ...any) *inference.ModelInferRequest {
	r := &inference.ModelInferRequest{ModelName: model}
	for i := 0; i < len(inputs); i += 2 {
		r.Inputs = append(r.Inputs, inputs[i].(*inference.ModelInferRequest_InferInputTensor)) //nolint:forcetypeassert // as raw gives them
		r.RawInputContents = append(r.RawInputContents, inputs[i+1].([]byte))                  //nolint:forcetypeassert // likewise
	}
	return r
}

func lookup(index int64) *inference.ModelInferRequest {
	t, data := raw("INDEX", "INT64", binary.LittleEndian.AppendUint64(nil, uint64(index)), 1, 1)
	return infer("lookup", t, data)
}

const note = "Patient Maria Gonzalez (MRN 8841203) was called on 555-0142 by Dr. Wang; SpO2 91 %, started on ceftriaxone."

func record(t *testing.T, name string) *bedsidev1.RecordSource {
	t.Helper()
	data, err := os.ReadFile("../../testdata/records/" + name)
	require.NoError(t, err)
	return &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: string(data)}}
}

// traffic is the mixed calls, what they should give, and what became of them.
type traffic struct {
	kinds    []kind
	expected map[string][]byte
	total    int

	ingested atomic.Int64
	flying   atomic.Int64 // calls of the flow that are under way
	mu       sync.Mutex
	acked    []string // nodes of patients whose records were acknowledged
	calls    []outcome
}

// outcome is what became of one call.
type outcome struct {
	kind         string
	began, ended time.Time
	wrong        bool
	code         codes.Code
	what         string
}

func newTraffic(t *testing.T) *traffic {
	t.Helper()
	minimal, full := record(t, "minimal.fhir.json"), record(t, "sepsis-ward.fhir.json")
	f := &traffic{expected: map[string][]byte{}}
	ones := bytes.Repeat([]byte{1, 0, 0, 0}, 16)
	a, aData := raw("INPUT0", "INT32", ones, 1, 16)
	b, bData := raw("INPUT1", "INT32", ones, 1, 16)
	f.kinds = []kind{
		{"generate", 4, func(ctx context.Context, c *clients) ([]byte, error) {
			return canonical(c.generation.Generate(ctx, generate("", "heart rate 112, lactate 4.1", 24)))
		}},
		{"stream", 3, func(ctx context.Context, c *clients) ([]byte, error) {
			return read(c.generation.StreamGenerate(ctx, generate("", "sodium 128, confused", 24)))
		}},
		{"trap", 3, func(ctx context.Context, c *clients) ([]byte, error) {
			return canonical(c.generation.Generate(ctx, generate(trap, "abcabc0", 12)))
		}},
		{"score", 2, func(ctx context.Context, c *clients) ([]byte, error) {
			return canonical(c.generation.Score(ctx, &bedsidev1.ScoreRequest{Input: &bedsidev1.ScoreRequest_Prompt{Prompt: "lactate 4.1"}, Continuations: []string{" high", " low"}}))
		}},
		{"embed", 4, func(ctx context.Context, c *clients) ([]byte, error) {
			return canonical(c.embedding.Embed(ctx, &bedsidev1.EmbedRequest{Kind: bedsidev1.EmbeddingKind_EMBEDDING_KIND_PASSAGE, Texts: []string{"The ventilator reported high airway pressure."}}))
		}},
		{"infer", 10, func(ctx context.Context, c *clients) ([]byte, error) {
			return canonical(c.inference.ModelInfer(ctx, infer("simple", a, aData, b, bData)))
		}},
		{"lookup", 4, func(ctx context.Context, c *clients) ([]byte, error) {
			return canonical(c.inference.ModelInfer(ctx, lookup(2)))
		}},
		{"deidentify", 3, func(ctx context.Context, c *clients) ([]byte, error) {
			resp, err := c.prepare.Deidentify(ctx, &bedsidev1.DeidentifyRequest{Input: &bedsidev1.DeidentifyRequest_Text{Text: note}})
			if err == nil { // without a key pseudonyms differ from call to call; where they stand does not
				resp.Output = ""
			}
			return canonical(resp, err)
		}},
		{"prepare", 2, func(ctx context.Context, c *clients) ([]byte, error) {
			stream, err := c.prepare.PrepareRecords(ctx)
			if err != nil {
				return nil, err
			}
			_ = stream.Send(&bedsidev1.PrepareRecordsRequest{Source: full}) // its failure comes with the answer
			if err := stream.CloseSend(); err != nil {
				return nil, err
			}
			return canonical(stream.Recv())
		}},
		{"ingest", 3, func(ctx context.Context, c *clients) ([]byte, error) {
			id := fmt.Sprintf("soak-%d", f.ingested.Add(1))
			resp, err := c.graph.IngestRecord(ctx, &bedsidev1.IngestRecordRequest{Source: minimal, Patient: id})
			if err == nil {
				f.mu.Lock()
				f.acked = append(f.acked, resp.GetPatientNode())
				f.mu.Unlock()
			}
			return nil, err
		}},
		{"health", 2, func(ctx context.Context, c *clients) ([]byte, error) {
			_, err := c.health.Check(ctx, &healthpb.HealthCheckRequest{})
			return nil, err
		}},
	}
	for _, k := range f.kinds {
		f.total += k.weight
	}
	return f
}

// pick draws a kind by its weight.
func (f *traffic) pick(random *rand.Rand) kind {
	n := random.IntN(f.total)
	for _, k := range f.kinds {
		if n -= k.weight; n < 0 {
			return k
		}
	}
	panic("weights")
}

// learn makes each kind of call, and takes its answer for the right one.
func (f *traffic) learn(ctx context.Context, c *clients) error {
	for _, k := range f.kinds {
		answer, err := k.call(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		f.expected[k.name] = answer
	}
	return f.same(ctx, c)
}

// same makes each kind of call, and says which answer has changed.
func (f *traffic) same(ctx context.Context, c *clients) error {
	var errs []error
	for _, k := range f.kinds {
		if o := f.ask(ctx, c, k); o.wrong || o.code != codes.OK {
			errs = append(errs, fmt.Errorf("%s: %s", k.name, o.what))
		}
	}
	return errors.Join(errs...)
}

const patience = 30 * time.Second

func (f *traffic) ask(ctx context.Context, c *clients, k kind) outcome {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	o := outcome{kind: k.name, began: time.Now()}
	answer, err := k.call(ctx, c)
	o.ended, o.code = time.Now(), status.Code(err)
	switch {
	case err != nil:
		o.what = err.Error()
	case !bytes.Equal(answer, f.expected[k.name]):
		o.wrong, o.what = true, fmt.Sprintf("another answer, of %d bytes instead of %d", len(answer), len(f.expected[k.name]))
	}
	return o
}

// capacity measures how many calls a second the server answers when it is always asked.
func (f *traffic) capacity(ctx context.Context, c *clients, d time.Duration) float64 {
	var done atomic.Int64
	var wg sync.WaitGroup
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for i := range 12 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for ctx.Err() == nil {
				if o := f.ask(ctx, c, f.pick(random)); o.code == codes.OK {
					done.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / d.Seconds()
}

// flow sends calls at a rate, whatever becomes of those before, until ctx ends; then it waits for those that run.
func (f *traffic) flow(ctx context.Context, all []*clients, rate float64) {
	const most = 400 // at once: the generator's own bound
	var wg sync.WaitGroup
	random := rand.New(rand.NewPCG(9, 9))
	began := time.Now()
	for i := 0; ; i++ {
		due := began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			wg.Wait()
			return
		}
		k := f.pick(random)
		if f.flying.Load() >= most {
			continue
		}
		f.flying.Add(1)
		wg.Go(func() {
			defer f.flying.Add(-1)
			o := f.ask(context.WithoutCancel(ctx), all[i%len(all)], k)
			f.mu.Lock()
			f.calls = append(f.calls, o)
			f.mu.Unlock()
		})
	}
}

// taken gives the calls that ended since it was asked last.
func (f *traffic) taken() []outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.calls
	f.calls = nil
	return out
}

// lost looks for every acknowledged write, and counts those that are not there.
func (f *traffic) lost(ctx context.Context, c *clients, from int) (lost, all int, err error) {
	f.mu.Lock()
	acked := append([]string(nil), f.acked[from:]...)
	f.mu.Unlock()
	for _, node := range acked {
		resp, err := c.graph.Neighbours(ctx, &bedsidev1.NeighboursRequest{Node: node})
		if status.Code(err) == codes.NotFound || err == nil && len(resp.GetTriples()) == 0 {
			lost++
		} else if err != nil {
			return lost, len(acked), err
		}
	}
	return lost, len(acked), nil
}
