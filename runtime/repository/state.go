package repository

import (
	"fmt"
	"time"
)

// Format says what kind of folder a version is.
type Format int

// The formats of folders.
const (
	// FormatBedside: bedside.json, the manifest, and the files that it lists.
	FormatBedside Format = iota + 1
	// FormatGenAI: genai_config.json, as onnxruntime-genai's model builder writes it.
	FormatGenAI
	// FormatONNX: an ONNX file, model.onnx unless the configuration names another.
	FormatONNX
)

// String returns the format's name in lower case.
func (f Format) String() string {
	switch f {
	case FormatBedside:
		return "bedside"
	case FormatGenAI:
		return "genai"
	case FormatONNX:
		return "onnx"
	}
	return fmt.Sprintf("format(%d)", int(f))
}

// Spec is one version of a model, to be loaded.
type Spec struct {
	Name     string
	Version  int64  // >= 1
	Root     string // the repository's root
	ModelDir string // <root>/<name>
	Dir      string // where the version's files lie: <root>/<name>/<version>, or ModelDir in a flat folder
	Format   Format
	Config   []byte // the text of config.pbtxt; nil where there is none
	// Digest is "sha256:" and a digest over all files of Dir by their relative paths (hidden and *.tmp ones left out); with
	// FormatBedside it is the manifest's, which names the files' digests.
	Digest string
}

// State is where a version stands in its life.
type State int

// The states of a version, in the order of a life.
const (
	// StateUnavailable: not loaded; it failed, it was unloaded, or nobody asked for it.
	StateUnavailable State = iota + 1
	// StateLoading: being loaded and warmed up, nothing serves yet.
	StateLoading
	// StateReady: takes requests.
	StateReady
	// StateUnloading: takes no new requests, running ones finish.
	StateUnloading
)

// String returns the state's name as the repository index of the inference protocol spells it.
func (s State) String() string {
	switch s {
	case StateUnavailable:
		return "UNAVAILABLE"
	case StateLoading:
		return "LOADING"
	case StateReady:
		return "READY"
	case StateUnloading:
		return "UNLOADING"
	}
	return fmt.Sprintf("STATE(%d)", int(s))
}

// Status tells how a version of a model is.
type Status struct {
	Name string
	// Version is 0 where the model has no version that could be named, such as in an empty folder.
	Version int64
	State   State
	// Reason says why it is in its state, where there is something to say. A version that is StateReady has one when loading
	// it anew is going on or failed, while the old instance serves.
	Reason string
	// Since is when it came into its state.
	Since  time.Time
	Format Format // 0 where unknown
	Digest string // of what serves; empty where nothing does
}
