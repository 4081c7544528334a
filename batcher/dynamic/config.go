package dynamic

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Upper limits of a Config. They keep sums far from overflow and scans short.
const (
	maxRows      = 1 << 20
	maxTokens    = 1 << 30
	maxWaiting   = 1 << 16
	maxInstances = 1024
	maxLevels    = 64
	maxTenants   = 1 << 12
	maxBuckets   = 64
	maxDelay     = time.Hour
	minWeight    = 1e-3
	maxWeight    = 1e6
)

// TimeoutAction says what becomes of a request that has waited for longer than its timeout.
type TimeoutAction int

// The actions; the zero value is Triton's default.
const (
	// TimeoutReject ends the request with KindTimeout, at the moment when it is due.
	TimeoutReject TimeoutAction = iota
	// TimeoutDelay puts the request behind all requests of its level that have not timed out. It runs when none of
	// those is left, or in room of a batch that none of them can use; under steady load that may be never.
	TimeoutDelay
)

// QueuePolicy is the policy of one level's queue: Triton's ModelQueuePolicy.
type QueuePolicy struct {
	TimeoutAction TimeoutAction
	// DefaultTimeout is how long a request may wait for its batch to start; 0: for ever.
	DefaultTimeout time.Duration
	// AllowTimeoutOverride lets Item.Timeout shorten DefaultTimeout; it never lengthens it. Where DefaultTimeout is 0,
	// any timeout is shorter than none and counts. (Triton's documents say the same; its code then ignores the wish.)
	AllowTimeoutOverride bool
	// MaxQueueSize is how many requests may wait at this level; 0: as many as Config.MaxQueue lets in.
	MaxQueueSize int
}

// Config sets what a [Scheduler] may do. Fields with Triton's names have Triton's meaning, and what differs is said at
// the field. The zero value runs each request alone, at once, in order of arrival (see [Config.WithDefaults]).
type Config struct {
	// MaxBatchSize is how many rows one batch may have. The default, also for 0, is 1: no batching.
	MaxBatchSize int
	// PreferredBatchSize are sizes, in rows, at which a batch goes as soon as an instance is free: the largest of them
	// that the waiting requests, taken in order, add up to exactly. If one request more leads past the largest of them
	// and none was met, the batch goes without it. Once MaxQueueDelay is over, or where no size is met and there is no
	// delay, the batch takes all that fits in MaxBatchSize. None means MaxBatchSize alone.
	PreferredBatchSize []int
	// MaxQueueDelay is for how long a request may wait for others while an instance is free, counted from its
	// arrival; 0 sends at once what is there. It is an upper bound: a batch that cannot grow goes at once, and a request
	// with a timeout or deadline waits for no more than half of it, so that waiting for company never costs it the
	// answer (Triton rejects such a request).
	MaxQueueDelay time.Duration
	// AdaptiveDelay waits for others only while one more compatible request is likely to arrive before MaxQueueDelay ends:
	// with a chance of at least one in three, by how long the next arrival took in the recent past, counted from the
	// latest arrival or end of a run, while a compatible request was waiting or running. So a caller that sends one
	// request after the other never waits, callers that ask again when they are answered find one another, and a wait
	// ends when the burst is over. What is not known yet counts as unlikely.
	AdaptiveDelay bool
	// PreserveOrdering makes answers leave in order of arrival, also with several instances: an answer that is ready
	// early is held until all earlier requests have left. A request that leaves without having run (rejected, timed
	// out, cancelled) leaves at once and holds up nobody. Requests then also run in order of arrival: tenants do not
	// overtake one another, though their shares of the queue hold. As in Triton it excludes several priority levels
	// and TimeoutDelay.
	PreserveOrdering bool
	// PriorityLevels is how many levels there are; 1 is the highest and 0 means no levels. All requests of a level
	// run before those of the next, which may wait for ever under steady load; a batch with room takes the next
	// level's in.
	PriorityLevels int
	// DefaultPriorityLevel is the level of a request that names none, or one that does not exist (Triton does
	// the same). In 1 to PriorityLevels if that is not 0.
	DefaultPriorityLevel int
	// DefaultQueuePolicy is the policy of all levels that PriorityQueuePolicy does not name.
	DefaultQueuePolicy QueuePolicy
	// PriorityQueuePolicy are the policies of single levels.
	PriorityQueuePolicy map[int]QueuePolicy

	// Instances is how many batches may run at once (default 1).
	Instances int
	// MaxQueue is how many requests may wait, all levels together (default 1024). Triton has no such bound.
	MaxQueue int
	// LengthBuckets, ascending, are lengths in tokens to which rows are padded. Only requests of one bucket share a
	// batch: those of at most LengthBuckets[0] tokens, then those of at most LengthBuckets[1] and so on; longer than
	// the last is a bucket too. A batch is built round the request that is first in line, whatever its bucket, so
	// none starves.
	LengthBuckets []int
	// MaxBatchTokens is how many tokens one batch may hold; 0: any number. A request counts Size x Tokens, or Size x its
	// bucket's length. A request that does not fit in what is left of a batch is passed over for later ones that do,
	// and is first in line again for the next batch.
	MaxBatchTokens int
	// TenantWeights are the shares of tenants that wait at the same level, in tokens where requests tell them and in
	// rows otherwise. Tenants not named weigh 1. A share also holds for places in the queue: when it is full, a tenant
	// that uses less than its share takes the place of the newest request of the tenant that is most over its own.
	TenantWeights map[string]float64
	// QueueShares bound what part of MaxQueue a tenant's requests may take, those of tenants not named under
	// EveryTenant; without either there is no such bound.
	QueueShares map[string]float64
	// MaxTenants is how many tenants are told apart at one time (default 256), those named above always; any
	// further ones count as one tenant of weight 1.
	MaxTenants int
}

