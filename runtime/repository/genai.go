package repository

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// GraphGenAI is a decoder as onnxruntime-genai's model builder writes it: GroupQueryAttention over rows of equal length,
// with an attention mask.
const GraphGenAI = "genai"

// What no model comes near; it keeps sizes within what can be counted.
const (
	maxGenAILayers = 1 << 10
	maxGenAIWidth  = 1 << 16 // of a layer's keys: heads times their size
	maxGenAITokens = 1 << 24 // of the vocabulary, and of the context
	maxGenAIEOS    = 64
)

// GenAI says how the graph of a genai_config.json calls its inputs and outputs. The cache's names hold one %d, which
// stands for the layer.
type GenAI struct {
	Window                                       int    // least tokens that a slot must have room for
	File                                         string // of the graph, within the folder
	InputIDs, AttentionMask, PositionIDs, Logits string // PositionIDs may be empty
	PastKey, PastValue, PresentKey, PresentValue string
}

// genaiConfig is genai_config.json, as far as it is read. Objects whose presence alone matters stay raw.
type genaiConfig struct {
	Model struct {
		Type          string          `json:"type"`
		ContextLength int             `json:"context_length"`
		VocabSize     int             `json:"vocab_size"`
		EOS           tokenIDs        `json:"eos_token_id"`
		Encoder       json.RawMessage `json:"encoder"`
		Vision        json.RawMessage `json:"vision"`
		Speech        json.RawMessage `json:"speech"`
		Embedding     json.RawMessage `json:"embedding"`
		Decoder       struct {
			Filename      string            `json:"filename"`
			HeadSize      int               `json:"head_size"`
			HiddenSize    int               `json:"hidden_size"`
			NumHeads      int               `json:"num_attention_heads"`
			NumKVHeads    int               `json:"num_key_value_heads"`
			NumLayers     int               `json:"num_hidden_layers"`
			Inputs        map[string]string `json:"inputs"`
			Outputs       map[string]string `json:"outputs"`
			Pipeline      json.RawMessage   `json:"pipeline"`
			SlidingWindow *slidingWindow    `json:"sliding_window"`
		} `json:"decoder"`
	} `json:"model"`
	Search struct {
		ShareBuffer *bool `json:"past_present_share_buffer"`
	} `json:"search"`
}

// slidingWindow says that some layers look back so many tokens only.
type slidingWindow struct {
	Size        int   `json:"window_size"`
	Layers      []int `json:"layers"`
	SlideCache  bool  `json:"slide_key_value_cache"`
	SlideInputs bool  `json:"slide_inputs"`
}

// tokenIDs is one token id or a list of them.
type tokenIDs []int32

func (t *tokenIDs) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte{'['}) {
		return json.Unmarshal(data, (*[]int32)(t))
	}
	var one int32
	err := json.Unmarshal(data, &one)
	*t = tokenIDs{one}
	return err
}

// OpenGenAI makes a manifest of a folder of onnxruntime-genai's model builder. Such a folder says nothing of its licence,
// its precision or its own digest, so these stay empty; its name is the folder's. Kinds of models that cannot be
// served are *Error, naming the setting.
func OpenGenAI(dir string) (*Manifest, error) {
	fail := func(reason string, err error) (*Manifest, error) {
		return nil, &Error{Dir: dir, Reason: GenAIConfigName + ": " + reason, Err: err}
	}
	path := filepath.Join(dir, GenAIConfigName)
	info, err := os.Stat(path)
	if err != nil {
		return fail("cannot be read", err)
	}
	data, err := readBounded(path, info, maxManifestBytes)
	if err != nil {
		return fail("cannot be read", err)
	}
	m, reason := parseGenAI(data)
	if reason != "" {
		return fail(reason, nil)
	}
	m.Name, m.Dir = filepath.Base(dir), dir
	if _, err := os.Stat(m.Path(m.GenAI.File)); err != nil {
		return fail("model.decoder.filename", err)
	}
	return m, nil
}

