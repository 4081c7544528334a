package modelconfig

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

// Reasons for settings that are refused.
const (
	onlyCPU    = "models run on the CPU only"
	onlyDense  = "tensors of one batch must have one shape"
	noTensorRT = "is for TensorRT only"
	noSequence = "sequences of requests are not supported"
	noLimiter  = "rate limiters are not supported; instance_group.count bounds how many batches run at once"
)

// served says of each field of the format, by message and name, whether it is done ("" or what is checked elsewhere) or
// why it is refused when it is set. A false or zero counts as not set.
var served = map[protoreflect.FullName]string{
	"ModelConfig.name":                     "",
	"ModelConfig.platform":                 "",
	"ModelConfig.backend":                  "",
	"ModelConfig.runtime":                  "the runtime cannot be chosen",
	"ModelConfig.version_policy":           "",
	"ModelConfig.max_batch_size":           "",
	"ModelConfig.input":                    "",
	"ModelConfig.output":                   "",
	"ModelConfig.batch_input":              onlyDense,
	"ModelConfig.batch_output":             onlyDense,
	"ModelConfig.optimization":             "",
	"ModelConfig.dynamic_batching":         "",
	"ModelConfig.sequence_batching":        noSequence,
	"ModelConfig.ensemble_scheduling":      "ensembles are not supported",
	"ModelConfig.instance_group":           "",
	"ModelConfig.default_model_filename":   "",
	"ModelConfig.cc_model_filenames":       onlyCPU,
	"ModelConfig.metric_tags":              "", // labels of metrics; every metric carries the model's name and version
	"ModelConfig.parameters":               "",
	"ModelConfig.model_warmup":             "",
	"ModelConfig.model_operations":         "operator libraries cannot be loaded",
	"ModelConfig.model_transaction_policy": "",
	"ModelConfig.model_repository_agents":  "repository agents are not supported",
	"ModelConfig.response_cache":           "",
	"ModelConfig.model_metrics":            "the metrics' buckets cannot be chosen",

	"ModelVersionPolicy.latest":              "",
	"ModelVersionPolicy.all":                 "",
	"ModelVersionPolicy.specific":            "",
	"ModelVersionPolicy.Latest.num_versions": "",
	"ModelVersionPolicy.Specific.versions":   "",

	"ModelInput.name":                    "",
	"ModelInput.data_type":               "",
	"ModelInput.format":                  "", // a hint; the order of dimensions is the model's own
	"ModelInput.dims":                    "",
	"ModelInput.reshape":                 "",
	"ModelInput.is_shape_tensor":         noTensorRT,
	"ModelInput.allow_ragged_batch":      onlyDense,
	"ModelInput.optional":                "",
	"ModelInput.is_non_linear_format_io": noTensorRT,

	"ModelOutput.name":                    "",
	"ModelOutput.data_type":               "",
	"ModelOutput.dims":                    "",
	"ModelOutput.reshape":                 "",
	"ModelOutput.label_filename":          "", // for classification alone, which requests cannot ask for
	"ModelOutput.is_shape_tensor":         noTensorRT,
	"ModelOutput.is_non_linear_format_io": noTensorRT,
	"ModelTensorReshape.shape":            "",

	"ModelOptimizationPolicy.graph":                          "",
	"ModelOptimizationPolicy.Graph.level":                    "",
	"ModelOptimizationPolicy.priority":                       "priorities of threads cannot be chosen",
	"ModelOptimizationPolicy.cuda":                           onlyCPU,
	"ModelOptimizationPolicy.execution_accelerators":         "accelerators cannot be chosen; " + onlyCPU,
	"ModelOptimizationPolicy.input_pinned_memory":            "", // about copies to and from GPUs, as the next two
	"ModelOptimizationPolicy.output_pinned_memory":           "",
	"ModelOptimizationPolicy.gather_kernel_buffer_threshold": "",
	"ModelOptimizationPolicy.PinnedMemoryBuffer.enable":      "",
	"ModelOptimizationPolicy.eager_batching":                 "a batch is formed when an instance is free",

	"ModelDynamicBatching.preferred_batch_size":         "",
	"ModelDynamicBatching.max_queue_delay_microseconds": "",
	"ModelDynamicBatching.preserve_ordering":            "",
	"ModelDynamicBatching.priority_levels":              "",
	"ModelDynamicBatching.default_priority_level":       "",
	"ModelDynamicBatching.default_queue_policy":         "",
	"ModelDynamicBatching.priority_queue_policy":        "",
	"ModelQueuePolicy.timeout_action":                   "",
	"ModelQueuePolicy.default_timeout_microseconds":     "",
	"ModelQueuePolicy.allow_timeout_override":           "",
	"ModelQueuePolicy.max_queue_size":                   "",

	"ModelInstanceGroup.name":              "",
	"ModelInstanceGroup.kind":              "",
	"ModelInstanceGroup.count":             "",
	"ModelInstanceGroup.rate_limiter":      noLimiter,
	"ModelInstanceGroup.gpus":              onlyCPU,
	"ModelInstanceGroup.secondary_devices": onlyCPU,
	"ModelInstanceGroup.profile":           noTensorRT,
	"ModelInstanceGroup.passive":           "every instance takes requests",
	"ModelInstanceGroup.host_policy":       "host policies are not supported",

	"ModelParameter.string_value": "",

	"ModelWarmup.name":                  "",
	"ModelWarmup.batch_size":            "",
	"ModelWarmup.inputs":                "",
	"ModelWarmup.count":                 "",
	"ModelWarmup.Input.data_type":       "",
	"ModelWarmup.Input.dims":            "",
	"ModelWarmup.Input.zero_data":       "",
	"ModelWarmup.Input.random_data":     "",
	"ModelWarmup.Input.input_data_file": "",

	"ModelTransactionPolicy.decoupled": "a tensor model gives one answer to each request",
	"ModelResponseCache.enable":        "answers are not cached",
}

// localName is a field's name without that of the proto package.
func localName(fd protoreflect.FieldDescriptor) protoreflect.FullName {
	return fd.FullName()[len(inference.File_inference_v2_model_config_proto.Package())+1:]
}

// refused finds the first field that is set and not served.
func refused(m protoreflect.Message, path string) error {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !m.Has(fd) {
			continue
		}
		at := path + string(fd.Name())
		reason, known := served[localName(fd)]
		if !known {
			reason = "is not supported"
		}
		if reason != "" {
			return fail(at, "%s", reason)
		}
		if err := refusedWithin(m, fd, at); err != nil {
			return err
		}
	}
	return nil
}

// refusedWithin looks into the messages that a field holds.
func refusedWithin(m protoreflect.Message, fd protoreflect.FieldDescriptor, at string) error {
	switch {
	case fd.IsMap():
		if fd.MapValue().Message() == nil {
			return nil
		}
		var keys []protoreflect.MapKey
		m.Get(fd).Map().Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
			keys = append(keys, k)
			return true
		})
		slices.SortFunc(keys, func(a, b protoreflect.MapKey) int { return compare(a.Interface(), b.Interface()) })
		for _, k := range keys {
			if err := refused(m.Get(fd).Map().Get(k).Message(), fmt.Sprintf("%s[%#v].", at, k.Interface())); err != nil {
				return err
			}
		}
	case fd.Message() == nil:
	case fd.IsList():
		list := m.Get(fd).List()
		for i := range list.Len() {
			if err := refused(list.Get(i).Message(), fmt.Sprintf("%s[%d].", at, i)); err != nil {
				return err
			}
		}
	default:
		return refused(m.Get(fd).Message(), at+".")
	}
	return nil
}
