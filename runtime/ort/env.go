// Package ort runs models on ONNX Runtime: language models, with their sequences' caches, and any model that
// takes and gives tensors. It is the only package that knows onnxruntime_go and C memory.
package ort

import (
	"errors"
	"fmt"
	"os"
	"sync"

	onnx "github.com/yalue/onnxruntime_go"

	"github.com/bedside-lm/bedside/runtime/ort/internal/capi"
)

var environment struct {
	sync.Mutex
	library string
}

// Init loads ONNX Runtime's shared library. ONNX Runtime has one environment per
// process: a second call with the same library does nothing, one with another fails.
func Init(library string) error {
	environment.Lock()
	defer environment.Unlock()
	if environment.library != "" {
		if environment.library != library {
			return fmt.Errorf("ONNX Runtime is already loaded from %s", environment.library)
		}
		return nil
	}
	if _, err := os.Stat(library); err != nil {
		return fmt.Errorf("ONNX Runtime's library is not there (run 'make setup', or set BEDSIDE_ORT_LIBRARY): %w", err)
	}
	// With flash attention a row's sums depend on how the kernel tiles the whole batch:
	// the same request would give other bits next to other requests. The kernel reads
	// this when a session is made.
	if err := os.Setenv("ORT_GQA_DISABLE_FLASH_ATTENTION", "1"); err != nil {
		return err
	}
	onnx.SetSharedLibraryPath(library)
	if err := onnx.InitializeEnvironment(onnx.WithLogLevelError()); err != nil {
		return fmt.Errorf("ONNX Runtime does not start from %s: %w", library, err)
	}
	if err := onnx.DisableTelemetry(); err != nil {
		return fmt.Errorf("ONNX Runtime: telemetry off: %w", err)
	}
	if err := capi.Load(library); err != nil {
		return fmt.Errorf("ONNX Runtime does not start from %s: %w", library, err)
	}
	environment.library = library
	return nil
}

// The kinds of failure of a step or a run.
var (
	// ErrPlan: the rows do not fit the model (slot, length, token id).
	ErrPlan = errors.New("rows do not fit the model")
	// ErrTerminated: the context ended before the step or run did. What a step's rows wrote to
	// their slots is undefined from their Start on.
	ErrTerminated = errors.New("run terminated")
	// ErrClosed: the model is closed.
	ErrClosed = errors.New("model closed")
)
