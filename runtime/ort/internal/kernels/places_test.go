package kernels

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPlaces compiles ort.h beside ONNX Runtime's own header, which onnxruntime_go carries.
func TestPlaces(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	require.NoError(t, err)
	header := filepath.Join(strings.TrimSpace(string(out)), "onnxruntime_c_api.h")
	require.FileExists(t, header)
	// ort.h names its codes and types as the header does, so the header's go by other names here.
	source := `#define ORT_FAIL THEIR_FAIL
#define ORT_INVALID_ARGUMENT THEIR_INVALID_ARGUMENT
#include "` + header + `"
#undef ORT_FAIL
#undef ORT_INVALID_ARGUMENT
#include "ort.h"
#define PLACE(place, name, result, parameters) \
  _Static_assert(offsetof(OrtApi, name) == (place) * sizeof(void *), #name);
BED_ORT_FUNCTIONS(PLACE)
#define FIELD(ours, theirs) _Static_assert(offsetof(ort_op, ours) == offsetof(OrtCustomOp, theirs), #theirs);
FIELD(version, version)
FIELD(create_kernel, CreateKernel)
FIELD(name, GetName)
FIELD(input_type, GetInputType)
FIELD(output_count, GetOutputTypeCount)
FIELD(destroy, KernelDestroy)
FIELD(input_memory, GetInputMemoryType)
FIELD(create_kernel_status, CreateKernelV2)
FIELD(compute_status, KernelComputeV2)
FIELD(infer_shape, InferOutputShapeFn)
FIELD(end_version, GetEndVersion)
FIELD(release_alias_map, ReleaseAliasMap)
_Static_assert(sizeof(ort_op) == sizeof(OrtCustomOp), "size");
_Static_assert(BED_ORT_API <= ORT_API_VERSION, "version");
_Static_assert(ORT_FAIL == (int)THEIR_FAIL && ORT_INVALID_ARGUMENT == (int)THEIR_INVALID_ARGUMENT, "codes");
_Static_assert(ORT_FLOAT == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT && ORT_UINT8 == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, "types");
_Static_assert(ORT_INT8 == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8 && ORT_INT32 == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, "types");
_Static_assert((int)ORT_REQUIRED == INPUT_OUTPUT_REQUIRED && (int)ORT_OPTIONAL == INPUT_OUTPUT_OPTIONAL, "characteristics");
`
	file := filepath.Join(t.TempDir(), "places.c")
	require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
	compiler := strings.Fields(os.Getenv("CC"))
	if len(compiler) == 0 {
		compiler = []string{"cc"}
	}
	text, err := exec.Command(compiler[0], append(compiler[1:], "-fsyntax-only", "-std=c11", "-I.", file)...).CombinedOutput()
	require.NoError(t, err, string(text))
}
