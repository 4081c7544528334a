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

// servedRate measures how fast requests are answered while others wait. Runs whose callers have all left count with their
// time and answer nobody, so that a queue of requests which come too late to be of use shows as the slow one that it is.
type servedRate struct {
	since   time.Time // of the last measurement; zero while the queue is empty
	seconds float64   // decayed sums
	served  float64
}

// queue notes how many wait at now.
func (r *servedRate) queue(now time.Time, waiting int) {
	switch {
	case waiting == 0:
		r.since = time.Time{}
	case r.since.IsZero():
		r.since = now
	}
}

// ran notes that a run ended at now with so many answers.
func (r *servedRate) ran(now time.Time, answers int) {
	if r.since.IsZero() {
		return
	}
	r.seconds = r.seconds*rateDecay + now.Sub(r.since).Seconds()
	r.served = r.served*rateDecay + float64(answers)
	r.since = now
}

// wait estimates how long it takes until so many requests are answered; 0 where that is not known or there are none.
func (r *servedRate) wait(requests int) time.Duration {
	const longest = float64(time.Hour) // compared as numbers: a Duration could overflow
	if r.seconds == 0 || requests == 0 {
		return 0
	}
	return time.Duration(min(r.seconds/max(r.served, 1e-9)*float64(requests)*float64(time.Second), longest))
}
