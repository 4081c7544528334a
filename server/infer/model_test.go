package infer

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/bedside-lm/bedside/batcher/dynamic"
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/watchdog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The configurations of test models, with batches that go only when they are full.
const (
	simpleConfig = `name: "simple" max_batch_size: 8 dynamic_batching {}
		input { name: "INPUT0" data_type: TYPE_INT32 dims: [16] } input { name: "INPUT1" data_type: TYPE_INT32 dims: [16] }
		output { name: "OUTPUT0" data_type: TYPE_INT32 dims: [16] } output { name: "OUTPUT1" data_type: TYPE_INT32 dims: [16] }`
	lookupConfig = `name: "lookup" max_batch_size: 8 dynamic_batching {}
		input { name: "INDEX" data_type: TYPE_INT64 } output { name: "OUTPUT0" data_type: TYPE_FP32 dims: [2] }`
	raggedConfig = `name: "ragged" max_batch_size: 8 dynamic_batching {}
		input { name: "VALUES" data_type: TYPE_FP32 dims: [-1] } input { name: "MASK" data_type: TYPE_INT64 dims: [-1] }
		output { name: "SUM" data_type: TYPE_FP32 }`
	slowConfig = `name: "slow" max_batch_size: 8 dynamic_batching {}
		input { name: "INPUT0" data_type: TYPE_FP32 dims: [4] } output { name: "OUTPUT0" data_type: TYPE_FP32 dims: [4] }`
)

func metricSet(t testing.TB) (*MetricSet, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewRegistry()
	set, err := NewMetricSet(reg)
	require.NoError(t, err)
	return set, reg
}

// load opens one of the test models behind a batcher of the given settings.
func load(t testing.TB, config string, batching dynamic.Config, set *MetricSet) *Model {
	t.Helper()
	library, err := repository.ORTLibrary()
	require.NoError(t, err, "run 'make setup'")
	require.NoError(t, ort.Init(library))
	cfg := &inference.ModelConfig{}
	require.NoError(t, prototext.Unmarshal([]byte(config), cfg))
	session, err := ort.OpenTensorModel("../../testdata/models/"+cfg.GetName()+"/1/model.onnx", ort.TensorOptions{Threads: 1})
	require.NoError(t, err)
	batching.MaxBatchSize = max(1, int(cfg.GetMaxBatchSize()))
	m, err := newModel(cfg, session, batching, set, 1, nil)
	require.NoError(t, err)
	return m
}

