package infer

import (
	"fmt"
	"testing"

	"github.com/bedside-lm/bedside/batcher/dynamic"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// BenchmarkInfer is what a request costs beside the wire: checks, batcher, joining and splitting, ONNX Runtime.
func BenchmarkInfer(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers-per-cpu=%d", callers), func(b *testing.B) {
			m := start(b, simpleConfig, dynamic.Config{})
			b.SetParallelism(callers)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				r := sums(1, 1)
				for pb.Next() {
					if _, err := m.Infer(b.Context(), r); err != nil {
						b.Error(err)
						return
					}
				}
			})
			st := m.Statistics()
			b.ReportMetric(float64(st.GetInferenceCount())/float64(st.GetExecutionCount()), "rows/run")
		})
	}
}

// BenchmarkSession is the same runs without any of it.
func BenchmarkSession(b *testing.B) {
	m := start(b, simpleConfig, dynamic.Config{})
	b.ReportAllocs()
	inputs := sums(1, 1).Inputs
	for b.Loop() {
		if _, err := m.session.Run(b.Context(), inputs, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheck is a request held against its model.
func BenchmarkCheck(b *testing.B) {
	for name, config := range map[string]string{"fixed": simpleConfig, "ragged": raggedConfig} {
		b.Run(name, func(b *testing.B) {
			s := signature(b, config)
			r := sums(1, 1)
			if name == "ragged" {
				r = &Request{Inputs: []tensor.Tensor{zeros("VALUES", 1, 9), tensor.New("MASK", []int64{1, 9}, make([]int64, 9))}}
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Check(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
