package dynamic

import (
	"math/rand/v2"
	"testing"
	"time"
)

// closedLoop lets callers ask again as soon as they are answered, after a short pause of their own, and returns how long
// each of the last rounds' requests waited while an instance was free, and how many requests a batch had on average.
func closedLoop(t *testing.T, cfg Config, callers int, pause, compute time.Duration) (idle time.Duration, perBatch float64) {
	t.Helper()
	s, err := NewScheduler(cfg)
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 400
	now, batches, requests := t0, 0, 0
	var batch *Batch
	var end time.Time // of the run
	next := make([]time.Time, callers)
	for i := range next {
		next[i] = now.Add(time.Duration(i) * pause)
	}
	for batches < rounds {
		at := end // whatever comes first: an arrival, the end of the run, the scheduler's own event
		if batch == nil {
			at, _ = s.NextEvent()
		}
		for _, n := range next {
			at = earlier(at, n)
		}
		if batch == nil && s.Stats().Queued > 0 && batches >= rounds/2 {
			idle += at.Sub(now)
		}
		now = at
		for i, n := range next {
			if n.Equal(now) {
				next[i] = time.Time{}
				if err := s.Admit(now, &Entry{Item: Item{Size: 1}, Owner: i}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if batch != nil && end.Equal(now) {
			for i, e := range batch.Entries {
				caller, _ := e.Owner.(int)
				next[caller] = now.Add(time.Duration(i+1) * pause)
			}
			s.Complete(now, batch)
			batch, end = nil, time.Time{}
		}
		for _, b := range s.Plan(now).Batches {
			batch, end = b, now.Add(compute)
			if batches++; batches > rounds/2 {
				requests += len(b.Entries)
			}
		}
	}
	return idle / (rounds / 2), float64(requests) / (rounds / 2)
}

// The adaptive delay learns whom to wait for. With plain delays the same callers wait for the full 5 ms whenever fewer than
// MaxBatchSize of them are there.
func TestAdaptiveDelayOfClosedLoops(t *testing.T) {
	cfg := Config{MaxBatchSize: 16, MaxQueueDelay: ms(5), AdaptiveDelay: true}
	for _, c := range []struct {
		name            string
		callers         int
		pause, compute  time.Duration
		longest         time.Duration // wait with a free instance, on average
		fewest, largest float64       // requests in a batch
	}{
		{"a lone caller never waits", 1, ms(0.02), ms(1), 0, 1, 1},
		{"nor with a run that is much shorter than the delay", 1, ms(0.02), ms(0.01), 0, 1, 1},
		{"two wait for one another, and then for no third", 2, ms(0.02), ms(1), ms(0.1), 1.9, 2},
		{"eight wait for one another", 8, ms(0.02), ms(1), ms(0.3), 7, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			idle, perBatch := closedLoop(t, cfg, c.callers, c.pause, c.compute)
			if idle > c.longest || perBatch < c.fewest || perBatch > c.largest {
				t.Fatalf("waited %v on average with %.2f requests a batch, want at most %v and %v to %v",
					idle, perBatch, c.longest, c.fewest, c.largest)
			}
			plain := cfg
			plain.AdaptiveDelay = false
			if idle, _ := closedLoop(t, plain, c.callers, c.pause, c.compute); idle < ms(4) {
				t.Fatalf("without AdaptiveDelay the wait is %v, so this shows nothing", idle)
			}
		})
	}
}

// The parts of one request are not company for one another.
func TestAdaptiveDelayOfParts(t *testing.T) {
	s, err := NewScheduler(Config{MaxBatchSize: 8, MaxQueueDelay: ms(5), AdaptiveDelay: true})
	if err != nil {
		t.Fatal(err)
	}
	now := t0
	for range 100 {
		if err := s.Admit(now, &Entry{Item: Item{Size: 1}}, &Entry{Item: Item{Size: 1}}); err != nil {
			t.Fatal(err)
		}
		plan := s.Plan(now)
		if len(plan.Batches) != 1 || len(plan.Batches[0].Entries) != 2 {
			t.Fatalf("a lone caller's request of two parts does not go at once")
		}
		now = now.Add(ms(1))
		s.Complete(now, plan.Batches[0])
		s.Plan(now)
		now = now.Add(ms(0.1))
	}
}

// Requests that come by chance, independently of one another: whether waiting is worth it depends on their rate alone.
func TestArrivalsAtRandom(t *testing.T) {
	for _, c := range []struct {
		name string
		gap  time.Duration // mean
		busy time.Duration // for so long after an arrival something runs
		want bool          // is waiting 5 ms worth it
	}{
		{"far more often than the delay", ms(0.5), ms(20), true},
		{"as seldom as the delay, the runs short", ms(5), ms(0.5), false}, // never seen beyond 0.5 ms: unknown
		{"more often than the delay", ms(1.5), ms(20), true},
		{"far more seldom than the delay", ms(50), ms(200), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			var a arrivals
			now := t0
			a.arrive(now, false)
			for range 2000 {
				gap := time.Duration(random.ExpFloat64() * float64(c.gap))
				if gap > c.busy {
					a.settle(now.Add(c.busy))
				}
				now = now.Add(gap)
				a.arrive(now, gap <= c.busy)
			}
			if _, worth := a.wait(now, now.Add(ms(5))); worth != c.want {
				t.Fatalf("waiting is worth it: %v, want %v", worth, c.want)
			}
		})
	}
}

func TestArrivalsUnknown(t *testing.T) {
	var a arrivals
	a.arrive(t0, false)
	if _, worth := a.wait(t0, t0.Add(time.Hour)); worth {
		t.Fatal("a wait without any experience")
	}
}

// What was learnt is forgotten when the callers change.
func TestArrivalsForget(t *testing.T) {
	var a arrivals
	now := t0
	for range 10000 {
		now = now.Add(ms(0.1))
		a.arrive(now, true)
	}
	if _, worth := a.wait(now, now.Add(ms(5))); !worth {
		t.Fatal("a steady stream is not worth waiting for")
	}
	for range 3 * memory {
		a.settle(now.Add(ms(1)))
		now = now.Add(ms(2))
		a.arrive(now, false)
	}
	if _, worth := a.wait(now, now.Add(ms(5))); worth {
		t.Fatal("a stream that ended is still waited for")
	}
}
