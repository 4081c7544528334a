package ort

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

const testModels = "../../testdata/models"

// initORT loads ONNX Runtime.
func initORT(t testing.TB) {
	t.Helper()
	library, err := repository.ORTLibrary()
	require.NoError(t, err)
	require.NoError(t, Init(library))
}

// openTensorModel opens one of the test models.
func openTensorModel(t testing.TB, name string) *TensorModel {
	t.Helper()
	initORT(t)
	m, err := OpenTensorModel(filepath.Join(testModels, name, "1", "model.onnx"), TensorOptions{Threads: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// some returns a tensor with elements that are easily mistaken: NaNs with payloads, strings with NUL, no UTF-8.
func some(name string, typ tensor.Type, shape ...int64) tensor.Tensor {
	n, _ := tensor.Elements(shape)
	t := tensor.Tensor{Name: name, Type: typ, Shape: shape}
	if typ == tensor.Bytes {
		odd := []string{"", "a\x00b", "\x00", "\xff\xfe", "血氧", string(make([]byte, 1<<16))}
		t.Strings = make([][]byte, n)
		for i := range t.Strings {
			t.Strings[i] = []byte(odd[i%len(odd)])
		}
		return t
	}
	t.Data = make([]byte, n*int64(typ.Size()))
	for i := range t.Data {
		t.Data[i] = byte(i*37 + 0x7f)
		if typ == tensor.Bool {
			t.Data[i] = byte(i & 1)
		}
	}
	return t
}

func floats(name string, shape []int64, values ...float32) tensor.Tensor {
	return tensor.New(name, shape, values)
}

func TestEveryTypePassesUnchanged(t *testing.T) {
	m := openTensorModel(t, "identity_all")
	for _, shape := range [][]int64{{2, 6}, {1, 1}, {0, 3}, {3, 0}, {64, 17}} {
		var inputs, want []tensor.Tensor
		for _, typ := range tensor.Types() {
			inputs = append(inputs, some("INPUT_"+typ.String(), typ, shape...))
			want = append(want, some("OUTPUT_"+typ.String(), typ, shape...))
		}
		got, err := m.Run(t.Context(), inputs, nil)
		require.NoError(t, err)
		require.Equal(t, want, got, "%v", shape)
	}
}

// A NaN's payload is its meaning to some: it must not be made quiet on the way.
func TestNaNsKeepTheirPayload(t *testing.T) {
	m := openTensorModel(t, "identity_fp32")
	x := tensor.Tensor{Name: "INPUT0", Type: tensor.FP32, Shape: []int64{1, 2}, Data: []byte{1, 0, 0x80, 0x7f, 0xef, 0xbe, 0xff, 0xff}}
	out, err := m.Run(t.Context(), []tensor.Tensor{x}, nil)
	require.NoError(t, err)
	require.Equal(t, x.Data, out[0].Data)
	out[0].Data[0] = 9
	require.Equal(t, byte(1), x.Data[0], "outputs are the caller's own")
}

func TestModels(t *testing.T) {
	many := make([]int32, 16)
	for i := range many {
		many[i] = int32(i)
	}
	plus := func(name string, f func(i int32) int32) tensor.Tensor {
		out := make([]int32, 16)
		for i := range out {
			out[i] = f(int32(i))
		}
		return tensor.New(name, []int64{1, 16}, out)
	}
	unaligned := floats("INPUT0", []int64{2, 3}, 1, 2, 3, 4, 5, 6)
	unaligned.Data = append([]byte{0}, unaligned.Data...)[1:]
	linear := make([]float32, 16)
	linear[15] = 1
	in := tensor.New("INPUT0", []int64{1, 16}, many)
	other := tensor.New("INPUT1", []int64{1, 16}, many)
	for name, c := range map[string]struct {
		model   string
		inputs  []tensor.Tensor
		outputs []string
		want    []tensor.Tensor
	}{
		"all outputs": {"simple", []tensor.Tensor{in, other}, nil, []tensor.Tensor{
			plus("OUTPUT0", func(i int32) int32 { return 2 * i }), plus("OUTPUT1", func(int32) int32 { return 0 })}},
		"inputs in another order, one output": {"simple", []tensor.Tensor{other, in}, []string{"OUTPUT1"}, []tensor.Tensor{
			plus("OUTPUT1", func(int32) int32 { return 0 })}},
		"outputs in another order": {"simple", []tensor.Tensor{in, other}, []string{"OUTPUT1", "OUTPUT0"}, []tensor.Tensor{
			plus("OUTPUT1", func(int32) int32 { return 0 }), plus("OUTPUT0", func(i int32) int32 { return 2 * i })}},
		"scalars":        {"scalar", []tensor.Tensor{floats("X", nil, 2), floats("Y", []int64{}, 3)}, nil, []tensor.Tensor{floats("SUM", nil, 5)}},
		"nothing comes":  {"nonzero", []tensor.Tensor{floats("VALUES", []int64{2}, 0, 0)}, nil, []tensor.Tensor{tensor.New("INDICES", []int64{1, 0}, []int64{})}},
		"something does": {"nonzero", []tensor.Tensor{floats("VALUES", []int64{3}, 0, 1, 2)}, nil, []tensor.Tensor{tensor.New("INDICES", []int64{1, 2}, []int64{1, 2})}},
		"masked": {"ragged", []tensor.Tensor{floats("VALUES", []int64{2, 2}, 1, 2, 3, 4), tensor.New("MASK", []int64{2, 2}, []int64{1, 1, 1, 0})}, nil,
			[]tensor.Tensor{floats("SUM", []int64{2}, 3, 3)}},
		"unaligned": {"fixed_batch", []tensor.Tensor{unaligned}, nil, []tensor.Tensor{floats("OUTPUT0", []int64{2, 3}, 2, 4, 6, 8, 10, 12)}},
		"default":   {"defaults", []tensor.Tensor{floats("INPUT0", []int64{1, 4}, 1, 2, 3, 4)}, nil, []tensor.Tensor{floats("OUTPUT0", []int64{1, 4}, 3, 6, 9, 12)}},
		"default overridden": {"defaults", []tensor.Tensor{floats("INPUT0", []int64{1, 4}, 1, 2, 3, 4), floats("SCALE", []int64{1}, 10)}, nil,
			[]tensor.Tensor{floats("OUTPUT0", []int64{1, 4}, 10, 20, 30, 40)}},
		"any rank, 3": {"any_rank", []tensor.Tensor{floats("INPUT0", []int64{1, 2, 1}, 1, 2)}, nil, []tensor.Tensor{floats("OUTPUT0", []int64{1, 2, 1}, 1, 2)}},
		"any rank, 0": {"any_rank", []tensor.Tensor{floats("INPUT0", nil, 1)}, nil, []tensor.Tensor{floats("OUTPUT0", nil, 1)}},
		"weights apart": {"linear", []tensor.Tensor{floats("INPUT0", []int64{1, 16}, linear...)}, nil,
			[]tensor.Tensor{floats("OUTPUT0", []int64{1, 4}, 60/64., 61/64., 62/64., 63/64.)}},
		"text": {"simple_string", []tensor.Tensor{numbers("INPUT0", "7"), numbers("INPUT1", "-3")}, nil, []tensor.Tensor{numbers("OUTPUT0", "4"), numbers("OUTPUT1", "10")}},
		"ends": {"endless", []tensor.Tensor{floats("INPUT0", []int64{1, 4}, 1, 2, 3, 4), tensor.New("ROUNDS", nil, []int64{3})}, nil,
			[]tensor.Tensor{floats("OUTPUT0", []int64{1, 4}, 1, 2, 3, 4)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := openTensorModel(t, c.model).Run(t.Context(), c.inputs, c.outputs)
			require.NoError(t, err)
			require.Len(t, got, len(c.want))
			for i, want := range c.want {
				require.NoError(t, got[i].Validate())
				require.Equal(t, want.Name, got[i].Name)
				require.Equal(t, want.Type, got[i].Type)
				require.Equal(t, tensor.FormatShape(want.Shape), tensor.FormatShape(got[i].Shape))
				require.Equal(t, string(want.Data), string(got[i].Data))
				require.Equal(t, want.Strings, got[i].Strings)
			}
		})
	}
}

// numbers returns one row of sixteen equal texts.
func numbers(name, text string) tensor.Tensor {
	t := tensor.Tensor{Name: name, Type: tensor.Bytes, Shape: []int64{1, 16}}
	for range 16 {
		t.Strings = append(t.Strings, []byte(text))
	}
	return t
}

func TestWhatModelsTakeAndGive(t *testing.T) {
	info := func(name string, typ tensor.Type, dims []int64, names ...string) tensor.Info {
		return tensor.Info{Name: name, Type: typ, Dims: dims, DimNames: append([]string{}, names...)}
	}
	scale := info("SCALE", tensor.FP32, []int64{1}, "")
	scale.Optional = true
	any0 := info("INPUT0", tensor.FP32, []int64{})
	any0.AnyRank = true
	for model, want := range map[string][2][]tensor.Info{
		"simple": {
			{info("INPUT0", tensor.Int32, []int64{-1, 16}, "batch", ""), info("INPUT1", tensor.Int32, []int64{-1, 16}, "batch", "")},
			{info("OUTPUT0", tensor.Int32, []int64{-1, 16}, "batch", ""), info("OUTPUT1", tensor.Int32, []int64{-1, 16}, "batch", "")},
		},
		"defaults": {
			{info("INPUT0", tensor.FP32, []int64{-1, 4}, "batch", ""), scale}, {info("OUTPUT0", tensor.FP32, []int64{-1, 4}, "batch", "")},
		},
		"scalar": {
			{info("X", tensor.FP32, []int64{}), info("Y", tensor.FP32, []int64{})}, {info("SUM", tensor.FP32, []int64{})},
		},
	} {
		m := openTensorModel(t, model)
		require.Equal(t, want[0], m.Inputs(), model)
		require.Equal(t, want[1], m.Outputs(), model)
	}
	require.Equal(t, []tensor.Info{any0}, openTensorModel(t, "any_rank").Inputs())
}

func TestRunRefuses(t *testing.T) {
	simple, fixed, anyRank := openTensorModel(t, "simple"), openTensorModel(t, "fixed_batch"), openTensorModel(t, "any_rank")
	a, b := some("INPUT0", tensor.Int32, 1, 16), some("INPUT1", tensor.Int32, 1, 16)
	short := b
	short.Data = b.Data[:8]
	for name, c := range map[string]struct {
		model  *TensorModel
		inputs []tensor.Tensor
		want   tensor.Error
	}{
		"unknown":       {simple, []tensor.Tensor{a, b, some("INPUT2", tensor.Int32, 1, 16)}, tensor.Error{Name: "INPUT2", Field: "name", Reason: "the model has no such input"}},
		"missing":       {simple, []tensor.Tensor{a}, tensor.Error{Name: "INPUT1", Field: "name", Reason: "missing"}},
		"none":          {simple, nil, tensor.Error{Name: "INPUT0", Field: "name", Reason: "missing"}},
		"twice":         {simple, []tensor.Tensor{a, a}, tensor.Error{Name: "INPUT0", Field: "name", Reason: "given twice"}},
		"type":          {simple, []tensor.Tensor{a, some("INPUT1", tensor.Int64, 1, 16)}, tensor.Error{Name: "INPUT1", Field: "datatype", Reason: "is INT64, the model takes INT32"}},
		"width":         {simple, []tensor.Tensor{a, some("INPUT1", tensor.Int32, 1, 15)}, tensor.Error{Name: "INPUT1", Field: "shape", Reason: "is [1,15], the model takes [-1,16]"}},
		"rank":          {simple, []tensor.Tensor{a, some("INPUT1", tensor.Int32, 16)}, tensor.Error{Name: "INPUT1", Field: "shape", Reason: "is [16], the model takes [-1,16]"}},
		"short":         {simple, []tensor.Tensor{a, short}, tensor.Error{Name: "INPUT1", Field: "data", Reason: "8 bytes, but shape [1,16] of type INT32 needs 64"}},
		"batch":         {fixed, []tensor.Tensor{some("INPUT0", tensor.FP32, 3, 3)}, tensor.Error{Name: "INPUT0", Field: "shape", Reason: "is [3,3], the model takes [2,3]"}},
		"beyond limits": {anyRank, []tensor.Tensor{some("INPUT0", tensor.FP32, make([]int64, 17)...)}, tensor.Error{Name: "INPUT0", Field: "shape", Reason: "has 17 dimensions; at most 16 are supported"}},
	} {
		_, err := c.model.Run(t.Context(), c.inputs, nil)
		var e *tensor.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, c.want, *e, name)
	}
	for name, outputs := range map[string][]string{"unknown": {"OUTPUT0", "X"}, "twice": {"OUTPUT0", "OUTPUT0"}, "none": {}} {
		_, err := simple.Run(t.Context(), []tensor.Tensor{a, b}, outputs)
		var e *OutputError
		require.ErrorAs(t, err, &e, name)
	}
	_, err := simple.Run(t.Context(), []tensor.Tensor{a, b}, nil)
	require.NoError(t, err, "refusals leave nothing behind")
}

func TestFailuresWithinTheModelQuoteNothing(t *testing.T) {
	m := openTensorModel(t, "lookup")
	_, err := m.Run(t.Context(), []tensor.Tensor{tensor.New("INDEX", []int64{1}, []int64{987654})}, nil)
	var e *RunError
	require.ErrorAs(t, err, &e)
	require.True(t, e.Invalid)
	require.Equal(t, "Gather node. Name:'gather_OUTPUT0'", e.Where)
	require.Contains(t, e.Detail, "987654", "ONNX Runtime quotes the element")
	require.NotContains(t, e.Error(), "987654")

	// Two inputs that fit the file, but not one another.
	m = openTensorModel(t, "ragged")
	_, err = m.Run(t.Context(), []tensor.Tensor{some("VALUES", tensor.FP32, 2, 3), some("MASK", tensor.Int64, 2, 5)}, nil)
	require.ErrorAs(t, err, &e)
	require.Contains(t, e.Where, "mul_kept")
}

func TestOpenRefuses(t *testing.T) {
	initORT(t)
	folder := t.TempDir()
	whole, err := os.ReadFile(filepath.Join(testModels, "linear", "1", "model.onnx"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "alone.onnx"), whole, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "empty.onnx"), nil, 0o600))
	for name, c := range map[string]struct {
		path, want string
		opt        TensorOptions
	}{
		"truncated":           {path: filepath.Join(testModels, "broken", "1", "model.onnx"), want: "Protobuf parsing failed"},
		"empty":               {path: filepath.Join(folder, "empty.onnx"), want: "No graph was found"},
		"a sequence":          {path: filepath.Join(testModels, "sequence_output", "1", "model.onnx"), want: `output "OUTPUT0" is no tensor`},
		"missing":             {path: filepath.Join(folder, "none.onnx"), want: "File doesn't exist"},
		"weights are missing": {path: filepath.Join(folder, "alone.onnx"), want: "model.onnx.data"},
		"settings": {
			path: filepath.Join(testModels, "simple", "1", "model.onnx"), want: "Processor id",
			opt: TensorOptions{Threads: 2, Config: map[string]string{"session.intra_op_thread_affinities": "perhaps"}},
		},
	} {
		_, err := OpenTensorModel(c.path, c.opt)
		var e *OpenError
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, filepath.Base(c.path), e.File)
		require.Contains(t, e.Reason, c.want, name)
		require.NotContains(t, e.Error(), filepath.Dir(c.path), name)
	}
}

