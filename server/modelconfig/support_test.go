package modelconfig

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

// Every field that a configuration can set is decided on, and nothing else is in the table.
func TestEveryFieldIsDecidedOn(t *testing.T) {
	reached := map[protoreflect.FullName]bool{}
	var walk func(m protoreflect.MessageDescriptor)
	walk = func(m protoreflect.MessageDescriptor) {
		for i := range m.Fields().Len() {
			fd := m.Fields().Get(i)
			name := localName(fd)
			if !reached[name] {
				reason, known := served[name]
				require.True(t, known, "%s is neither served nor refused", name)
				reached[name] = true
				message := fd.Message()
				if fd.IsMap() {
					message = fd.MapValue().Message()
				}
				if message != nil && reason == "" {
					walk(message)
				}
			}
		}
	}
	walk((&inference.ModelConfig{}).ProtoReflect().Descriptor())
	for name := range served {
		require.True(t, reached[name], "%s is not reached from ModelConfig", name)
	}
}

const ports = `
  input [ { name: "x" data_type: TYPE_FP32 dims: [ 16 ] } ]
  output [ { name: "y" data_type: TYPE_FP32 dims: [ 4 ] } ]
`

func TestRefusals(t *testing.T) {
	input := func(more string) string { return `input { name: "x" data_type: TYPE_FP32 dims: [ 16 ] ` + more + ` }` }
	group := func(more string) string { return `instance_group { count: 1 ` + more + ` }` }
	batching := func(more string) string { return `max_batch_size: 8 dynamic_batching { ` + more + ` }` }
	param := func(key, value string) string {
		return fmt.Sprintf(`parameters { key: %q value { string_value: %q } }`, key, value)
	}
	for _, c := range []struct{ text, field, says string }{
		{`platform: "tensorrt_plan"`, "platform", `only "onnxruntime_onnx" is served`},
		{`backend: "python"`, "backend", `only "onnxruntime" is served`},
		{`runtime: "other.so"`, "runtime", "cannot be chosen"},
		{`max_batch_size: -1`, "max_batch_size", "outside 0 to"},
		{`max_batch_size: 100000`, "max_batch_size", "outside 0 to"},
		{`default_model_filename: "../other.onnx"`, "default_model_filename", "within the version's folder"},
		{`default_model_filename: "/other.onnx"`, "default_model_filename", "within the version's folder"},
		{`cc_model_filenames { key: "7.5" value: "x.plan" }`, "cc_model_filenames", "CPU only"},

		{`version_policy { latest { } }`, "version_policy.latest.num_versions", "at least 1"},
		{`version_policy { specific { } }`, "version_policy.specific.versions", "names no version"},
		{`version_policy { specific { versions: [ 1, 0 ] } }`, "version_policy.specific.versions[1]", "numbered from 1"},

		{input(`is_shape_tensor: true`), "input[0].is_shape_tensor", "TensorRT"},
		{input(`allow_ragged_batch: true`), "input[0].allow_ragged_batch", "one shape"},
		{input(`is_non_linear_format_io: true`), "input[0].is_non_linear_format_io", "TensorRT"},
		{`max_batch_size: 2 ` + input(`optional: true`), "input[0].optional", "needs every input"},
		{input(`format: FORMAT_NHWC`), "input[0].format", "3 dims"},
		{input("") + input(""), "input[1].name", `"x" is given twice`},
		{`input { data_type: TYPE_FP32 dims: [ 1 ] }`, "input[0].name", "missing"},
		{`input { name: "x" dims: [ 1 ] }`, "input[0].data_type", "missing"},
		{`input { name: "x" data_type: TYPE_FP32 }`, "input[0].dims", "a scalar has dims [1]"},
		{`input { name: "x" data_type: TYPE_FP32 dims: [ 3, -2 ] }`, "input[0].dims[1]", "is -2"},
		{`input { name: "x" data_type: 99 dims: [ 3 ] }`, "input[0].data_type", "unknown"},
		{input(`reshape { shape: [ 3, 5 ] }`), "input[0].reshape", "has 15 elements where dims has 16"},
		{input(`reshape { shape: [ -1, 5 ] }`), "input[0].reshape", "known sizes only"},
		{`output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] reshape { shape: [ -1, 1 ] } }`, "output[0].reshape", "known sizes only"},
		{`output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] is_shape_tensor: true }`, "output[0].is_shape_tensor", "TensorRT"},
		{`output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] is_non_linear_format_io: true }`, "output[0].is_non_linear_format_io", "TensorRT"},
		{`batch_input { kind: BATCH_ELEMENT_COUNT }`, "batch_input", "one shape"},
		{`batch_output { kind: BATCH_SCATTER_WITH_INPUT_SHAPE }`, "batch_output", "one shape"},

		{`sequence_batching { }`, "sequence_batching", "not supported"},
		{`ensemble_scheduling { }`, "ensemble_scheduling", "not supported"},
		{`model_operations { op_library_filename: "x.so" }`, "model_operations", "cannot be loaded"},
		{`model_transaction_policy { decoupled: true }`, "model_transaction_policy.decoupled", "one answer to each request"},
		{`model_repository_agents { }`, "model_repository_agents", "not supported"},
		{`response_cache { enable: true }`, "response_cache.enable", "not cached"},
		{`model_metrics { }`, "model_metrics", "buckets"},

		{`optimization { graph { level: 3 } }`, "optimization.graph.level", "-1, 0, 1 and 2"},
		{`optimization { priority: PRIORITY_MAX }`, "optimization.priority", "threads"},
		{`optimization { cuda { graphs: true } }`, "optimization.cuda", "CPU only"},
		{`optimization { execution_accelerators { cpu_execution_accelerator { name: "openvino" } } }`, "optimization.execution_accelerators", "cannot be chosen"},
		{`optimization { eager_batching: true }`, "optimization.eager_batching", "when an instance is free"},

		{group(`kind: KIND_GPU`), "instance_group[0].kind", "KIND_GPU; models run on the CPU only"},
		{group(`kind: KIND_MODEL`), "instance_group[0].kind", "KIND_MODEL"},
		{group(`gpus: [ 0 ]`), "instance_group[0].gpus", "CPU only"},
		{group(`secondary_devices { kind: KIND_NVDLA }`), "instance_group[0].secondary_devices", "CPU only"},
		{group(`profile: "1"`), "instance_group[0].profile", "TensorRT"},
		{group(`passive: true`), "instance_group[0].passive", "takes requests"},
		{group(`host_policy: "policy_0"`), "instance_group[0].host_policy", "not supported"},
		{group("") + group(`rate_limiter { priority: 2 }`), "instance_group[1].rate_limiter", "not supported"},
		{`instance_group { count: -1 }`, "instance_group[0].count", "outside 0"},
		{`instance_group { count: 40 } instance_group { count: 40 }`, "instance_group", "add up to 80"},

		{batching(`preferred_batch_size: [ 4, 9 ]`), "dynamic_batching.preferred_batch_size[1]", "9 is outside 1 to 8"},
		{batching(`preferred_batch_size: [ 0 ]`), "dynamic_batching.preferred_batch_size[0]", "0 is outside 1 to 8"},
		{batching(`max_queue_delay_microseconds: 18446744073709551615`), "dynamic_batching.max_queue_delay_microseconds", "is outside"},
		{batching(`priority_levels: 18446744073709551615 default_priority_level: 1`), "dynamic_batching.priority_levels", "is outside"},
		{batching(`priority_levels: 2`), "dynamic_batching.default_priority_level", "0 is outside 1 to 2"},
		{batching(`priority_levels: 2 default_priority_level: 3`), "dynamic_batching.default_priority_level", "3 is outside 1 to 2"},
		{batching(`priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 3 value { } }`), "dynamic_batching.priority_queue_policy[3]", "priority_levels is 2"},
		{batching(`priority_queue_policy { key: 18446744073709551615 value { } }`), "dynamic_batching.priority_queue_policy[18446744073709551615]", "no such level"},
		{batching(`preserve_ordering: true priority_levels: 2 default_priority_level: 1`), "dynamic_batching.priority_levels", "one level only"},
		{batching(`preserve_ordering: true default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 5 }`), "dynamic_batching.default_queue_policy.timeout_action", "preserve_ordering excludes"},

		{param("intra_op_thread_cout", "1"), `parameters["intra_op_thread_cout"]`, "is unknown; known are bedside.adaptive_delay, "},
		{param("bedside.delay", "1"), `parameters["bedside.delay"]`, "is unknown"},
		{param("gpu_mem_limit", "1"), `parameters["gpu_mem_limit"]`, "is unknown"},
		{param("intra_op_thread_count", "many"), `parameters["intra_op_thread_count"]`, "a whole number from 0 to 1024"},
		{param("inter_op_thread_count", "-1"), `parameters["inter_op_thread_count"]`, "a whole number"},
		{param("execution_mode", "2"), `parameters["execution_mode"]`, "0 (one operator after another) or 1"},
		{param("enable_mem_arena", "yes"), `parameters["enable_mem_arena"]`, "true, false, 1 or 0"},
		{param("enable_mem_pattern", "0"), `parameters["enable_mem_pattern"]`, "cannot be turned off"},
		{param("memory.enable_memory_arena_shrinkage", "gpu:0"), `parameters["memory.enable_memory_arena_shrinkage"]`, `"cpu:0"`},
		{param("session.disable_prepacking", "true"), `parameters["session.disable_prepacking"]`, "0 or 1"},
		{param("session.load_model_format", "ORT"), `parameters["session.load_model_format"]`, "unknown"},
		{param("bedside.adaptive_delay", "maybe"), `parameters["bedside.adaptive_delay"]`, "true, false"},
		{`max_batch_size: 1 ` + param("bedside.max_queue", "99999999"), `parameters["bedside.max_queue"]`, "is outside"},
		{param("bedside.tenant_weights", "a"), `parameters["bedside.tenant_weights"]`, "ward=2"},
		{param("bedside.tenant_weights", "a=1,a=2"), `parameters["bedside.tenant_weights"]`, "twice"},
		{`max_batch_size: 1 ` + param("bedside.tenant_weights", "a=-1"), `parameters["bedside.tenant_weights"]`, "is outside"},
	} {
		t.Run(c.field, func(t *testing.T) {
			_, err := Parse([]byte(c.text))
			var e *Error
			require.ErrorAs(t, err, &e, c.text)
			require.Equal(t, c.field, e.Field)
			require.Contains(t, e.Reason, c.says)
			require.Equal(t, "config.pbtxt: "+e.Field+": "+e.Reason, e.Error())
		})
	}
}

func TestWhatIsAccepted(t *testing.T) {
	for _, text := range []string{
		"",
		"# a comment alone\n",
		ports,
		`name: "m" platform: "onnxruntime_onnx" backend: "onnxruntime"`,
		`version_policy { all { } }`,
		`metric_tags { key: "ward" value: "3" }`,
		`model_transaction_policy { decoupled: false } response_cache { enable: false }`,
		`input { name: "x" data_type: TYPE_UINT8 format: FORMAT_NHWC dims: [ 224, 224, 3 ] is_shape_tensor: false optional: true }`,
		`output { name: "y" data_type: TYPE_FP32 dims: [ 1000 ] label_filename: "labels.txt" reshape { shape: [ 10, 100 ] } }`,
		`optimization { graph { level: -1 } input_pinned_memory { enable: true } output_pinned_memory { enable: false } gather_kernel_buffer_threshold: 5 }`,
		`instance_group [ { name: "a" kind: KIND_CPU count: 2 }, { kind: KIND_AUTO } ]`,
		`dynamic_batching { }`,
		`parameters { key: "enable_mem_pattern" value { string_value: "1" } }`,
	} {
		_, err := Parse([]byte(text))
		require.NoError(t, err, text)
	}
}
