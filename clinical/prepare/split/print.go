package split

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/zeebo/xxh3"

	"github.com/bedside-lm/bedside/clinical/record"
)

const (
	hashes = 32
	// minTokens is how many readings a record needs to be told from others by them.
	minTokens = 8
	// alike is the share of readings in common from which two records are nearly the same.
	alike = 0.7
)

// Print is a record's MinHash (Broder 1997, On the resemblance of documents, doi:10.1109/SEQUEN.1997.666900):
// the share of equal entries of two prints estimates the share of readings that their records
// have in common, with a standard error of 0.08 at a share of 0.7. The zero Print is that of a
// record with too few readings to say.
//
// Readings count by measure, value and time since the record's beginning, so a copy with other
// ids, or whose dates were shifted, has the same print. Each entry holds the lowest 16 bits of
// two hashes (Li and König 2010, b-bit minwise hashing, doi:10.1145/1772690.1772759): above, time
// begins with the first reading; below, with one that a hash of measures and values picks, so
// that most copies which lack the first reading are known as well.
type Print [hashes]uint32

// PrintOf is the print of a record.
func PrintOf(rec *record.PatientRecord) Print {
	var p Print
	rs := readingsOf(rec)
	if len(rs) < minTokens {
		return p
	}
	first, picked := beginnings(rs)
	above, below := minima(tokensOf(rs, first)), minima(tokensOf(rs, picked))
	for i := range p {
		p[i] = above[i]<<16 | below[i]&0xffff
	}
	return p
}

// reading is one number of a record.
type reading struct {
	code   string
	minute int64 // since 1970
	value  float64
}

// beginnings are the minute of the first reading, and of the one whose measure and value have
// the least hash; of several such, the first.
func beginnings(rs []reading) (first, picked int64) {
	first, picked = math.MaxInt64, math.MaxInt64
	least := uint64(math.MaxUint64)
	for _, r := range rs {
		first = min(first, r.minute)
		h := xxh3.HashStringSeed(r.code, math.Float64bits(r.value))
		if h < least {
			least, picked = h, r.minute
		} else if h == least {
			picked = min(picked, r.minute)
		}
	}
	return first, picked
}

// tokensOf are hashes of the readings, with time from a minute on.
func tokensOf(rs []reading, begin int64) []uint64 {
	out := make([]uint64, len(rs))
	var token []byte
	for i, r := range rs {
		token = strconv.AppendInt(append(append(token[:0], r.code...), '@'), r.minute-begin, 10)
		token = strconv.AppendFloat(append(token, '='), r.value, 'g', 3, 64)
		out[i] = xxh3.Hash(token)
	}
	return out
}

// readingsOf are the numbers that were measured, each once.
func readingsOf(rec *record.PatientRecord) []reading {
	out := make([]reading, 0, len(rec.Observations))
	add := func(o *record.Observation, c record.Concept, q *record.Quantity) {
		if q == nil {
			return
		}
		code := c.Label()
		if len(c.Codings) > 0 {
			code = c.Codings[0].Code
		}
		out = append(out, reading{code, o.Start.Time.Unix() / 60, q.Value.Float})
	}
	for i := range rec.Observations {
		o := &rec.Observations[i]
		if o.Start.Precision != record.PrecisionSecond || o.Has(record.MarkImputed) {
			continue
		}
		add(o, o.Code, o.Value.Quantity)
		for c := range o.Components {
			add(o, o.Components[c].Code, o.Components[c].Value.Quantity)
		}
	}
	slices.SortFunc(out, func(a, b reading) int {
		return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.minute, b.minute), cmp.Compare(a.value, b.value))
	})
	return slices.Compact(out)
}

// minima are the least values of all hashes over the tokens. Each hash is an affine function
// of two halves of one (Kirsch and Mitzenmacher 2008, doi:10.1002/rsa.20208), mixed.
func minima(tokens []uint64) [hashes]uint32 {
	var least [hashes]uint32
	for i := range least {
		least[i] = math.MaxUint32
	}
	for _, t := range tokens {
		a, b := uint32(t), uint32(t>>32)|1
		for i := range least {
			least[i] = min(least[i], mix(a+uint32(i)*b))
		}
	}
	return least
}

// mix is the finalizer of MurmurHash3.
func mix(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x85ebca6b
	x ^= x >> 13
	x *= 0xc2b2ae35
	return x ^ x>>16
}

// halves are where the two hashes of an entry begin.
var halves = [...]int{16, 0}

// Alike estimates the share of readings that two records have in common, by the beginning
// that lets them agree better. It is 0 where one of them has too few.
func (p *Print) Alike(o *Print) float64 {
	if *p == (Print{}) || *o == (Print{}) {
		return 0
	}
	above, below := 0, 0
	for i := range p {
		d := p[i] ^ o[i]
		if d>>16 == 0 {
			above++
		}
		if uint16(d) == 0 {
			below++
		}
	}
	return float64(max(above, below)) / hashes
}
