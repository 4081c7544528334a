package server

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/config"
)

func TestEmbeddingsAreTheSameThroughBothServices(t *testing.T) {
	s := startServer(t, func(c *config.Config) { c.Model, c.EmbeddingModel = "", "multilingual-e5-small" })
	conn := dial(t, s)
	texts := []string{"The mean arterial pressure fell below 65 mmHg.", "平均动脉压低于65 mmHg。"}
	embedded, err := bedsidev1.NewEmbeddingServiceClient(conn).Embed(t.Context(), &bedsidev1.EmbedRequest{
		Texts: texts, Kind: bedsidev1.EmbeddingKind_EMBEDDING_KIND_PASSAGE,
	})
	require.NoError(t, err)
	require.Len(t, embedded.GetEmbeddings(), 2)
	require.Equal(t, "multilingual-e5-small", embedded.GetModel().GetName())

	ask := func(kind string) *inference.ModelInferRequest {
		return &inference.ModelInferRequest{
			ModelName: "multilingual-e5-small",
			Inputs: []*inference.ModelInferRequest_InferInputTensor{{
				Name: encoderInput, Datatype: "BYTES", Shape: []int64{2, 1},
				Contents: &inference.InferTensorContents{BytesContents: [][]byte{[]byte(texts[0]), []byte(texts[1])}},
			}},
			Parameters: map[string]*inference.InferParameter{
				"kind": {ParameterChoice: &inference.InferParameter_StringParam{StringParam: kind}},
			},
		}
	}
	client := inference.NewGRPCInferenceServiceClient(conn)
	out, err := client.ModelInfer(t.Context(), ask("passage"))
	require.NoError(t, err)
	require.Equal(t, []int64{2, int64(embedded.GetDimensions())}, out.GetOutputs()[0].GetShape())
	values, err := tensor.Values[float32](tensor.Tensor{
		Type: tensor.FP32, Shape: out.GetOutputs()[0].GetShape(), Data: out.GetRawOutputContents()[0],
	})
	require.NoError(t, err)
	var square float64
	for i, v := range embedded.GetEmbeddings()[0].GetValues() {
		require.Equal(t, v, values[i]) // the same bits
		square += float64(v) * float64(v)
	}
	require.InDelta(t, 1, math.Sqrt(square), 1e-4)

	_, err = client.ModelInfer(t.Context(), ask("poem"))
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	_, err = bedsidev1.NewGenerationServiceClient(conn).Generate(t.Context(), &bedsidev1.GenerateRequest{
		Model: "multilingual-e5-small", Input: &bedsidev1.GenerateRequest_Prompt{Prompt: "a"},
	})
	require.Equal(t, codes.InvalidArgument, status.Code(err), "it writes no text")
}
