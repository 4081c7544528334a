package bedside

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// Prompt asks the default model to continue text, as it stands. Set the fields of what
// it returns for another model or other sampling; as it is, decoding is greedy.
func Prompt(text string) *bedsidev1.GenerateRequest {
	return &bedsidev1.GenerateRequest{Input: &bedsidev1.GenerateRequest_Prompt{Prompt: text}}
}

// Ask puts question to the default model as a user's message, through the model's chat
// template.
func Ask(question string) *bedsidev1.GenerateRequest {
	return Chat(&bedsidev1.ChatMessage{Role: "user", Content: question})
}

// Chat has the default model answer a conversation.
func Chat(messages ...*bedsidev1.ChatMessage) *bedsidev1.GenerateRequest {
	return &bedsidev1.GenerateRequest{
		Input: &bedsidev1.GenerateRequest_Chat{Chat: &bedsidev1.Chat{Messages: messages}},
	}
}

// Generate answers when the whole text is there.
func (c *Client) Generate(ctx context.Context, req *bedsidev1.GenerateRequest, opts ...grpc.CallOption) (*bedsidev1.GenerateResponse, error) {
	return c.generation.Generate(ctx, req, opts...)
}

// Text continues prompt with the default model, greedily, and gives the text alone.
func (c *Client) Text(ctx context.Context, prompt string, opts ...grpc.CallOption) (string, error) {
	response, err := c.generation.Generate(ctx, Prompt(prompt), opts...)
	return response.GetText(), err
}

// Stream gives the text piece by piece as it is written. Each range over it is a call of
// its own. Leaving the loop early cancels the call, and the server stops writing. An
// error comes as the last pair, with a nil message.
func (c *Client) Stream(ctx context.Context, req *bedsidev1.GenerateRequest, opts ...grpc.CallOption) iter.Seq2[*bedsidev1.StreamGenerateResponse, error] {
	return messages(ctx, func(ctx context.Context) (grpc.ServerStreamingClient[bedsidev1.StreamGenerateResponse], error) {
		return c.generation.StreamGenerate(ctx, req, opts...)
	})
}

// messages makes a call with each range over it, and gives its messages to the end. Leaving
// the loop cancels the call.
func messages[M any](ctx context.Context, call func(context.Context) (grpc.ServerStreamingClient[M], error)) iter.Seq2[*M, error] {
	return func(yield func(*M, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := call(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for {
			message, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(message, nil) {
				return
			}
		}
	}
}

// Score gives the log probability of each of several continuations of one prompt.
func (c *Client) Score(ctx context.Context, req *bedsidev1.ScoreRequest, opts ...grpc.CallOption) (*bedsidev1.ScoreResponse, error) {
	return c.generation.Score(ctx, req, opts...)
}

// Tokenize shows how text is cut into tokens.
func (c *Client) Tokenize(ctx context.Context, req *bedsidev1.TokenizeRequest, opts ...grpc.CallOption) (*bedsidev1.TokenizeResponse, error) {
	return c.generation.Tokenize(ctx, req, opts...)
}

// SuggestDiagnoses ranks diagnoses for a patient record.
func (c *Client) SuggestDiagnoses(ctx context.Context, req *bedsidev1.SuggestDiagnosesRequest, opts ...grpc.CallOption) (*bedsidev1.SuggestDiagnosesResponse, error) {
	return c.clinical.SuggestDiagnoses(ctx, req, opts...)
}

// SuggestTreatments lists what guidelines name for a diagnosis, held against a patient record.
func (c *Client) SuggestTreatments(ctx context.Context, req *bedsidev1.SuggestTreatmentsRequest, opts ...grpc.CallOption) (*bedsidev1.SuggestTreatmentsResponse, error) {
	return c.clinical.SuggestTreatments(ctx, req, opts...)
}

// StreamSummarizeRecord summarises a patient record sentence by sentence, each as soon as it has been checked; the last
// message has the rest of the answer. Otherwise as Stream.
func (c *Client) StreamSummarizeRecord(ctx context.Context, req *bedsidev1.SummarizeRecordRequest, opts ...grpc.CallOption) iter.Seq2[*bedsidev1.StreamSummarizeRecordResponse, error] {
	return messages(ctx, func(ctx context.Context) (grpc.ServerStreamingClient[bedsidev1.StreamSummarizeRecordResponse], error) {
		return c.clinical.StreamSummarizeRecord(ctx, req, opts...)
	})
}

// SummarizeRecord summarises a patient record.
func (c *Client) SummarizeRecord(ctx context.Context, req *bedsidev1.SummarizeRecordRequest, opts ...grpc.CallOption) (*bedsidev1.SummarizeRecordResponse, error) {
	return c.clinical.SummarizeRecord(ctx, req, opts...)
}
