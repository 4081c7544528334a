package ort

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/repository"
)

var recurrentKinds = []string{repository.KindRNN, repository.KindLSTM, repository.KindGRU}

const deviceFolder = "../../testdata/device/"

// opensDevice opens a tiny model that scripts/testmodels wrote.
func opensDevice(name string) func(testing.TB, Options) *LanguageModel {
	return func(t testing.TB, opt Options) *LanguageModel {
		t.Helper()
		mf, err := repository.Open(deviceFolder + "models/" + name)
		require.NoError(t, err)
		return openManifest(t, mf, opt)
	}
}

func openManifest(t testing.TB, mf *repository.Manifest, opt Options) *LanguageModel {
	t.Helper()
	initORT(t)
	m, err := Open(mf, opt)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// opensWide opens a model of the size that is served, of random weights.
func opensWide(kind string) func(testing.TB, Options) *LanguageModel {
	return func(t testing.TB, opt Options) *LanguageModel {
		t.Helper()
		return openManifest(t, wideManifest(t, kind), opt)
	}
}

// wideManifest fills the data file that a committed graph lacks.
func wideManifest(t testing.TB, kind string) *repository.Manifest {
	t.Helper()
	data, err := os.ReadFile(deviceFolder + "wide/" + kind + "/" + repository.ManifestName)
	require.NoError(t, err)
	var mf struct {
		repository.Manifest
		DataBytes int `json:"data_bytes"`
	}
	require.NoError(t, json.Unmarshal(data, &mf))
	mf.Dir = t.TempDir()
	graph, err := os.ReadFile(deviceFolder + "wide/" + kind + "/model.onnx")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(mf.Path("model.onnx"), graph, 0o600))
	// Of variance 1/width, so that neither states nor logits vanish or saturate.
	random, bound := rand.New(rand.NewPCG(1, 2)), math.Sqrt(3/float64(mf.HiddenSize))
	weights := make([]byte, 0, mf.DataBytes)
	for len(weights) < mf.DataBytes {
		bits := math.Float32bits(float32((2*random.Float64() - 1) * bound))
		weights = append(weights, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
	}
	require.NoError(t, os.WriteFile(filepath.Join(mf.Dir, "model.onnx.data"), weights, 0o600))
	return &mf.Manifest
}

// wideTokens are tokens of the wide models' vocabulary.
func wideTokens(seed uint64, n int) []int32 {
	out := randomTokens(seed, n)
	for i := range out {
		out[i] %= 6144
	}
	return out
}
