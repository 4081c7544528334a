package sampling

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func ptr(seed uint64) *uint64 { return &seed }

func mustNew(tb testing.TB, p Params) *Sampler {
	tb.Helper()
	s, err := New(p)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func mustSample(tb testing.TB, s *Sampler, logits []float32) Token {
	tb.Helper()
	token, err := s.Sample(logits)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// gaussian returns logits with a spread like a language model's.
func gaussian(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 7))
	logits := make([]float32, n)
	for i := range logits {
		logits[i] = float32(rng.NormFloat64() * 3)
	}
	return logits
}

func drawParams(t *rapid.T) Params {
	return Params{
		MaxTokens:         1,
		Temperature:       rapid.SampledFrom([]float64{0, 0.1, 0.7, 1, 2.5, 10}).Draw(t, "temperature"),
		TopK:              rapid.SampledFrom([]int{0, 0, 1, 2, 5, 40, 1000}).Draw(t, "top_k"),
		TopP:              rapid.SampledFrom([]float64{1, 1, 0.01, 0.5, 0.9, 0.999}).Draw(t, "top_p"),
		MinP:              rapid.SampledFrom([]float64{0, 0, 0.01, 0.3, 1}).Draw(t, "min_p"),
		RepetitionPenalty: rapid.SampledFrom([]float64{1, 1, 0.8, 1.2, 3}).Draw(t, "repetition_penalty"),
		Seed:              ptr(rapid.Uint64().Draw(t, "seed")),
		Logprobs:          rapid.SampledFrom([]int{0, 1, 5, 20}).Draw(t, "logprobs"),
	}
}

// Few distinct values make ties common.
func drawLogits(t *rapid.T) []float32 {
	value := rapid.OneOf(rapid.Float32Range(-12, 12), rapid.Map(rapid.IntRange(-3, 3), func(i int) float32 { return float32(i) }))
	return rapid.SliceOfN(value, 1, 300).Draw(t, "logits")
}

func TestSamplerFollowsTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, logits := drawParams(t), drawLogits(t)
		s, err := New(p)
		if err != nil {
			t.Fatal(err)
		}
		observed := rapid.SliceOfN(rapid.Int32Range(-1, 310), 0, 20).Draw(t, "observed")
		s.Observe(observed...)
		observed = slices.DeleteFunc(observed, func(id int32) bool { return id < 0 })
		before := slices.Clone(logits)
		for range 3 {
			want := reference(p, logits, observed)
			token, err := s.Sample(logits)
			if err != nil {
				t.Fatal(err)
			}
			observed = append(observed, token.ID)
			checkKept(t, s, logits, want)
			if p.Temperature == 0 && token.ID != want[0].id {
				t.Fatalf("greedy chose %d, want %d", token.ID, want[0].id)
			}
			if !slices.ContainsFunc(want, func(o outcome) bool { return o.id == token.ID }) {
				t.Fatalf("chose %d, which is not among %v", token.ID, want)
			}
			checkLogprobs(t, p, token, logits)
		}
		if !slices.Equal(before, logits) {
			t.Fatal("the logits were changed")
		}
	})
}

// checkKept compares the tokens a sampler drew among with the reference. A token at the very edge of top-p or min-p may fall either way.
func checkKept(t *rapid.T, s *Sampler, logits []float32, want []outcome) {
	if s.params.Temperature == 0 || s.params.Logprobs > 0 {
		return
	}
	kept, mass := drawnAmong(s, s.scores(logits)), 0.0
	slices.SortFunc(kept, above)
	for _, c := range kept {
		mass += c.weight
	}
	shared := min(len(kept), len(want))
	for i := range shared {
		if got := kept[i].weight / mass; kept[i].id != want[i].id || math.Abs(got-want[i].p) > 1e-3*want[i].p+1e-6 && len(kept) == len(want) {
			t.Fatalf("place %d: token %d with %g, want %d with %g", i, kept[i].id, got, want[i].id, want[i].p)
		}
	}
	rest := 0.0
	for _, o := range want[shared:] {
		rest += o.p
	}
	if extra := len(kept) - len(want); extra > 1 || len(want)-len(kept) > 1 && rest > 1e-9 {
		t.Fatalf("%d tokens are kept, want %d", len(kept), len(want))
	}
}

// drawnAmong lists the tokens that the latest draw was among.
func drawnAmong(s *Sampler, scores []float32) (out []candidate) {
	if s.params.TopK > 0 && s.params.TopK < len(scores) || s.params.TopP < 1 || s.params.MinP > 0 {
		return slices.Clone(s.kept)
	}
	for id, weight := range s.weights {
		if weight > 0 {
			out = append(out, candidate{id: int32(id), score: scores[id], weight: weight})
		}
	}
	return out
}

