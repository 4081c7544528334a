package ort

import (
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/tensor"
)

// residentMiB returns the process's memory once Go has given back what it does not need; 0 where the system does not tell.
func residentMiB(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/statm")
	if os.IsNotExist(err) {
		return 0
	}
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize() >> 20
}

// Many shapes and many runs must not add up: what ONNX Runtime keeps is what the largest runs needed.
func TestMemoryStaysBounded(t *testing.T) {
	m := openTensorModel(t, "simple")
	random := rand.New(rand.NewPCG(1, 2))
	many := func() {
		for range 50 {
			rows := int64(1)<<random.IntN(15) + random.Int64N(100)
			in, other := some("INPUT0", tensor.Int32, rows, 16), some("INPUT1", tensor.Int32, rows, 16)
			_, err := m.Run(t.Context(), []tensor.Tensor{in, other}, nil)
			require.NoError(t, err)
		}
	}
	many()
	before := residentMiB(t)
	for range 3 {
		many()
	}
	require.Less(t, residentMiB(t)-before, 32, "the largest run gives 2 MiB, all of them together some 40")

	// A run that left its outputs behind would show: 2 KiB each.
	in, other := some("INPUT0", tensor.Int32, 16, 16), some("INPUT1", tensor.Int32, 16, 16)
	before = residentMiB(t)
	for range 12_000 {
		_, err := m.Run(t.Context(), []tensor.Tensor{in, other}, nil)
		require.NoError(t, err)
	}
	require.Less(t, residentMiB(t)-before, 16)
}

func TestClosedModelsGiveTheirMemoryBack(t *testing.T) {
	before := 0
	for i := range 12 {
		m := openTensorModel(t, "simple")
		in, other := some("INPUT0", tensor.Int32, 1<<16, 16), some("INPUT1", tensor.Int32, 1<<16, 16)
		_, err := m.Run(t.Context(), []tensor.Tensor{in, other}, nil)
		require.NoError(t, err)
		require.NoError(t, m.Close())
		if i == 1 {
			before = residentMiB(t) // the first rounds also load the library's pages
		}
	}
	require.Less(t, residentMiB(t)-before, 32, "each had 8 MiB of outputs")
}
