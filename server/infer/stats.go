package infer

import (
	"maps"
	"slices"
	"sync"
	"time"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

// Statistics counts what a model did since it was loaded, as the protocol's statistics extension tells it. It is safe
// for concurrent use.
type Statistics struct {
	mu         sync.Mutex
	last       time.Time
	rows       uint64 // of successful requests
	executions uint64
	success    duration
	fail       duration
	queue      duration
	phases     phases
	batches    map[int]*phases // by batch size
}

// Times are the parts of a request's time.
type Times struct {
	Queue, Input, Compute, Output time.Duration
	Total                         time.Duration // from its arrival to its answer
}

// duration counts something and sums the time it took.
type duration struct {
	count uint64
	total time.Duration
}

func (d *duration) add(took time.Duration) {
	d.count++
	d.total += max(took, 0)
}

func (d *duration) proto() *inference.StatisticDuration {
	return &inference.StatisticDuration{Count: d.count, Ns: uint64(d.total)}
}

// phases are the steps of a run.
type phases struct{ input, compute, output duration }

func (p *phases) add(input, compute, output time.Duration) {
	p.input.add(input)
	p.compute.add(compute)
	p.output.add(output)
}

// Succeeded counts a request of so many rows that was answered.
func (s *Statistics) Succeeded(rows int, t Times) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = now
	s.rows += uint64(rows)
	s.success.add(t.Total)
	s.queue.add(t.Queue)
	s.phases.add(t.Input, t.Compute, t.Output)
}

// Failed counts a request that was not answered, for whatever reason.
func (s *Statistics) Failed(total time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail.add(total)
}

// Executed counts one run of the model that succeeded.
func (s *Statistics) Executed(batch int, input, compute, output time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.executions++
	b := s.batches[batch]
	if b == nil {
		if s.batches == nil {
			s.batches = map[int]*phases{}
		}
		b = &phases{}
		s.batches[batch] = b
	}
	b.add(input, compute, output)
}

// Proto gives the counts as they stand now; name and version are the caller's to fill in.
func (s *Statistics) Proto() *inference.ModelStatistics {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &inference.ModelStatistics{
		InferenceCount: s.rows, ExecutionCount: s.executions,
		InferenceStats: &inference.InferStatistics{
			Success: s.success.proto(), Fail: s.fail.proto(), Queue: s.queue.proto(),
			ComputeInput: s.phases.input.proto(), ComputeInfer: s.phases.compute.proto(), ComputeOutput: s.phases.output.proto(),
			// There is no response cache: counts of none, which clients expect to be there.
			CacheHit: &inference.StatisticDuration{}, CacheMiss: &inference.StatisticDuration{},
		},
	}
	if !s.last.IsZero() {
		out.LastInference = uint64(s.last.UnixMilli())
	}
	for _, size := range slices.Sorted(maps.Keys(s.batches)) {
		b := s.batches[size]
		out.BatchStats = append(out.BatchStats, &inference.InferBatchStatistics{
			BatchSize: uint64(size), ComputeInput: b.input.proto(), ComputeInfer: b.compute.proto(), ComputeOutput: b.output.proto(),
		})
	}
	return out
}
