package server

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// TestEmbedding asks one server for vectors, well and badly. What it was asked stands neither in errors nor in the log.
func TestEmbedding(t *testing.T) {
	const query, passage = bedsidev1.EmbeddingKind_EMBEDDING_KIND_QUERY, bedsidev1.EmbeddingKind_EMBEDDING_KIND_PASSAGE
	var log bytes.Buffer
	cfg := defaults(t)
	cfg.Model, cfg.EmbeddingModel = "", "multilingual-e5-small"
	s, err := Start(t.Context(), cfg, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err, "run 'make setup'")
	client := bedsidev1.NewEmbeddingServiceClient(dial(t, s))
	long := canary + strings.Repeat(" word", 600)

	t.Run("a question finds its passage", func(t *testing.T) {
		asked, err := client.Embed(t.Context(), &bedsidev1.EmbedRequest{Texts: []string{"输液泵为什么提示阻塞"}, Kind: query})
		require.NoError(t, err)
		texts := []string{
			"Ear thermometers need a clean lens and a straight canal.",
			"An occlusion alarm of the infusion pump means that its line is kinked or clamped.",
			"Bread is done when it sounds hollow.",
		}
		found, err := client.Embed(t.Context(), &bedsidev1.EmbedRequest{Texts: texts, Kind: passage})
		require.NoError(t, err)
		cosines := make([]float64, len(texts))
		for i, e := range found.GetEmbeddings() {
			require.Len(t, e.GetValues(), int(found.GetDimensions()))
			for j, v := range e.GetValues() {
				cosines[i] += float64(v * asked.GetEmbeddings()[0].GetValues()[j])
			}
		}
		require.Equal(t, slices.Max(cosines), cosines[1])
		require.Equal(t, "multilingual-e5-small", found.GetModel().GetName())
		require.NotEmpty(t, found.GetModel().GetVersion())
		require.True(t, strings.HasPrefix(found.GetModel().GetDigest(), "sha256:"))
	})
	t.Run("long texts are cut where that is asked for", func(t *testing.T) {
		out, err := client.Embed(t.Context(), &bedsidev1.EmbedRequest{Texts: []string{"a", long}, Kind: passage, Truncate: true})
		require.NoError(t, err)
		require.False(t, out.GetEmbeddings()[0].GetTruncated())
		require.True(t, out.GetEmbeddings()[1].GetTruncated())
		require.EqualValues(t, 512, out.GetEmbeddings()[1].GetTokens())
	})
	for name, c := range map[string]struct {
		req   *bedsidev1.EmbedRequest
		code  codes.Code
		field string
	}{
		"no texts":         {&bedsidev1.EmbedRequest{Kind: query}, codes.InvalidArgument, "texts"},
		"empty text":       {&bedsidev1.EmbedRequest{Kind: query, Texts: []string{canary, ""}}, codes.InvalidArgument, "texts[1]"},
		"too many texts":   {&bedsidev1.EmbedRequest{Kind: query, Texts: slices.Repeat([]string{canary}, 1025)}, codes.InvalidArgument, "texts"},
		"no kind":          {&bedsidev1.EmbedRequest{Texts: []string{canary}}, codes.InvalidArgument, "kind"},
		"unknown kind":     {&bedsidev1.EmbedRequest{Texts: []string{canary}, Kind: 7}, codes.InvalidArgument, "kind"},
		"too many tokens":  {&bedsidev1.EmbedRequest{Kind: query, Texts: []string{"a", long}}, codes.InvalidArgument, "texts[1]"},
		"too many bytes":   {&bedsidev1.EmbedRequest{Kind: query, Texts: []string{strings.Repeat("a", 1<<18+1)}}, codes.InvalidArgument, "texts[0]"},
		"unknown model":    {&bedsidev1.EmbedRequest{Kind: query, Texts: []string{"a"}, Model: canary}, codes.NotFound, ""},
		"spaces and marks": {&bedsidev1.EmbedRequest{Kind: query, Texts: []string{" ", "\u0301", "\x00"}}, codes.OK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Embed(t.Context(), c.req)
			require.Equal(t, c.code, status.Code(err), "%v", err)
			if c.field != "" {
				require.Equal(t, []string{c.field}, fields(err), "%v", err)
			}
			if err != nil {
				require.NotContains(t, err.Error(), "Sanfeng")
			}
		})
	}
	t.Run("a tenant's name is bounded", func(t *testing.T) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "bedside-tenant", strings.Repeat("x", 1000))
		_, err := client.Embed(ctx, &bedsidev1.EmbedRequest{Kind: query, Texts: []string{"a"}})
		require.Equal(t, codes.InvalidArgument, status.Code(err))
	})
	t.Run("a deadline ends the wait", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		texts := slices.Repeat([]string{long}, 256) // minutes of work
		_, err := client.Embed(ctx, &bedsidev1.EmbedRequest{Kind: passage, Texts: texts, Truncate: true})
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
	})
	require.NoError(t, s.Shutdown(t.Context()))
	require.NotContains(t, log.String(), "Sanfeng")
}
