package config

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// EveryTenant names the limits of all tenants that have none of their own.
const EveryTenant = "*"

// TenantLimit bounds what one tenant may ask for; a bound that is 0 is none.
type TenantLimit struct {
	Tenant   string  // or EveryTenant
	Requests float64 // a second
	Tokens   float64 // a second, of prompts and answers
	Calls    int     // at once
	Queue    float64 // share of each queue's places, at most 1
}

var tenantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// UnmarshalText reads "NAME:requests=50:tokens=20000:calls=64:queue=0.5".
func (l *TenantLimit) UnmarshalText(text []byte) error {
	name, bounds, _ := strings.Cut(string(text), ":")
	if name != EveryTenant && !tenantName.MatchString(name) {
		return errors.New("must begin with a tenant's name, or * for all others")
	}
	*l = TenantLimit{Tenant: name}
	if bounds == "" {
		return errors.New("needs at least one of requests=, tokens=, calls= and queue=")
	}
	for bound := range strings.SplitSeq(bounds, ":") {
		key, value, _ := strings.Cut(bound, "=")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(n) || n <= 0 || n > 1e9 {
			return errors.New("bounds are numbers above 0, such as requests=50")
		}
		switch key {
		case "requests":
			l.Requests = n
		case "tokens":
			l.Tokens = n
		case "calls":
			if l.Calls = int(n); float64(l.Calls) != n {
				return errors.New("calls must be a whole number")
			}
		case "queue":
			if l.Queue = n; n > 1 {
				return errors.New("queue is a share, at most 1")
			}
		default:
			return errors.New("bounds are requests, tokens, calls and queue")
		}
	}
	return nil
}

func tenantError(reason string) error { return &Error{"tenant-limits", reason} }

// QueueShares are the shares of queues by tenant, those of all others under EveryTenant.
func (c *Config) QueueShares() map[string]float64 {
	shares := map[string]float64{}
	for _, l := range c.TenantLimits {
		if l.Queue > 0 {
			shares[l.Tenant] = l.Queue
		}
	}
	return shares
}

// validateTenants refuses a tenant that stands there twice.
func (c *Config) validateTenants() error {
	seen := map[string]bool{}
	for _, l := range c.TenantLimits {
		if seen[l.Tenant] {
			return tenantError("names a tenant twice")
		}
		seen[l.Tenant] = true
	}
	return nil
}
