package repository

import (
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
)

// ORTVersion is the ONNX Runtime release that Bedside is built against.
const ORTVersion = "1.32.0"

// CacheDir is where the set-up keeps what it fetched and made: $BEDSIDE_CACHE, else
// "bedside" in the user's cache folder (XDG_CACHE_HOME or ~/.cache; ~/Library/Caches
// on macOS). scripts/setup.py follows the same rule.
func CacheDir() (string, error) {
	if dir := os.Getenv("BEDSIDE_CACHE"); dir != "" {
		return dir, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: set BEDSIDE_CACHE: %w", err)
	}
	return filepath.Join(base, "bedside"), nil
}

// ModelsDir is the folder of model folders: $BEDSIDE_MODELS, else "models" in CacheDir.
func ModelsDir() (string, error) {
	if dir := os.Getenv("BEDSIDE_MODELS"); dir != "" {
		return dir, nil
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "models"), nil
}

// ShippedModelsDir is the folder of the models that come with Bedside: $BEDSIDE_SHIPPED_MODELS, else "models" beside the
// folder of the running program (bin/bedside, models/NAME); "" where neither is there.
func ShippedModelsDir() string {
	if dir := os.Getenv("BEDSIDE_SHIPPED_MODELS"); dir != "" {
		return dir
	}
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	dir := filepath.Join(filepath.Dir(filepath.Dir(self)), "models")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return ""
	}
	return dir
}

// ORTLibrary is ONNX Runtime's shared library: $BEDSIDE_ORT_LIBRARY, else the one that
// the set-up put in CacheDir.
func ORTLibrary() (string, error) {
	if path := os.Getenv("BEDSIDE_ORT_LIBRARY"); path != "" {
		return path, nil
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	name := "libonnxruntime.so"
	if goruntime.GOOS == "darwin" {
		name = "libonnxruntime.dylib"
	}
	return filepath.Join(cache, "onnxruntime", ORTVersion, name), nil
}
