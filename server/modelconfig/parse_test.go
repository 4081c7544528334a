package modelconfig

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/testing/protocmp"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

func TestTextErrorsHaveAPlace(t *testing.T) {
	for _, c := range []struct {
		text         string
		line, column int
		says         string
	}{
		{"name: \"m\"\n  nme: \"m\"\n", 2, 3, "unknown field: nme"},
		{"max_batch_size: \"4\"", 1, 17, "invalid value for int32"},
		{"input [\n  { name: \"x\" ]\n", 2, 15, "line 2:15: syntax error: invalid field name: ]"},
		{"name: \"a\"\nname: \"b\"", 2, 1, "non-repeated field"},
		{"input { data_type: TYPE_COMPLEX }", 1, 20, "invalid value for enum"},
		{"name: \"\xff\"", 1, 7, "invalid UTF-8"},
		{"name", 1, 1, "missing field separator"},
	} {
		_, err := Parse([]byte(c.text))
		var e *Error
		require.ErrorAs(t, err, &e, c.text)
		require.Equal(t, [2]int{c.line, c.column}, [2]int{e.Line, e.Column}, "%q: %v", c.text, err)
		require.Contains(t, e.Error(), c.says)
		require.NotContains(t, e.Error(), "proto:")
		require.NotContains(t, e.Error(), "\u00a0")
	}
	_, err := Parse([]byte(strings.Repeat("#", maxBytes+1)))
	require.EqualError(t, err, "config.pbtxt: is over 1048576 bytes")
}

// Whatever the text, reading it ends in a configuration that every other function can be asked about, or in an *Error.
func FuzzParse(f *testing.F) {
	configs, err := filepath.Glob("../../testdata/models/*/config.pbtxt")
	require.NoError(f, err)
	require.NotEmpty(f, configs)
	for _, path := range configs {
		text, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Add(full)
	f.Add(`input [ { name: "x" data_type: 3 dims: [ -1, 9223372036854775807 ] reshape: { shape: [] } } ]`)
	f.Add(`parameters { key: "bedside.tenant_weights" value { string_value: "a=1e400,=2" } } dynamic_batching { priority_queue_policy { key: 0 } }`)
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := Parse([]byte(text))
		if err != nil {
			_, typed := errors.AsType[*Error](err)
			require.True(t, typed, "%v", err)
			require.Nil(t, cfg)
			return
		}
		_, instances := Sessions(cfg)
		require.Positive(t, instances)
		Policy(cfg)
		if cfg.GetMaxBatchSize() > 0 {
			require.NoError(t, Batching(cfg).Validate())
		}
		out, err := prototext.Marshal(cfg)
		require.NoError(t, err)
		again, err := Parse(out)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(cfg, again, protocmp.Transform()))
		if _, err := Complete(cfg, cfg.GetName(), nil, nil); err != nil {
			_, typed := errors.AsType[*Error](err)
			require.True(t, typed, "%v", err)
		}
	})
}

// full sets every knob that is served.
const full = `
name: "m"
backend: "onnxruntime"
max_batch_size: 16
default_model_filename: "net.onnx"
version_policy { specific { versions: [ 2, 5 ] } }
input [ { name: "x" data_type: TYPE_FP32 dims: [ 16 ] } ]
output [ { name: "y" data_type: TYPE_STRING dims: [ 1 ] reshape { shape: [ ] } } ]
instance_group [ { count: 2 kind: KIND_CPU }, { } ]
optimization { graph { level: 1 } }
dynamic_batching {
  preferred_batch_size: [ 4, 8 ]
  max_queue_delay_microseconds: 1500
  priority_levels: 3
  default_priority_level: 2
  default_queue_policy { default_timeout_microseconds: 250000 allow_timeout_override: true max_queue_size: 32 }
  priority_queue_policy { key: 3 value { timeout_action: DELAY default_timeout_microseconds: 1000 } }
}
parameters { key: "intra_op_thread_count" value { string_value: "2" } }
parameters { key: "inter_op_thread_count" value { string_value: "3" } }
parameters { key: "execution_mode" value { string_value: "1" } }
parameters { key: "enable_mem_arena" value { string_value: "False" } }
parameters { key: "memory.enable_memory_arena_shrinkage" value { string_value: "cpu:0" } }
parameters { key: "session.set_denormal_as_zero" value { string_value: "1" } }
parameters { key: "session.dynamic_block_base" value { string_value: "4" } }
parameters { key: "bedside.adaptive_delay" value { string_value: "false" } }
parameters { key: "bedside.max_queue" value { string_value: "100" } }
parameters { key: "bedside.max_tenants" value { string_value: "9" } }
parameters { key: "bedside.tenant_weights" value { string_value: "ward=2, research=0.5" } }
model_warmup {
  name: "random" batch_size: 3 count: 2
  inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 16 ] random_data: true } }
}
`

func parse(t *testing.T, text string) *inference.ModelConfig {
	t.Helper()
	cfg, err := Parse([]byte(text))
	require.NoError(t, err)
	return cfg
}
