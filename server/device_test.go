package server

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/config"
)

const deviceModels = "../testdata/device/models"

// deviceKinds are the models there, with what kind each is of.
var deviceKinds = map[string]string{"rnn": "rnn", "lstm": "lstm", "gru": "gru", "gru-int8": "gru", "attention": "attention"}

// withDeviceModels serves the tiny models of the project's own four kinds.
func withDeviceModels(c *config.Config) { c.Model, c.ModelRepository = "", []string{deviceModels} }

// deviceQuestions are requests to every model, greedy and seeded.
func deviceQuestions(n int) []*bedsidev1.GenerateRequest {
	var out []*bedsidev1.GenerateRequest
	names := slices.Sorted(maps.Keys(deviceKinds))
	for i := range n {
		req := &bedsidev1.GenerateRequest{
			Model:    names[i%len(names)],
			Input:    &bedsidev1.GenerateRequest_Prompt{Prompt: strings.Repeat(fmt.Sprint("Ab", i), 1+i%8)},
			Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(1 + i%24)), Logprobs: 2},
		}
		if i%2 == 1 {
			req.Sampling.Temperature, req.Sampling.Seed = 1, ptr(uint64(i))
		}
		out = append(out, req)
	}
	return out
}

// Every kind is chosen by name, and answers alone as it does among many and however its prompt is cut.
func TestDeviceModelsAnswerTheSameWhateverTheLoad(t *testing.T) {
	asked := deviceQuestions(40)
	s := startServer(t, withDeviceModels)
	alone := ask(t, s, asked, nil, false)
	require.Equal(t, alone, ask(t, s, asked, deviceQuestions(60), true), "among others")
	for _, sizes := range []struct{ slots, budget, chunk int }{{2, 4, 2}, {8, 8, 3}, {64, 256, 128}} {
		s := startServer(t, func(c *config.Config) {
			withDeviceModels(c)
			c.Slots, c.TokenBudget, c.MaxChunk = sizes.slots, sizes.budget, sizes.chunk
		})
		require.Equal(t, alone, ask(t, s, asked, nil, true), "%+v", sizes)
	}
}

func TestDeviceModelsAreDescribed(t *testing.T) {
	s := startServer(t, func(c *config.Config) {
		withDeviceModels(c)
		c.SlotCapacity = 16
	})
	list, err := bedsidev1.NewModelServiceClient(dial(t, s)).ListModels(t.Context(), &bedsidev1.ListModelsRequest{})
	require.NoError(t, err)
	seen := map[string]string{}
	for _, m := range list.GetModels() {
		name := m.GetReference().GetName()
		if _, ours := deviceKinds[name]; !ours {
			continue
		}
		require.Equal(t, bedsidev1.ModelState_MODEL_STATE_READY, m.GetState(), name)
		require.True(t, m.GetBatchInvariant(), name)
		seen[name] = m.GetKind()
		want := int32(64) // a state takes the same memory for the whole context
		if m.GetKind() == "attention" {
			want = 16
		}
		require.Equal(t, want, m.GetContextLength(), name)
	}
	require.Equal(t, deviceKinds, seen)
}

// A token's score is its log probability where a text is written.
func TestDeviceModelsScoreAsTheyWrite(t *testing.T) {
	s := startServer(t, withDeviceModels)
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	for _, name := range slices.Sorted(maps.Keys(deviceKinds)) {
		written, err := client.Generate(t.Context(), &bedsidev1.GenerateRequest{
			Model: name, Input: &bedsidev1.GenerateRequest_Prompt{Prompt: "Ab12"},
			Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(1)), Logprobs: 20},
		})
		require.NoError(t, err)
		compared := 0
		for _, token := range written.GetLogprobs()[0].GetTop() {
			piece := string(token.GetPiece())
			if len(piece) != 1 || piece[0] >= 0x80 {
				continue // part of a character, or several tokens when read again
			}
			scored, err := client.Score(t.Context(), &bedsidev1.ScoreRequest{
				Model: name, Input: &bedsidev1.ScoreRequest_Prompt{Prompt: "Ab12"}, Continuations: []string{piece},
			})
			require.NoError(t, err, name)
			require.Equal(t, token.GetLogprob(), scored.GetScores()[0].GetTokens()[0].GetLogprob(), "%s: %q", name, piece)
			compared++
		}
		require.Positive(t, compared, name)
	}
}

