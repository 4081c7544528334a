package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/rpctest"
)

// What these tests plant: two names and a number, which nothing else here says.
const (
	canaryName    = "Quistgaard7042"
	canaryChinese = "欧阳锋璇"
	canaryNumber  = 918273645
)

// panicWhenTold has this program panic with a patient's name when it gets SIGUSR1: as a defect would, in a goroutine that
// nothing recovers.
func panicWhenTold() {
	if os.Getenv("BEDSIDE_TEST_PANIC") == "" {
		return
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	go func() {
		<-told
		panic(fmt.Errorf("cannot read\nthe record of %s (%s), %d", canaryName, canaryChinese, canaryNumber))
	}()
}

// planted finds a canary, as it is or in another writing, and says which.
func planted(data []byte) string {
	lower := bytes.ToLower(data)
	for _, name := range []string{canaryName, canaryChinese} {
		forms := map[string]string{
			"plain": strings.ToLower(name), "hex": hex.EncodeToString([]byte(name)),
			"escaped": strings.ToLower(strings.Trim(strconv.QuoteToASCII(name), `"`)),
		}
		for shift := range 3 { // base64 looks otherwise by where it begins
			text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), name...))
			forms["base64 "+strconv.Itoa(shift)] = strings.ToLower(text[(8*shift+5)/6 : len(text)-2])
		}
		for form, text := range forms {
			if bytes.Contains(lower, []byte(text)) {
				return name + ", " + form
			}
		}
	}
	if bytes.Contains(data, []byte(strconv.Itoa(canaryNumber))) {
		return "the number"
	}
	return ""
}

// traces is an OpenTelemetry collector.
type traces struct {
	collector.UnimplementedTraceServiceServer
	mu    sync.Mutex
	got   bytes.Buffer
	spans int
}

func (s *traces) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got.WriteString(r.String())
	for _, resource := range r.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			s.spans += len(scope.GetSpans())
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// watched is a server in a process of its own, of which everything that comes out is kept.
type watched struct {
	cmd            *exec.Cmd
	home           string // all that it may write
	stdout, stderr lockedBuffer
	traces         traces
	addr, http     string
}

func startWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{home: t.TempDir()}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	sink := grpc.NewServer()
	collector.RegisterTraceServiceServer(sink, &w.traces)
	go func() { _ = sink.Serve(listener) }()
	t.Cleanup(sink.Stop)
	library, err := repository.ORTLibrary()
	if set := os.Getenv("BEDSIDE_ORT_LIBRARY"); set != "" {
		library, err = set, nil
	}
	require.NoError(t, err)
	in := func(name string) string { return filepath.Join(w.home, name) }
	for _, name := range []string{"tmp", "work", "cache/models"} {
		require.NoError(t, os.MkdirAll(in(name), 0o700))
	}
	models, err := filepath.Abs("../../models")
	require.NoError(t, err)
	data, err := filepath.Abs("../../testdata")
	require.NoError(t, err)
	w.cmd = exec.CommandContext(t.Context(), os.Args[0], "serve", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
		"--log-level", "debug", "--log-format", "json", "--audit-dir", in("audit"), "--graph-database", in("graph.db"), "--channelz",
		"--otlp-endpoint", "http://"+listener.Addr().String(), "--ort-library", library, "--model", "gru", "--embedding-model", "", "--no-verify",
		"--model-repository", data+"/device/models", "--model-repository", data+"/models", "--shipped-models", models)
	w.cmd.Dir = in("work")
	w.cmd.Env = []string{
		"BEDSIDE_TEST_AS_MAIN=1", "BEDSIDE_TEST_PANIC=1", "HOME=" + w.home, "TMPDIR=" + in("tmp"), "BEDSIDE_CACHE=" + in("cache"),
		"GRPC_GO_LOG_SEVERITY_LEVEL=info", "GRPC_GO_LOG_VERBOSITY_LEVEL=99", "GOTRACEBACK=all",
	}
	w.cmd.Stdout, w.cmd.Stderr = &w.stdout, &w.stderr
	require.NoError(t, w.cmd.Start())
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	ready := regexp.MustCompile(`gRPC +(\S+)\n +HTTP +(\S+)/metrics`)
	require.Eventually(t, func() bool { return ready.MatchString(w.stdout.String()) }, time.Minute, 50*time.Millisecond, "%s", &w.stderr)
	found := ready.FindStringSubmatch(w.stdout.String())
	w.addr, w.http = found[1], found[2]
	return w
}

