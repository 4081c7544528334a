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
	for _, gs := range strata(groups(members, opt.Seed), opt) {
		slices.SortFunc(gs, func(a, b group) int { return cmp.Compare(a.draw, b.draw) })
		total := sizeOf(gs)
		before := 0
		for _, g := range gs {
			at := (float64(before) + float64(len(g.members))/2) / float64(total)
			set := Train
			switch {
			case at < opt.Test:
				set = Test
			case at < opt.Test+opt.Validation:
				set = Validation
			}
			for _, m := range g.members {
				out[m] = set
			}
			before += len(g.members)
		}
	}
	return out
}

// strata are the groups of each label, and those of all rare labels together.
func strata(gs []group, opt Options) [][]group {
	byLabel := map[string][]group{}
	for _, g := range gs {
		byLabel[g.label] = append(byLabel[g.label], g)
	}
	var out [][]group
	var rare []group
	for _, same := range byLabel {
		if float64(sizeOf(same))*opt.least() < 1 {
			rare = append(rare, same...)
		} else {
			out = append(out, same)
		}
	}
	return append(out, rare)
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

func sizeOf(gs []group) int {
	n := 0
	for _, g := range gs {
		n += len(g.members)
	}
	return n
}

// group are members that belong together.
type group struct {
	members []int
	label   string
	draw    uint64
}

func groups(members []Member, seed uint64) []group {
	parent := cluster(members)
	byRoot := map[int]*group{}
	var roots []int
	for i := range members {
		r := find(parent, i)
		if byRoot[r] == nil {
			byRoot[r] = &group{}
			roots = append(roots, r)
		}
		byRoot[r].members = append(byRoot[r].members, i)
	}
	out := make([]group, 0, len(roots))
	for _, r := range roots {
		g := byRoot[r]
		slices.SortFunc(g.members, func(a, b int) int {
			return cmp.Or(cmp.Compare(members[a].Patient, members[b].Patient), strings.Compare(members[a].Label, members[b].Label))
		})
		first := &members[g.members[0]]
		g.label, g.draw = first.Label, draw(seed, first.Patient)
		out = append(out, *g)
	}
	return out
}

func draw(seed, patient uint64) uint64 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], seed)
	binary.BigEndian.PutUint64(b[8:], patient)
	h := sha256.Sum256(b[:])
	return binary.BigEndian.Uint64(h[:])
}
