package oip

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

const benchCallers = 32

// echo is the least that a gRPC server can do with a request of tensors.
type echo struct {
	inference.UnimplementedGRPCInferenceServiceServer
}

func (echo) ModelInfer(_ context.Context, req *inference.ModelInferRequest) (*inference.ModelInferResponse, error) {
	in := req.GetInputs()[0]
	return &inference.ModelInferResponse{
		ModelName: req.GetModelName(), ModelVersion: "1", Id: req.GetId(), RawOutputContents: req.GetRawInputContents(),
		Outputs: []*inference.ModelInferResponse_InferOutputTensor{{Name: "OUTPUT0", Datatype: in.GetDatatype(), Shape: in.GetShape()}},
	}, nil
}

// BenchmarkModelInfer compares requests to an identity model (interceptors, batcher and ONNX Runtime included) with a
// bare gRPC server that sends the same bytes back, over TCP, in one run. Look at "%-of-echo", and on a machine that does
// other things too at "cpu-%-of-echo", which goes by the processor's time. The callers' own work is in both.
func BenchmarkModelInfer(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		var bare rates
		b.Run(fmt.Sprintf("echo/bytes=%d", size), func(b *testing.B) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			server := grpc.NewServer()
			inference.RegisterGRPCInferenceServiceServer(server, echo{})
			go func() { _ = server.Serve(listener) }()
			defer server.Stop()
			conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			require.NoError(b, err)
			defer conn.Close()
			bare = hammer(b, inference.NewGRPCInferenceServiceClient(conn), size)
		})
		b.Run(fmt.Sprintf("identity/bytes=%d", size), func(b *testing.B) {
			f := serve(b, true, []string{"identity_fp32"})
			rate := hammer(b, f.client, size)
			if bare.wall > 0 {
				b.ReportMetric(100*rate.wall/bare.wall, "%-of-echo")
				b.ReportMetric(100*rate.cpu/bare.cpu, "cpu-%-of-echo")
			}
			st, err := f.client.ModelStatistics(b.Context(), &inference.ModelStatisticsRequest{Name: "identity_fp32"})
			require.NoError(b, err)
			one := st.GetModelStats()[0]
			b.ReportMetric(float64(one.GetInferenceCount())/float64(one.GetExecutionCount()), "rows/run")
		})
	}
}

// rates are requests a second, of the clock's time and of this process' time on the processors.
type rates struct{ wall, cpu float64 }

// hammer sends b.N requests from many callers.
func hammer(b *testing.B, client inference.GRPCInferenceServiceClient, size int) rates {
	b.Helper()
	req := &inference.ModelInferRequest{
		ModelName: "identity_fp32", RawInputContents: [][]byte{make([]byte, size)},
		Inputs: []*inference.ModelInferRequest_InferInputTensor{{Name: "INPUT0", Datatype: "FP32", Shape: []int64{1, int64(size / 4)}}},
	}
	_, err := client.ModelInfer(b.Context(), req)
	require.NoError(b, err)
	var left atomic.Int64
	left.Store(int64(b.N))
	var callers sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	began, used := time.Now(), processorTime(b)
	for range benchCallers {
		callers.Go(func() {
			for left.Add(-1) >= 0 {
				out, err := client.ModelInfer(b.Context(), req)
				if err != nil || len(out.GetRawOutputContents()[0]) != size {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
	b.StopTimer()
	r := rates{wall: float64(b.N) / time.Since(began).Seconds(), cpu: float64(b.N) / (processorTime(b) - used).Seconds()}
	b.ReportMetric(r.wall, "requests/s")
	b.ReportMetric(1e6/r.cpu, "cpu-µs/request")
	return r
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var use unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &use))
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