func start(t testing.TB, config string, batching dynamic.Config) *Model {
	t.Helper()
	set, _ := metricSet(t)
	m := load(t, config, batching, set)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// whenFull lets batches go only when they are full.
var whenFull = dynamic.Config{MaxQueueDelay: time.Hour}

// sums is a request to the model "simple": row i adds first+i and i.
func sums(first, rows int) *Request {
	a, b := make([]int32, rows*16), make([]int32, rows*16)
	for i := range a {
		a[i], b[i] = int32(first+i/16), int32(i/16)
	}
	shape := []int64{int64(rows), 16}
	return &Request{Inputs: []tensor.Tensor{tensor.New("INPUT0", shape, a), tensor.New("INPUT1", shape, b)}}
}

func requireSums(t testing.TB, first, rows int, r Response) {
	t.Helper()
	require.Len(t, r.Outputs, 2)
	for k, name := range []string{"OUTPUT0", "OUTPUT1"} {
		require.Equal(t, name, r.Outputs[k].Name)
		require.Equal(t, []int64{int64(rows), 16}, r.Outputs[k].Shape)
		got, err := tensor.Values[int32](r.Outputs[k])
		require.NoError(t, err)
		for i, v := range got {
			want := first
			if k == 0 {
				want += 2 * (i / 16)
			}
			require.EqualValues(t, want, v, "%s, element %d", name, i)
		}
	}
}

func TestRequestsShareARun(t *testing.T) {
	m := start(t, simpleConfig, whenFull)
	var group errgroup.Group
	for i, rows := range []int{1, 2, 1, 3, 1} { // eight
		group.Go(func() error {
			r, err := m.Infer(t.Context(), sums(100*i, rows))
			if err == nil {
				requireSums(t, 100*i, rows, r)
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	st := m.Statistics()
	require.EqualValues(t, 1, st.GetExecutionCount())
	require.EqualValues(t, 8, st.GetInferenceCount())
	require.EqualValues(t, 5, st.GetInferenceStats().GetSuccess().GetCount())
	require.Len(t, st.GetBatchStats(), 1)
	require.EqualValues(t, 8, st.GetBatchStats()[0].GetBatchSize())
	require.EqualValues(t, 1, st.GetBatchStats()[0].GetComputeInfer().GetCount())
	require.InDelta(t, time.Now().UnixMilli(), st.GetLastInference(), 60_000)
	require.Positive(t, st.GetInferenceStats().GetComputeInfer().GetNs())
	require.Greater(t, st.GetInferenceStats().GetSuccess().GetNs(), st.GetInferenceStats().GetComputeInfer().GetNs())
}

func TestLargeRequestsAreSplit(t *testing.T) {
	m := start(t, simpleConfig, dynamic.Config{})
	r, err := m.Infer(t.Context(), sums(7, 19))
	require.NoError(t, err)
	requireSums(t, 7, 19, r)
	st := m.Statistics()
	require.EqualValues(t, 3, st.GetExecutionCount())
	require.EqualValues(t, 19, st.GetInferenceCount())
	require.EqualValues(t, 1, st.GetInferenceStats().GetSuccess().GetCount())
}

// A queue that takes two requests takes no request of three parts, however empty it is.
func TestTooManyParts(t *testing.T) {
	m := start(t, simpleConfig, dynamic.Config{DefaultQueuePolicy: dynamic.QueuePolicy{MaxQueueSize: 2}})
	_, err := m.Infer(t.Context(), sums(0, 17))
	require.ErrorContains(t, err, "inputs[0].shape: has 17 rows; at most 16 are run for one request")
	r, err := m.Infer(t.Context(), sums(0, 16))
	require.NoError(t, err)
	requireSums(t, 0, 16, r)
}

// One request's values make a run fail. The others of its batch are answered.
func TestOneRequestsFaultIsItsOwn(t *testing.T) {
	m := start(t, lookupConfig, whenFull)
	var errs [8]error
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var r Response
			index := int64(i % 4)
			if i == 5 {
				index = 4711
			}
			r, errs[i] = m.Infer(t.Context(), &Request{Inputs: []tensor.Tensor{tensor.New("INDEX", []int64{1}, []int64{index})}})
			if errs[i] == nil {
				got, err := tensor.Values[float32](r.Outputs[0])
				require.NoError(t, err)
				require.Equal(t, []float32{float32(2 * index), float32(2*index + 1)}, got)
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if i == 5 {
			var failed *ort.RunError
			require.ErrorAs(t, err, &failed)
		} else {
			require.NoError(t, err)
		}
	}
	st := m.Statistics()
	require.EqualValues(t, 7, st.GetInferenceStats().GetSuccess().GetCount())
	require.EqualValues(t, 1, st.GetInferenceStats().GetFail().GetCount())
}

// Lengths that differ do not meet in a run, and each answer is its own request's.
func TestLengthsAreKeptApart(t *testing.T) {
	m := start(t, raggedConfig, dynamic.Config{})
	var group errgroup.Group
	for i := range 40 {
		group.Go(func() error {
			length := int64(1 + i%5)
			values, mask := make([]float32, length), make([]int64, length)
			for j := range values {
				values[j], mask[j] = float32(i), 1
			}
			r, err := m.Infer(t.Context(), &Request{Inputs: []tensor.Tensor{
				tensor.New("VALUES", []int64{1, length}, values), tensor.New("MASK", []int64{1, length}, mask),
			}})
			if err != nil {
				return err
			}
			got, err := tensor.Values[float32](r.Outputs[0])
			if err == nil && (len(got) != 1 || got[0] != float32(int64(i)*length)) {
				err = fmt.Errorf("request %d: %v", i, got)
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
}

func TestOutputsWanted(t *testing.T) {
	m := start(t, simpleConfig, dynamic.Config{})
	r := sums(3, 1)
	r.Outputs = []string{"OUTPUT1"}
	got, err := m.Infer(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, got.Outputs, 1)
	require.Equal(t, "OUTPUT1", got.Outputs[0].Name)
}

// Without dynamic batching every request runs alone, whatever room a batch had.
func TestWithoutDynamicBatchingNoneShares(t *testing.T) {
	config := `name: "lookup" max_batch_size: 8
		input { name: "INDEX" data_type: TYPE_INT64 } output { name: "OUTPUT0" data_type: TYPE_FP32 dims: [2] }`
	m := start(t, config, dynamic.Config{})
	var group errgroup.Group
	for range 12 {
		group.Go(func() error {
			_, err := m.Infer(t.Context(), &Request{Inputs: []tensor.Tensor{tensor.New("INDEX", []int64{2}, []int64{1, 2})}})
			return err
		})
	}
	require.NoError(t, group.Wait())
	st := m.Statistics()
	require.EqualValues(t, 12, st.GetExecutionCount())
	require.EqualValues(t, 24, st.GetInferenceCount())
	require.EqualValues(t, 2, st.GetBatchStats()[0].GetBatchSize())
}

// The configuration says that the model batches; its graph gives one row whatever comes in.
func TestOutputsWithoutARowEach(t *testing.T) {
	m := start(t, `name: "nonzero" max_batch_size: 4 dynamic_batching {}
		input { name: "VALUES" data_type: TYPE_FP32 } output { name: "INDICES" data_type: TYPE_INT64 dims: [-1] }`, dynamic.Config{})
	_, err := m.Infer(t.Context(), &Request{Inputs: []tensor.Tensor{tensor.New("VALUES", []int64{3}, []float32{1, 0, 2})}})
	var wrong *OutputError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "INDICES", wrong.Output)
	require.Equal(t, 3, wrong.Rows)
}

// watch tells of each run of a model that it has begun, before it goes on as run says.
func watch(t testing.TB, m *Model, cfg dynamic.Config, run func(ctx context.Context)) <-chan struct{} {
	t.Helper()
	began := make(chan struct{}, 16)
	m.batcher.Close()
	var err error
	m.batcher, err = dynamic.New(cfg, func(ctx context.Context, batch []*Checked) ([]*part, error) {
		began <- struct{}{}
		run(ctx)
		return m.run(ctx, batch)
	}, nil)
	require.NoError(t, err)
	return began
}

// A caller who leaves stops a run that is for nobody else.
func TestCancelledWhileRunning(t *testing.T) {
	m := start(t, slowConfig, dynamic.Config{})
	stopped := make(chan struct{})
	began := watch(t, m, dynamic.Config{}, func(ctx context.Context) {
		<-ctx.Done()
		close(stopped)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	_, err := m.Infer(ctx, &Request{Inputs: []tensor.Tensor{zeros("INPUT0", 1, 4)}})
	var gone *dynamic.Error
	require.ErrorAs(t, err, &gone)
	require.Equal(t, dynamic.KindCancelled, gone.Kind)
	require.ErrorIs(t, err, context.Canceled)
	<-stopped
	require.EqualValues(t, 1, m.Statistics().GetInferenceStats().GetFail().GetCount())
}

func TestTimeoutInTheQueue(t *testing.T) {
	m := start(t, simpleConfig, dynamic.Config{})
	release := make(chan struct{})
	policy := dynamic.QueuePolicy{AllowTimeoutOverride: true, MaxQueueSize: 1}
	began := watch(t, m, dynamic.Config{DefaultQueuePolicy: policy}, func(context.Context) { <-release })
	var group errgroup.Group
	group.Go(func() error {
		_, err := m.Infer(t.Context(), sums(0, 1))
		return err
	})
	<-began // the only instance is taken
	r := sums(0, 1)
	r.Timeout = time.Millisecond
	_, err := m.Infer(t.Context(), r)
	var late *dynamic.Error
	require.ErrorAs(t, err, &late)
	require.Equal(t, dynamic.KindTimeout, late.Kind)
	close(release)
	require.NoError(t, group.Wait())
}

func families(t testing.TB, reg *prometheus.Registry) map[string]*dto.MetricFamily {
	t.Helper()
	all, err := reg.Gather()
	require.NoError(t, err)
	out := map[string]*dto.MetricFamily{}
	for _, f := range all {
		out[f.GetName()] = f
	}
	return out
}

func TestMetricsLiveAsLongAsTheModel(t *testing.T) {
	set, reg := metricSet(t)
	old := load(t, simpleConfig, dynamic.Config{}, set)
	renewed := load(t, simpleConfig, dynamic.Config{PriorityLevels: 2, DefaultPriorityLevel: 2}, set)
	for range 3 {
		_, err := old.Infer(t.Context(), sums(1, 2))
		require.NoError(t, err)
	}
	_, err := old.Infer(t.Context(), &Request{})
	require.Error(t, err)

	got := families(t, reg)
	require.EqualValues(t, 3, got["bedside_infer_batch_size"].GetMetric()[0].GetHistogram().GetSampleCount())
	require.EqualValues(t, 6, got["bedside_infer_batch_size"].GetMetric()[0].GetHistogram().GetSampleSum())
	require.EqualValues(t, 3, got["bedside_infer_queue_seconds"].GetMetric()[0].GetHistogram().GetSampleCount())
	require.EqualValues(t, 3, got["bedside_infer_compute_seconds"].GetMetric()[0].GetHistogram().GetSampleCount())
	outcomes := map[string]float64{}
	for _, m := range got["bedside_infer_requests_total"].GetMetric() {
		outcomes[m.GetLabel()[1].GetValue()] = m.GetCounter().GetValue()
	}
	require.Equal(t, map[string]float64{"success": 3, "invalid": 1}, outcomes)
	levels := map[string]float64{}
	for _, m := range got["bedside_infer_queue_depth"].GetMetric() {
		levels[m.GetLabel()[1].GetValue()] = m.GetGauge().GetValue()
	}
	require.Equal(t, map[string]float64{"0": 0, "1": 0, "2": 0}, levels)

	require.NoError(t, old.Close())
	require.NotEmpty(t, families(t, reg)["bedside_infer_requests_total"].GetMetric(), "another instance goes on")
	require.NoError(t, renewed.Close())
	require.Empty(t, families(t, reg))
}

func TestStatisticsSum(t *testing.T) {
	var s Statistics
	s.Executed(4, 1, 2, 3)
	s.Executed(2, 10, 20, 30)
	s.Executed(4, 100, 200, 300)
	s.Succeeded(4, Times{Queue: 5, Input: 1, Compute: 2, Output: 3, Total: 11})
	s.Failed(7)
	s.Failed(-time.Second) // a clock that went back takes nothing away
	got := s.Proto()
	require.InDelta(t, time.Now().UnixMilli(), got.GetLastInference(), 60_000)
	got.LastInference = 0
	want := &inference.ModelStatistics{}
	require.NoError(t, prototext.Unmarshal([]byte(`inference_count: 4 execution_count: 3
		inference_stats { success { count: 1 ns: 11 } fail { count: 2 ns: 7 } queue { count: 1 ns: 5 }
			compute_input { count: 1 ns: 1 } compute_infer { count: 1 ns: 2 } compute_output { count: 1 ns: 3 } cache_hit {} cache_miss {} }
		batch_stats { batch_size: 2 compute_input { count: 1 ns: 10 } compute_infer { count: 1 ns: 20 } compute_output { count: 1 ns: 30 } }
		batch_stats { batch_size: 4 compute_input { count: 2 ns: 101 } compute_infer { count: 2 ns: 202 } compute_output { count: 2 ns: 303 } }`), want))
	require.Equal(t, prototext.Format(want), prototext.Format(got))
	require.Zero(t, (&Statistics{}).Proto().GetLastInference())
}

// A run that would never end is stopped, and the model goes on.
func TestARunThatHangsIsStopped(t *testing.T) {
	m := start(t, `name: "endless"
input { name: "INPUT0" data_type: TYPE_FP32 dims: [ -1, 4 ] }
input { name: "ROUNDS" data_type: TYPE_INT64 dims: [ ] }
output { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1, 4 ] }`, dynamic.Config{})
	m.dog = watchdog.New(100 * time.Millisecond)
	ask := func(rounds int64) error {
		_, err := m.Infer(t.Context(), &Request{Inputs: []tensor.Tensor{
			tensor.New("INPUT0", []int64{1, 4}, []float32{1, 2, 3, 4}), tensor.New("ROUNDS", nil, []int64{rounds}),
		}})
		return err
	}
	require.ErrorIs(t, ask(1<<60), watchdog.ErrHung)
	require.NoError(t, ask(1))
	require.False(t, m.dog.IsStuck())
	require.EqualValues(t, 2, m.dog.Stopped(), "it was given another chance")
}
