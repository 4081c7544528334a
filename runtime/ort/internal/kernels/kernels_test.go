package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func random(r *rand.Rand, n int, most float32) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = (2*r.Float32() - 1) * most
	}
	return out
}

// uneven is random numbers of which every 16 have a size of their own, so that they are quantized with different shifts.
func uneven(r *rand.Rand, n int, most float32) []float32 {
	out := random(r, n, most)
	for i := 0; i < n; i += 16 {
		size := float32(math.Exp2(-float64(r.IntN(7))))
		for j := i; j < min(i+16, n); j++ {
			out[j] *= size
		}
	}
	return out
}

// inBlocks lays plain weights [outputs][inputs] out as the kernels take them.
func inBlocks(plain []int8, inputs, outputs int) (blocks []int8, zero []int32) {
	blocks, zero = make([]int8, len(plain)), make([]int32, outputs)
	for o := range outputs {
		for i := range inputs {
			w := plain[o*inputs+i]
			blocks[o/16*inputs*16+i/4*64+o%16*4+i%4] = w
			zero[o] += 64 * int32(w)
		}
	}
	return blocks, zero
}

func randomLinear(r *rand.Rand, inputs, outputs int) (Linear, []int8) {
	plain := make([]int8, inputs*outputs)
	for i := range plain {
		plain[i] = int8(r.IntN(255) - 127)
	}
	blocks, zero := inBlocks(plain, inputs, outputs)
	return Linear{
		Weight: blocks, Scale: random(r, outputs, 1e-3), Zero: zero, Inputs: inputs, Outputs: outputs,
		Norm: random(r, inputs, 2), Epsilon: 1e-5,
	}, plain
}

// others are the sets that this processor has, but for the plain one.
func others(t testing.TB) (plain Set, rest map[string]Set) {
	plain, ok := NewSet(Names[0])
	require.True(t, ok)
	rest = map[string]Set{}
	for _, name := range Names[1:] {
		if s, ok := NewSet(name); ok {
			rest[name] = s
		} else {
			t.Logf("this processor has no %s", name)
		}
	}
	return plain, rest
}

// Every set gives the bits of the plain one, for rows and widths that fill its tiles and that do not.
func TestProductsAreTheSameBits(t *testing.T) {
	plain, rest := others(t)
	r := rand.New(rand.NewPCG(1, 1))
	for _, inputs := range []int{16, 64, 96, 320} {
		for _, outputs := range []int{32, 96, 160} {
			for _, rows := range []int{1, 2, 3, 7, 16, 17, 33, 50} {
				l, _ := randomLinear(r, inputs, outputs)
				l.Gated = r.IntN(3)
				if r.IntN(2) == 0 {
					l.Norm = nil
				}
				if r.IntN(2) == 0 {
					l.Bias = random(r, outputs, 1)
				}
				if l.Gated == 0 && r.IntN(2) == 0 {
					l.Add = random(r, rows*outputs, 1)
				}
				x := uneven(r, rows*inputs, 30)
				want := plain.Apply(l, x, rows)
				for name, s := range rest {
					require.Equal(t, want, s.Apply(l, x, rows), "%s: %d rows, %d by %d, %+v", name, rows, inputs, outputs, l.Gated)
				}
			}
		}
	}
}

// inNibbles makes random weights of 4 bits, and gives them with those of 8 bits that they stand for.
func inNibbles(r *rand.Rand, l Linear) (small, plain Linear) {
	eight := make([]int8, l.Inputs*l.Outputs)
	small, plain = l, l
	small.Weight, small.Steps = make([]int8, len(eight)/2), make([]int16, len(eight)/16)
	for o := range l.Outputs {
		for i := range l.Inputs {
			at := (l.Inputs/32*(o/16)+i/32)*32 + o%16*2
			if i%32 == 0 {
				small.Steps[at] = int16(r.IntN(4000))
				small.Steps[at+1] = int16(-r.IntN(32000))
			}
			q := r.IntN(16)
			place := []int{0, 4, 16, 20, 8, 12, 24, 28}[i%8] // bits of the 32 that 8 inputs take
			small.Weight[8*l.Inputs*(o/16)+i/8*64+o%16*4+place/8] |= int8(q << (place % 8))
			eight[o*l.Inputs+i] = int8((q*int(small.Steps[at]) + int(small.Steps[at+1])) >> 8)
		}
	}
	plain.Weight, plain.Zero = inBlocks(eight, l.Inputs, l.Outputs)
	small.Zero = plain.Zero
	return small, plain
}

