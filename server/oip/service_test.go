package oip

import (
	"context"
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/server/tenant"
)

// sums is a request to "simple": INPUT0 is first in every place, INPUT1 is 1.
func sums(first int32, rows int) *inference.ModelInferRequest {
	raw := func(v int32) (out []byte) {
		for range rows * 16 {
			out = binary.LittleEndian.AppendUint32(out, uint32(v))
		}
		return out
	}
	input := func(name string) *inference.ModelInferRequest_InferInputTensor {
		return &inference.ModelInferRequest_InferInputTensor{Name: name, Datatype: "INT32", Shape: []int64{int64(rows), 16}}
	}
	return &inference.ModelInferRequest{
		ModelName: "simple", Id: "r", Inputs: []*inference.ModelInferRequest_InferInputTensor{input("INPUT0"), input("INPUT1")},
		RawInputContents: [][]byte{raw(first), raw(1)},
	}
}

func requireSums(t testing.TB, first int32, rows int, out *inference.ModelInferResponse) {
	t.Helper()
	require.Len(t, out.GetOutputs(), 2)
	for k, want := range []int32{first + 1, first - 1} {
		require.Equal(t, []int64{int64(rows), 16}, out.GetOutputs()[k].GetShape())
		raw := out.GetRawOutputContents()[k]
		require.Len(t, raw, rows*64)
		for i := 0; i < len(raw); i += 4 {
			require.Equal(t, uint32(want), binary.LittleEndian.Uint32(raw[i:]))
		}
	}
}

func TestInferOverTCP(t *testing.T) {
	f := serve(t, true, []string{"simple", "simple_string", "versions"})
	out, err := f.client.ModelInfer(t.Context(), sums(41, 2))
	require.NoError(t, err)
	requireSums(t, 41, 2, out)
	require.Equal(t, "simple", out.GetModelName())
	require.Equal(t, "1", out.GetModelVersion())
	require.Equal(t, "r", out.GetId())
	require.Equal(t, "INT32", out.GetOutputs()[0].GetDatatype())

	// More rows than a batch takes: split and joined.
	out, err = f.client.ModelInfer(t.Context(), sums(-5, 1000))
	require.NoError(t, err)
	requireSums(t, -5, 1000, out)

	// One output, strings in and out, typed contents.
	out, err = f.client.ModelInfer(t.Context(), request(t, `model_name: "simple_string" outputs { name: "OUTPUT1" }
		inputs { name: "INPUT1" datatype: "BYTES" shape: [1, 16] contents { bytes_contents: ["1","1","1","1","1","1","1","1","1","1","1","1","1","1","1","1"] } }
		inputs { name: "INPUT0" datatype: "BYTES" shape: [1, 16] contents { bytes_contents: ["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16"] } }`))
	require.NoError(t, err)
	require.Len(t, out.GetOutputs(), 1)
	require.Equal(t, "BYTES", out.GetOutputs()[0].GetDatatype())
	require.Equal(t, "\x01\x00\x00\x000\x01\x00\x00\x001", string(out.GetRawOutputContents()[0][:10]))

	// Versions: the latest, and a given one.
	for version, want := range map[string]float32{"": 1, "-1": 1, "1": 0, "2": 1} {
		req := request(t, `model_name: "versions" inputs { name: "INPUT0" datatype: "FP32" shape: [1, 4] contents { fp32_contents: [0, 0, 0, 0] } }`)
		req.ModelVersion = version
		out, err := f.client.ModelInfer(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, want, math.Float32frombits(binary.LittleEndian.Uint32(out.GetRawOutputContents()[0])))
		require.Equal(t, map[float32]string{0: "1", 1: "2"}[want], out.GetModelVersion())
	}
}

func TestCompression(t *testing.T) {
	f := serve(t, true, []string{"simple"}, func(f *fixture, _ *Options) { f.limits.MessageBytes = 64 << 10 })
	for _, name := range []string{"gzip", "deflate"} {
		for i := range int32(3) { // packers are used again
			out, err := f.client.ModelInfer(t.Context(), sums(i, 40), grpc.UseCompressor(name))
			require.NoError(t, err)
			requireSums(t, i, 40, out)
		}
	}
	// Small on the wire and too large unpacked.
	bomb := sums(0, 1)
	bomb.RawInputContents[0] = make([]byte, 65<<10)
	_, err := f.client.ModelInfer(t.Context(), bomb, grpc.UseCompressor("deflate"))
	requireStatus(t, codes.ResourceExhausted, err)
}

