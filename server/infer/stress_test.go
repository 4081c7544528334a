package infer

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bedside-lm/bedside/runtime/tensor"
)

// randomRequest asks the model "identity_all" for some of its outputs, of any rows and widths.
func randomRequest(r *rand.Rand) *Request {
	rows, width := 1+r.Int64N(11), r.Int64N(4)
	req := &Request{}
	for _, typ := range tensor.Types() {
		t := tensor.Tensor{Name: "INPUT_" + typ.String(), Type: typ, Shape: []int64{rows, width}}
		n := int(rows * width)
		if typ == tensor.Bytes {
			t.Strings = make([][]byte, n)
			for i := range t.Strings {
				t.Strings[i] = fmt.Appendf(nil, "%d", r.Uint32())
			}
		} else {
			t.Data = make([]byte, n*typ.Size())
			for i := range t.Data {
				t.Data[i] = byte(r.IntN(2)) // as a truth value must be
			}
		}
		req.Inputs = append(req.Inputs, t)
	}
	r.Shuffle(len(req.Inputs), func(i, j int) { req.Inputs[i], req.Inputs[j] = req.Inputs[j], req.Inputs[i] })
	for _, in := range req.Inputs {
		if r.IntN(3) == 0 {
			req.Outputs = append(req.Outputs, "OUTPUT_"+in.Type.String())
		}
	}
	return req
}

// checkIdentity says whether an answer is the request's own tensors.
func checkIdentity(req *Request, out Response) error {
	wanted := req.Outputs
	if len(wanted) == 0 {
		for _, typ := range tensor.Types() {
			wanted = append(wanted, "OUTPUT_"+typ.String())
		}
	}
	if len(out.Outputs) != len(wanted) {
		return fmt.Errorf("%d outputs for %d", len(out.Outputs), len(wanted))
	}
	for i, got := range out.Outputs {
		at := slices.IndexFunc(req.Inputs, func(in tensor.Tensor) bool { return "OUTPUT_"+in.Type.String() == wanted[i] })
		want := req.Inputs[at]
		if got.Name != wanted[i] || got.Type != want.Type || !slices.Equal(got.Shape, want.Shape) ||
			!bytes.Equal(got.Data, want.Data) || !slices.EqualFunc(got.Strings, want.Strings, bytes.Equal) {
			return fmt.Errorf("output %s is not what came in", wanted[i])
		}
	}
	return nil
}

// Whatever shares runs, is split or goes away: everyone gets the answer to their own request.
func TestEveryoneGetsTheirOwn(t *testing.T) {
	set, _ := metricSet(t)
	m, err := Open(t.Context(), specOf(t, "identity_all", `max_batch_size: 4 dynamic_batching { max_queue_delay_microseconds: 500 }
		instance_group { count: 3 kind: KIND_CPU }`), Options{Metrics: set})
	require.NoError(t, err)
	var group errgroup.Group
	for caller := range 16 {
		group.Go(func() error {
			r := rand.New(rand.NewPCG(1, uint64(caller)))
			for range 40 {
				req := randomRequest(r)
				ctx, cancel := context.WithCancel(t.Context())
				leaves := r.IntN(8) == 0
				if leaves {
					go cancel()
				}
				out, err := m.Infer(ctx, req)
				cancel()
				if err == nil {
					err = checkIdentity(req, out)
				} else if leaves {
					err = nil
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.NoError(t, m.Close())
	st := m.Statistics().GetInferenceStats()
	require.EqualValues(t, 16*40, st.GetSuccess().GetCount()+st.GetFail().GetCount())
}

// Models that do not batch take their shapes as they stand; an input with a value of its own may be left out.
func TestOtherShapes(t *testing.T) {
	set, _ := metricSet(t)
	for _, c := range []struct {
		model  string
		inputs []tensor.Tensor
		shape  []int64
		want   []float32
	}{
		{"fixed_batch", []tensor.Tensor{tensor.New("INPUT0", []int64{2, 3}, []float32{1, 2, 3, 4, 5, 6})}, []int64{2, 3}, []float32{2, 4, 6, 8, 10, 12}},
		{"defaults", []tensor.Tensor{tensor.New("INPUT0", []int64{1, 4}, []float32{1, 2, 3, 4})}, []int64{1, 4}, []float32{3, 6, 9, 12}},
	} {
		m, err := Open(t.Context(), specOf(t, c.model, ""), Options{Metrics: set})
		require.NoError(t, err)
		out, err := m.Infer(t.Context(), &Request{Inputs: c.inputs})
		require.NoError(t, err, c.model)
		require.Equal(t, c.shape, out.Outputs[0].Shape, c.model)
		got, err := tensor.Values[float32](out.Outputs[0])
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.model)
		require.NoError(t, m.Close())
	}
}
