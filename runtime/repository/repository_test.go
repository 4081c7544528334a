package repository

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// writeFolder makes a model folder whose manifest change may spoil.
func writeFolder(t *testing.T, dir string, change func(*Manifest)) {
	t.Helper()
	const content = "weights"
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.onnx"), []byte(content), 0o600))
	sum := sha256.Sum256([]byte(content))
	m := &Manifest{
		FormatVersion: 1, Name: filepath.Base(dir), Version: "1", Kind: "attention", Graph: GraphPackedGQA, Precision: "w8a8",
		ContextLength: 8, VocabSize: 4, NumLayers: 1, NumKVHeads: 1, HeadDim: 2, EOSTokenIDs: []int32{2},
		Files: map[string]File{"model.onnx": {SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(content))}},
	}
	if change != nil {
		change(m)
	}
	data, err := json.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ManifestName), data, 0o600))
}

func TestOpenAndVerify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tiny")
	writeFolder(t, dir, nil)
	m, err := Open(dir)
	require.NoError(t, err)
	require.Equal(t, "tiny", m.Name)
	require.Regexp(t, `^sha256:[0-9a-f]{64}$`, m.Digest)
	require.NoError(t, m.Verify())

	require.NoError(t, os.WriteFile(m.Path("model.onnx"), []byte("Weights"), 0o600))
	var e *Error
	require.ErrorAs(t, m.Verify(), &e, "a changed byte is found")
	require.Equal(t, "model.onnx", e.Reason)

	require.NoError(t, os.WriteFile(m.Path("model.onnx"), []byte("longer weights"), 0o600))
	_, err = Open(dir)
	require.ErrorContains(t, err, "14 bytes, the manifest says 7")
	require.NoError(t, os.Remove(m.Path("model.onnx")))
	_, err = Open(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for reason, change := range map[string]func(*Manifest){
		"format_version is 2":        func(m *Manifest) { m.FormatVersion = 2 },
		"name is empty":              func(m *Manifest) { m.Name = "" },
		`graph "dense"`:              func(m *Manifest) { m.Graph = "dense" },
		"must be positive":           func(m *Manifest) { m.HeadDim = 0 },
		"eos_token_ids is empty":     func(m *Manifest) { m.EOSTokenIDs = nil },
		"files is empty":             func(m *Manifest) { m.Files = nil },
		"a path outside the folder":  func(m *Manifest) { m.Files["../../etc/passwd"] = File{} },
		"a listed file is missing":   func(m *Manifest) { m.Files["tokenizer.json"] = File{} },
		"a path outside the folder ": func(m *Manifest) { m.Files["/etc/passwd"] = File{} },
	} {
		dir := filepath.Join(t.TempDir(), "tiny")
		writeFolder(t, dir, change)
		_, err := Open(dir)
		require.ErrorContains(t, err, strings.TrimSpace(reason))
	}
	encoder := func(change func(*Manifest)) func(*Manifest) {
		return func(m *Manifest) {
			*m = Manifest{
				FormatVersion: 1, Name: "tiny", Kind: KindEmbedding, Graph: GraphPackedEncoder, VocabSize: 4,
				Dimensions: 2, MaxLength: 8, Pooling: "mean", Prefixes: Prefixes{Query: "query: "}, Files: m.Files,
			}
			change(m)
		}
	}
	dir := filepath.Join(t.TempDir(), "encoder")
	writeFolder(t, dir, encoder(func(*Manifest) {}))
	m, err := Open(dir)
	require.NoError(t, err, "an encoder needs nothing of a language model")
	require.Equal(t, "query: ", m.Prefixes.Query)
	for reason, change := range map[string]func(*Manifest){
		`kind is "attention"`:     func(m *Manifest) { m.Kind = "attention" },
		"dimensions, max_length":  func(m *Manifest) { m.Dimensions = 0 },
		"vocab_size must be":      func(m *Manifest) { m.VocabSize = -1 },
		`pooling "cls"`:           func(m *Manifest) { m.Pooling = "cls" },
		"a path outside the fold": func(m *Manifest) { m.Files["../x"] = File{} },
	} {
		dir := filepath.Join(t.TempDir(), "encoder")
		writeFolder(t, dir, encoder(change))
		_, err := Open(dir)
		require.ErrorContains(t, err, reason)
	}
}

func TestOpenRecurrent(t *testing.T) {
	recurrent := func(change func(*Manifest)) func(*Manifest) {
		return func(m *Manifest) {
			*m = Manifest{
				FormatVersion: 1, Name: "tiny", Kind: KindGRU, Graph: GraphRecurrent, ContextLength: 8, VocabSize: 4, NumLayers: 1,
				HiddenSize: 2, EOSTokenIDs: []int32{2}, Files: m.Files,
			}
			change(m)
		}
	}
	for _, kind := range []string{KindRNN, KindLSTM, KindGRU} {
		dir := filepath.Join(t.TempDir(), "recurrent")
		writeFolder(t, dir, recurrent(func(m *Manifest) { m.Kind = kind }))
		m, err := Open(dir)
		require.NoError(t, err, "no heads are needed")
		require.Equal(t, kind, m.Kind)
	}
	for reason, change := range map[string]func(*Manifest){
		`kind is "attention", a "recurrent" graph is of kind "rnn", "lstm" or "gru"`: func(m *Manifest) { m.Kind = KindAttention },
		"context_length is 0":         func(m *Manifest) { m.ContextLength = 0 },
		"context_length is 16777217":  func(m *Manifest) { m.ContextLength = 1<<24 + 1 },
		"vocab_size is -1":            func(m *Manifest) { m.VocabSize = -1 },
		"num_layers is 1025":          func(m *Manifest) { m.NumLayers = 1025 },
		"hidden_size is 65537, must ": func(m *Manifest) { m.HiddenSize = 65537 },
		"eos_token_ids is empty":      func(m *Manifest) { m.EOSTokenIDs = nil },
	} {
		dir := filepath.Join(t.TempDir(), "recurrent")
		writeFolder(t, dir, recurrent(change))
		_, err := Open(dir)
		require.ErrorContains(t, err, reason)
	}
}

func TestOpenWithoutAManifest(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "make setup")
	require.NoError(t, os.WriteFile(filepath.Join(dir, ManifestName), []byte("{"), 0o600))
	_, err = Open(dir)
	require.ErrorContains(t, err, "not valid JSON")
	require.NoError(t, os.WriteFile(filepath.Join(dir, ManifestName), make([]byte, maxManifestBytes+1), 0o600))
	_, err = Open(dir)
	require.ErrorContains(t, err, "over 1048576 bytes")
}

func TestWhereThingsLie(t *testing.T) {
	t.Setenv("BEDSIDE_MODELS", "")
	t.Setenv("BEDSIDE_ORT_LIBRARY", "")
	t.Setenv("BEDSIDE_CACHE", "/cache")
	dir, err := ModelsDir()
	require.NoError(t, err)
	require.Equal(t, "/cache/models", dir)
	library, err := ORTLibrary()
	require.NoError(t, err)
	require.Equal(t, "/cache/onnxruntime/"+ORTVersion, filepath.Dir(library))
	t.Setenv("BEDSIDE_MODELS", "/models")
	t.Setenv("BEDSIDE_ORT_LIBRARY", "/lib/ort.so")
	dir, err = ModelsDir()
	require.NoError(t, err)
	require.Equal(t, "/models", dir)
	library, err = ORTLibrary()
	require.NoError(t, err)
	require.Equal(t, "/lib/ort.so", library)
}
