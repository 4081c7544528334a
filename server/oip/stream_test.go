package oip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

type clientStream = grpc.BidiStreamingClient[inference.ModelInferRequest, inference.ModelStreamInferResponse]

// say sends requests and, after them, that there are no more.
func say(t testing.TB, stream clientStream, reqs ...*inference.ModelInferRequest) {
	t.Helper()
	for _, r := range reqs {
		require.NoError(t, stream.Send(r))
	}
	require.NoError(t, stream.CloseSend())
}

// hear reads a stream to its end.
func hear(stream clientStream) (out []*inference.ModelStreamInferResponse, err error) {
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
}

func open(t testing.TB, f *fixture, ctx context.Context) clientStream { //nolint:revive // t comes first in helpers
	t.Helper()
	stream, err := f.client.ModelStreamInfer(ctx)
	require.NoError(t, err)
	return stream
}

// ask is a request to a language model.
func ask(t testing.TB, prompt string, stream bool, more string) *inference.ModelInferRequest {
	t.Helper()
	req := request(t, fmt.Sprintf(`model_name: "text" inputs { name: "text_input" datatype: "BYTES" shape: 1 contents { bytes_contents: %q } }
		inputs { name: "stream" datatype: "BOOL" shape: [1, 1] contents { bool_contents: %v } } %s`, prompt, stream, more))
	req.Id = strings.ToValidUTF8(prompt, "")
	return req
}

// textOf is the text of an answer.
func textOf(t testing.TB, r *inference.ModelInferResponse) string {
	t.Helper()
	require.Len(t, r.GetOutputs(), 1)
	require.Equal(t, "text_output", r.GetOutputs()[0].GetName())
	require.Equal(t, []int64{1}, r.GetOutputs()[0].GetShape())
	text, err := tensor.DecodeBytes(r.GetRawOutputContents()[0], 1)
	require.NoError(t, err)
	return string(text[0])
}

func final(r *inference.ModelStreamInferResponse) bool {
	return r.GetInferResponse().GetParameters()[paramFinal].GetBoolParam()
}

// Answers of tensor models leave in the order of their requests, failures among them, and the stream goes on.
func TestStreamKeepsTheOrder(t *testing.T) {
	f := serve(t, true, []string{"simple", "slow"})
	stream := open(t, f, t.Context())
	var reqs []*inference.ModelInferRequest
	for i := range 60 {
		req := sums(int32(i), 1+i%11)
		switch i % 10 {
		case 3:
			req.Inputs[0].Name = "X"
		case 5:
			req = slowRequest(t)
		case 7:
			req.ModelName = "no such"
		}
		req.Id = strconv.Itoa(i)
		reqs = append(reqs, req)
	}
	go func() { // the server stops reading while much runs, so read at the same time
		for _, r := range reqs {
			_ = stream.Send(r)
		}
		_ = stream.CloseSend()
	}()
	got, err := hear(stream)
	require.NoError(t, err)
	require.Len(t, got, len(reqs))
	for i, r := range got {
		require.Equal(t, strconv.Itoa(i), r.GetInferResponse().GetId())
		switch i % 10 {
		case 3:
			require.Contains(t, r.GetErrorMessage(), "inputs[0].name")
		case 7:
			require.Contains(t, r.GetErrorMessage(), "unknown model")
		case 5:
			require.Empty(t, r.GetErrorMessage())
			require.True(t, final(r))
		default:
			require.Empty(t, r.GetErrorMessage())
			requireSums(t, int32(i), 1+i%11, r.GetInferResponse())
			require.True(t, final(r))
		}
	}
}

func TestManyStreams(t *testing.T) {
	f := serve(t, true, []string{"simple"})
	var group errgroup.Group
	for s := range 8 {
		group.Go(func() error {
			stream, err := f.client.ModelStreamInfer(t.Context())
			if err != nil {
				return err
			}
			for i := range 50 {
				req := sums(int32(1000*s+i), 1)
				if err := stream.Send(req); err != nil {
					return err
				}
				if i%5 == 4 {
					for j := i - 4; j <= i; j++ {
						r, err := stream.Recv()
						if err != nil {
							return err
						}
						requireSums(t, int32(1000*s+j), 1, r.GetInferResponse())
					}
				}
			}
			return stream.CloseSend()
		})
	}
	require.NoError(t, group.Wait())
}

