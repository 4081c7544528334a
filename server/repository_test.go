package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/server/config"
)

const testModels = "../testdata/models"

// withRepository serves tensor models alone.
func withRepository(dir string) func(*config.Config) {
	return func(c *config.Config) { c.Model, c.ModelRepository = "", []string{dir} }
}

// sum asks the model "simple" for 1+1, sixteen times.
func sum(t *testing.T, client inference.GRPCInferenceServiceClient) error {
	t.Helper()
	ones := make([]int32, 16)
	for i := range ones {
		ones[i] = 1
	}
	input := func(name string) *inference.ModelInferRequest_InferInputTensor {
		return &inference.ModelInferRequest_InferInputTensor{
			Name: name, Datatype: "INT32", Shape: []int64{1, 16}, Contents: &inference.InferTensorContents{IntContents: ones},
		}
	}
	out, err := client.ModelInfer(t.Context(), &inference.ModelInferRequest{
		ModelName: "simple", Inputs: []*inference.ModelInferRequest_InferInputTensor{input("INPUT0"), input("INPUT1")},
	})
	if err == nil {
		require.Equal(t, byte(2), out.GetRawOutputContents()[0][0])
	}
	return err
}

func TestARepositorysModelsServeAndItsBrokenOnesSayWhy(t *testing.T) {
	s := startServer(t, withRepository(testModels))
	conn := dial(t, s)
	require.NoError(t, sum(t, inference.NewGRPCInferenceServiceClient(conn)))

	list, err := bedsidev1.NewModelServiceClient(conn).ListModels(t.Context(), &bedsidev1.ListModelsRequest{})
	require.NoError(t, err)
	state := map[string]*bedsidev1.Model{}
	for _, m := range list.GetModels() {
		state[m.GetReference().GetName()] = m
	}
	require.Equal(t, bedsidev1.ModelState_MODEL_STATE_READY, state["simple"].GetState())
	require.Equal(t, "tensors", state["simple"].GetKind())
	require.Equal(t, bedsidev1.ModelState_MODEL_STATE_UNAVAILABLE, state["broken"].GetState())
	require.Contains(t, state["broken"].GetStateReason(), "model.onnx")

	generation := bedsidev1.NewGenerationServiceClient(conn)
	_, err = generation.Tokenize(t.Context(), &bedsidev1.TokenizeRequest{Model: "simple", Input: &bedsidev1.TokenizeRequest_Text{Text: "a"}})
	require.Equal(t, codes.InvalidArgument, status.Code(err), "not a language model: %v", err)
	_, err = generation.Tokenize(t.Context(), &bedsidev1.TokenizeRequest{Input: &bedsidev1.TokenizeRequest_Text{Text: "a"}})
	require.Equal(t, codes.NotFound, status.Code(err), "no default: %v", err)
	_, err = generation.Tokenize(t.Context(), &bedsidev1.TokenizeRequest{Model: "broken", Input: &bedsidev1.TokenizeRequest_Text{Text: "a"}})
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.NotContains(t, err.Error(), "/testdata/", "no paths of the server's machine")
}

func TestAModelThatBreaksLeavesItsWorkingVersionServing(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(root, "simple"), os.DirFS(filepath.Join(testModels, "simple"))))
	s := startServer(t, func(c *config.Config) {
		withRepository(root)(c)
		explicitly(c)
		c.Load = []string{"simple"}
	})
	conn := dial(t, s)
	models, infer := bedsidev1.NewModelServiceClient(conn), inference.NewGRPCInferenceServiceClient(conn)
	require.NoError(t, sum(t, infer))

	file := filepath.Join(root, "simple", "1", "model.onnx")
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, whole[:len(whole)/2], 0o644))
	_, err = models.LoadModel(t.Context(), &bedsidev1.LoadModelRequest{Name: "simple"})
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
	require.NoError(t, sum(t, infer), "the old one serves")
	list, err := models.ListModels(t.Context(), &bedsidev1.ListModelsRequest{})
	require.NoError(t, err)
	for _, m := range list.GetModels() {
		if m.GetReference().GetName() == "simple" {
			require.Equal(t, bedsidev1.ModelState_MODEL_STATE_READY, m.GetState())
			require.Contains(t, m.GetStateReason(), "model.onnx")
		}
	}

	require.NoError(t, os.WriteFile(file, whole, 0o644))
	_, err = models.LoadModel(t.Context(), &bedsidev1.LoadModelRequest{Name: "simple"})
	require.NoError(t, err)
	require.NoError(t, sum(t, infer))
}

func TestAModelThatIsAskedForHasToLoad(t *testing.T) {
	for name, change := range map[string]func(*config.Config){
		"unknown": func(c *config.Config) { c.Load = []string{"no-such-model"} },
		"broken":  func(c *config.Config) { c.Load = []string{"broken"} },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := defaults(t)
			withRepository(testModels)(&cfg)
			explicitly(&cfg)
			change(&cfg)
			_, err := Start(t.Context(), cfg, quiet())
			require.ErrorContains(t, err, cfg.Load[0])
		})
	}
}
