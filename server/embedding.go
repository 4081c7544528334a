package server

import (
	"context"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/embed"
)

// embedder turns texts into vectors; *embed.Engine is one.
type embedder interface {
	Embed(context.Context, embed.Request) ([]embed.Vector, error)
	Manifest() *repository.Manifest
}

// embedders find embedding models by name, "" for the default one. Without an error, the caller calls release when it is
// done with the model.
type embedders interface {
	embedder(ctx context.Context, name string) (e embedder, release func(), err error)
}

// embeddingService turns texts into vectors.
type embeddingService struct {
	bedsidev1.UnimplementedEmbeddingServiceServer
	models embedders
	tenant func(context.Context) (string, error) // on whose account a call runs
}

var textKinds = map[bedsidev1.EmbeddingKind]embed.Kind{
	bedsidev1.EmbeddingKind_EMBEDDING_KIND_QUERY:   embed.Query,
	bedsidev1.EmbeddingKind_EMBEDDING_KIND_PASSAGE: embed.Passage,
}

func (s *embeddingService) Embed(ctx context.Context, req *bedsidev1.EmbedRequest) (*bedsidev1.EmbedResponse, error) {
	tenant, err := s.tenant(ctx)
	if err != nil {
		return nil, err
	}
	model, release, err := s.models.embedder(ctx, req.GetModel())
	if err != nil {
		return nil, err
	}
	defer release()
	vectors, err := model.Embed(ctx, embed.Request{
		Texts: req.GetTexts(), Kind: textKinds[req.GetKind()], Truncate: req.GetTruncate(), Tenant: tenant,
	})
	if err != nil {
		return nil, err
	}
	mf := model.Manifest()
	out := &bedsidev1.EmbedResponse{
		Model:      reference(mf),
		Dimensions: int32(mf.Dimensions),
		Embeddings: make([]*bedsidev1.Embedding, len(vectors)),
	}
	for i, v := range vectors {
		out.Embeddings[i] = &bedsidev1.Embedding{Values: v.Values, Tokens: int32(v.Tokens), Truncated: v.Truncated}
	}
	return out, nil
}
