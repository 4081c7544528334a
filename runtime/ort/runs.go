package ort

import (
	"cmp"
	"math"
	"slices"
)

// Row is one sequence's share of a step: Tokens follow the Start tokens that the slot
// already holds.
type Row struct {
	Slot   int
	Start  int
	Tokens []int32
	// LogitsFrom is the first of Tokens whose logits are wanted; len(Tokens) for none.
	LogitsFrom int
}

// run is one call of the model: rows, by slot, over the contiguous slots [low, low+span).
// Slots between the rows stay idle. width is the widest row's token count: attention
// pads every slot of the range to it.
type run struct {
	rows  []int // indices into the step's rows
	low   int
	span  int
	width int
}

// What a call costs beyond its tokens, in tokens' worth of work: reading all weights once,
// and one padded place of attention. BenchmarkCall measures both (two cores: a call of one
// token 12 ms, each further one 0.5 to 0.75 ms; 7,936 padded places 44 ms).
const (
	callCost   = 16.0
	paddedCost = 0.008
)

// maxPlaces bounds the padded places of a call of several rows. Attention sets memory
// aside for every place, head and cached token, idle or not: 36 KiB a place where a slot
// of 1,000 tokens takes part.
const maxPlaces = 1024

// joinNever is the cost of a call that is not to be made.
var joinNever = math.Inf(1)

// packedRunCost is the cost of a call of the packed graph.
func packedRunCost(r run) float64 {
	if len(r.rows) > 1 && r.span*r.width > maxPlaces {
		return joinNever
	}
	return callCost + paddedCost*float64(r.span*r.width)
}

// groupRuns cuts a step into calls so that what idle slots and padding cost does not eat what
// sharing a call saves. cost is a call's cost, with its rows' tokens or without; infinite where the rows cannot share one.
func groupRuns(rows []Row, cost func(run) float64) []run {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(len(rows[a].Tokens), len(rows[b].Tokens)), cmp.Compare(rows[a].Slot, rows[b].Slot))
	})
	var runs []run
	for _, i := range order {
		one := run{rows: []int{i}, low: rows[i].Slot, span: 1, width: len(rows[i].Tokens)}
		if n := len(runs); n > 0 {
			if both := runs[n-1].join(one); cost(both) <= cost(runs[n-1])+cost(one) {
				runs[n-1] = both
				continue
			}
		}
		runs = append(runs, one)
	}
	for _, r := range runs {
		slices.SortFunc(r.rows, func(a, b int) int { return cmp.Compare(rows[a].Slot, rows[b].Slot) })
	}
	return runs
}

func (r run) join(o run) run {
	low := min(r.low, o.low)
	high := max(r.low+r.span, o.low+o.span)
	return run{
		rows:  append(slices.Clip(r.rows), o.rows...),
		low:   low,
		span:  high - low,
		width: max(r.width, o.width),
	}
}
