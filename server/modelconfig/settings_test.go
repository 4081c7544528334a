package modelconfig

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/batcher/dynamic"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
)

func TestEveryKnobArrives(t *testing.T) {
	cfg := parse(t, full)
	require.Equal(t, dynamic.Config{
		MaxBatchSize: 16, PreferredBatchSize: []int{4, 8}, MaxQueueDelay: 1500 * time.Microsecond,
		PriorityLevels: 3, DefaultPriorityLevel: 2,
		DefaultQueuePolicy: dynamic.QueuePolicy{DefaultTimeout: 250 * time.Millisecond, AllowTimeoutOverride: true, MaxQueueSize: 32},
		PriorityQueuePolicy: map[int]dynamic.QueuePolicy{
			3: {TimeoutAction: dynamic.TimeoutDelay, DefaultTimeout: time.Millisecond},
		},
		Instances: 3, MaxQueue: 100, MaxTenants: 9, TenantWeights: map[string]float64{"ward": 2, "research": 0.5},
	}, Batching(cfg))
	options, instances := Sessions(cfg)
	require.Equal(t, 3, instances)
	require.Equal(t, ort.TensorOptions{
		Threads: 2, InterOpThreads: 3, Parallel: true, GraphOptimizationLevel: ort.OptimizeExtended, NoArena: true,
		Config:    map[string]string{"session.set_denormal_as_zero": "1", "session.dynamic_block_base": "4"},
		RunConfig: map[string]string{"memory.enable_memory_arena_shrinkage": "cpu:0"},
	}, options)
	require.Equal(t, repository.VersionPolicy{Specific: []int64{2, 5}}, Policy(cfg))
}

func TestDefaults(t *testing.T) {
	options, instances := Sessions(nil)
	require.Equal(t, ort.TensorOptions{}, options)
	require.Equal(t, 1, instances)
	require.Equal(t, repository.VersionPolicy{}, Policy(nil))
	require.Equal(t, dynamic.Config{AdaptiveDelay: true}.WithDefaults(), Batching(nil))
	require.True(t, Batching(parse(t, `parameters { key: "bedside.adaptive_delay" value { string_value: "1" } }`)).AdaptiveDelay)

	require.Equal(t, repository.VersionPolicy{All: true}, Policy(parse(t, `version_policy { all { } }`)))
	require.Equal(t, repository.VersionPolicy{Latest: 3}, Policy(parse(t, `version_policy { latest { num_versions: 3 } }`)))
	require.Equal(t, repository.VersionPolicy{}, Policy(parse(t, `version_policy { }`)))
}

func TestLevelsOfOptimization(t *testing.T) {
	for text, want := range map[string]ort.Optimization{
		"":                                 ort.OptimizeAll,
		"optimization { graph { } }":       ort.OptimizeAll,
		"optimization{graph { level: -1}}": ort.OptimizeBasic,
		"optimization{graph { level: 1 }}": ort.OptimizeExtended,
		"optimization{graph { level: 2 }}": ort.OptimizeNone,
	} {
		options, _ := Sessions(parse(t, text))
		require.Equal(t, want, options.GraphOptimizationLevel, text)
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	require.Equal(t, filepath.Join(dir, "model.onnx"), File(nil, dir))
	require.Equal(t, filepath.Join(dir, "net.onnx"), File(parse(t, full), dir))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "net.onnx"), 0o700))
	require.Equal(t, filepath.Join(dir, "net.onnx", "model.onnx"), File(parse(t, full), dir))
}

func TestLongTimesStayTimes(t *testing.T) {
	require.Equal(t, time.Duration(math.MaxInt64), microseconds(math.MaxUint64))
	require.Equal(t, 3*time.Second, microseconds(3_000_000))
	require.NoError(t, Batching(parse(t, `max_batch_size: 2 dynamic_batching { default_queue_policy { default_timeout_microseconds: 18446744073709551615 max_queue_size: 4294967295 } }`)).Validate())
}