// plant makes calls of every kind with the canaries in all that they send, and gives how often each ended well.
func (w *watched) plant(t *testing.T, conn *grpc.ClientConn) map[string]int {
	t.Helper()
	methods, err := rpctest.Methods(allServices(t, conn))
	require.NoError(t, err)
	require.Greater(t, len(methods), 50)
	went := map[string]int{}
	for _, name := range []string{canaryName, canaryChinese} {
		seeds, err := rpctest.Seeds("../../testdata", name, []string{"gru", "simple", "simple_string", "lookup", "identity_bytes"})
		require.NoError(t, err)
		// A graph keeps by intent what an import says, a pseudonym that a caller brings along, and tenants' names.
		seeds["bedside.v1.IngestRecordRequest.patient"] = []string{""}
		seeds["bedside.v1.ImportTriplesRequest.nquads"] = []string{"<http://a.example/1> <http://b.example/2> \"x\" .\n"}
		for i, m := range methods {
			for try := range 4 {
				mk := &rpctest.Maker{Rand: rand.New(rand.NewPCG(uint64(i), uint64(try))), Mark: name, Seeds: seeds, Wild: 0.05 * float64(try%2)}
				w.call(t, conn, m, mk, went)
			}
		}
	}
	w.records(t, conn, went)
	return went
}

// records asks about a patient whose every name is a canary, in ways that are answered.
func (w *watched) records(t *testing.T, conn *grpc.ClientConn, went map[string]int) {
	t.Helper()
	source := &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: rpctest.Document(canaryName)}}
	clinical, graph := bedsidev1.NewClinicalServiceClient(conn), bedsidev1.NewKnowledgeGraphServiceClient(conn)
	for method, call := range map[string]func(context.Context) error{
		"ClinicalService/SummarizeRecord": func(ctx context.Context) error {
			_, err := clinical.SummarizeRecord(ctx, &bedsidev1.SummarizeRecordRequest{Source: source, Model: "bedside-gru"})
			return err
		},
		"ClinicalService/SuggestDiagnoses": func(ctx context.Context) error {
			_, err := clinical.SuggestDiagnoses(ctx, &bedsidev1.SuggestDiagnosesRequest{Source: source})
			return err
		},
		"ClinicalService/SuggestTreatments": func(ctx context.Context) error {
			_, err := clinical.SuggestTreatments(ctx, &bedsidev1.SuggestTreatmentsRequest{Source: source, Diagnosis: "A41.9"})
			return err
		},
		"KnowledgeGraphService/IngestRecord": func(ctx context.Context) error {
			_, err := graph.IngestRecord(ctx, &bedsidev1.IngestRecordRequest{Source: source, Notes: []*bedsidev1.GraphNote{
				{Id: canaryName, Text: canaryName + " has pneumonia. 患者" + canaryChinese + "否认胸痛。"},
			}})
			return err
		},
		"KnowledgeGraphService/ReadNotes": func(ctx context.Context) error {
			_, err := graph.ReadNotes(ctx, &bedsidev1.ReadNotesRequest{ByRule: true, Notes: []*bedsidev1.GraphNote{{Id: "n", Text: canaryName + " has gout."}}})
			return err
		},
		"PreparationService/Deidentify": func(ctx context.Context) error {
			_, err := bedsidev1.NewPreparationServiceClient(conn).Deidentify(ctx, &bedsidev1.DeidentifyRequest{
				Input: &bedsidev1.DeidentifyRequest_FhirJson{FhirJson: rpctest.Document(canaryName)}, PatientId: canaryName,
			})
			return err
		},
		"GenerationService/Generate": func(ctx context.Context) error {
			_, err := bedsidev1.NewGenerationServiceClient(conn).Generate(ctx, &bedsidev1.GenerateRequest{
				Model: "gru", Input: &bedsidev1.GenerateRequest_Prompt{Prompt: canaryName}, Sampling: &bedsidev1.Sampling{MaxTokens: new(int32(4))},
			})
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		require.NoError(t, call(ctx), method)
		cancel()
		went["/bedside.v1."+method]++
	}
}

func (w *watched) call(t *testing.T, conn *grpc.ClientConn, m protoreflect.MethodDescriptor, mk *rpctest.Maker, went map[string]int) {
	t.Helper()
	request, err := rpctest.Request(m)
	require.NoError(t, err)
	mk.Fill(request)
	data, err := proto.Marshal(request)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(),
		"x-patient", canaryName, "x-note-bin", canaryChinese, "x-request-id", canaryName+" again", "bedside-tenant", "ward-3",
		"authorization", "Bearer "+canaryName, "baggage", "patient="+canaryName, "tracestate", "ward="+strings.ToLower(canaryName),
		"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), 2*time.Second)
	defer cancel()
	if strings.HasPrefix(string(m.Name()), "Watch") { // they do not end by themselves
		ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
	}
	answers, err := rpctest.Call(ctx, conn, m, [][]byte{data}, 8)
	if err == nil {
		went[rpctest.Path(m)]++
	}
	require.Empty(t, planted([]byte(status.Convert(err).Proto().String())), "%s: %v", rpctest.Path(m), err)
	switch m.Parent().Name() {
	case "ModelService", "Channelz", "Health": // what operators and probes see
		require.Empty(t, planted(bytes.Join(answers, nil)), rpctest.Path(m))
	}
}