func TestInferRefuses(t *testing.T) {
	f := serve(t, false, []string{"simple"})
	for _, c := range []struct {
		name  string
		spoil func(*inference.ModelInferRequest)
		code  codes.Code
		field string
	}{
		{"no model", func(r *inference.ModelInferRequest) { r.ModelName = "" }, codes.InvalidArgument, "model_name"},
		{"unknown model", func(r *inference.ModelInferRequest) { r.ModelName = "no such" }, codes.NotFound, ""},
		{"model not loaded", func(r *inference.ModelInferRequest) { r.ModelName = "slow" }, codes.Unavailable, ""},
		{"unknown version", func(r *inference.ModelInferRequest) { r.ModelVersion = "7" }, codes.NotFound, ""},
		{"no version", func(r *inference.ModelInferRequest) { r.ModelVersion = "latest" }, codes.InvalidArgument, "model_version"},
		{"parameter", func(r *inference.ModelInferRequest) {
			r.Parameters = map[string]*inference.InferParameter{"sequence_id": {ParameterChoice: &inference.InferParameter_Uint64Param{Uint64Param: 9}}}
		}, codes.InvalidArgument, `parameters["sequence_id"]`},
		{"raw", func(r *inference.ModelInferRequest) { r.RawInputContents[1] = []byte("short") }, codes.InvalidArgument, "raw_input_contents[1]"},
		{"missing", func(r *inference.ModelInferRequest) {
			r.Inputs, r.RawInputContents = r.Inputs[:1], r.RawInputContents[:1]
		}, codes.InvalidArgument, "inputs"},
		{"name", func(r *inference.ModelInferRequest) { r.Inputs[1].Name = "INPUT7" }, codes.InvalidArgument, "inputs[1].name"},
		{"type", func(r *inference.ModelInferRequest) { r.Inputs[0].Datatype = "FP32" }, codes.InvalidArgument, "inputs[0].datatype"},
		{"shape", func(r *inference.ModelInferRequest) { r.Inputs[1].Shape = []int64{16, 1} }, codes.InvalidArgument, "inputs[1].shape"},
		{"output", func(r *inference.ModelInferRequest) {
			r.Outputs = []*inference.ModelInferRequest_InferRequestedOutputTensor{{Name: "OUTPUT9"}}
		}, codes.InvalidArgument, "outputs[0].name"},
		{"rows without bytes", func(r *inference.ModelInferRequest) { r.Inputs[0].Shape[0] = 1 << 40 }, codes.InvalidArgument, "raw_input_contents[0]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := sums(1, 1)
			c.spoil(req)
			_, err := f.client.ModelInfer(t.Context(), req)
			requireStatus(t, c.code, err)
			require.Equal(t, c.field, violation(err), "%v", err)
		})
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), tenant.Key, strings.Repeat("x", 65))
	_, err := f.client.ModelInfer(ctx, sums(1, 1))
	requireStatus(t, codes.InvalidArgument, err)
	ctx = metadata.AppendToOutgoingContext(t.Context(), tenant.Key, "ward-7")
	_, err = f.client.ModelInfer(ctx, sums(1, 1))
	require.NoError(t, err)
}

// slowRequest is one row for the model "slow".
func slowRequest(t testing.TB) *inference.ModelInferRequest {
	return request(t, `model_name: "slow" inputs { name: "INPUT0" datatype: "FP32" shape: [8, 4] }
		raw_input_contents: "`+"00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"+`"`)
}

// A queue that is full refuses with the time to wait; what it took is answered.
func TestOverload(t *testing.T) {
	f := serve(t, true, []string{"slow"})
	results := make([]error, 64)
	var group errgroup.Group
	for i := range results {
		group.Go(func() error {
			_, results[i] = f.client.ModelInfer(t.Context(), slowRequest(t))
			return nil
		})
	}
	require.NoError(t, group.Wait())
	answered, refused := 0, 0
	for _, err := range results {
		if err == nil {
			answered++
			continue
		}
		refused++
		hint := false
		for _, d := range requireStatus(t, codes.ResourceExhausted, err) {
			if retry, ok := d.(*errdetails.RetryInfo); ok {
				hint = retry.GetRetryDelay().AsDuration() > 0
			}
		}
		require.True(t, hint, "%v", err)
	}
	// One runs and 16 wait at most at any time; how many are refused depends on how fast they come.
	require.GreaterOrEqual(t, answered, 16)
	st, err := f.client.ModelStatistics(t.Context(), &inference.ModelStatisticsRequest{Name: "slow"})
	require.NoError(t, err)
	require.EqualValues(t, answered, st.GetModelStats()[0].GetInferenceStats().GetSuccess().GetCount())
	require.EqualValues(t, refused, st.GetModelStats()[0].GetInferenceStats().GetFail().GetCount())
	require.EqualValues(t, 8*answered, st.GetModelStats()[0].GetInferenceCount())
}