// parseGenAI reads a genai_config.json and says what is wrong with it, if anything is.
func parseGenAI(data []byte) (*Manifest, string) {
	var c genaiConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, "not valid: " + err.Error()
	}
	if reason := c.unsupported(); reason != "" {
		return nil, reason
	}
	d := c.Model.Decoder
	names, reason := c.names()
	if reason != "" {
		return nil, reason
	}
	m := &Manifest{
		FormatVersion: formatVersion, Version: "1", Kind: "attention", Graph: GraphGenAI,
		ContextLength: c.Model.ContextLength, VocabSize: c.Model.VocabSize, HiddenSize: d.HiddenSize,
		NumLayers: d.NumLayers, NumHeads: d.NumHeads, NumKVHeads: d.NumKVHeads, HeadDim: d.HeadSize,
		EOSTokenIDs: c.Model.EOS, GenAI: names,
	}
	for _, n := range []struct {
		name       string
		value, max int
	}{
		{"model.context_length", m.ContextLength, maxGenAITokens}, {"model.vocab_size", m.VocabSize, maxGenAITokens},
		{"model.decoder.head_size", m.HeadDim, maxGenAIWidth}, {"model.decoder.num_hidden_layers", m.NumLayers, maxGenAILayers},
		{"model.decoder.num_key_value_heads", m.NumKVHeads, maxGenAIWidth / max(1, min(m.HeadDim, maxGenAIWidth))},
	} {
		if n.value < 1 || n.value > n.max {
			return nil, fmt.Sprintf("%s is %d, must be from 1 to %d", n.name, n.value, n.max)
		}
	}
	if len(m.EOSTokenIDs) == 0 || len(m.EOSTokenIDs) > maxGenAIEOS {
		return nil, "model.eos_token_id must be a token or a short list of them: else no text would ever end"
	}
	for _, id := range m.EOSTokenIDs {
		if id < 0 || int(id) >= m.VocabSize {
			return nil, "model.eos_token_id is not in the vocabulary"
		}
	}
	return m, ""
}

// unsupported names the first setting that makes a model one of a kind that cannot be served.
func (c *genaiConfig) unsupported() string {
	m := &c.Model
	for _, part := range []struct {
		name string
		raw  json.RawMessage
		what string
	}{
		{"model.encoder", m.Encoder, "models with an encoder"},
		{"model.vision", m.Vision, "models that take images"},
		{"model.speech", m.Speech, "models that take sound"},
		{"model.embedding", m.Embedding, "models that take embeddings"},
		{"model.decoder.pipeline", m.Decoder.Pipeline, "decoders of several graphs"},
	} {
		if len(part.raw) > 0 && string(part.raw) != "null" {
			return part.name + ": " + part.what + " are not supported"
		}
	}
	// Where layers are listed, the graph itself looks no further back, and a whole cache does. Else the runtime is to
	// forget what is out of the window.
	if w := m.Decoder.SlidingWindow; w != nil && (w.SlideCache || w.SlideInputs || len(w.Layers) == 0) {
		return "model.decoder.sliding_window: windows that the graph does not keep by itself are not supported"
	}
	if share := c.Search.ShareBuffer; share == nil || !*share {
		return "search.past_present_share_buffer is not true: only graphs with GroupQueryAttention, which extend their cache in place, are supported"
	}
	return ""
}

// names finds what the graph calls its inputs and outputs.
func (c *genaiConfig) names() (*GenAI, string) {
	d := &c.Model.Decoder
	out := &GenAI{File: d.Filename}
	if d.SlidingWindow != nil {
		out.Window = d.SlidingWindow.Size
	}
	if !filepath.IsLocal(d.Filename) {
		return nil, "model.decoder.filename must name a file of the folder"
	}
	known := map[string]bool{}
	for _, n := range []struct {
		from     map[string]string
		key      string
		to       *string
		required bool
	}{
		{d.Inputs, "input_ids", &out.InputIDs, true}, {d.Inputs, "attention_mask", &out.AttentionMask, true},
		{d.Inputs, "position_ids", &out.PositionIDs, false},
		{d.Inputs, "past_key_names", &out.PastKey, true}, {d.Inputs, "past_value_names", &out.PastValue, true},
		{d.Outputs, "logits", &out.Logits, true},
		{d.Outputs, "present_key_names", &out.PresentKey, true}, {d.Outputs, "present_value_names", &out.PresentValue, true},
	} {
		known[n.key] = true
		*n.to = n.from[n.key]
		if *n.to == "" && n.required {
			return nil, fmt.Sprintf("model.decoder names no %s: only decoders that have it are supported", n.key)
		}
		if pattern := strings.HasSuffix(n.key, "_names"); pattern && (strings.Count(*n.to, "%") != 1 || !strings.Contains(*n.to, "%d")) {
			return nil, fmt.Sprintf("model.decoder: %s must hold %%d once, for the layer", n.key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.Inputs)) {
		if !known[key] {
			return nil, fmt.Sprintf("model.decoder.inputs.%s is not supported", key)
		}
	}
	return out, ""
}
