package memory

import "sync/atomic"

// Shares of the limit at which calls are refused, and taken again.
const (
	refuseAt = 0.90
	takeAt   = 0.85
)

// Pressure says whether there is memory for further calls. It is safe for concurrent use.
type Pressure struct {
	limit int64
	high  atomic.Bool
}

// NewPressure holds use against a limit in bytes; 0: none.
func NewPressure(limit int64) *Pressure { return &Pressure{limit: limit} }

// Limit is what the use is held against; 0: nothing.
func (p *Pressure) Limit() int64 { return p.limit }

// Note takes down how much is in use.
func (p *Pressure) Note(used int64) {
	switch share := float64(used) / float64(max(p.limit, 1)); {
	case p.limit <= 0:
	case share >= refuseAt:
		p.high.Store(true)
	case share < takeAt:
		p.high.Store(false)
	}
}

// High says that further calls should be refused.
func (p *Pressure) High() bool { return p != nil && p.high.Load() }
