package sampling

import (
	"fmt"
	"testing"
)

func TestSamplingAllocatesNothing(t *testing.T) {
	logits := gaussian(5, 4096)
	for name, p := range benchmarks() {
		s := mustNew(t, p)
		s.Observe(1, 2, 3, 4095)
		mustSample(t, s, logits)
		want := 0.0
		if p.Logprobs > 0 {
			want = 1 // Token.Top, which is the caller's
		}
		if got := testing.AllocsPerRun(50, func() { mustSample(t, s, logits) }); got > want {
			t.Errorf("%s: %v allocations a call, want %v", name, got, want)
		}
	}
}

func benchmarks() map[string]Params {
	with := func(change func(*Params)) Params {
		p := Default()
		p.Seed = ptr(1)
		change(&p)
		return p
	}
	return map[string]Params{
		"greedy":           with(func(*Params) {}),
		"greedy, penalty":  with(func(p *Params) { p.RepetitionPenalty = 1.1 }),
		"greedy, logprobs": with(func(p *Params) { p.Logprobs = 5 }),
		"temperature":      with(func(p *Params) { p.Temperature = 0.8 }),
		"top_k 40":         with(func(p *Params) { p.Temperature, p.TopK = 0.8, 40 }),
		"top_p 0.9":        with(func(p *Params) { p.Temperature, p.TopP = 0.8, 0.9 }),
		"top_k, top_p":     with(func(p *Params) { p.Temperature, p.TopK, p.TopP = 0.8, 40, 0.9 }),
		"min_p 0.05":       with(func(p *Params) { p.Temperature, p.MinP = 0.8, 0.05 }),
		"top_p 0.999, hot": with(func(p *Params) { p.Temperature, p.TopP = 3, 0.999 }),
	}
}

func BenchmarkSample(b *testing.B) {
	logits := gaussian(5, 49152)
	for name, p := range benchmarks() {
		b.Run(name, func(b *testing.B) {
			s := mustNew(b, p)
			b.ReportAllocs()
			for b.Loop() {
				mustSample(b, s, logits)
			}
		})
	}
}

// BenchmarkSampleMasked is BenchmarkSample's greedy and temperature under masks of several densities.
func BenchmarkSampleMasked(b *testing.B) {
	logits := gaussian(5, 49152)
	for _, every := range []int{0, 1, 2, 1000} {
		var allowed []uint64
		if every > 0 {
			allowed = make([]uint64, len(logits)/64)
			for id := 0; id < len(logits); id += every {
				allowed[id/64] |= 1 << (id % 64)
			}
		}
		for _, name := range []string{"greedy", "temperature", "top_p 0.9"} {
			label := fmt.Sprintf("%s, one of %d", name, every)
			if every == 0 {
				label = name + ", no mask"
			}
			b.Run(label, func(b *testing.B) {
				s := mustNew(b, benchmarks()[name])
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.SampleMasked(logits, allowed); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
