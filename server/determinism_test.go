package server

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

// promptLengths are in words; questions goes round them.
var promptLengths = []int{1, 2, 3, 7, 20, 65, 130, 300}

// questions are 20 requests, greedy and seeded, short and long, with every kind of sampling.
func questions() []*bedsidev1.GenerateRequest {
	var out []*bedsidev1.GenerateRequest
	for i := range 20 {
		text := prompt(uint64(100+i), promptLengths[i%len(promptLengths)])
		req := &bedsidev1.GenerateRequest{
			Input:    &bedsidev1.GenerateRequest_Prompt{Prompt: text},
			Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(16)), Logprobs: 2},
		}
		switch i % 4 {
		case 1:
			req.Sampling.Temperature, req.Sampling.Seed = 1, ptr(uint64(i))
		case 2:
			req.Sampling.Temperature, req.Sampling.TopP, req.Sampling.TopK = 0.8, ptr(float32(0.9)), 40
			req.Sampling.Seed, req.Sampling.RepetitionPenalty = ptr(uint64(i)), ptr(float32(1.2))
		case 3:
			req.Sampling.RepetitionPenalty = ptr(float32(1.1))
			req.Input = &bedsidev1.GenerateRequest_Chat{Chat: &bedsidev1.Chat{
				Messages: []*bedsidev1.ChatMessage{{Role: "user", Content: text}},
			}}
		}
		out = append(out, req)
	}
	return out
}

// ask answers all questions, the others among them at the same time, and returns each
// answer's text and log probabilities.
func ask(t *testing.T, s *Server, asked, others []*bedsidev1.GenerateRequest, atOnce bool) []string {
	t.Helper()
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	out := make([]string, len(asked))
	one := func(req *bedsidev1.GenerateRequest, answer *string) error {
		resp, err := client.Generate(t.Context(), req)
		if err == nil && answer != nil {
			*answer = fmt.Sprint(resp.GetText(), resp.GetLogprobs(), resp.GetFinishReason(), resp.GetUsage().GetPromptTokens(), resp.GetUsage().GetCompletionTokens())
		}
		return err
	}
	if !atOnce {
		for i, req := range asked {
			require.NoError(t, one(req, &out[i]))
		}
		return out
	}
	var wg sync.WaitGroup
	errs := make(chan error, len(asked)+len(others))
	for i := range max(len(asked), len(others)) {
		if i < len(others) {
			wg.Go(func() { errs <- one(others[i], nil) })
		}
		if i < len(asked) {
			wg.Go(func() { errs <- one(asked[i], &out[i]) })
		}
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	return out
}

// TestAnswersDoNotDependOnLoad asks 20 questions alone, among 44 others, and with prompts
// cut into chunks of several sizes. Texts and log probabilities must be the same bytes.
func TestAnswersDoNotDependOnLoad(t *testing.T) {
	asked := questions()
	var others []*bedsidev1.GenerateRequest
	for i := range 44 {
		others = append(others, &bedsidev1.GenerateRequest{
			Input:    &bedsidev1.GenerateRequest_Prompt{Prompt: prompt(uint64(500+i), 1+(i*37)%150)},
			Sampling: &bedsidev1.Sampling{MaxTokens: ptr(int32(1 + i%20)), Temperature: float32(i%2) * 0.7},
		})
	}
	s := startServer(t, nil)
	alone := ask(t, s, asked, nil, false)
	require.Equal(t, alone, ask(t, s, asked, others, true), "among others")

	for _, sizes := range []struct{ budget, chunk int }{{8, 2}, {8, 3}, {40, 17}, {256, 256}} {
		t.Run(fmt.Sprintf("budget %d chunk %d", sizes.budget, sizes.chunk), func(t *testing.T) {
			s := startServer(t, func(c *config.Config) {
				c.Slots, c.TokenBudget, c.MaxChunk = 8, sizes.budget, sizes.chunk
			})
			// The smallest chunks take the most steps: there, each length of prompt once.
			n := len(asked)
			if sizes.chunk < 8 {
				n = len(promptLengths)
			}
			require.Equal(t, alone[:n], ask(t, s, asked[:n], others[:4], true))
		})
	}
}