func TestDeadline(t *testing.T) {
	f := serve(t, false, []string{"slow"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := f.client.ModelInfer(ctx, slowRequest(t))
	requireStatus(t, codes.DeadlineExceeded, err)
}

func TestServerCalls(t *testing.T) {
	ready := false
	f := serve(t, false, []string{"simple", "versions"}, func(_ *fixture, o *Options) { o.Ready = func() bool { return ready } })
	ctx := t.Context()
	live, err := f.client.ServerLive(ctx, &inference.ServerLiveRequest{})
	require.NoError(t, err)
	require.True(t, live.GetLive())
	for _, want := range []bool{false, true} {
		ready = want
		got, err := f.client.ServerReady(ctx, &inference.ServerReadyRequest{})
		require.NoError(t, err)
		require.Equal(t, want, got.GetReady())
	}
	for _, c := range []struct {
		name, version string
		want          bool
	}{{"simple", "", true}, {"simple", "1", true}, {"simple", "2", false}, {"slow", "", false}, {"no such", "", false}} {
		got, err := f.client.ModelReady(ctx, &inference.ModelReadyRequest{Name: c.name, Version: c.version})
		require.NoError(t, err)
		require.Equal(t, c.want, got.GetReady(), "%v", c)
	}
	_, err = f.client.ModelReady(ctx, &inference.ModelReadyRequest{Name: "simple", Version: "x"})
	requireStatus(t, codes.InvalidArgument, err)

	about, err := f.client.ServerMetadata(ctx, &inference.ServerMetadataRequest{})
	require.NoError(t, err)
	require.Equal(t, "bedside", about.GetName())
	require.Contains(t, about.GetExtensions(), "statistics")
	require.NotContains(t, about.GetExtensions(), "system_shared_memory")

	_, err = f.client.SystemSharedMemoryRegister(ctx, &inference.SystemSharedMemoryRegisterRequest{})
	requireStatus(t, codes.Unimplemented, err)
	_, err = f.client.CudaSharedMemoryStatus(ctx, &inference.CudaSharedMemoryStatusRequest{})
	requireStatus(t, codes.Unimplemented, err)
	_, err = f.client.TraceSetting(ctx, &inference.TraceSettingRequest{})
	requireStatus(t, codes.Unimplemented, err)
	_, err = f.client.LogSettings(ctx, &inference.LogSettingsRequest{})
	requireStatus(t, codes.Unimplemented, err)
}

func TestModelCalls(t *testing.T) {
	f := serve(t, false, []string{"simple", "versions", "ragged"})
	ctx := t.Context()
	about, err := f.client.ModelMetadata(ctx, &inference.ModelMetadataRequest{Name: "ragged"})
	require.NoError(t, err)
	require.Equal(t, "onnxruntime_onnx", about.GetPlatform())
	require.Equal(t, []string{"1"}, about.GetVersions())
	require.Equal(t, "VALUES", about.GetInputs()[0].GetName())
	require.Equal(t, "FP32", about.GetInputs()[0].GetDatatype())
	require.Equal(t, []int64{-1, -1}, about.GetInputs()[0].GetShape())
	about, err = f.client.ModelMetadata(ctx, &inference.ModelMetadataRequest{Name: "versions"})
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2"}, about.GetVersions())
	about, err = f.client.ModelMetadata(ctx, &inference.ModelMetadataRequest{Name: "versions", Version: "1"})
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, about.GetVersions())
	_, err = f.client.ModelMetadata(ctx, &inference.ModelMetadataRequest{Name: "no such"})
	requireStatus(t, codes.NotFound, err)

	cfg, err := f.client.ModelConfig(ctx, &inference.ModelConfigRequest{Name: "simple"})
	require.NoError(t, err)
	require.EqualValues(t, 8, cfg.GetConfig().GetMaxBatchSize())
	require.Equal(t, []int32{4, 8}, cfg.GetConfig().GetDynamicBatching().GetPreferredBatchSize())

	_, err = f.client.ModelInfer(ctx, sums(1, 3))
	require.NoError(t, err)
	for name, want := range map[string]int{"": 4, "simple": 1, "versions": 2} {
		st, err := f.client.ModelStatistics(ctx, &inference.ModelStatisticsRequest{Name: name})
		require.NoError(t, err)
		require.Len(t, st.GetModelStats(), want, "of %q", name)
	}
	st, err := f.client.ModelStatistics(ctx, &inference.ModelStatisticsRequest{Name: "simple", Version: "1"})
	require.NoError(t, err)
	require.Equal(t, "simple", st.GetModelStats()[0].GetName())
	require.Equal(t, "1", st.GetModelStats()[0].GetVersion())
	require.EqualValues(t, 3, st.GetModelStats()[0].GetInferenceCount())
	_, err = f.client.ModelStatistics(ctx, &inference.ModelStatisticsRequest{Name: "simple", Version: "2"})
	requireStatus(t, codes.NotFound, err)
}

func TestRepositoryCalls(t *testing.T) {
	f := serve(t, false, []string{"simple"})
	ctx := t.Context()
	index := func(ready bool) map[string]string {
		out, err := f.client.RepositoryIndex(ctx, &inference.RepositoryIndexRequest{Ready: ready})
		require.NoError(t, err)
		got := map[string]string{}
		for _, m := range out.GetModels() {
			got[m.GetName()+"/"+m.GetVersion()] = m.GetState()
		}
		return got
	}
	require.Equal(t, map[string]string{"simple/1": "READY"}, index(true))
	require.Equal(t, "UNAVAILABLE", index(false)["linear/1"])

	_, err := f.client.RepositoryModelLoad(ctx, &inference.RepositoryModelLoadRequest{ModelName: "linear"})
	require.NoError(t, err)
	require.Equal(t, "READY", index(true)["linear/1"])
	_, err = f.client.RepositoryModelUnload(ctx, &inference.RepositoryModelUnloadRequest{
		ModelName:  "linear",
		Parameters: map[string]*inference.ModelRepositoryParameter{"unload_dependents": {ParameterChoice: &inference.ModelRepositoryParameter_BoolParam{BoolParam: true}}},
	})
	require.NoError(t, err)
	require.Equal(t, "UNAVAILABLE", index(false)["linear/1"])

	_, err = f.client.RepositoryModelLoad(ctx, &inference.RepositoryModelLoadRequest{ModelName: "broken"})
	requireStatus(t, codes.FailedPrecondition, err)
	_, err = f.client.RepositoryModelLoad(ctx, &inference.RepositoryModelLoadRequest{ModelName: "no such"})
	requireStatus(t, codes.NotFound, err)
	_, err = f.client.RepositoryModelLoad(ctx, &inference.RepositoryModelLoadRequest{})
	requireStatus(t, codes.InvalidArgument, err)
	text := &inference.ModelRepositoryParameter{ParameterChoice: &inference.ModelRepositoryParameter_StringParam{StringParam: "{}"}}
	for key, code := range map[string]codes.Code{"config": codes.Unimplemented, "file:1/model.onnx": codes.Unimplemented, "other": codes.InvalidArgument} {
		_, err = f.client.RepositoryModelLoad(ctx, &inference.RepositoryModelLoadRequest{
			ModelName: "linear", Parameters: map[string]*inference.ModelRepositoryParameter{key: text},
		})
		requireStatus(t, code, err)
	}
	_, err = f.client.RepositoryModelUnload(ctx, &inference.RepositoryModelUnloadRequest{
		ModelName: "simple", Parameters: map[string]*inference.ModelRepositoryParameter{"unload_dependents": text},
	})
	requireStatus(t, codes.InvalidArgument, err)
	_, err = f.client.RepositoryIndex(ctx, &inference.RepositoryIndexRequest{RepositoryName: "r"})
	requireStatus(t, codes.InvalidArgument, err)
}

// A model is loaded anew again and again under load: every request is answered.
func TestReloadsUnderLoad(t *testing.T) {
	f := serve(t, true, []string{"simple"})
	done := make(chan struct{})
	var group errgroup.Group
	for caller := range int32(4) {
		group.Go(func() error {
			for i := int32(0); ; i++ {
				out, err := f.client.ModelInfer(t.Context(), sums(1000*caller+i, 1))
				if err != nil {
					return err
				}
				requireSums(t, 1000*caller+i, 1, out)
				select {
				case <-done:
					return nil
				default:
				}
			}
		})
	}
	for range 20 {
		_, err := f.client.RepositoryModelLoad(t.Context(), &inference.RepositoryModelLoadRequest{ModelName: "simple"})
		require.NoError(t, err)
	}
	close(done)
	require.NoError(t, group.Wait())

	// Unloading waits for what runs, and refuses what comes after.
	_, err := f.client.RepositoryModelUnload(t.Context(), &inference.RepositoryModelUnloadRequest{ModelName: "simple"})
	require.NoError(t, err)
	_, err = f.client.ModelInfer(t.Context(), sums(1, 1))
	requireStatus(t, codes.Unavailable, err)
}
