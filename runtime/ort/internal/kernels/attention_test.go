package kernels

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func randomAttention(r *rand.Rand, heads, kvHeads, dim int) Attention {
	a := Attention{Heads: heads, KVHeads: kvHeads, Dim: dim, Pages: 4, Scale: float32(1 / math.Sqrt(float64(dim))), Epsilon: 1e-6}
	a.Cos, a.Sin = make([]float32, 256*dim/2), make([]float32, 256*dim/2)
	for i := range a.Cos {
		angle := float64(i/(dim/2)) * math.Pow(10000, -float64(2*(i%(dim/2)))/float64(dim))
		a.Cos[i], a.Sin[i] = float32(math.Cos(angle)), float32(math.Sin(angle))
	}
	if r.IntN(2) == 0 {
		a.QNorm, a.KNorm = random(r, dim, 2), random(r, dim, 2)
	}
	return a
}

// filled is a cache that holds what a sequence before left, whatever it was.
func filled(a Attention) []byte {
	cache := make([]byte, a.CacheBytes())
	for i := range cache {
		cache[i] = 0x7f // also as float32 scales: nothing that could be computed with
	}
	return cache
}

// Every set gives the bits of the plain one, however many tokens are taken together and however the text was cut.
func TestAttentionIsTheSameBits(t *testing.T) {
	plain, rest := others(t)
	rest["plain"] = plain
	r := rand.New(rand.NewPCG(4, 1))
	for _, shape := range [][3]int{{9, 3, 64}, {4, 4, 32}, {8, 1, 128}, {2, 1, 96}, {4, 2, 256}, {32, 2, 32}} {
		for _, window := range []int{0, 1, 40, 100} {
			a := randomAttention(r, shape[0], shape[1], shape[2])
			a.Window = window
			width := (a.Heads + 2*a.KVHeads) * a.Dim
			const tokens = 150
			qkv := random(r, tokens*width, 2)
			want := plain.Attend(a, qkv, filled(a), 0, 1)
			require.False(t, math.IsNaN(float64(want[0])))
			for name, s := range rest {
				require.Equal(t, want, s.Attend(a, qkv, filled(a), 0, 5), "%s, %v, window %d", name, shape, window)
				cache, cut := filled(a), 1+r.IntN(tokens-1)
				got := s.Attend(a, qkv[:cut*width], cache, 0, 16)
				got = append(got, s.Attend(a, qkv[cut*width:], cache, cut, 3)...)
				require.Equal(t, want, got, "%s, %v, window %d, cut at %d", name, shape, window, cut)
			}
		}
	}
}

// The plain set against float64: what 8 bits of keys and values leave.
func TestAttentionIsRight(t *testing.T) {
	plain, _ := others(t)
	r := rand.New(rand.NewPCG(5, 1))
	a := randomAttention(r, 6, 2, 64)
	a.QNorm, a.KNorm, a.Window = nil, nil, 50
	const tokens = 130
	width := (a.Heads + 2*a.KVHeads) * a.Dim
	qkv := random(r, tokens*width, 1)
	got := plain.Attend(a, qkv, filled(a), 0, 1)
	for _, token := range []int{0, 1, 63, 64, 129} {
		for h := range a.Heads {
			want := attended(a, qkv, token, h)
			for d := range want {
				require.InDelta(t, want[d], got[(token*a.Heads+h)*a.Dim+d], 0.01, "token %d, head %d", token, h)
			}
		}
	}
}

func attended(a Attention, qkv []float32, token, head int) []float64 {
	width, group := (a.Heads+2*a.KVHeads)*a.Dim, a.Heads/a.KVHeads
	part := func(token, head int) []float64 {
		out, half := make([]float64, a.Dim), a.Dim/2
		x := qkv[token*width+head*a.Dim:]
		for i := range half {
			c, s := float64(a.Cos[token*half+i]), float64(a.Sin[token*half+i])
			out[i] = float64(x[i])*c - float64(x[half+i])*s
			out[half+i] = float64(x[half+i])*c + float64(x[i])*s
		}
		return out
	}
	q, out, sum := part(token, head), make([]float64, a.Dim), 0.0
	for j := max(0, token-a.Window+1); j <= token; j++ {
		score := 0.0
		for d, k := range part(j, a.Heads+head/group) {
			score += q[d] * k
		}
		e := math.Exp(score * float64(a.Scale))
		sum += e
		for d := range out {
			out[d] += e * float64(qkv[j*width+(a.Heads+a.KVHeads+head/group)*a.Dim+d])
		}
	}
	for d := range out {
		out[d] /= sum
	}
	return out
}

// Values that are all alike and all count alike, so that their sums are the largest there are.
func TestLongTextsAreTheSameBits(t *testing.T) {
	plain, sets := others(t)
	const tokens = 2500
	a := Attention{Heads: 2, KVHeads: 1, Dim: 32, Pages: tokens/64 + 1, Scale: 1}
	a.Cos, a.Sin = make([]float32, tokens*16), make([]float32, tokens*16)
	qkv := make([]float32, tokens*4*32)
	for i := range qkv {
		qkv[i] = 3
	}
	want := plain.Attend(a, qkv, filled(a), 0, 16)
	require.InDelta(t, 3, want[len(want)-1], 1e-5)
	for name, s := range sets {
		require.Equal(t, want, s.Attend(a, qkv, filled(a), 0, 5), name)
	}
}
