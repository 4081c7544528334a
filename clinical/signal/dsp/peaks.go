package dsp

import (
	"math"
	"slices"
)

// Peaks returns the places of local maxima in order. Of maxima that are nearer to each other
// than apart samples the higher stays; a maximum must stand out by prominence from the higher of
// the lowest points between it and higher ground, or the end, on both sides. A plateau counts once, at its
// middle.
func Peaks(x []float64, apart int, prominence float64) []int {
	var all []int
	for i := 1; i < len(x)-1; i++ {
		if x[i] <= x[i-1] {
			continue
		}
		j := i
		for j+1 < len(x) && x[j+1] == x[i] {
			j++
		}
		if j+1 < len(x) && x[j+1] < x[i] {
			all = append(all, (i+j)/2)
		}
		i = j
	}
	return prominent(x, spaced(x, all, apart), prominence)
}

// spaced drops each peak that has a higher one within apart samples, the highest first.
func spaced(x []float64, peaks []int, apart int) []int {
	if apart <= 1 || len(peaks) < 2 {
		return peaks
	}
	order := make([]int, len(peaks))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case x[peaks[a]] > x[peaks[b]]:
			return -1
		case x[peaks[a]] < x[peaks[b]]:
			return 1
		}
		return 0
	})
	gone := make([]bool, len(peaks))
	for _, i := range order {
		if gone[i] {
			continue
		}
		for j := i - 1; j >= 0 && peaks[i]-peaks[j] < apart; j-- {
			gone[j] = true
		}
		for j := i + 1; j < len(peaks) && peaks[j]-peaks[i] < apart; j++ {
			gone[j] = true
		}
	}
	out := peaks[:0:0]
	for i, p := range peaks {
		if !gone[i] {
			out = append(out, p)
		}
	}
	return out
}

// prominent keeps peaks of a prominence. Each side's lowest point before higher ground comes
// from a stack of higher peaks, so the work is linear.
func prominent(x []float64, peaks []int, least float64) []int {
	if least <= 0 {
		return peaks
	}
	left := valleys(x, peaks)
	mirrored, turned := slices.Clone(x), make([]int, len(peaks))
	slices.Reverse(mirrored)
	for i, p := range peaks {
		turned[len(peaks)-1-i] = len(x) - 1 - p
	}
	right := valleys(mirrored, turned)
	out := peaks[:0:0]
	for i, p := range peaks {
		if x[p]-max(left[i], right[len(peaks)-1-i]) >= least {
			out = append(out, p)
		}
	}
	return out
}

// valleys returns, for each peak, the lowest value between it and the nearest higher peak before
// it, or the start.
func valleys(x []float64, peaks []int) []float64 {
	type higher struct{ height, low float64 } // low: lowest value since the peak before it on the stack
	out := make([]float64, len(peaks))
	var stack []higher
	at := 0
	for i, p := range peaks {
		low := math.Inf(1)
		for ; at <= p; at++ {
			low = min(low, x[at])
		}
		for len(stack) > 0 && stack[len(stack)-1].height <= x[p] {
			low = min(low, stack[len(stack)-1].low)
			stack = stack[:len(stack)-1]
		}
		out[i] = low
		stack = append(stack, higher{x[p], low})
	}
	return out
}