// WithDefaults returns c with every zero field that has a default set to it.
func (c Config) WithDefaults() Config {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&c.MaxBatchSize, 1)
	set(&c.Instances, 1)
	set(&c.MaxQueue, 1024)
	set(&c.MaxTenants, 256)
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
		{"max_batch_size", c.MaxBatchSize, 1, maxRows},
		{"priority_levels", c.PriorityLevels, 0, maxLevels},
		{"default_priority_level", c.DefaultPriorityLevel, min(1, c.PriorityLevels), c.PriorityLevels},
		{"instances", c.Instances, 1, maxInstances},
		{"max_queue", c.MaxQueue, 1, maxWaiting},
		{"max_batch_tokens", c.MaxBatchTokens, 0, maxTokens},
		{"max_tenants", c.MaxTenants, 1, maxTenants},
	} {
		if err := within("config."+f.name, f.value, f.least, f.limit); err != nil {
			return err
		}
	}
	if c.MaxQueueDelay < 0 || c.MaxQueueDelay > maxDelay {
		return invalid("config.max_queue_delay", fmt.Sprintf("%v is outside 0 to %v", c.MaxQueueDelay, maxDelay))
	}
	for i, size := range c.PreferredBatchSize {
		if err := within(fmt.Sprintf("config.preferred_batch_size[%d]", i), size, 1, c.MaxBatchSize); err != nil {
			return err
		}
	}
	if len(c.LengthBuckets) > maxBuckets {
		return invalid("config.length_buckets", fmt.Sprintf("%d are more than %d", len(c.LengthBuckets), maxBuckets))
	}
	least := 1
	for i, length := range c.LengthBuckets {
		if err := within(fmt.Sprintf("config.length_buckets[%d]", i), length, least, maxTokens); err != nil {
			return err
		}
		least = length + 1
	}
	if err := c.validateTenants(); err != nil {
		return err
	}
	return c.validatePolicies()
}

func (c Config) validateTenants() error {
	if len(c.TenantWeights) > maxTenants {
		return invalid("config.tenant_weights", fmt.Sprintf("%d are more than %d", len(c.TenantWeights), maxTenants))
	}
	for _, name := range slices.Sorted(maps.Keys(c.TenantWeights)) {
		weight := c.TenantWeights[name]
		if math.IsNaN(weight) || weight < minWeight || weight > maxWeight {
			return invalid(fmt.Sprintf("config.tenant_weights[%q]", name),
				fmt.Sprintf("%v is outside %v to %v", weight, minWeight, maxWeight))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.QueueShares)) {
		if share := c.QueueShares[name]; math.IsNaN(share) || share <= 0 || share > 1 {
			return invalid(fmt.Sprintf("config.queue_shares[%q]", name), fmt.Sprintf("%v is not above 0 and at most 1", share))
		}
	}
	return nil
}

func (c Config) validatePolicies() error {
	if c.PreserveOrdering && c.PriorityLevels > 1 {
		return invalid("config.priority_levels", "preserve_ordering allows one level only")
	}
	if err := c.validatePolicy("config.default_queue_policy", c.DefaultQueuePolicy); err != nil {
		return err
	}
	for _, level := range slices.Sorted(maps.Keys(c.PriorityQueuePolicy)) {
		path := fmt.Sprintf("config.priority_queue_policy[%d]", level)
		if level < 1 || level > c.PriorityLevels {
			return invalid(path, fmt.Sprintf("there is no such level, priority_levels is %d", c.PriorityLevels))
		}
		if err := c.validatePolicy(path, c.PriorityQueuePolicy[level]); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) validatePolicy(path string, p QueuePolicy) error {
	switch {
	case p.TimeoutAction != TimeoutReject && p.TimeoutAction != TimeoutDelay:
		return invalid(path+".timeout_action", fmt.Sprintf("%d is unknown", p.TimeoutAction))
	case p.DefaultTimeout < 0:
		return invalid(path+".default_timeout", fmt.Sprintf("%v is negative", p.DefaultTimeout))
	case c.PreserveOrdering && p.TimeoutAction == TimeoutDelay && (p.DefaultTimeout > 0 || p.AllowTimeoutOverride):
		return invalid(path+".timeout_action", "preserve_ordering excludes a delay")
	}
	if p.MaxQueueSize < 0 {
		return invalid(path+".max_queue_size", fmt.Sprintf("%d is negative", p.MaxQueueSize))
	}
	return nil
}

// policy returns the policy of the level with this index.
func (c Config) policy(index int) QueuePolicy {
	if p, named := c.PriorityQueuePolicy[index+1]; named {
		return p
	}
	return c.DefaultQueuePolicy
}

func within(path string, value, least, limit int) *Error {
	if value >= least && value <= limit {
		return nil
	}
	return invalid(path, fmt.Sprintf("%d is outside %d to %d", value, least, limit))
}
