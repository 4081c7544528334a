// Package split divides a cohort into training, validation and test sets, so that what is
// measured on one says something about patients that the other never held: all records of a
// patient, and records that are nearly the same, stand in one set.
package split

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Set is one part of a cohort.
type Set uint8

// The sets. All is where a cohort is not divided.
const (
	All Set = iota
	Train
	Validation
	Test
)

var setNames = [...]string{"all", "train", "validation", "test"}

// String returns the name of the set's folder.
func (s Set) String() string { return setNames[s] }

// Options say how a cohort is divided.
type Options struct {
	// Train, Validation and Test are the shares, which add up to 1; all zero: not divided.
	Train, Validation, Test float64
	// Seed draws the division. The same seed, patients and labels give the same one.
	Seed uint64
}

// Divided says whether the cohort is divided at all.
func (o Options) Divided() bool { return o != Options{Seed: o.Seed} }

// Validate reports shares that cannot be meant.
func (o Options) Validate() error {
	sum := 0.0
	for _, s := range []float64{o.Train, o.Validation, o.Test} {
		if s < 0 || s > 1 || math.IsNaN(s) {
			return fmt.Errorf("a share of %g; shares lie between 0 and 1", s)
		}
		sum += s
	}
	if o.Divided() && math.Abs(sum-1) > 1e-9 {
		return fmt.Errorf("shares add up to %g, must be 1", sum)
	}
	return nil
}

// Member is one patient as the division sees them.
type Member struct {
	Patient uint64 // Key of the patient's id
	Label   string // what the sets are stratified by; "" where nothing is given
	Print   Print
}

// Key is a patient's id as a number, which says nothing about the id.
func Key(patient string) uint64 {
	h := sha256.Sum256([]byte(patient))
	return binary.BigEndian.Uint64(h[:])
}

// Assign gives each member a set. Members whose records are nearly the same are kept together.
// Within each label, groups are drawn in the order of a hash of seed and patient, and fill the
// sets by their shares: each label has the shares as nearly as its number allows. Labels too
// rare to have a member in every set are drawn together, since each alone would end in
// the largest. The result does not depend on the order of the members.
func Assign(members []Member, opt Options) []Set {
	out := make([]Set, len(members))
	if !opt.Divided() {
		return out
	}
	order, gs := groups(members, opt.Seed)
	gs = poolRare(gs, opt)
	slices.SortFunc(gs, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.stratum, b.stratum), cmp.Compare(a.draw, b.draw))
	})
	for len(gs) > 0 {
		n := 1
		for n < len(gs) && gs[n].stratum == gs[0].stratum {
			n++
		}
		fill(out, order, gs[:n], opt)
		gs = gs[n:]
	}
	return out
}

// fill gives one stratum's groups their sets, in their order.
func fill(out []Set, order []int32, gs []group, opt Options) {
	total, before := sizeOf(gs), 0
	for _, g := range gs {
		at := (float64(before) + float64(g.size())/2) / float64(total)
		set := Train
		switch {
		case at < opt.Test:
			set = Test
		case at < opt.Test+opt.Validation:
			set = Validation
		}
		for _, m := range order[g.from:g.to] {
			out[m] = set
		}
		before += g.size()
	}
}

// poolRare makes all labels that are too rare one stratum.
func poolRare(gs []group, opt Options) []group {
	const pool = -1
	sizes := map[int32]int{}
	for _, g := range gs {
		sizes[g.stratum] += g.size()
	}
	for i, g := range gs {
		if float64(sizes[g.stratum])*opt.least() < 1 {
			gs[i].stratum = pool
		}
	}
	return gs
}

// least is the smallest share that is not 0.
func (o Options) least() float64 {
	least := 1.0
	for _, s := range []float64{o.Train, o.Validation, o.Test} {
		if s > 0 {
			least = min(least, s)
		}
	}
	return least
}

// group are members that belong together: a stretch of an order of all members.
type group struct {
	from, to int32
	stratum  int32 // number of the first member's label
	draw     uint64
}

func (g *group) size() int { return int(g.to - g.from) }

func sizeOf(gs []group) int {
	n := 0
	for i := range gs {
		n += gs[i].size()
	}
	return n
}

// groups puts the members of each group next to each other, in an order that does not depend
// on theirs.
func groups(members []Member, seed uint64) (order []int32, out []group) {
	parent := cluster(members)
	order = make([]int32, len(members))
	for i := range order {
		order[i] = int32(i)
		find(parent, int32(i))
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := &members[a], &members[b]
		return cmp.Or(cmp.Compare(find(parent, a), find(parent, b)), cmp.Compare(x.Patient, y.Patient), strings.Compare(x.Label, y.Label))
	})
	strata := map[string]int32{}
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && find(parent, order[to]) == find(parent, order[from]) {
			to++
		}
		first := &members[order[from]]
		if _, known := strata[first.Label]; !known {
			strata[first.Label] = int32(len(strata))
		}
		out = append(out, group{int32(from), int32(to), strata[first.Label], draw(seed, first.Patient)})
		from = to
	}
	return order, out
}

func draw(seed, patient uint64) uint64 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], seed)
	binary.BigEndian.PutUint64(b[8:], patient)
	h := sha256.Sum256(b[:])
	return binary.BigEndian.Uint64(h[:])
}