// A text's score does not depend on how many of it are scored at once, nor on how the prompt was cut.
func TestDeviceModelsScoreTheSameHoweverCut(t *testing.T) {
	score := func(chunk int, atOnce bool) (out []string) {
		s := startServer(t, func(c *config.Config) {
			withDeviceModels(c)
			c.Slots, c.TokenBudget, c.MaxChunk = 4, 2*chunk, chunk
		})
		client := bedsidev1.NewGenerationServiceClient(dial(t, s))
		texts := []string{ // with beginnings in common, and more than one slot has room for
			"1 Ab", "Ab2", "x", "a longer text", "1 Ab7", "1 A", "1 Axy", "1 B", "a longer tuxt", "a longer tuxts", "xy", "x", "another longer text",
		}
		for _, name := range slices.Sorted(maps.Keys(deviceKinds)) {
			for first := 0; first < len(texts); first++ {
				part := texts
				if !atOnce {
					part = texts[first : first+1]
				}
				resp, err := client.Score(t.Context(), &bedsidev1.ScoreRequest{
					Model: name, Input: &bedsidev1.ScoreRequest_Prompt{Prompt: "Ab12, Ab; xyz"}, Continuations: part,
				})
				require.NoError(t, err)
				for _, s := range resp.GetScores() {
					out = append(out, fmt.Sprint(name, s.GetTotalLogprob(), s.GetTokens()))
				}
				if atOnce {
					break
				}
			}
		}
		return out
	}
	want := score(40, false)
	require.Equal(t, want, score(2, true))
	require.Equal(t, want, score(3, true))
}

func TestDeviceModelsSpeakTheInferenceProtocol(t *testing.T) {
	s := startServer(t, withDeviceModels)
	client := inference.NewGRPCInferenceServiceClient(dial(t, s))
	for name := range deviceKinds {
		out, err := client.ModelInfer(t.Context(), &inference.ModelInferRequest{
			ModelName: name,
			Inputs: []*inference.ModelInferRequest_InferInputTensor{{
				Name: "text_input", Datatype: "BYTES", Shape: []int64{1}, Contents: &inference.InferTensorContents{BytesContents: [][]byte{[]byte("Ab12")}},
			}},
			Parameters: map[string]*inference.InferParameter{"max_tokens": {ParameterChoice: &inference.InferParameter_Int64Param{Int64Param: 4}}},
		})
		require.NoError(t, err, name)
		require.NotEmpty(t, out.GetOutputs(), name)
	}
}

// A stream that is cancelled frees its slot, and a new text in it knows nothing of the old one.
func TestDeviceModelsFreeTheSlotsOfCancelledStreams(t *testing.T) {
	only := withoutTemplate(t, "lstm")
	s := startServer(t, func(c *config.Config) {
		only(c)
		c.Slots = 1
	})
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	request := &bedsidev1.GenerateRequest{
		Model: "lstm", Input: &bedsidev1.GenerateRequest_Prompt{Prompt: "Ab"}, Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(60))},
	}
	want, err := client.Generate(t.Context(), request)
	require.NoError(t, err)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := client.StreamGenerate(ctx, &bedsidev1.GenerateRequest{
			Model: "lstm", Input: &bedsidev1.GenerateRequest_Prompt{Prompt: "other"}, Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(58))},
		})
		require.NoError(t, err)
		_, _ = stream.Recv()
		cancel()
		got, err := client.Generate(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, want.GetText(), got.GetText())
	}
	require.Eventually(t, func() bool { return gauge(t, s, "bedside_requests_running") == 0 }, 5*time.Second, 10*time.Millisecond)
	require.Zero(t, gauge(t, s, "bedside_kv_cache_capacity_tokens"), "there is no such cache")
}

// A prompt that is too long, and a chat that a model has no template for, are refused by field.
func TestDeviceModelsRefuse(t *testing.T) {
	s := startServer(t, withoutTemplate(t, "gru"))
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	_, err := client.Generate(t.Context(), &bedsidev1.GenerateRequest{Input: &bedsidev1.GenerateRequest_Prompt{Prompt: strings.Repeat("x", 65)}})
	require.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
	_, err = client.Generate(t.Context(), &bedsidev1.GenerateRequest{Input: &bedsidev1.GenerateRequest_Chat{
		Chat: &bedsidev1.Chat{Messages: []*bedsidev1.ChatMessage{{Role: "user", Content: "Ab"}}},
	}})
	require.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
	require.ErrorContains(t, err, "chat template")
	_, err = client.Generate(t.Context(), &bedsidev1.GenerateRequest{
		Input: &bedsidev1.GenerateRequest_Prompt{Prompt: "Ab"}, Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(3))},
	})
	require.NoError(t, err)
}

// withoutTemplate serves one model alone, as its default, and takes its chat template away.
func withoutTemplate(t *testing.T, name string) func(*config.Config) {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, name)
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(deviceModels, name))))
	for _, file := range []string{"chat_template.jinja", "tokenizer_config.json"} { // either may hold it
		require.NoError(t, os.Remove(filepath.Join(dir, file)))
	}
	path := filepath.Join(dir, repository.ManifestName)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var manifest map[string]any
	require.NoError(t, json.Unmarshal(data, &manifest))
	files := manifest["files"].(map[string]any)
	delete(files, "chat_template.jinja")
	delete(files, "tokenizer_config.json")
	data, err = json.Marshal(manifest)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return func(c *config.Config) { c.Model, c.ModelRepository = name, []string{root} }
}
