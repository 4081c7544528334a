package bedside

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// Graph is the generated stub of KnowledgeGraphService.
func (c *Client) Graph() bedsidev1.KnowledgeGraphServiceClient { return c.graph }

// IngestRecord adds a record to the knowledge graph. The same record again changes nothing.
func (c *Client) IngestRecord(ctx context.Context, req *bedsidev1.IngestRecordRequest, opts ...grpc.CallOption) (*bedsidev1.IngestRecordResponse, error) {
	return c.graph.IngestRecord(ctx, req, opts...)
}

// ExportGraph writes the whole graph to w as it comes. What w has when an error is returned is not all of it.
func (c *Client) ExportGraph(ctx context.Context, w io.Writer, format bedsidev1.GraphFormat, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.graph.Export(ctx, &bedsidev1.ExportRequest{Format: format}, opts...)
	if err != nil {
		return err
	}
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(piece.GetData()); err != nil {
			return err
		}
	}
}
