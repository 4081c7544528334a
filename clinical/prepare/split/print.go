package split

import (
	"math"
	"strconv"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/bedside-lm/bedside/clinical/record"
)

const (
	hashes = 32
	// minTokens is how many readings a record needs to be told from others by them.
	minTokens = 8
	// alike is the share of readings in common beyond which two records are nearly the same.
	alike = 0.7
	// Eight bands of four hashes: records that share 0.9 of their readings meet in one with a
	// probability of 0.9998, those that share 0.3 with 0.06.
	bandRows = 4
)

// Print is a record's MinHash (Broder 1997, On the resemblance of documents): the share of
// equal entries of two prints estimates the share of readings that their records have in
// common. The zero Print is that of a record with too few readings to say.
type Print [hashes]uint32

// PrintOf is the print of a record. Readings count by measure, value and time since the first
// one, so a copy with other ids, or whose dates were shifted, has the same print.
func PrintOf(rec *record.PatientRecord) Print {
	var first time.Time
	for i := range rec.Observations {
		if t := rec.Observations[i].Start; t.Precision == record.PrecisionSecond && (first.IsZero() || t.Time.Before(first)) {
			first = t.Time
		}
	}
	var p Print
	for i := range p {
		p[i] = math.MaxUint32
	}
	tokens := 0
	var token []byte
	add := func(o *record.Observation, c record.Concept, q *record.Quantity) {
		if q == nil || o.Has(record.MarkImputed) {
			return
		}
		tokens++
		code := c.Label()
		if len(c.Codings) > 0 {
			code = c.Codings[0].Code
		}
		token = append(token[:0], code...)
		token = strconv.AppendInt(append(token, '@'), int64(o.Start.Time.Sub(first)/time.Minute), 10)
		token = strconv.AppendFloat(append(token, '='), q.Value.Float, 'g', 3, 64)
		p.add(xxh3.Hash(token))
	}
	for i := range rec.Observations {
		o := &rec.Observations[i]
		if o.Start.Precision != record.PrecisionSecond {
			continue
		}
		add(o, o.Code, o.Value.Quantity)
		for c := range o.Components {
			add(o, o.Components[c].Code, o.Components[c].Value.Quantity)
		}
	}
	if tokens < minTokens {
		return Print{}
	}
	return p
}

// add takes one token into all hashes, each an affine function of two halves of one hash
// (Kirsch and Mitzenmacher 2008).
func (p *Print) add(h uint64) {
	a, b := uint32(h), uint32(h>>32)|1
	for i := range p {
		v := mix(a + uint32(i)*b)
		if v < p[i] {
			p[i] = v
		}
	}
}

// mix is the finalizer of MurmurHash3.
func mix(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x85ebca6b
	x ^= x >> 13
	x *= 0xc2b2ae35
	return x ^ x>>16
}

// Alike estimates the share of readings that two records have in common, 0 where one of them
// has too few.
func (p *Print) Alike(o *Print) float64 {
	if *p == (Print{}) || *o == (Print{}) {
		return 0
	}
	same := 0
	for i := range p {
		if p[i] == o[i] {
			same++
		}
	}
	return float64(same) / hashes
}

// cluster joins members with the same patient and members with nearly the same record.
func cluster(members []Member) []int {
	parent := make([]int, len(members))
	byPatient := make(map[uint64]int, len(members))
	for i := range parent {
		parent[i] = i
		if first, seen := byPatient[members[i].Patient]; seen {
			join(parent, first, i)
		} else {
			byPatient[members[i].Patient] = i
		}
	}
	meet(members, bandRows, func(a, b int) {
		if members[a].Print.Alike(&members[b].Print) >= alike {
			join(parent, a, b)
		}
	})
	return parent
}

// meet calls visit with pairs of members that agree in all rows of one band: each with the
// first of its bucket.
func meet(members []Member, rows int, visit func(a, b int)) {
	for band := 0; band+rows <= hashes; band += rows {
		buckets := make(map[uint64]int, len(members))
		for i := range members {
			p := &members[i].Print
			if *p == (Print{}) {
				continue
			}
			h := uint64(14695981039346656037)
			for _, v := range p[band : band+rows] {
				h = (h ^ uint64(v)) * 1099511628211
			}
			if first, seen := buckets[h]; seen {
				visit(first, i)
			} else {
				buckets[h] = i
			}
		}
	}
}
