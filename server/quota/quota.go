// Package quota bounds what each tenant may ask for: calls a second, tokens a second, calls at once.
package quota

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/bedside-lm/bedside/server/config"
)

// Limit is what a call went beyond.
type Limit string

// The limits.
const (
	Requests Limit = "requests"
	Tokens   Limit = "tokens"
	Calls    Limit = "calls"
)

// Error refuses a call that goes beyond its tenant's limits.
type Error struct {
	Limit      Limit
	RetryAfter time.Duration
}

var words = map[Limit]string{
	Requests: "has made its calls of this second", Tokens: "has used its tokens, which come back with time", Calls: "has as many calls running as it may",
}

func (e *Error) Error() string { return "the tenant " + words[e.Limit] }

const (
	callsRetry = time.Second // nobody knows when a call ends
	maxRetry   = time.Minute
	minRetry   = 10 * time.Millisecond
	// maxAccounts is how many tenants without limits of their own are told apart; further ones share one account.
	maxAccounts = 1024
	others      = "other"
)

// Ledger keeps the tenants' accounts. It is safe for concurrent use.
type Ledger struct {
	named    map[string]config.TenantLimit
	fallback config.TenantLimit
	refused  *prometheus.CounterVec
	used     *prometheus.CounterVec

	mu       sync.Mutex
	accounts map[string]*account
	unnamed  int // accounts of tenants without limits of their own
	looked   time.Time
	rest     *account // of those for whom there is no room
}

// account is one tenant's.
type account struct {
	label    string // in metrics: the names of the configuration alone, since others are any number
	limit    config.TenantLimit
	requests *rate.Limiter // nil: no limit
	tokens   *rate.Limiter // likewise; below 0 where more was used than there was
	used     prometheus.Counter

	calls int // guarded by the ledger
}

// New makes a ledger, and registers its metrics.
func New(limits []config.TenantLimit, reg prometheus.Registerer) (*Ledger, error) {
	l := &Ledger{
		named: map[string]config.TenantLimit{}, accounts: map[string]*account{},
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bedside_tenant_refused_total", Help: "Calls refused for their tenant's limits, by limit; tenants without limits of their own are one.",
		}, []string{"tenant", "limit"}),
		used: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bedside_tenant_tokens_total", Help: "Tokens of prompts and answers; tenants without limits of their own are one.",
		}, []string{"tenant"}),
	}
	for _, limit := range limits {
		if limit.Tenant == config.EveryTenant {
			l.fallback = limit
		} else {
			l.named[limit.Tenant] = limit
		}
	}
	for _, c := range []prometheus.Collector{l.refused, l.used} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	l.rest = l.open(others, l.fallback)
	return l, nil
}

func (l *Ledger) open(label string, limit config.TenantLimit) *account {
	return &account{label: label, limit: limit, requests: limiter(limit.Requests), tokens: limiter(limit.Tokens), used: l.used.WithLabelValues(label)}
}

// limiter lets what a second allows come at once.
func limiter(perSecond float64) *rate.Limiter {
	if perSecond == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(math.Ceil(perSecond))))
}

// Enter begins a call, or refuses it with an *Error. The context it gives knows the account; leave is to be called at the
// call's end.
func (l *Ledger) Enter(ctx context.Context, tenant string) (_ context.Context, leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(tenant)
	if err := a.enter(time.Now()); err != nil {
		l.refused.WithLabelValues(a.label, string(err.Limit)).Inc()
		return nil, nil, err
	}
	a.calls++
	return context.WithValue(ctx, accountKey{}, a), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		a.calls--
	}, nil
}

func (a *account) enter(now time.Time) *Error {
	if a.limit.Calls > 0 && a.calls >= a.limit.Calls {
		return &Error{Calls, callsRetry}
	}
	if a.tokens != nil {
		if left := a.tokens.TokensAt(now); left < 0 {
			return &Error{Tokens, bounded(-left / a.limit.Tokens)}
		}
	}
	if a.requests != nil && !a.requests.AllowN(now, 1) {
		return &Error{Requests, bounded((1 - a.requests.TokensAt(now)) / a.limit.Requests)}
	}
	return nil
}

func bounded(seconds float64) time.Duration {
	if seconds > maxRetry.Seconds() { // compared as numbers: a Duration could overflow
		return maxRetry
	}
	return max(minRetry, time.Duration(seconds*float64(time.Second)))
}

// account finds or opens a tenant's account.
func (l *Ledger) account(tenant string) *account {
	if a := l.accounts[tenant]; a != nil {
		return a
	}
	limit, named := l.named[tenant]
	if named {
		a := l.open(tenant, limit)
		l.accounts[tenant] = a
		return a
	}
	if l.unnamed >= maxAccounts {
		l.forget()
	}
	if l.unnamed >= maxAccounts {
		return l.rest
	}
	a := l.open(others, l.fallback)
	l.accounts[tenant] = a
	l.unnamed++
	return a
}

// forget closes accounts that would be the same if they were opened anew. It looks once a second at most: whoever sends
// name after name must not have all accounts looked through for each.
func (l *Ledger) forget() {
	now := time.Now()
	if now.Sub(l.looked) < time.Second {
		return
	}
	l.looked = now
	for name, a := range l.accounts {
		if _, named := l.named[name]; !named && a.calls == 0 && full(a.requests, now) && full(a.tokens, now) {
			delete(l.accounts, name)
			l.unnamed--
		}
	}
}

func full(r *rate.Limiter, now time.Time) bool {
	return r == nil || r.TokensAt(now) >= float64(r.Burst())
}

type accountKey struct{}

// Charge puts tokens on the account of a call. They are known only when they are used, so an account may go below nothing;
// further calls wait until it is not.
func Charge(ctx context.Context, tokens int) {
	a, ok := ctx.Value(accountKey{}).(*account)
	if !ok || tokens <= 0 {
		return
	}
	a.used.Add(float64(tokens))
	if a.tokens == nil {
		return
	}
	now := time.Now()
	for tokens > 0 {
		n := min(tokens, a.tokens.Burst())
		a.tokens.ReserveN(now, n)
		tokens -= n
	}
}

// Next waits until a stream's account allows another request of it.
func Next(ctx context.Context) error {
	a, ok := ctx.Value(accountKey{}).(*account)
	if !ok {
		return nil
	}
	if a.requests != nil {
		if err := wait(ctx, a.requests.Reserve().Delay()); err != nil {
			return err
		}
	}
	if a.tokens == nil {
		return nil
	}
	for {
		left := a.tokens.Tokens()
		if left >= 0 {
			return nil
		}
		if err := wait(ctx, bounded(-left/a.limit.Tokens)); err != nil {
			return err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the tenant's turn: %w", context.Cause(ctx))
	}
}
