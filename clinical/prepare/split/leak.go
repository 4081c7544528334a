package split

import (
	"fmt"
	"slices"
)

// LeakError says that a division lets records of one set be known from another.
type LeakError struct {
	Patients int // in more than one set
	Pairs    int // of nearly the same records in two sets
}

func (e *LeakError) Error() string {
	return fmt.Sprintf("the sets leak: %d patients stand in more than one, %d pairs of nearly the same records in two", e.Patients, e.Pairs)
}

// Checked is what Check looked at.
type Checked struct {
	Members int `json:"members"`
	// Pairs that were compared: all there are in cohorts of up to 4,000, else all whose prints
	// agree in a band, which no pair of nearly the same records escapes.
	Pairs int `json:"pairs_compared"`
	// Alike are the pairs of nearly the same records within one set.
	Alike      int  `json:"near_duplicates_within_sets"`
	Exhaustive bool `json:"exhaustive"`
	// Unknown are the members with too few readings to be told from others.
	Unknown int `json:"records_too_short_to_compare"`
}

const exhaustive = 4000

// Check holds a division against its members by another way than the one that made it. The
// error is a *LeakError.
func Check(members []Member, sets []Set) (Checked, error) {
	c := Checked{Members: len(members), Exhaustive: len(members) <= exhaustive}
	leak := LeakError{Patients: patientsInTwo(members, sets)}
	found := func(a, b int) {
		if sets[a] == sets[b] {
			c.Alike++
		} else {
			leak.Pairs++
		}
	}
	compare := func(a, b int) {
		c.Pairs++
		if members[a].Print.Alike(&members[b].Print) >= alike {
			found(a, b)
		}
	}
	for i := range members {
		if members[i].Print == (Print{}) {
			c.Unknown++
		}
	}
	if c.Exhaustive {
		for a := range members {
			for b := a + 1; b < len(members); b++ {
				compare(a, b)
			}
		}
	} else {
		checkMet(members, &c, compare, found)
	}
	if leak != (LeakError{}) {
		return c, &leak
	}
	return c, nil
}

// checkMet compares the members whose prints meet, by other bands than those that joined them.
// Of equal prints, each is held against the one before it, and the last against other prints.
func checkMet(members []Member, c *Checked, compare, found func(a, b int)) {
	first, of := distinct(members)
	last := slices.Clone(first)
	for i, k := range of {
		if k >= 0 && int(last[k]) != i {
			c.Pairs++
			found(int(last[k]), i)
			last[k] = int32(i)
		}
	}
	const otherBands = 1
	meet(printsOf(members, last), otherBands, func(a, b int) { compare(int(last[a]), int(last[b])) })
}

func patientsInTwo(members []Member, sets []Set) int {
	n, two := 0, false
	order := byPatient(members)
	for k := 1; k < len(order); k++ {
		a, b := order[k-1], order[k]
		if members[a].Patient != members[b].Patient {
			two = false
		} else if sets[a] != sets[b] && !two {
			two = true
			n++
		}
	}
	return n
}
