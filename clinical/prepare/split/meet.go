package split

import (
	"cmp"
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
		index int32
	}
	all := make([]place, len(prints))
	for half := range halves {
		for band := range bands {
			for i, p := range prints {
				all[i] = place{p.band(half, offset, band), int32(i)}
			}
			slices.SortFunc(all, func(a, b place) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.index, b.index)) })
			for i := range all {
				for j := i + 1; j < len(all) && all[j].key == all[i].key; j++ {
					if a, b := int(all[i].index), int(all[j].index); !metBefore(prints[a], prints[b], offset, half, band) {
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
func distinct(members []Member) (first, of []int32) {
	order := make([]int32, 0, len(members))
	of = make([]int32, len(members))
	for i := range members {
		of[i] = -1
		if members[i].Print != (Print{}) {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(slices.Compare(members[a].Print[:], members[b].Print[:]), cmp.Compare(a, b))
	})
	for k, i := range order {
		if k == 0 || members[order[k-1]].Print != members[i].Print {
			first = append(first, i)
		}
		of[i] = int32(len(first) - 1)
	}
	return first, of
}

// printsOf are the prints of some members.
func printsOf(members []Member, which []int32) []*Print {
	out := make([]*Print, len(which))
	for k, i := range which {
		out[k] = &members[i].Print
	}
	return out
}

// byPatient are the members in the order of their patients.
func byPatient(members []Member) []int32 {
	order := make([]int32, len(members))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(members[a].Patient, members[b].Patient) })
	return order
}

// cluster joins members with the same patient and members with nearly the same record. What is
// joined by others in between is joined, too.
func cluster(members []Member) (parent []int32) {
	parent = make([]int32, len(members))
	for i := range parent {
		parent[i] = int32(i)
	}
	order := byPatient(members)
	for k := 1; k < len(order); k++ {
		if members[order[k-1]].Patient == members[order[k]].Patient {
			join(parent, order[k-1], order[k])
		}
	}
	first, of := distinct(members)
	for i, k := range of {
		if k >= 0 {
			join(parent, first[k], int32(i))
		}
	}
	meet(printsOf(members, first), 0, func(x, y int) {
		a, b := first[x], first[y]
		if find(parent, a) != find(parent, b) && members[a].Print.Alike(&members[b].Print) >= alike {
			join(parent, a, b)
		}
	})
	return parent
}

func find(parent []int32, i int32) int32 {
	for parent[i] != i {
		parent[i] = parent[parent[i]]
		i = parent[i]
	}
	return i
}

func join(parent []int32, a, b int32) {
	a, b = find(parent, a), find(parent, b)
	if a != b {
		parent[max(a, b)] = min(a, b)
	}
}
