// Package dynamic batches requests that each need one run of a model: embeddings, classifiers, any tensors in and out.
//
// # Parts
//
// A [Batcher] takes requests from many goroutines, runs them together through its [Runner] and gives each caller its own
// answer. What runs when is decided by a [Scheduler], a pure state machine: it starts no goroutine, reads no clock,
// takes no lock, and knows neither requests nor models. The same calls with the same times give the same answers.
// Whoever drives one calls [Scheduler.Plan] after everything that happens and when [Scheduler.NextEvent] is due:
//
//	err := s.Admit(now, entry)  // or s.Cancel(now, entry), or s.Complete(now, batch)
//	plan := s.Plan(now)         // batches to start, answers that may leave, requests that end without one
//	at, ok := s.NextEvent()     // when to call Plan again if nothing happens
//
// Every entry that Admit accepted leaves exactly once: as Answered or Ended in a Plan, or by Cancel. It runs at most once.
//
// # Policy
//
// The knobs of [Config] that Triton Inference Server has too (its ModelDynamicBatching) keep their names and meaning. Where
// this package goes further:
//
//   - A timeout strikes when it is due, not when a run happens to end. A caller that goes away leaves the queue at once,
//     and when all callers of a run have gone, its context ends.
//   - The queue is bounded, for all levels together; a refusal says when to come back.
//   - The delay for company can adapt itself to how requests arrive (Config.AdaptiveDelay).
//   - Requests of several groups or lengths wait side by side: one that cannot join a batch does not end it.
//   - Tenants take turns within a level, by weight, and have shares of the queue.
//
// Which batch goes next is decided by the request that is first in line among those that should wait no longer: the
// highest level, then requests that are in time before those that a policy has delayed, then the tenant whose turn it is,
// then the earliest arrival. The batch is filled in the same order with what can join. So nobody who waits is starved
// by sizes, groups or lengths, only by higher levels, as these are meant.
//
// On Linux, waits below a millisecond are slept in the kernel, since Go's timers count milliseconds there when the process
// is idle; they end some 60 microseconds late. Longer ones may end up to a millisecond late.
package dynamic