func TestTextInPieces(t *testing.T) {
	g := &scripted{pieces: []string{"SpO2", " 96", " %"}, seen: make(chan TextRequest, 1)}
	f := serve(t, true, nil, withText("text", g))
	for _, empty := range []bool{false, true} {
		stream := open(t, f, t.Context())
		more := fmt.Sprintf(`inputs { name: "sampling_parameters" datatype: "BYTES" shape: 1 contents { bytes_contents: "{\"max_tokens\": 9, \"seed\": 4}" } }
			parameters { key: "triton_enable_empty_final_response" value { bool_param: %v } } parameters { key: "max_tokens" value { int64_param: 1 } }`, empty)
		say(t, stream, ask(t, "The saturation is", true, more))
		got, err := hear(stream)
		require.NoError(t, err)
		require.Len(t, got, 4)
		for i, piece := range g.pieces {
			require.Equal(t, piece, textOf(t, got[i].GetInferResponse()))
			require.False(t, final(got[i]))
			require.Equal(t, "The saturation is", got[i].GetInferResponse().GetId())
		}
		last := got[3].GetInferResponse()
		require.True(t, final(got[3]))
		require.Equal(t, "stop", last.GetParameters()["finish_reason"].GetStringParam())
		require.EqualValues(t, 3, last.GetParameters()["completion_tokens"].GetInt64Param())
		if empty {
			require.Empty(t, last.GetOutputs())
		} else {
			require.Empty(t, textOf(t, last))
		}
		r := <-g.seen
		require.Equal(t, 9, r.Sampling.MaxTokens, "the tensor counts, not the parameters beside it")
		require.EqualValues(t, 4, *r.Sampling.Seed)
	}
}

func TestTextAtOnce(t *testing.T) {
	g := &scripted{pieces: []string{" 96", " %"}, seen: make(chan TextRequest, 8)}
	f := serve(t, false, nil, withText("text", g))
	const exclude = `inputs { name: "exclude_input_in_output" datatype: "BOOL" shape: 1 contents { bool_contents: true } }`
	for more, want := range map[string]string{"": "SpO2 96 %", exclude: " 96 %"} {
		out, err := f.client.ModelInfer(t.Context(), ask(t, "SpO2", false, more))
		require.NoError(t, err)
		require.Equal(t, want, textOf(t, out))
		require.Equal(t, "stop", out.GetParameters()["finish_reason"].GetStringParam())

		// The same through a stream: one answer, which is the last.
		stream := open(t, f, t.Context())
		say(t, stream, ask(t, "SpO2", false, more+` parameters { key: "triton_enable_empty_final_response" value { bool_param: true } }`))
		got, err := hear(stream)
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Equal(t, want, textOf(t, got[0].GetInferResponse()))
		require.True(t, final(got[0]))
	}
	require.EqualValues(t, 4, f.models.texts["text"].Statistics().GetInferenceCount())

	about, err := f.client.ModelMetadata(t.Context(), &inference.ModelMetadataRequest{Name: "text"})
	require.NoError(t, err)
	require.Equal(t, []int64{1}, about.GetInputs()[0].GetShape())
	cfg, err := f.client.ModelConfig(t.Context(), &inference.ModelConfigRequest{Name: "text"})
	require.NoError(t, err)
	require.True(t, cfg.GetConfig().GetModelTransactionPolicy().GetDecoupled())
}

