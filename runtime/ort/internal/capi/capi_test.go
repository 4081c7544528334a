package capi

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPlaces compiles functions.h beside ONNX Runtime's own header, which onnxruntime_go carries.
func TestPlaces(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	require.NoError(t, err)
	header := filepath.Join(strings.TrimSpace(string(out)), "onnxruntime_c_api.h")
	require.FileExists(t, header)
	source := `#include "` + header + `"
#include "functions.h"
#include "capi.h"
#define PLACE(place, name, result, parameters) \
  _Static_assert(offsetof(OrtApi, name) == (place) * sizeof(void *), #name);
BED_FUNCTIONS(PLACE)
_Static_assert(offsetof(OrtApiBase, GetApi) == 0 && offsetof(OrtApiBase, GetVersionString) == sizeof(void *), "base");
_Static_assert(BED_API_VERSION <= ORT_API_VERSION, "version");
_Static_assert(BED_STRING == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, "string");
_Static_assert(OrtArenaAllocator == 1 && OrtMemTypeDefault == 0, "memory");
_Static_assert(ORT_PARALLEL == 1 && ORT_ENABLE_ALL == 99 && ONNX_TYPE_TENSOR == 1, "options");
_Static_assert(ORT_LOGGING_LEVEL_FATAL == 4 && ORT_FAIL == 1 && ORT_INVALID_ARGUMENT == 2, "codes");
`
	compile := func(source string) (string, error) {
		file := filepath.Join(t.TempDir(), "places.c")
		require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
		compiler := os.Getenv("CC")
		if compiler == "" {
			compiler = "cc"
		}
		out, err := exec.Command(compiler, "-fsyntax-only", "-I.", file).CombinedOutput()
		return string(out), err
	}
	text, err := compile(source)
	require.NoError(t, err, text)
	text, err = compile(source + `_Static_assert(offsetof(OrtApi, Run) == 8 * sizeof(void *), "caught");`)
	require.Error(t, err)
	require.Contains(t, text, "caught")
}
