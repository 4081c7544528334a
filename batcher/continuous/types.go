package continuous

import (
	"fmt"
	"time"
)

// Request describes a sequence to the scheduler. Its tokens stay with the caller.
type Request struct {
	// ID names the request; any value that no unended request has.
	ID uint64
	// PromptTokens is the prompt's length, at least 1.
	PromptTokens int
	// MaxNewTokens is how many tokens may be sampled. With 0 the prompt is run and nothing is sampled, as scoring needs.
	MaxNewTokens int
	// Priority is a level from 1, the highest, to Config.PriorityLevels; 0 stands for Config.DefaultPriority.
	Priority int
	// Tenant is on whose account the request runs.
	Tenant string
	// Deadline is when the request becomes useless, waiting or running; the zero time means never.
	Deadline time.Time
}

// Row is one sequence's share of a step: run Count tokens that follow the Start tokens already in the slot.
type Row struct {
	ID   uint64
	Slot int
	// Start is how many tokens of this sequence the slot already holds. In a sequence's first row it is 0, or what
	// Config.Place said.
	Start int
	// Count is how many tokens to run, at least 1. Once a token is sampled, it is 1 and Start is PromptTokens+k-1 with k
	// tokens sampled and appended so far: the token to run is the one sampled last. Where others were appended to it
	// (Result.Appended), the row runs it with as many of them as there is room for, and at least one; a later row may
	// run the last of them alone.
	Count int
	// Drafted is how many tokens that the caller guessed are run behind those (Config.Draft). The row then samples.
	Drafted int
	// Samples says that the row reaches the last known token, so that its logits give the next one. It is never set
	// for a request with MaxNewTokens 0.
	Samples bool
}

// Plan is what one step should do.
type Plan struct {
	// Rows are the rows to run: decoding rows, then prompts under way, then requests that start. The slice is valid
	// until the first call of Plan after the Complete that answers it.
	Rows []Row
	// Ended are the requests that left since the last call of Plan or Complete; valid until the next of either.
	Ended []Ended
}

// Reason says why a request ended.
type Reason int

// The reasons of Ended.
const (
	// ReasonStop: the caller reported OutcomeStop.
	ReasonStop Reason = iota + 1
	// ReasonLength: MaxNewTokens tokens are sampled (or the prompt is run, where that is 0).
	ReasonLength
	// ReasonExpired: the deadline passed.
	ReasonExpired
	// ReasonCancelled: Cancel was called.
	ReasonCancelled
	// ReasonFailed: the caller reported OutcomeFail.
	ReasonFailed
	// ReasonDisplaced: the queue was full, and a tenant under its share took the place (see Scheduler.Displaced).
	ReasonDisplaced
)

// String returns the reason's name in lower case.
func (r Reason) String() string {
	switch r {
	case ReasonStop:
		return "stop"
	case ReasonLength:
		return "length"
	case ReasonExpired:
		return "expired"
	case ReasonCancelled:
		return "cancelled"
	case ReasonFailed:
		return "failed"
	case ReasonDisplaced:
		return "displaced"
	}
	return fmt.Sprintf("reason(%d)", int(r))
}

// Ended reports a request's end. Its slot is free again.
type Ended struct {
	ID     uint64
	Reason Reason
	// Slot is the slot it held, or -1 if it never ran.
	Slot int
	// Generated is how many sampled tokens were counted, at most MaxNewTokens. The results of a row whose request was
	// cancelled in flight are not counted.
	Generated int
}

// Outcome is what became of a row.
type Outcome int

// The outcomes of Result.
const (
	// OutcomeContinue: the row ran; if it samples, a token was sampled and the sequence may go on.
	OutcomeContinue Outcome = iota
	// OutcomeStop: the row ran and the sequence is finished (end token, stop string). A sampled token is counted.
	OutcomeStop
	// OutcomeFail: the row did not run, or its result is unusable; the sequence ends.
	OutcomeFail
)

// Result answers one Row.
type Result struct {
	ID      uint64
	Outcome Outcome
	// Accepted is how many of the first drafted tokens were those that were sampled, so that their logits gave the next: one
	// token more than that was sampled. Nothing can be appended to them.
	Accepted int
	// Appended is how many tokens the caller put behind the one it sampled, without logits of their own because they
	// were the only ones possible. They count as sampled, are run together with the token before them, and may not go
	// beyond MaxNewTokens. The row must have sampled. With Config.PaddedCapacity set, it must be more than
	// SlotCapacity; under a TokenBudget of 1, their rows of two tokens go beyond it.
	Appended int
}

// Stats is a snapshot for metrics and health checks.
type Stats struct {
	// Waiting and Running count requests; a request cancelled in flight counts as running until Complete.
	Waiting, Running int
	// SlotsFree counts free slots; ActiveSlots is the highest slot in use plus one.
	SlotsFree, ActiveSlots int
	// TokensInUse is how many tokens the slots hold by what Complete has confirmed, TokenCapacity how many they could.
	TokensInUse, TokenCapacity int
	// InFlight is how many tokens the plan under way runs, 0 if there is none.
	InFlight int
	// Draining says that Drain was called.
	Draining bool
}