func TestTextRefuses(t *testing.T) {
	f := serve(t, false, nil, withText("text", &scripted{pieces: []string{"x"}}))
	for _, c := range []struct {
		name, prompt, more, field string
		stream                    bool
		code                      codes.Code
	}{
		{"stream in a call of one answer", "p", "", "", true, codes.Unimplemented},
		{"empty", "", "", "inputs[0]", false, codes.InvalidArgument},
		{"no text", "\xff", "", "inputs[0]", false, codes.InvalidArgument},
		{"unknown input", "p", `inputs { name: "image" datatype: "BYTES" shape: 1 contents { bytes_contents: "x" } }`, "inputs[2].name", false, codes.InvalidArgument},
		{"two prompts", "p", `inputs { name: "sampling_parameters" datatype: "BYTES" shape: 2 contents { bytes_contents: ["{}", "{}"] } }`, "inputs[2].shape", false, codes.InvalidArgument},
		{"sampling", "p", `inputs { name: "sampling_parameters" datatype: "BYTES" shape: 1 contents { bytes_contents: "{\"top_p\": 7}" } }`, "inputs[2].top_p", false, codes.InvalidArgument},
		{"sampling as parameters", "p", `parameters { key: "top_p" value { double_param: 7 } }`, "parameters.top_p", false, codes.InvalidArgument},
		{"prompt in a stream", "p", `inputs { name: "exclude_input_in_output" datatype: "BOOL" shape: 1 contents { bool_contents: false } }`, "inputs[2]", true, codes.InvalidArgument},
		{"output", "p", `outputs { name: "logprobs" }`, "outputs[0].name", false, codes.InvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := f.client.ModelInfer(t.Context(), ask(t, c.prompt, c.stream, c.more))
			requireStatus(t, c.code, err)
			require.Equal(t, c.field, violation(err))
		})
	}
}

// A failure's text may quote a request: a stream's answer says as little of it as a call's status.
func TestStreamHidesWhatItDoesNotKnow(t *testing.T) {
	f := serve(t, false, nil, withText("text", &scripted{pieces: []string{"x"}}))
	stream := open(t, f, t.Context())
	say(t, stream, ask(t, "fail", true, ""), ask(t, "panic", true, ""), ask(t, "fine", false, ""))
	got, err := hear(stream)
	require.NoError(t, err)
	require.Len(t, got, 3)
	for _, r := range got {
		switch r.GetInferResponse().GetId() {
		case "fine":
			require.Equal(t, "finex", textOf(t, r.GetInferResponse()))
		default:
			require.Contains(t, r.GetErrorMessage(), "internal error")
			require.NotContains(t, r.GetErrorMessage(), "script")
		}
	}
}

// A client that asked for it gets the first failure as the status of the call.
func TestStreamOfStrictClient(t *testing.T) {
	f := serve(t, true, []string{"simple"})
	stream := open(t, f, metadata.AppendToOutgoingContext(t.Context(), grpcErrorKey, "true"))
	bad := sums(1, 1)
	bad.Inputs[0].Datatype = "FP32"
	require.NoError(t, stream.Send(sums(1, 1)))
	require.NoError(t, stream.Send(bad)) // and the client's side stays open
	got, err := hear(stream)
	require.Len(t, got, 1)
	requireStatus(t, codes.InvalidArgument, err)
	require.Equal(t, "inputs[0].datatype", violation(err))
}

// Decoupled answers of several requests mix, and a tensor model's answers do not wait for them.
func TestStreamInterleaves(t *testing.T) {
	next := make(chan struct{})
	g := &scripted{pieces: []string{"a", "b"}, next: next}
	f := serve(t, true, []string{"simple"}, withText("text", g))
	stream := open(t, f, t.Context())
	say(t, stream, ask(t, "one", true, ""), ask(t, "two", true, ""), sums(5, 1))
	r, err := stream.Recv()
	require.NoError(t, err)
	requireSums(t, 5, 1, r.GetInferResponse()) // while both texts stand still
	close(next)
	got, err := hear(stream)
	require.NoError(t, err)
	texts := map[string]string{}
	for _, r := range got {
		texts[r.GetInferResponse().GetId()] += textOf(t, r.GetInferResponse())
	}
	require.Equal(t, map[string]string{"one": "ab", "two": "ab"}, texts)
}

