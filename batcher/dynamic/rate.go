package dynamic

import "time"

// Bounds and starting value of the retry hint.
const (
	minRetry     = 10 * time.Millisecond
	maxRetry     = 30 * time.Second
	unknownRetry = time.Second
)

// rateDecay is what each measurement leaves of the weight of those before it: about the last 20 count.
const rateDecay = 0.95

// startRate measures how fast requests leave the queue for a batch while the queue is not empty: an idle batcher starts
// few, and that says nothing about how fast it could.
type startRate struct {
	since   time.Time // of the last measurement; zero while the queue is empty
	seconds float64   // decayed sums
	starts  float64
}

// observe notes that started requests left the queue at now, with left still in it.
func (r *startRate) observe(now time.Time, started, left int) {
	if started > 0 && !r.since.IsZero() {
		r.seconds = r.seconds*rateDecay + now.Sub(r.since).Seconds()
		r.starts = r.starts*rateDecay + float64(started)
	}
	switch {
	case left == 0:
		r.since = time.Time{}
	case started > 0 || r.since.IsZero():
		r.since = now
	}
}

// retryAfter estimates the time in which half of the waiting requests will have started: after one place's time
// another caller may well have taken it, after the whole queue's time the model would stand idle.
func (r *startRate) retryAfter(queued int) time.Duration {
	if r.starts == 0 {
		return unknownRetry
	}
	seconds := r.seconds / r.starts * float64(queued+1) / 2
	if seconds >= maxRetry.Seconds() { // compared as numbers: a Duration could overflow
		return maxRetry
	}
	return max(minRetry, time.Duration(seconds*float64(time.Second)).Round(time.Millisecond))
}

// wait estimates how long it takes until so many requests have started; 0 where that is not known or there is none.
func (r *startRate) wait(requests int) time.Duration {
	if r.starts == 0 {
		return 0
	}
	return time.Duration(min(r.seconds/r.starts*float64(requests), maxRetry.Seconds()*100) * float64(time.Second))
}
