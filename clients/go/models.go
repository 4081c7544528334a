package bedside

import (
	"context"
	"iter"

	"google.golang.org/grpc"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// Models lists the models of the server's repositories, loaded or not, by name and version.
func (c *Client) Models(ctx context.Context, opts ...grpc.CallOption) ([]*bedsidev1.Model, error) {
	response, err := c.models.ListModels(ctx, &bedsidev1.ListModelsRequest{}, opts...)
	return response.GetModels(), err
}

// LoadModel has the server load a model, or load it anew, and gives the versions that serve
// when it is ready.
func (c *Client) LoadModel(ctx context.Context, name string, opts ...grpc.CallOption) ([]*bedsidev1.Model, error) {
	response, err := c.models.LoadModel(ctx, &bedsidev1.LoadModelRequest{Name: name}, opts...)
	return response.GetModels(), err
}

// UnloadModel has the server end a model once its running requests are done.
func (c *Client) UnloadModel(ctx context.Context, name string, opts ...grpc.CallOption) error {
	_, err := c.models.UnloadModel(ctx, &bedsidev1.UnloadModelRequest{Name: name}, opts...)
	return err
}

// WatchModels gives the state of the models named, or of all, and then each change as it
// happens, until ctx ends or the loop is left. An error comes as the last pair, with a nil
// model.
func (c *Client) WatchModels(ctx context.Context, names []string, opts ...grpc.CallOption) iter.Seq2[*bedsidev1.Model, error] {
	request := &bedsidev1.WatchModelsRequest{Names: names}
	stream := messages(ctx, func(ctx context.Context) (grpc.ServerStreamingClient[bedsidev1.WatchModelsResponse], error) {
		return c.models.WatchModels(ctx, request, opts...)
	})
	return func(yield func(*bedsidev1.Model, error) bool) {
		for response, err := range stream {
			if !yield(response.GetModel(), err) {
				return
			}
		}
	}
}

// Embed gives a vector for each text of one kind, with the server's default embedding
// model, in the order of the texts. A text longer than the model takes is refused.
func (c *Client) Embed(ctx context.Context, kind bedsidev1.EmbeddingKind, texts []string, opts ...grpc.CallOption) ([][]float32, error) {
	response, err := c.embedding.Embed(ctx, &bedsidev1.EmbedRequest{Kind: kind, Texts: texts}, opts...)
	if err != nil {
		return nil, err
	}
	vectors := make([][]float32, len(response.GetEmbeddings()))
	for i, e := range response.GetEmbeddings() {
		vectors[i] = e.GetValues()
	}
	return vectors, nil
}
