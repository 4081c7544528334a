package repository

import (
	"fmt"
	"slices"
)

// VersionPolicy chooses which versions of a model are served. The zero value is the latest one.
type VersionPolicy struct {
	All      bool    // every version; wins over the rest
	Specific []int64 // these, where not empty
	Latest   int     // else the n highest numbers; 0 means 1
}

// choose returns the versions to serve out of those there are, highest first, and those of Specific that are not there.
func (p VersionPolicy) choose(have []int64) (chosen, missing []int64) {
	sorted := slices.Sorted(slices.Values(have))
	slices.Reverse(sorted)
	switch {
	case p.All:
		return sorted, nil
	case len(p.Specific) > 0:
		for _, v := range sorted {
			if slices.Contains(p.Specific, v) {
				chosen = append(chosen, v)
			}
		}
		for _, v := range p.Specific {
			if !slices.Contains(sorted, v) && !slices.Contains(missing, v) {
				missing = append(missing, v)
			}
		}
		return chosen, missing
	}
	return sorted[:min(len(sorted), max(p.Latest, 1))], nil
}

// String describes the policy as the configuration spells it.
func (p VersionPolicy) String() string {
	switch {
	case p.All:
		return "all"
	case len(p.Specific) > 0:
		return fmt.Sprintf("specific %v", p.Specific)
	}
	return fmt.Sprintf("latest %d", max(p.Latest, 1))
}