// served are a server's services by name, as rpctest.Methods takes them.
type served []string

func (s served) GetServiceInfo() map[string]grpc.ServiceInfo {
	out := map[string]grpc.ServiceInfo{}
	for _, name := range s {
		out[name] = grpc.ServiceInfo{}
	}
	return out
}

// allServices asks the server what it has.
func allServices(t *testing.T, conn *grpc.ClientConn) served {
	t.Helper()
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	require.NoError(t, err)
	require.NoError(t, stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}))
	answer, err := stream.Recv()
	require.NoError(t, err)
	require.NoError(t, stream.CloseSend())
	var out served
	for _, s := range answer.GetListServicesResponse().GetService() {
		out = append(out, s.GetName())
	}
	return out
}

// lookup asks a model for a row of a table that it does not have.
func lookup(row int64) *inference.ModelInferRequest {
	return &inference.ModelInferRequest{ModelName: "lookup", Inputs: []*inference.ModelInferRequest_InferInputTensor{{
		Name: "INDEX", Datatype: "INT64", Shape: []int64{1}, Contents: &inference.InferTensorContents{Int64Contents: []int64{row}},
	}}}
}

// What goes in comes out in the answer and nowhere else: not in logs of any level, metrics, traces, errors, the audit log, the
// graph, a cache or temporary file, nor in what a crash prints.
func TestNothingLeaks(t *testing.T) {
	w := startWatched(t)
	conn, err := grpc.NewClient(w.addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUserAgent(canaryName))
	require.NoError(t, err)
	defer conn.Close()
	went := w.plant(t, conn)
	for _, method := range []string{
		"bedside.v1.PreparationService/PrepareRecords", "bedside.v1.PreparationService/DescribeSignal", "bedside.v1.GenerationService/Tokenize",
		"bedside.v1.KnowledgeGraphService/Search", "inference.GRPCInferenceService/ModelStreamInfer",
	} {
		require.Positive(t, went["/"+method], "%s never got as far as an answer", method)
	}
	// ONNX Runtime would write to standard error what it does not like about a tensor.
	_, err = inference.NewGRPCInferenceServiceClient(conn).ModelInfer(t.Context(), lookup(canaryNumber))
	require.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
	require.Empty(t, planted([]byte(status.Convert(err).Proto().String())))
	require.Error(t, conn.Invoke(t.Context(), "/"+canaryName+"/"+canaryName, &inference.ServerLiveRequest{}, &inference.ServerLiveResponse{}))

	answer, err := http.Get(w.http + "/metrics") //nolint:noctx // of this machine
	require.NoError(t, err)
	defer answer.Body.Close()
	metrics, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Contains(t, string(metrics), "grpc_server_handled_total")
	require.Empty(t, planted(metrics), "metrics")
	require.Eventually(t, func() bool {
		w.traces.mu.Lock()
		defer w.traces.mu.Unlock()
		return w.traces.spans > 300
	}, 20*time.Second, 100*time.Millisecond, "traces come every five seconds")

	require.NoError(t, w.cmd.Process.Signal(syscall.SIGUSR1))
	require.Error(t, w.cmd.Wait())
	require.Contains(t, w.stderr.String(), "panic (its text is kept back", "the crash is told of")
	require.Contains(t, w.stderr.String(), "panicWhenTold.func1(...)", "and where it was")
	require.Contains(t, w.stderr.String(), `"msg":"call"`)

	require.Empty(t, planted([]byte(w.stdout.String())), "standard output")
	require.Empty(t, planted([]byte(w.stderr.String())), "logs and standard error")
	w.traces.mu.Lock()
	defer w.traces.mu.Unlock()
	require.Empty(t, planted(w.traces.got.Bytes()), "traces")
	seen := 0
	require.NoError(t, filepath.WalkDir(w.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		require.Empty(t, planted(data), path)
		require.Empty(t, planted([]byte(path)), "a file's name")
		seen++
		return err
	}))
	require.GreaterOrEqual(t, seen, 4, "the audit log, the graph, and their keys")
}