// Weights of 4 bits give the bits of the 8 that are made of them.
func TestFourBitsAreTheSameBits(t *testing.T) {
	plain, sets := others(t)
	sets["plain"] = plain
	r := rand.New(rand.NewPCG(7, 1))
	for _, inputs := range []int{32, 64, 96, 576} {
		for _, rows := range []int{1, 2, 3, 5, 16, 17, 40} {
			l, _ := randomLinear(r, inputs, 160)
			l.Gated = r.IntN(2)
			four, eight := inNibbles(r, l)
			x := uneven(r, rows*inputs, 30)
			want := plain.Apply(eight, x, rows)
			for name, s := range sets {
				require.Equal(t, want, s.Apply(four, x, rows), "%s: %d rows, %d inputs", name, rows, inputs)
			}
		}
	}
}

// Sums that pass 32 bits: every weight and every activation at its largest.
func TestLargestSumsAreTheSameBits(t *testing.T) {
	plain, sets := others(t)
	sets["plain"] = plain
	for _, inputs := range []int{1536, 2048, 16384, 16448, 32784} {
		l := Linear{Scale: make([]float32, 16), Inputs: inputs, Outputs: 16}
		q, x := make([]int8, 16*inputs), make([]float32, 20*inputs)
		for o := range l.Scale {
			l.Scale[o] = 1
			for i := range inputs {
				q[o*inputs+i] = int8(127 - o)
			}
		}
		for i := range x {
			x[i] = float32(1016 - 8*(i/inputs)) // what 8 bits hold with the largest shift
			if i%inputs == 0 {
				x[i] = 1016
			}
		}
		l.Weight, l.Zero = inBlocks(q, inputs, 16)
		want := plain.Apply(l, x, 20)
		for i, got := range want {
			row := float64(1016-8*(i/16))*float64(inputs-1) + 1016
			require.InEpsilon(t, row*float64(127-i%16), got, 1e-6)
		}
		for name, s := range sets {
			require.Equal(t, want, s.Apply(l, x, 20), "%s, %d inputs", name, inputs)
		}
	}
}

// Numbers of every size come back within half a step: of 8 bits of the 16 beside them, or of a row's smallest.
func TestRoundingOfActivations(t *testing.T) {
	plain, sets := others(t)
	sets["plain"] = plain
	r := rand.New(rand.NewPCG(8, 1))
	for _, inputs := range []int{16, 80, 576, 16400} {
		x := uneven(r, inputs, 1)
		x[inputs/2] = -1
		for from := 0; from < inputs; from += max(16, inputs/40/16*16) {
			q, l := make([]int8, 16*inputs), Linear{Scale: make([]float32, 16), Inputs: inputs, Outputs: 16}
			for o := range 16 { // the outputs are the inputs of a group themselves
				l.Scale[o], q[o*inputs+from+o] = 1, 1
			}
			l.Weight, l.Zero = inBlocks(q, inputs, 16)
			most := 0.0
			for _, v := range x[from : from+16] {
				most = max(most, math.Abs(float64(v)))
			}
			step := 1.0 / 1016
			for step < 1.0/127 && most >= 127.5*step {
				step *= 2
			}
			for name, s := range sets {
				for o, got := range s.Apply(l, x, 1) {
					require.InDelta(t, x[from+o], got, step*0.5001, "%s, %d of %d inputs", name, from+o, inputs)
				}
			}
		}
	}
}

