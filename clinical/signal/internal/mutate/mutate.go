// Package mutate breaks inputs for the tests of readers: the same seed gives the same breaks.
package mutate

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Source makes broken copies of inputs.
type Source struct{ rng *rand.Rand }

// New returns a source whose breaks depend on the seed alone.
func New(seed uint64) *Source {
	return &Source{rng: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // test inputs need to be the same each time, not secret
}

// Pick returns one of n.
func (s *Source) Pick(n int) int { return s.rng.IntN(n) }

// Bytes returns a copy of data with one to four breaks: bits flipped, bytes replaced, parts
// deleted, doubled, moved or cut off, and parts of other put in.
func (s *Source) Bytes(data, other []byte) []byte {
	out := slices.Clone(data)
	for range 1 + s.rng.IntN(4) {
		out = s.once(out, other)
	}
	return out
}

func (s *Source) once(b, other []byte) []byte {
	if len(b) == 0 {
		return append(b, byte(s.rng.IntN(256)))
	}
	at := s.rng.IntN(len(b))
	end := min(len(b), at+1+s.rng.IntN(32))
	switch s.rng.IntN(8) {
	case 0:
		b[at] ^= 1 << s.rng.IntN(8)
	case 1:
		b[at] = byte(s.rng.IntN(256))
	case 2: // a byte that is likely to matter
		b[at] = "\x00\xff\x7f\x80 09-.:/()~x\n"[s.rng.IntN(16)]
	case 3:
		b = slices.Delete(b, at, end)
	case 4:
		b = slices.Insert(b, at, slices.Clone(b[at:end])...)
	case 5:
		b = b[:at]
	case 6:
		piece := make([]byte, end-at)
		for i := range piece {
			piece[i] = byte(s.rng.IntN(256))
		}
		b = slices.Insert(b, at, piece...)
	case 7:
		if len(other) > 0 {
			from := s.rng.IntN(len(other))
			b = slices.Insert(b, at, other[from:min(len(other), from+1+s.rng.IntN(64))]...)
		}
	}
	return b
}

// CheckError fails the test where an error is neither of the record's two kinds, or does not
// say where the input is wrong and what was expected.
func CheckError(t testing.TB, err error) {
	t.Helper()
	var invalid *record.InvalidError
	var limit *record.LimitError
	switch {
	case errors.As(err, &invalid):
		if n := len(invalid.Violations); n == 0 || n > 20 {
			t.Fatalf("%d violations", n)
		}
		for _, v := range invalid.Violations {
			if v.Path == "" || v.Message == "" {
				t.Fatalf("a violation without a place or a message: %+v", v)
			}
		}
	case errors.As(err, &limit):
		if limit.Path == "" || limit.What == "" || limit.Limit <= 0 {
			t.Fatalf("a limit without a place: %+v", limit)
		}
	default:
		t.Fatalf("an error of another kind: %T", err)
	}
}

// Allocated returns how many bytes run allocates, those that are freed on the way included.
func Allocated(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
