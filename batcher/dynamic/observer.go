package dynamic

import "time"

// Observer is told what a [Batcher] does, for metrics. Its methods are called from several goroutines, outside of the
// batcher's lock; they must be quick. The length of the queue is in [Batcher.Stats].
type Observer interface {
	// Admitted: so many requests of a level were taken into the queue (level 0 where there are no levels).
	Admitted(level, requests int)
	// Rejected: a request was refused, or left before its answer, whether it ran or not. A part of a request that ends
	// because another part failed is KindCancelled.
	Rejected(level int, kind Kind)
	// Executed: a batch has run. It counts those too that left meanwhile. It is told before callers have their answers,
	// so that who has an answer finds it counted.
	Executed(Execution)
}

// Execution tells of one run.
type Execution struct {
	// Rows and Tokens are the batch's sums, Requests counts its requests.
	Rows, Tokens, Requests int
	// Queue is how long each of the requests waited, in the order of the batch; valid during the call only.
	Queue []time.Duration
	// Compute is how long the run took.
	Compute time.Duration
	// Err is the run's error.
	Err error
}

type silent struct{}

func (silent) Admitted(int, int)  {}
func (silent) Rejected(int, Kind) {}
func (silent) Executed(Execution) {}
