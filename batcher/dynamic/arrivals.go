package dynamic

import (
	"math/bits"
	"time"
)

// likely is how probable an arrival must be to be worth waiting for. A batch costs far less than its requests apart, so
// that one wait in three may well pay for the two in vain.
const likely = 1.0 / 3

// Gaps between arrivals are counted by their length in microseconds, in classes that double: below 1, 1, 2 to 3, 4 to 7
// and so on, the last one open.
const gapClasses = 28

// memory is how many gaps are counted before all that was counted is halved, so that old times are forgotten.
const memory = 64

// arrivals learns how long it takes until the next request comes, from the latest arrival or the latest end of a run: who
// got an answer may soon ask again. It looks only at times in which another request waits or runs, because those are
// the times in which one might wait for company, and because a caller that asks again only after its answer is no
// company for itself. A time that ends without an arrival counts too (it is a censored observation, and the estimate
// below that of Kaplan and Meier).
type arrivals struct {
	last  time.Time // the latest arrival or end of a run
	came  [gapClasses]float32
	none  [gapClasses]float32
	count int
}

// arrive notes a request; busy says that another one waited or ran at this moment.
func (a *arrivals) arrive(now time.Time, busy bool) {
	if busy {
		a.add(&a.came, now)
	}
	a.last = now
}

// settle notes the end of a run.
func (a *arrivals) settle(now time.Time) {
	a.add(&a.none, now)
	a.last = now
}

func (a *arrivals) add(to *[gapClasses]float32, now time.Time) {
	to[gapClass(now.Sub(a.last))]++
	a.count++
	if a.count < memory {
		return
	}
	a.count /= 2
	for i := range a.came {
		a.came[i] /= 2
		a.none[i] /= 2
	}
}

// wait says whether a request is likely to come before until, and if so when to ask again.
func (a *arrivals) wait(now, until time.Time) (time.Time, bool) {
	elapsed, end := now.Sub(a.last), until.Sub(a.last)
	class := gapClass(elapsed)
	edge := gapEdge(class + 1)
	var atRisk float32
	for i := class; i < gapClasses; i++ {
		atRisk += a.came[i] + a.none[i]
	}
	alone := 1.0 // the chance that nobody comes
	for i := class; i < gapClasses && atRisk > 0; i++ {
		from, to := max(gapEdge(i), elapsed), min(gapEdge(i+1), end)
		if from >= to {
			break
		}
		// What came within a class is taken to have come evenly over its length.
		share := float64(to-from) / float64(gapEdge(i+1)-gapEdge(i))
		alone *= 1 - share*float64(a.came[i]/atRisk)
		atRisk -= a.came[i] + a.none[i]
	}
	if 1-alone < likely {
		return time.Time{}, false
	}
	if again := a.last.Add(edge); again.Before(until) {
		return again, true
	}
	return until, true
}

func gapClass(gap time.Duration) int {
	return min(bits.Len64(uint64(max(0, gap.Microseconds()))), gapClasses-1)
}

// gapEdge is where class i begins.
func gapEdge(i int) time.Duration {
	if i == 0 {
		return 0
	}
	return time.Microsecond << (i - 1)
}