func checkLogprobs(t *rapid.T, p Params, token Token, logits []float32) {
	if p.Logprobs == 0 {
		if token.Top != nil || token.Logprob != 0 {
			t.Fatal("logprobs were reported unasked")
		}
		return
	}
	want := logSoftmax(logits)
	if math.Abs(token.Logprob-want[token.ID]) > 1e-5 {
		t.Fatalf("logprob %g, want %g", token.Logprob, want[token.ID])
	}
	ids := make([]int32, len(logits))
	for i := range ids {
		ids[i] = int32(i)
	}
	slices.SortStableFunc(ids, func(a, b int32) int {
		switch {
		case logits[a] > logits[b]:
			return -1
		case logits[a] < logits[b]:
			return 1
		}
		return 0
	})
	if len(token.Top) != min(p.Logprobs, len(logits)) {
		t.Fatalf("%d alternatives, want %d", len(token.Top), p.Logprobs)
	}
	for i, top := range token.Top {
		if top.ID != ids[i] || math.Abs(top.Logprob-want[top.ID]) > 1e-5 {
			t.Fatalf("alternative %d is %v, want %d with %g", i, top, ids[i], want[ids[i]])
		}
	}
}

func TestExp(t *testing.T) {
	for x := float64(negligible); x <= 0; x += 0.00137 {
		if want := math.Exp(x); math.Abs(exp(x)-want) > 1e-10*want {
			t.Fatalf("exp(%g) = %g, want %g", x, exp(x), want)
		}
	}
	if exp(0) != 1 {
		t.Fatalf("exp(0) = %g", exp(0))
	}
}

// TestDrawsFollowTheDistribution is a chi-square test of 40,000 seeded draws, at the 0.1% level.
func TestDrawsFollowTheDistribution(t *testing.T) {
	base := Default()
	base.Temperature, base.Seed = 1, ptr(20260)
	with := func(change func(*Params)) Params {
		p := base
		change(&p)
		return p
	}
	cases := map[string]Params{
		"plain":       base,
		"temperature": with(func(p *Params) { p.Temperature = 0.6 }),
		"top_k":       with(func(p *Params) { p.TopK = 7 }),
		"top_p":       with(func(p *Params) { p.TopP = 0.8 }),
		"min_p":       with(func(p *Params) { p.MinP = 0.1 }),
		"all":         with(func(p *Params) { p.Temperature, p.TopK, p.TopP, p.MinP = 1.3, 20, 0.95, 0.05 }),
	}
	logits := gaussian(3, 50)
	for name, p := range cases {
		t.Run(name, func(t *testing.T) {
			const draws = 40000
			s, counts := mustNew(t, p), map[int32]float64{}
			for range draws {
				counts[mustSample(t, s, logits).ID]++
			}
			chi, cells, pooled, pooledCount, total := 0.0, 0, 0.0, 0.0, 0.0
			for _, o := range reference(p, logits, nil) {
				total += counts[o.id]
				if o.p*draws < 10 {
					pooled, pooledCount = pooled+o.p, pooledCount+counts[o.id]
					continue
				}
				cells++
				chi += (counts[o.id] - o.p*draws) * (counts[o.id] - o.p*draws) / (o.p * draws)
			}
			if pooled*draws >= 10 {
				cells++
				chi += (pooledCount - pooled*draws) * (pooledCount - pooled*draws) / (pooled * draws)
			}
			if total != draws {
				t.Errorf("%v draws fell outside the distribution", draws-total)
			}
			// Wilson and Hilferty's approximation of the quantile.
			k := float64(cells - 1)
			limit := k * math.Pow(1-2/(9*k)+3.09*math.Sqrt(2/(9*k)), 3)
			if chi > limit {
				t.Errorf("chi-square is %.1f over %d cells; the limit is %.1f", chi, cells, limit)
			}
		})
	}
}

func TestSeeds(t *testing.T) {
	p := Default()
	p.Temperature = 1
	logits := gaussian(1, 1000)
	sequence := func(s *Sampler) (ids []int32) {
		for range 50 {
			ids = append(ids, mustSample(t, s, logits).ID)
		}
		return ids
	}
	free := mustNew(t, p)
	drawn := sequence(free)
	p.Seed = ptr(free.Seed())
	if again := sequence(mustNew(t, p)); !slices.Equal(drawn, again) {
		t.Error("the reported seed does not give the same tokens")
	}
	p.Seed = ptr(free.Seed() + 1)
	if other := sequence(mustNew(t, p)); slices.Equal(drawn, other) {
		t.Error("another seed gives the same tokens")
	}
	// These must never change: answers are promised to be the same in later versions.
	p.Seed, p.TopK = ptr(42), 50
	if got, want := sequence(mustNew(t, p))[:8], goldenDraws; !slices.Equal(got, want) {
		t.Errorf("seed 42 gives %v, want %v", got, want)
	}
}

var goldenDraws = []int32{347, 421, 174, 498, 238, 298, 840, 340}

