package embed

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/ort"
)

// benchTexts are 64 passages of 20 to 40 tokens, cut from the recorded texts.
func benchTexts(b *testing.B, e *Engine) (texts []string, ids [][]int32) {
	b.Helper()
	for _, g := range goldenTexts(b) {
		words := strings.Fields(g.Text)
		for n := 22; len(words) >= n && len(texts) < 64; words = words[n:] {
			text := strings.Join(words[:n-len(texts)%8], " ")
			if tokens, _ := e.tokenizer.Encode("passage: "+text, 512); len(tokens) >= 20 && len(tokens) <= 40 {
				texts, ids = append(texts, text), append(ids, tokens)
			}
		}
	}
	require.NotEmpty(b, texts)
	return texts, ids
}

// processorTime reports the time that processors spent for each operation, all threads together: on a machine that is
// busy with other work it says more than the time that passed.
func processorTime(b *testing.B) func() {
	used := func() time.Duration {
		var r syscall.Rusage
		require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64((used()-before).Microseconds())/1e3/float64(b.N), "cpu-ms/op") }
}

// BenchmarkEmbed compares requests of one short text each, from so many callers at once, with the same model called
// for one text after another: "one-by-one" with all cores for each run, "alone" with the server's own threads.
func BenchmarkEmbed(b *testing.B) {
	e := served(b)
	texts, ids := benchTexts(b, e)
	oneByOne := func(b *testing.B, model *ort.TensorModel) {
		defer processorTime(b)()
		for i := 0; b.Loop(); i++ {
			t := ids[i%len(ids)]
			_, err := model.Run(b.Context(), layout([][]int32{t}, len(t)), []string{outputName})
			require.NoError(b, err)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "texts/s")
	}
	b.Run("one-by-one", func(b *testing.B) {
		model, err := ort.OpenTensorModel(e.manifest.Path("model.onnx"), ort.TensorOptions{})
		require.NoError(b, err)
		defer func() { _ = model.Close() }()
		oneByOne(b, model)
	})
	b.Run("one-by-one-spinning", func(b *testing.B) {
		model, err := ort.OpenTensorModel(e.manifest.Path("model.onnx"), ort.TensorOptions{Config: map[string]string{"session.intra_op.allow_spinning": "1"}})
		require.NoError(b, err)
		defer func() { _ = model.Close() }()
		oneByOne(b, model)
	})
	b.Run("alone", func(b *testing.B) { oneByOne(b, e.model) })
	for _, callers := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			var next atomic.Int64
			var wg sync.WaitGroup
			defer processorTime(b)()
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if _, err := e.Embed(b.Context(), Request{Texts: texts[i%int64(len(texts)):][:1], Kind: Passage}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "texts/s")
		})
	}
}
