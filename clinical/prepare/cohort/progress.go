package cohort

import (
	"sync"
	"sync/atomic"
	"time"
)

// progress counts while a job runs.
type progress struct {
	done, total                      atomic.Int64
	patients, observations, rejected atomic.Int64
	mu                               sync.Mutex
	step                             string
	began, stepBegan                 time.Time
}

// every is how often progress is told.
const every = 200 * time.Millisecond

// start tells progress until the function that it returns is called.
func (p *progress) start(tell func(Progress)) (stop func()) {
	p.began = time.Now()
	if tell == nil {
		return func() {}
	}
	stopped := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				tell(p.now())
			case <-stopped:
				return
			}
		}
	})
	return func() {
		close(stopped)
		telling.Wait()
		tell(p.now())
	}
}

func (p *progress) begin(step string, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step, p.stepBegan = step, time.Now()
	p.done.Store(0)
	p.total.Store(total)
}

func (p *progress) now() Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	out := Progress{
		Step: p.step, Done: p.done.Load(), Total: p.total.Load(), Patients: p.patients.Load(),
		Observations: p.observations.Load(), Rejected: p.rejected.Load(), Elapsed: now.Sub(p.began),
	}
	if share := float64(out.Done) / float64(max(out.Total, 1)); share > 0.01 && share < 1 {
		out.Remaining = time.Duration(float64(now.Sub(p.stepBegan)) * (1 - share) / share)
	}
	return out
}