func TestGreedyTakesTheLowestOfEquals(t *testing.T) {
	s := mustNew(t, Default())
	if got := mustSample(t, s, []float32{1, 3, 3, 2}).ID; got != 1 {
		t.Errorf("got %d", got)
	}
}

func TestPenaltyCountsATokenOnceAndKnowsItsOwn(t *testing.T) {
	p := Default()
	p.RepetitionPenalty = 2
	s := mustNew(t, p)
	s.Observe(0, 0, 0, -5, math.MaxInt32)
	logits := []float32{8, 5, 3, -1}
	var got []int32
	for range 4 {
		got = append(got, mustSample(t, s, logits).ID)
	}
	// 8 counts 4; then 5 counts 2.5, so that the 4 leads from then on.
	if want := []int32{1, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestForbiddenTokensAreNeverChosen(t *testing.T) {
	inf := float32(math.Inf(-1))
	for _, temperature := range []float64{0, 1} {
		p := Default()
		p.Temperature, p.Logprobs, p.RepetitionPenalty = temperature, 5, 1.5
		s := mustNew(t, p)
		for range 50 {
			token := mustSample(t, s, []float32{inf, -2, inf, -3})
			if token.ID != 1 && token.ID != 3 || len(token.Top) != 2 {
				t.Fatalf("got %+v", token)
			}
		}
	}
}

// Under a mask, a token is what it would be if the logits of the others were minus infinity; its log probability is that of
// the logits as they are.
func TestMaskForbidsTheOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, logits := drawParams(t), drawLogits(t)
		allowed := make([]uint64, rapid.IntRange(0, (len(logits)+63)/64+1).Draw(t, "words"))
		forbidden := slices.Clone(logits)
		some := false
		for id := range logits {
			if id/64 < len(allowed) && rapid.IntRange(0, 3).Draw(t, "allow") == 0 {
				allowed[id/64] |= 1 << (id % 64)
				some = some || !math.IsInf(float64(logits[id]), -1)
			} else {
				forbidden[id] = float32(math.Inf(-1))
			}
		}
		masked, err := New(p)
		require(t, err == nil, "%v", err)
		plain, _ := New(p)
		before := slices.Clone(logits)
		got, err := masked.SampleMasked(logits, allowed)
		if !some {
			var e *Error
			require(t, errors.As(err, &e) && e.Kind == KindLogits, "nothing is allowed: %v", err)
			return
		}
		want, wantErr := plain.Sample(forbidden)
		require(t, err == nil && wantErr == nil, "%v, %v", err, wantErr)
		require(t, got.ID == want.ID, "%d, want %d", got.ID, want.ID)
		require(t, slices.Equal(before, logits), "the logits were changed")
		if p.Logprobs > 0 {
			require(t, math.Abs(got.Logprob-logSoftmax(logits)[got.ID]) < 1e-6, "log probability %v", got.Logprob)
			require(t, len(got.Top) == min(p.Logprobs, len(logits)) || slices.ContainsFunc(logits, func(v float32) bool { return math.IsInf(float64(v), -1) }), "%v", got.Top)
		}
	})
}

// A forced token is observed and reported, and takes no number from the generator.
func TestForce(t *testing.T) {
	p := Default()
	p.Temperature, p.Seed, p.Logprobs, p.RepetitionPenalty = 1, ptr(5), 1, 2
	logits := gaussian(3, 100)
	forced, plain := mustNew(t, p), mustNew(t, p)
	token, err := forced.Force(logits, 7)
	if err != nil || token.ID != 7 || math.Abs(token.Logprob-logSoftmax(logits)[7]) > 1e-6 {
		t.Fatalf("%+v, %v", token, err)
	}
	plain.Observe(7)
	for range 20 {
		if a, b := mustSample(t, forced, logits), mustSample(t, plain, logits); a.ID != b.ID {
			t.Fatalf("%d, without forcing %d", a.ID, b.ID)
		}
	}
	for _, id := range []int32{-1, 100} {
		if _, err := forced.Force(logits, id); err == nil {
			t.Fatalf("token %d was taken", id)
		}
	}
}

func require(t *rapid.T, ok bool, format string, args ...any) {
	t.Helper()
	if !ok {
		t.Fatalf(format, args...)
	}
}

func TestBadLogitsAreErrors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, logits := range map[string][]float32{
		"none": {}, "nil": nil, "NaN": {1, nan, 2}, "NaN first": {nan, 1}, "infinity": {1, inf}, "all forbidden": {-inf, -inf},
	} {
		for _, temperature := range []float64{0, 1} {
			p := Default()
			p.Temperature, p.TopP, p.Logprobs = temperature, 0.9, 3
			_, err := mustNew(t, p).Sample(logits)
			var e *Error
			if !errors.As(err, &e) || e.Kind != KindLogits || e.Field != "logits" {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
}