// A client that goes away ends what its stream was running.
func TestStreamCancelled(t *testing.T) {
	g := &scripted{pieces: []string{"a", "b"}, next: make(chan struct{}), seen: make(chan TextRequest, 2), ended: make(chan error, 2)}
	f := serve(t, true, nil, withText("text", g))
	ctx, cancel := context.WithCancel(t.Context())
	stream := open(t, f, ctx)
	require.NoError(t, stream.Send(ask(t, "one", true, "")))
	require.NoError(t, stream.Send(ask(t, "two", true, "")))
	<-g.seen
	<-g.seen
	cancel()
	require.ErrorIs(t, <-g.ended, context.Canceled)
	require.ErrorIs(t, <-g.ended, context.Canceled)
	_, err := stream.Recv()
	require.Equal(t, codes.Canceled, status.Code(err))
	require.EqualValues(t, 2, f.models.texts["text"].Statistics().GetInferenceStats().GetFail().GetCount())
}

// A server that shuts down lets a stream's requests end, and then the stream, although its client says nothing.
func TestStreamDrains(t *testing.T) {
	next := make(chan struct{})
	g := &scripted{pieces: []string{"a"}, next: next, seen: make(chan TextRequest, 1)}
	f := serve(t, true, nil, withText("text", g))
	stream := open(t, f, t.Context())
	require.NoError(t, stream.Send(ask(t, "one", true, "")))
	<-g.seen
	close(f.draining)
	stopped := make(chan struct{})
	go func() {
		f.server.GracefulStop()
		close(stopped)
	}()
	close(next)
	got, err := hear(stream)
	require.Len(t, got, 2)
	require.Equal(t, codes.Unavailable, status.Code(err))
	<-stopped
}

// The server reads no further while as many requests run as may.
func TestStreamIsBounded(t *testing.T) {
	next := make(chan struct{})
	g := &scripted{pieces: []string{"a"}, next: next, seen: make(chan TextRequest, 16)}
	f := serve(t, false, nil, withText("text", g), func(_ *fixture, o *Options) { o.StreamRequests = 2 })
	stream := open(t, f, t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 10 {
			_ = stream.Send(ask(t, strconv.Itoa(i), false, ""))
		}
		_ = stream.CloseSend()
	})
	<-g.seen
	<-g.seen
	require.Empty(t, g.seen) // a third one would have to be read first
	for range 10 {
		next <- struct{}{}
		_, err := stream.Recv()
		require.NoError(t, err)
	}
	wg.Wait()
	_, err := hear(stream)
	require.NoError(t, err)
}

// Each request of a stream has a time of its own; the stream goes on.
func TestStreamBoundsRequests(t *testing.T) {
	g := &scripted{pieces: []string{"a"}, next: make(chan struct{})}
	f := serve(t, true, []string{"simple"}, withText("text", g), func(_ *fixture, o *Options) { o.RequestTimeout = 50 * time.Millisecond })
	stream := open(t, f, t.Context())
	for range 2 {
		require.NoError(t, stream.Send(ask(t, "one", true, "")))
		r, err := stream.Recv()
		require.NoError(t, err)
		require.Contains(t, r.GetErrorMessage(), "deadline")
	}
	say(t, stream)
	_, err := hear(stream)
	require.NoError(t, err)
}

// A client that never reads is let go, with all that its requests held.
func TestStreamOfClientThatDoesNotRead(t *testing.T) {
	piece := strings.Repeat("x", 64<<10) // as much as the connection holds
	g := &scripted{pieces: []string{piece, piece, piece, piece}, ended: make(chan error, 1)}
	f := serve(t, true, nil, withText("text", g), func(_ *fixture, o *Options) { o.RequestTimeout = 50 * time.Millisecond })
	stream := open(t, f, t.Context())
	require.NoError(t, stream.Send(ask(t, "one", true, "")))
	require.Error(t, <-g.ended)
	_, err := hear(stream)
	require.Equal(t, codes.DeadlineExceeded, status.Code(err), "%v", err)
}
