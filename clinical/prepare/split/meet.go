package split

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// Bands of a print. Two prints that are alike differ in at most nine of 32 entries, so at
// least one of ten bands of three is the same in both: no pair is missed.
const (
	bandRows = 3
	bands    = 10
)

// meet calls visit once with each pair of prints that agree in a band, which every pair that
// is alike does. offset says at which entry the first band begins.
func meet(prints []*Print, offset int, visit func(a, b int)) {
	type place struct {
		key   uint64
		index int
	}
	all := make([]place, len(prints))
	for half := range halves {
		for band := range bands {
			for i, p := range prints {
				all[i] = place{p.band(half, offset, band), i}
			}
			slices.SortFunc(all, func(a, b place) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.index, b.index)) })
			for i := range all {
				for j := i + 1; j < len(all) && all[j].key == all[i].key; j++ {
					if a, b := all[i].index, all[j].index; !metBefore(prints[a], prints[b], offset, half, band) {
						visit(a, b)
					}
				}
			}
		}
	}
}

// band is one band's entries, of one half, as a number.
func (p *Print) band(half, offset, band int) uint64 {
	key := uint64(0)
	for r := range bandRows {
		key = key<<16 | uint64(uint16(p[(offset+band*bandRows+r)%hashes]>>halves[half]))
	}
	return key
}

// metBefore says whether two prints agree in a band that comes before this one.
func metBefore(a, b *Print, offset, half, band int) bool {
	for h := range half + 1 {
		for k := range bands {
			if h == half && k == band {
				return false
			}
			if a.band(h, offset, k) == b.band(h, offset, k) {
				return true
			}
		}
	}
	return false
}

// distinct gives the first member of each print, and for every member the place of its print
// among those. Members that say nothing have none: -1.
func distinct(members []Member) (first, of []int) {
	order := make([]int, 0, len(members))
	of = make([]int, len(members))
	for i := range members {
		of[i] = -1
		if members[i].Print != (Print{}) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(members[a].Print.compare(&members[b].Print), cmp.Compare(a, b)) })
	for k, i := range order {
		if k == 0 || members[order[k-1]].Print != members[i].Print {
			first = append(first, i)
		}
		of[i] = len(first) - 1
	}
	return first, of
}

func (p *Print) compare(o *Print) int {
	var a, b [hashes * 4]byte
	for i := range p {
		binary.BigEndian.PutUint32(a[4*i:], p[i])
		binary.BigEndian.PutUint32(b[4*i:], o[i])
	}
	return bytes.Compare(a[:], b[:])
}

// printsOf are the prints of some members.
func printsOf(members []Member, which []int) []*Print {
	out := make([]*Print, len(which))
	for k, i := range which {
		out[k] = &members[i].Print
	}
	return out
}

// cluster joins members with the same patient and members with nearly the same record. What is
// joined by others in between is joined, too.
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
	first, of := distinct(members)
	for i, k := range of {
		if k >= 0 {
			join(parent, first[k], i)
		}
	}
	meet(printsOf(members, first), 0, func(a, b int) {
		a, b = first[a], first[b]
		if find(parent, a) != find(parent, b) && members[a].Print.Alike(&members[b].Print) >= alike {
			join(parent, a, b)
		}
	})
	return parent
}

func find(parent []int, i int) int {
	for parent[i] != i {
		parent[i] = parent[parent[i]]
		i = parent[i]
	}
	return i
}

func join(parent []int, a, b int) {
	a, b = find(parent, a), find(parent, b)
	if a != b {
		parent[max(a, b)] = min(a, b)
	}
}