func TestOptions(t *testing.T) {
	initORT(t)
	for _, level := range []Optimization{OptimizeAll, OptimizeNone, OptimizeBasic, OptimizeExtended} {
		m, err := OpenTensorModel(filepath.Join(testModels, "simple", "1", "model.onnx"), TensorOptions{
			Threads: 2, InterOpThreads: 2, Parallel: true, GraphOptimizationLevel: level, NoArena: true,
			Config:    map[string]string{"session.intra_op.allow_spinning": "0", "session.force_spinning_stop": "1"},
			RunConfig: map[string]string{"disable_synchronize_execution_providers": "1"},
		})
		require.NoError(t, err)
		_, err = m.Run(t.Context(), []tensor.Tensor{some("INPUT0", tensor.Int32, 3, 16), some("INPUT1", tensor.Int32, 3, 16)}, nil)
		require.NoError(t, err)
		require.NoError(t, m.Close())
	}
}

func TestRunStopsWhenItsContextEnds(t *testing.T) {
	m := openTensorModel(t, "endless")
	inputs := func(rounds int64) []tensor.Tensor {
		return []tensor.Tensor{some("INPUT0", tensor.FP32, 1, 4), tensor.New("ROUNDS", nil, []int64{rounds})}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := m.Run(ctx, inputs(1<<60), nil) // ends in no one's lifetime unless it is stopped
	require.ErrorIs(t, err, ErrTerminated)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = m.Run(ctx, inputs(1), nil)
	require.ErrorIs(t, err, ErrTerminated, "the context had ended before")
	_, err = m.Run(t.Context(), inputs(1), nil)
	require.NoError(t, err, "a stopped run does not harm the next one")
}

func TestRunsSideBySide(t *testing.T) {
	m := openTensorModel(t, "identity_all")
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 50 {
				typ := tensor.Types()[(w+i)%len(tensor.Types())]
				var inputs []tensor.Tensor
				for _, other := range tensor.Types() {
					inputs = append(inputs, some("INPUT_"+other.String(), other, int64(w), int64(i%5)))
				}
				out, err := m.Run(t.Context(), inputs, []string{"OUTPUT_" + typ.String()})
				if err != nil || !bytes.Equal(out[0].Data, some("", typ, int64(w), int64(i%5)).Data) {
					t.Errorf("worker %d, run %d of %s: %v", w, i, typ, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestCloseWaitsForRuns(t *testing.T) {
	m := openTensorModel(t, "endless")
	inputs := []tensor.Tensor{some("INPUT0", tensor.FP32, 1, 4), tensor.New("ROUNDS", nil, []int64{1 << 60})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := m.Run(ctx, inputs, nil)
		ended <- err
	}()
	for m.using.TryLock() { // not before the run holds it
		m.using.Unlock()
	}
	closed := make(chan error, 1)
	go func() { closed <- m.Close() }()
	for m.using.TryRLock() { // no more runs once Close waits
		m.using.RUnlock()
	}
	require.Empty(t, closed, "closed under a run")
	cancel()
	require.ErrorIs(t, <-ended, ErrTerminated)
	require.NoError(t, <-closed)
	require.NoError(t, m.Close(), "a second time does nothing")
	_, err := m.Run(t.Context(), inputs, nil)
	require.ErrorIs(t, err, ErrClosed)
}

func BenchmarkRun(b *testing.B) {
	for _, c := range []struct {
		name  string
		width int64
	}{{"256", 256}, {"16Ki", 16 << 10}} {
		m := openTensorModel(b, "identity_fp32")
		x := []tensor.Tensor{some("INPUT0", tensor.FP32, 1, c.width)}
		b.Run("floats="+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Run(b.Context(), x, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
