package sampling

import "testing"

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
