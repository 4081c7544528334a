package repository

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// genaiText is what the model builder writes, shortened.
const genaiText = `{
  "model": {
    "bos_token_id": 1, "context_length": 8192, "eos_token_id": [2, 0], "pad_token_id": 2, "type": "llama", "vocab_size": 49152,
    "decoder": {
      "session_options": {"log_id": "onnxruntime-genai", "provider_options": []},
      "filename": "model.onnx", "head_size": 64, "hidden_size": 576,
      "inputs": {"input_ids": "input_ids", "attention_mask": "attention_mask",
                 "past_key_names": "past_key_values.%d.key", "past_value_names": "past_key_values.%d.value"},
      "outputs": {"logits": "logits", "present_key_names": "present.%d.key", "present_value_names": "present.%d.value"},
      "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3
    }
  },
  "search": {"do_sample": false, "past_present_share_buffer": true, "temperature": 1.0}
}`

func TestOpenGenAI(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "smollm2")
	require.NoError(t, os.Mkdir(dir, 0o700))
	_, err := OpenGenAI(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(dir, GenAIConfigName), []byte(genaiText), 0o600))
	_, err = OpenGenAI(dir)
	require.ErrorContains(t, err, "model.decoder.filename")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.onnx"), nil, 0o600))
	m, err := OpenGenAI(dir)
	require.NoError(t, err)
	require.Equal(t, &Manifest{
		FormatVersion: 1, Name: "smollm2", Version: "1", Kind: "attention", Graph: GraphGenAI, ContextLength: 8192, VocabSize: 49152,
		HiddenSize: 576, NumLayers: 30, NumHeads: 9, NumKVHeads: 3, HeadDim: 64, EOSTokenIDs: []int32{2, 0}, Dir: dir,
		GenAI: &GenAI{
			File: "model.onnx", InputIDs: "input_ids", AttentionMask: "attention_mask", Logits: "logits",
			PastKey: "past_key_values.%d.key", PastValue: "past_key_values.%d.value",
			PresentKey: "present.%d.key", PresentValue: "present.%d.value",
		},
	}, m)
}

func TestGenAIVariants(t *testing.T) {
	m, reason := parseGenAI([]byte(strings.Replace(genaiText, `[2, 0]`, `2`, 1)))
	require.Empty(t, reason)
	require.Equal(t, []int32{2}, m.EOSTokenIDs)
	m, reason = parseGenAI([]byte(strings.Replace(genaiText, `"input_ids":`, `"position_ids": "position_ids", "input_ids":`, 1)))
	require.Empty(t, reason)
	require.Equal(t, "position_ids", m.GenAI.PositionIDs)
	m, reason = parseGenAI([]byte(strings.Replace(genaiText, `"head_size": 64,`, `"head_size": 64, "sliding_window": {"window_size": 9, "layers": [0, 2]},`, 1)))
	require.Empty(t, reason)
	require.Equal(t, 9, m.GenAI.Window)
}

func TestGenAIRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"no JSON":           {`"model": {`, `"model": {,`, "not valid"},
		"a wrong type":      {`"vocab_size": 49152`, `"vocab_size": "many"`, "model.vocab_size"},
		"encoder":           {`"decoder": {`, `"encoder": {}, "decoder": {`, "model.encoder: models with an encoder are not supported"},
		"vision":            {`"decoder": {`, `"vision": {"filename": "v.onnx"}, "decoder": {`, "model.vision"},
		"speech":            {`"decoder": {`, `"speech": {}, "decoder": {`, "model.speech"},
		"embedding":         {`"decoder": {`, `"embedding": {}, "decoder": {`, "model.embedding"},
		"pipeline":          {`"head_size": 64,`, `"head_size": 64, "pipeline": [],`, "model.decoder.pipeline"},
		"a bare window":     {`"head_size": 64,`, `"head_size": 64, "sliding_window": {"window_size": 9, "layers": []},`, "model.decoder.sliding_window"},
		"a sliding cache":   {`"head_size": 64,`, `"head_size": 64, "sliding_window": {"layers": [1], "slide_key_value_cache": true},`, "model.decoder.sliding_window"},
		"sliding inputs":    {`"head_size": 64,`, `"head_size": 64, "sliding_window": {"layers": [1], "slide_inputs": true},`, "model.decoder.sliding_window"},
		"growing cache":     {`"past_present_share_buffer": true`, `"past_present_share_buffer": false`, "search.past_present_share_buffer"},
		"unsaid cache":      {`"past_present_share_buffer": true, `, ``, "search.past_present_share_buffer"},
		"foreign file":      {`"model.onnx"`, `"../model.onnx"`, "model.decoder.filename"},
		"no mask":           {`"attention_mask": "attention_mask",`, ``, "model.decoder names no attention_mask"},
		"another input":     {`"attention_mask": "attention_mask",`, `"attention_mask": "m", "block_table": "b",`, "model.decoder.inputs.block_table"},
		"a name for all":    {`"present.%d.key"`, `"present.key"`, "present_key_names must hold %d once"},
		"another pattern":   {`"present.%d.key"`, `"present.%d.%s"`, "present_key_names must hold %d once"},
		"no layers":         {`"num_hidden_layers": 30`, `"num_hidden_layers": 0`, "model.decoder.num_hidden_layers is"},
		"too many layers":   {`"num_hidden_layers": 30`, `"num_hidden_layers": 30000`, "num_hidden_layers is 30000, must be from 1 to 1024"},
		"no head size":      {`"head_size": 64`, `"head_size": -64`, "model.decoder.head_size is"},
		"no context":        {`"context_length": 8192`, `"context_length": 0`, "model.context_length is"},
		"no end":            {`[2, 0]`, `[]`, "model.eos_token_id must be"},
		"end out of range":  {`[2, 0]`, `49152`, "model.eos_token_id is not in the vocabulary"},
		"end is no number":  {`[2, 0]`, `"</s>"`, "not valid"},
		"end is not whole":  {`[2, 0]`, `[2.5]`, "not valid"},
		"end is missing":    {`"eos_token_id": [2, 0],`, ``, "model.eos_token_id must be"},
		"more than a value": {genaiText, genaiText + "x", "not valid"},
	} {
		require.Contains(t, genaiText, c.old, name)
		_, reason := parseGenAI([]byte(strings.Replace(genaiText, c.old, c.new, 1)))
		require.Contains(t, reason, c.want, name)
	}
}

func TestGenAIConfigIsBounded(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, GenAIConfigName), make([]byte, maxManifestBytes+1), 0o600))
	_, err := OpenGenAI(dir)
	var e *Error
	require.True(t, errors.As(err, &e))
	require.Equal(t, dir, e.Dir)
}

func FuzzGenAI(f *testing.F) {
	f.Add([]byte(genaiText))
	f.Add([]byte(`{"model": {"eos_token_id": 7}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, reason := parseGenAI(data)
		require.Equal(t, reason == "", m != nil)
		if m == nil {
			return
		}
		require.True(t, filepath.IsLocal(m.GenAI.File))
		require.Positive(t, 2*m.NumLayers*m.NumKVHeads*m.HeadDim*m.ContextLength, "what a sequence's cache holds can be counted")
		require.NotEmpty(t, m.EOSTokenIDs)
	})
}
