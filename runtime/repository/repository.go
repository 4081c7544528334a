// Package repository finds models on disk, and loads, replaces and closes them while requests go on.
//
// A repository is a folder of model folders, laid out as Triton Inference Server's are:
//
//	<root>/<name>/config.pbtxt            optional
//	<root>/<name>/<version>/model.onnx    and what belongs to it; a version is 1, 2, 3, ...
//
// A version folder may also hold bedside.json or genai_config.json, and a model of one version may do without a version
// folder where one of these two lies in <root>/<name> itself; it is version 1 then. Hidden names and *.tmp are passed over.
//
// bedside.json is the manifest that the exporter writes last. It lists the files with their SHA-256 digests, so that the
// manifest's own digest names the whole folder.
//
// Manager holds the models. It knows nothing of what a model is: Operations load and close it.
package repository

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ManifestName is the manifest's file name within a model folder.
const ManifestName = "bedside.json"

const (
	formatVersion    = 1
	maxManifestBytes = 1 << 20
)

// Manifest describes a model folder.
type Manifest struct {
	FormatVersion  int             `json:"format_version"`
	Name           string          `json:"name"`
	Version        string          `json:"version"`
	Kind           string          `json:"kind"`      // KindAttention, KindRNN, KindLSTM, KindGRU, KindEmbedding
	Graph          string          `json:"graph"`     // GraphPackedGQA, GraphFused, GraphRecurrent, GraphPackedEncoder
	Precision      string          `json:"precision"` // "w8a8g16", "w8a8", "int8", "fp16", "fp32"
	Languages      []string        `json:"languages"` // BCP 47
	License        string          `json:"license"`   // SPDX
	ContextLength  int             `json:"context_length"`
	VocabSize      int             `json:"vocab_size"`
	HiddenSize     int             `json:"hidden_size"`
	NumLayers      int             `json:"num_layers"`
	NumHeads       int             `json:"num_heads"`
	NumKVHeads     int             `json:"num_kv_heads"`
	HeadDim        int             `json:"head_dim"`
	EOSTokenIDs    []int32         `json:"eos_token_ids"`
	BatchInvariant bool            `json:"batch_invariant"`
	Quality        *Quality        `json:"quality"`
	Files          map[string]File `json:"files"`

	// Of embedding models only.
	Dimensions int      `json:"dimensions,omitempty"` // length of a vector
	MaxLength  int      `json:"max_length,omitempty"` // most tokens of a text
	Pooling    string   `json:"pooling,omitempty"`    // "mean"
	Normalize  bool     `json:"normalize,omitempty"`  // vectors have length 1
	Prefixes   Prefixes `json:"prefixes,omitzero"`

	// GenAI is set where Graph is GraphGenAI.
	GenAI *GenAI `json:"-"`

	// Dir is the folder, Digest "sha256:" and the digest of the manifest's bytes.
	Dir    string `json:"-"`
	Digest string `json:"-"`
}

// The graphs that can be run.
const (
	// GraphPackedGQA is the packed, ragged graph with a cache per layer that
	// scripts/export/README.md describes.
	GraphPackedGQA = "packed-gqa"
	// GraphFused is the graph of our own operators (runtime/ort/internal/kernels), with a cache of 8 bits in one piece a sequence.
	GraphFused = "fused-int8"
	// GraphRecurrent is the graph with a state of constant size per layer that scripts/export/README.md describes.
	GraphRecurrent = "recurrent"
	// GraphPackedEncoder is an encoder over packed tokens with one vector per text.
	GraphPackedEncoder = "packed-encoder"
)

// The kinds of models.
const (
	KindAttention = "attention"
	KindRNN       = "rnn"       // Elman network
	KindLSTM      = "lstm"      // long short-term memory
	KindGRU       = "gru"       // gated recurrent unit
	KindEmbedding = "embedding" // turns texts into vectors
)

// Limits of a manifest's sizes, which no model comes near; they keep products of them within what can be counted.
const (
	maxLayers  = 1 << 10
	maxWidth   = 1 << 16
	maxContext = 1 << 24
)

// Prefixes are put before a text to tell an embedding model what it is for.
type Prefixes struct {
	Query   string `json:"query"`
	Passage string `json:"passage"`
}

// Quality says how the model was judged against its reference at export.
type Quality struct {
	MeanKL        float64 `json:"mean_kl"` // nats
	Top1Agreement float64 `json:"top1_agreement"`
	Tokens        int     `json:"tokens"`
	Reference     string  `json:"reference"`
}

// File is one file of the folder.
type File struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// Error says why a model folder cannot be used. Is(err, fs.ErrNotExist) holds where
// there is no such folder.
type Error struct {
	Dir    string
	Reason string
	Err    error
}

