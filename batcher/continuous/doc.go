// Package continuous schedules token sequences onto the slots of a language model, one step at a time.
//
// # Contract
//
// A [Scheduler] is a pure state machine: it starts no goroutine, reads no clock, takes no lock and knows neither model
// nor text. One goroutine owns it and repeats:
//
//	plan := s.Plan(now)               // which rows of tokens to run, and who has left
//	results := run(plan.Rows)         // the caller's model
//	ended, err := s.Complete(now, results)
//
// [Scheduler.Admit] and [Scheduler.Cancel] may come at any point between these calls, also while a plan is in flight.
// The same calls with the same times give the same answers, so a run can be recorded and replayed.
//
// Every request that Admit accepted ends exactly once: its [Ended] is handed out by one call of Plan or Complete. Its
// id may be used again after that.
//
// # Policy
//
// There is no prefill phase and no decode phase. Batching is decided anew at every step (iteration-level scheduling:
// Yu et al., "Orca: A Distributed Serving System for Transformer-Based Generative Models", OSDI 2022), and a step is
// bounded in tokens, with long prompts cut into chunks that ride along with the decoding rows (chunked prefill,
// stall-free batching: Agrawal et al., "Taming Throughput-Latency Tradeoff in LLM Inference with Sarathi-Serve",
// OSDI 2024). Decoding rows come first with one token each, or more where tokens were appended to a sampled one, then the prompts already under way, then waiting requests
// into free slots, until the budget or the slots are spent. No running row is passed over: an earlier prompt's chunk
// leaves one token of the budget to each later one. Only when rows outnumber the budget, which takes a budget lowered
// by [Scheduler.SetTokenBudget] or appended tokens, do rows take turns: each then runs at least once in ceil(rows/budget)
// steps, or 2*ceil(rows/budget) where tokens were appended. A slot
// holds one sequence from its first token to its end, and is always the lowest free one, so that the used slots stay
// dense. Nothing is preempted: room for the longest possible answer is set aside when a request is accepted.
//
// Waiting requests are ordered by level (1 is the highest), first come first served within a level; each
// Config.AgingInterval spent waiting lifts a request by one level. So a request at level l, having waited l-1
// intervals, has only earlier arrivals before it.
package continuous
