package server

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/tenant"
)

// A prompt that begins as an earlier one of the same tenant is not run again, and no answer changes by that.
func TestPrefixesAreShared(t *testing.T) {
	with := startServer(t, nil)
	without := startServer(t, func(c *config.Config) { c.PrefixCacheTokens = 0 })
	ask := func(s *Server, who, text string) *bedsidev1.GenerateResponse {
		ctx := metadata.AppendToOutgoingContext(t.Context(), tenant.Key, who)
		resp, err := bedsidev1.NewGenerationServiceClient(dial(t, s)).Generate(ctx, promptRequest(text, &bedsidev1.Sampling{
			MaxTokens: ptr(int32(12)), Logprobs: 1,
		}))
		require.NoError(t, err)
		return resp
	}
	instructions := prompt(7, 150)
	first := ask(with, "a", instructions+" The heart rate is")
	require.Zero(t, first.GetUsage().GetCachedTokens())
	for i, end := range []string{" The heart rate is", " Potassium is", " The heart rate is 120 and"} {
		cached := ask(with, "a", instructions+end)
		require.Greater(t, cached.GetUsage().GetCachedTokens(), int32(100), i)
		require.Less(t, cached.GetUsage().GetCachedTokens(), cached.GetUsage().GetPromptTokens(), i)
		run := ask(without, "a", instructions+end)
		require.Zero(t, run.GetUsage().GetCachedTokens())
		require.Equal(t, run.GetText(), cached.GetText())
		require.Equal(t, fmt.Sprint(run.GetLogprobs()), fmt.Sprint(cached.GetLogprobs()))
	}
	require.Zero(t, ask(with, "b", instructions+" The heart rate is").GetUsage().GetCachedTokens(), "another tenant's")
	require.Positive(t, ask(with, "b", instructions+" The heart rate is").GetUsage().GetCachedTokens(), "its own")
}

// Many at once, of few slots, with beginnings in common and without: every answer is as it would be alone.
func TestPrefixesUnderLoad(t *testing.T) {
	with := startServer(t, func(c *config.Config) { c.Slots, c.PrefixCacheTokens = 4, 300 })
	without := startServer(t, func(c *config.Config) { c.PrefixCacheTokens = 0 })
	common := prompt(9, 60)
	ask := func(ctx context.Context, s *Server, i int) (string, error) {
		text := prompt(uint64(i), 5)
		if i%3 > 0 {
			text = common + prompt(uint64(i%5), 10*(i%4)) + text
		}
		ctx = metadata.AppendToOutgoingContext(ctx, tenant.Key, string(rune('a'+i%2)))
		resp, err := bedsidev1.NewGenerationServiceClient(dial(t, s)).Generate(ctx, promptRequest(text, &bedsidev1.Sampling{
			MaxTokens: ptr(int32(1 + i%7)), Logprobs: 1,
		}))
		return fmt.Sprint(resp.GetText(), resp.GetLogprobs()), err
	}
	var group sync.WaitGroup
	got, failed := make([]string, 60), make([]error, 60)
	for i := range got {
		group.Go(func() { got[i], failed[i] = ask(t.Context(), with, i) })
	}
	group.Wait()
	for i := range got {
		require.NoError(t, failed[i])
		want, err := ask(t.Context(), without, i)
		require.NoError(t, err)
		require.Equal(t, want, got[i], i)
	}
}