func (e *Error) Error() string {
	msg := fmt.Sprintf("model folder %s: %s", e.Dir, e.Reason)
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

func (e *Error) Unwrap() error { return e.Err }

// Open reads and checks the manifest of one model folder, and that its files are
// there in the sizes listed. Verify compares the digests as well.
func Open(dir string) (*Manifest, error) {
	fail := func(reason string, err error) (*Manifest, error) {
		return nil, &Error{Dir: dir, Reason: reason, Err: err}
	}
	f, err := os.Open(filepath.Join(dir, ManifestName))
	if err != nil {
		return fail("no manifest (run 'make setup' to export the default model)", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifestBytes+1))
	if err != nil {
		return fail("cannot read the manifest", err)
	}
	if len(data) > maxManifestBytes {
		return fail(fmt.Sprintf("manifest over %d bytes", maxManifestBytes), nil)
	}
	m := &Manifest{Dir: dir}
	if err := json.Unmarshal(data, m); err != nil {
		return fail("manifest is not valid JSON", err)
	}
	sum := sha256.Sum256(data)
	m.Digest = "sha256:" + hex.EncodeToString(sum[:])
	if reason := m.invalid(); reason != "" {
		return fail(reason, nil)
	}
	for name, want := range m.Files {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return fail("a listed file is missing", err)
		}
		if info.Size() != want.Bytes {
			return fail(fmt.Sprintf("%s has %d bytes, the manifest says %d; run 'make setup' again", name, info.Size(), want.Bytes), nil)
		}
	}
	return m, nil
}

// invalid returns what is wrong with the manifest's contents, or "".
func (m *Manifest) invalid() string {
	switch {
	case m.FormatVersion != formatVersion:
		return fmt.Sprintf("format_version is %d, this build reads %d", m.FormatVersion, formatVersion)
	case m.Name == "":
		return "name is empty"
	case len(m.Files) == 0:
		return "files is empty"
	}
	for name := range m.Files {
		if !filepath.IsLocal(name) {
			return "files names a path outside the folder"
		}
	}
	switch m.Graph {
	case GraphPackedGQA, GraphFused:
		return m.invalidLanguage()
	case GraphRecurrent:
		return m.invalidRecurrent()
	case GraphPackedEncoder:
		return m.invalidEmbedding()
	}
	return fmt.Sprintf("graph %q is not supported (%q, %q, %q and %q are)", m.Graph, GraphPackedGQA, GraphFused, GraphRecurrent, GraphPackedEncoder)
}

func (m *Manifest) invalidRecurrent() string {
	if m.Kind != KindRNN && m.Kind != KindLSTM && m.Kind != KindGRU {
		return fmt.Sprintf("kind is %q, a %q graph is of kind %q, %q or %q", m.Kind, m.Graph, KindRNN, KindLSTM, KindGRU)
	}
	for _, n := range []struct {
		name       string
		value, max int
	}{
		{"context_length", m.ContextLength, maxContext}, {"vocab_size", m.VocabSize, maxContext},
		{"num_layers", m.NumLayers, maxLayers}, {"hidden_size", m.HiddenSize, maxWidth},
	} {
		if n.value < 1 || n.value > n.max {
			return fmt.Sprintf("%s is %d, must be from 1 to %d", n.name, n.value, n.max)
		}
	}
	return m.invalidEnds()
}

// invalidEnds judges the tokens that end a text.
func (m *Manifest) invalidEnds() string {
	if len(m.EOSTokenIDs) == 0 {
		return "eos_token_ids is empty: no text would ever end"
	}
	return ""
}

func (m *Manifest) invalidLanguage() string {
	if m.ContextLength < 1 || m.VocabSize < 1 || m.NumLayers < 1 || m.NumKVHeads < 1 || m.HeadDim < 1 {
		return "context_length, vocab_size, num_layers, num_kv_heads and head_dim must be positive"
	}
	return m.invalidEnds()
}

func (m *Manifest) invalidEmbedding() string {
	switch {
	case m.Kind != KindEmbedding:
		return fmt.Sprintf("kind is %q, a %q graph is of kind %q", m.Kind, m.Graph, KindEmbedding)
	case m.Dimensions < 1 || m.MaxLength < 1 || m.VocabSize < 1:
		return "dimensions, max_length and vocab_size must be positive"
	case m.Pooling != "mean":
		return fmt.Sprintf("pooling %q is not supported (only \"mean\" is)", m.Pooling)
	}
	return ""
}

// Verify reads every file of the folder and compares its SHA-256 with the manifest's.
func (m *Manifest) Verify() error { return m.verify(context.Background()) }

func (m *Manifest) verify(ctx context.Context) error {
	for name, want := range m.Files {
		got, err := fileDigest(ctx, m.Path(name))
		if err == nil && got != want.SHA256 {
			err = fmt.Errorf("SHA-256 is %s, the manifest says %s", got, want.SHA256)
		}
		if err != nil {
			return &Error{Dir: m.Dir, Reason: name, Err: err}
		}
	}
	return nil
}

// Path returns where a file of the folder lies.
func (m *Manifest) Path(name string) string { return filepath.Join(m.Dir, name) }