// The product of SmolLM2's gate and up, its weights from the processor's own cache or from memory as they come: one core's multiply-adds
// a second.
func BenchmarkProduct(b *testing.B) {
	plain, sets := others(b)
	sets["plain"] = plain
	r := rand.New(rand.NewPCG(9, 1))
	eight, _ := randomLinear(r, 576, 3072)
	four, _ := inNibbles(r, eight)
	for _, name := range Names {
		set, ok := sets[name]
		if !ok {
			continue
		}
		for _, rows := range []int{1, 2, 4, 16, 64, 256} {
			x, out := random(r, rows*eight.Inputs, 3), make([]float32, rows*eight.Outputs)
			run := func(bits int, l Linear) {
				b.Run(fmt.Sprintf("set=%s/bits=%d/rows=%d", name, bits, rows), func(b *testing.B) {
					quantized := set.Quantize(l, x)
					for b.Loop() {
						set.Product(l, quantized, out)
					}
					b.ReportMetric(float64(b.N)*float64(rows*l.Inputs*l.Outputs)/1e9/b.Elapsed().Seconds(), "GMAC/s")
				})
			}
			run(8, eight)
			run(4, four)
		}
	}
}

// A row's numbers do not depend on the rows beside it.
func TestRowsAloneAreTheSameBits(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	_, sets := others(t)
	l, _ := randomLinear(r, 128, 64)
	x := uneven(r, 40*128, 5)
	for name, s := range sets {
		all := s.Apply(l, x, 40)
		for i := range 40 {
			require.Equal(t, all[i*64:(i+1)*64], s.Apply(l, x[i*128:(i+1)*128], 1), name)
		}
	}
}

// A norm that is added is the same bits with every set, and right.
func TestNormsAreTheSameBits(t *testing.T) {
	plain, rest := others(t)
	r := rand.New(rand.NewPCG(6, 1))
	for _, width := range []int{16, 32, 80, 640} {
		x, norm, add := random(r, width, 5), random(r, width, 2), random(r, width, 3)
		want := plain.NormAdd(x, norm, add, 1e-6)
		sum := 0.0
		for _, v := range x {
			sum += float64(v) * float64(v)
		}
		f := 1 / math.Sqrt(sum/float64(width)+1e-6)
		for i := range want {
			require.InDelta(t, float64(add[i])+float64(x[i])*f*float64(norm[i]), want[i], 1e-5)
		}
		for name, s := range rest {
			require.Equal(t, want, s.NormAdd(x, norm, add, 1e-6), "%s, %d", name, width)
		}
	}
}

// The plain set against float64.
func TestProductIsRight(t *testing.T) {
	plain, _ := others(t)
	r := rand.New(rand.NewPCG(3, 1))
	const inputs, outputs, rows = 128, 64, 3
	for _, gated := range []int{0, 1, 2} {
		l, q := randomLinear(r, inputs, outputs)
		l.Gated, l.Bias = gated, random(r, outputs, 1)
		x := random(r, rows*inputs, 3)
		got := plain.Apply(l, x, rows)
		for i := range rows {
			want := wanted(l, q, x[i*inputs:(i+1)*inputs])
			for o := range want {
				require.InDelta(t, want[o], got[i*len(want)+o], 0.02, "gated %d, row %d, output %d", gated, i, o)
			}
		}
	}
}

func wanted(l Linear, q []int8, x []float32) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	f := 1 / math.Sqrt(sum/float64(l.Inputs)+float64(l.Epsilon))
	y := make([]float64, l.Outputs)
	for o := range y {
		for i, v := range x {
			y[o] += float64(v) * f * float64(l.Norm[i]) * float64(q[o*l.Inputs+i])
		}
		y[o] = y[o]*float64(l.Scale[o]) + float64(l.Bias[o])
	}
	if l.Gated == 0 {
		return y
	}
	out := make([]float64, l.Outputs/2)
	for o := range out {
		gate, up := y[o/16*32+o%16], y[o/16*32+16+o%16]
		if l.Gated == 2 {
			out[o] = 0.5 * gate * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(gate+0.044715*gate*gate*gate))) * up
		} else {
			out[o] = gate / (1 + math.Exp(-gate)) * up
		}
	}
	return out
}
