package continuous

import (
	"fmt"
	"math"
	"time"
)

// Upper limits of a Config. They keep sums of tokens far from overflow and tables small enough to scan.
const (
	maxSlots    = 1 << 16
	maxTokens   = 1 << 24
	maxWaiting  = 1 << 20
	maxPriority = 64
	maxTenants  = 1 << 12
)

// Config sets a Scheduler's limits. A field left zero takes the default named beside it (see [Config.WithDefaults]).
type Config struct {
	// Slots is how many sequences can run at once (default 64). No more than TokenBudget of them ever do.
	Slots int
	// SlotCapacity is how many tokens one slot holds, prompt and answer together (default 2048).
	SlotCapacity int
	// PaddedCapacity, in tokens, is for attention kernels that pad every row of a step to the widest row and need
	// past+width to fit in the slot's memory, as ONNX Runtime's GroupQueryAttention does. Chunks are then narrowed so
	// that Start+(largest Count of the step) <= PaddedCapacity for every row. Memory for SlotCapacity+MaxChunk
	// tokens makes the rule free. The default, 0, means rows are not padded; otherwise at least SlotCapacity.
	PaddedCapacity int
	// TokenBudget is how many tokens one step may run, all rows together (default 256).
	TokenBudget int
	// MaxChunk is how many prompt tokens of one sequence one step may run (default 128, or TokenBudget if smaller).
	MaxChunk int
	// MaxQueue is how many requests may wait for a slot (default 1024).
	MaxQueue int
	// PriorityLevels is how many levels there are; 1 is the highest (default 3).
	PriorityLevels int
	// DefaultPriority is the level of a request that names none (default: the middle one, 2 of 3).
	DefaultPriority int
	// AgingInterval is the waiting time that lifts a request by one level (default 5 s).
	AgingInterval time.Duration
	// Place, where set, chooses the slot of a request that starts among those that are free, and says how many of its first
	// tokens the slot holds already; at least one is left to run. By default it is the lowest free slot, and none.
	Place func(id uint64, free func(slot int) bool) (slot, held int)
	// Draft, where set, says how many tokens (at most `most`) the caller guesses to follow a sequence's last sampled one. They are run
	// with it (Row.Drafted), in steps that come to no more than DraftTokens tokens with them: a step of few tokens takes hardly
	// longer for some more.
	Draft func(id uint64, most int) int
	// DraftTokens bounds the tokens of a step with guesses among them (default 0: no step has any).
	DraftTokens int
	// TokenMemory is how many tokens all running sequences may come to together, each counted with all that it may
	// sample: a request waits until it fits. 0, the default: what the slots hold.
	TokenMemory int
	// TenantWeights are the shares, in tokens, of tenants that wait at the same level; those not named weigh 1. When the
	// queue is full, a tenant under its share takes the place of the newest request of the tenant most over its own.
	TenantWeights map[string]float64
	// QueueShares bound what part of MaxQueue a tenant's requests may take, those of tenants not named under
	// EveryTenant; without either there is no such bound.
	QueueShares map[string]float64
	// MaxTenants is how many tenants are told apart at one time (default 256), those named above always; any further
	// ones count as one tenant of weight 1.
	MaxTenants int
}

// WithDefaults returns c with every zero field set to its default.
func (c Config) WithDefaults() Config {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&c.Slots, 64)
	set(&c.SlotCapacity, 2048)
	set(&c.TokenBudget, 256)
	set(&c.MaxChunk, min(128, c.TokenBudget))
	set(&c.MaxQueue, 1024)
	set(&c.PriorityLevels, 3)
	set(&c.MaxTenants, 256)
	set(&c.DefaultPriority, (c.PriorityLevels+1)/2)
	if c.AgingInterval == 0 {
		c.AgingInterval = 5 * time.Second
	}
	return c
}

// Validate reports the first field that is out of range, as an [Error] of KindInvalid whose Field is its path. It
// judges c as it stands: call WithDefaults first if zero fields are meant to take their defaults.
func (c Config) Validate() error {
	for _, f := range []struct {
		name         string
		value        int
		least, limit int
	}{
		{"slots", c.Slots, 1, maxSlots},
		{"slot_capacity", c.SlotCapacity, 2, maxTokens},
		{"token_budget", c.TokenBudget, 1, maxTokens},
		{"max_chunk", c.MaxChunk, 1, maxTokens},
		{"max_queue", c.MaxQueue, 1, maxWaiting},
		{"priority_levels", c.PriorityLevels, 1, maxPriority},
		{"default_priority", c.DefaultPriority, 1, c.PriorityLevels},
		{"draft_tokens", c.DraftTokens, 0, c.TokenBudget},
		{"token_memory", c.TokenMemory, 0, math.MaxInt},
		{"max_tenants", c.MaxTenants, 1, maxTenants},
	} {
		if f.value < f.least || f.value > f.limit {
			return invalid("config."+f.name, fmt.Sprintf("%d is outside %d to %d", f.value, f.least, f.limit))
		}
	}
	if c.PaddedCapacity != 0 && (c.PaddedCapacity < c.SlotCapacity || c.PaddedCapacity > 2*maxTokens) {
		return invalid("config.padded_capacity", fmt.Sprintf("%d is neither 0 nor in %d to %d",
			c.PaddedCapacity, c.SlotCapacity, 2*maxTokens))
	}
	if err := c.validateTenants(); err != nil {
		return err
	}
	if c.AgingInterval <= 0 {
		return invalid("config.aging_interval", fmt.Sprintf("%v is not a positive duration", c.AgingInterval))
	}
	return nil
}
