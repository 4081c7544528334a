package modelconfig

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/ort"
)

const maxThreads = 1024

// settings are what a configuration's parameters say.
type settings struct {
	session ort.TensorOptions

	adaptiveDelay bool
	maxQueue      int
	maxTenants    int
	tenantWeights map[string]float64
	buckets       []int64
	padded        []string
}

// parameter reads one value into the settings, or says what it must be.
type parameter func(s *settings, value string) string

// parameters are those of Triton's ONNX Runtime backend under its names, and Bedside's own. Others are refused: a name with
// a slip in it would otherwise do nothing.
var parameters = map[string]parameter{
	"intra_op_thread_count": func(s *settings, v string) string { return count(&s.session.Threads, v, maxThreads) },
	"inter_op_thread_count": func(s *settings, v string) string { return count(&s.session.InterOpThreads, v, maxThreads) },
	"execution_mode": func(s *settings, v string) string {
		if v != "0" && v != "1" {
			return "must be 0 (one operator after another) or 1 (side by side)"
		}
		s.session.Parallel = v == "1"
		return ""
	},
	"enable_mem_arena": func(s *settings, v string) string {
		on, wrong := boolean(v)
		s.session.NoArena = wrong == "" && !on
		return wrong
	},
	"enable_mem_pattern": func(_ *settings, v string) string {
		on, wrong := boolean(v)
		if wrong == "" && !on {
			return "memory patterns cannot be turned off"
		}
		return wrong
	},
	"memory.enable_memory_arena_shrinkage": func(s *settings, v string) string {
		if !strings.EqualFold(v, "cpu:0") {
			return `must be "cpu:0"`
		}
		s.session.RunConfig = map[string]string{"memory.enable_memory_arena_shrinkage": "cpu:0"}
		return ""
	},
	"session.use_device_allocator_for_initializers": entry("session.use_device_allocator_for_initializers"),
	"session.set_denormal_as_zero":                  entry("session.set_denormal_as_zero"),
	"session.disable_prepacking":                    entry("session.disable_prepacking"),
	// Exact 8-bit products also where the processor has no instruction for them, at a price in speed.
	"session.x64quantprecision":       entry("session.x64quantprecision"),
	"session.disable_quant_qdq":       entry("session.disable_quant_qdq"),
	"session.intra_op.allow_spinning": entry("session.intra_op.allow_spinning"),
	"session.inter_op.allow_spinning": entry("session.inter_op.allow_spinning"),
	"session.dynamic_block_base": func(s *settings, v string) string {
		var n int
		wrong := count(&n, v, 1<<10)
		s.set("session.dynamic_block_base", v)
		return wrong
	},

	"bedside.adaptive_delay": func(s *settings, v string) (wrong string) {
		s.adaptiveDelay, wrong = boolean(v)
		return wrong
	},
	"bedside.max_queue":      func(s *settings, v string) string { return count(&s.maxQueue, v, math.MaxInt32) },
	"bedside.max_tenants":    func(s *settings, v string) string { return count(&s.maxTenants, v, math.MaxInt32) },
	"bedside.tenant_weights": weights,
	lengthBuckets:            buckets,
	padInputs:                padded,
}

// readSettings reads the parameters of a configuration; nil has none.
func readSettings(cfg *inference.ModelConfig) (settings, error) {
	s := settings{adaptiveDelay: true}
	given := cfg.GetParameters()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		path := fmt.Sprintf("parameters[%q]", name)
		read, known := parameters[name]
		if !known {
			return s, fail(path, "is unknown; known are %s", strings.Join(slices.Sorted(maps.Keys(parameters)), ", "))
		}
		if wrong := read(&s, given[name].GetStringValue()); wrong != "" {
			return s, fail(path, "%s", wrong)
		}
	}
	return s, nil
}

func (s *settings) set(key, value string) {
	if s.session.Config == nil {
		s.session.Config = map[string]string{}
	}
	s.session.Config[key] = value
}

// entry is a configuration entry of a session that is 0 or 1.
func entry(key string) parameter {
	return func(s *settings, v string) string {
		if v != "0" && v != "1" {
			return "must be 0 or 1"
		}
		s.set(key, v)
		return ""
	}
}

func boolean(v string) (on bool, wrong string) {
	switch strings.ToLower(v) {
	case "1", "true":
		return true, ""
	case "0", "false":
		return false, ""
	}
	return false, "must be true, false, 1 or 0"
}

func count(to *int, v string, limit int) (wrong string) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > limit {
		return fmt.Sprintf("must be a whole number from 0 to %d", limit)
	}
	*to = n
	return ""
}

// weights reads "ward=2,research=0.5".
func weights(s *settings, v string) (wrong string) {
	s.tenantWeights = map[string]float64{}
	for pair := range strings.SplitSeq(v, ",") {
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if !ok || err != nil || name == "" {
			return "must be like ward=2,research=0.5"
		}
		if _, twice := s.tenantWeights[name]; twice {
			return fmt.Sprintf("names %q twice", name)
		}
		s.tenantWeights[name] = weight
	}
	return ""
}
