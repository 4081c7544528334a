package quota

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/server/config"
)

func ledger(t *testing.T, limits ...string) (*Ledger, *prometheus.Registry) {
	t.Helper()
	var all []config.TenantLimit
	for _, text := range limits {
		var l config.TenantLimit
		require.NoError(t, l.UnmarshalText([]byte(text)))
		all = append(all, l)
	}
	reg := prometheus.NewRegistry()
	l, err := New(all, reg)
	require.NoError(t, err)
	return l, reg
}

func refused(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	return e
}

func TestRequestsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := ledger(t, "ward:requests=4", "*:requests=1")
		for i := range 8 {
			_, leave, err := l.Enter(t.Context(), "ward")
			if i >= 4 {
				require.Equal(t, Requests, refused(t, err).Limit)
				require.Equal(t, 250*time.Millisecond, refused(t, err).RetryAfter.Round(time.Millisecond))
				continue
			}
			require.NoError(t, err)
			leave()
		}
		_, _, err := l.Enter(t.Context(), "other ward")
		require.NoError(t, err, "it has an account of its own")
		_, _, err = l.Enter(t.Context(), "other ward")
		require.Equal(t, time.Second, refused(t, err).RetryAfter.Round(time.Millisecond))
		time.Sleep(250 * time.Millisecond)
		_, _, err = l.Enter(t.Context(), "ward")
		require.NoError(t, err, "the time that was named is enough")
	})
}

func TestTokensAreChargedAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := ledger(t, "ward:tokens=100")
		ctx, leave, err := l.Enter(t.Context(), "ward")
		require.NoError(t, err)
		Charge(ctx, 350) // more than a second's: 250 below nothing
		leave()
		_, _, err = l.Enter(t.Context(), "ward")
		require.Equal(t, Tokens, refused(t, err).Limit)
		require.Equal(t, 2500*time.Millisecond, refused(t, err).RetryAfter.Round(time.Millisecond))
		began := time.Now()
		require.NoError(t, Next(ctx), "a stream waits instead")
		require.Equal(t, 2500*time.Millisecond, time.Since(began).Round(10*time.Millisecond))
		_, _, err = l.Enter(t.Context(), "ward")
		require.NoError(t, err)
	})
}

func TestCallsAtOnce(t *testing.T) {
	l, _ := ledger(t, "*:calls=2")
	_, first, err := l.Enter(t.Context(), "a")
	require.NoError(t, err)
	_, _, err = l.Enter(t.Context(), "a")
	require.NoError(t, err)
	_, _, err = l.Enter(t.Context(), "a")
	require.Equal(t, Calls, refused(t, err).Limit)
	_, _, err = l.Enter(t.Context(), "b")
	require.NoError(t, err)
	first()
	_, _, err = l.Enter(t.Context(), "a")
	require.NoError(t, err)
}

func TestAStreamWaitsNoLongerThanItsCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := ledger(t, "*:requests=0.1")
		ctx, _, err := l.Enter(t.Context(), "a")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		require.ErrorIs(t, Next(ctx), context.DeadlineExceeded)
	})
}

// Whoever can call can name any tenant: neither memory nor metrics may grow with the names.
func TestAnyNumberOfTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, reg := ledger(t, "ward:requests=1:tokens=5", "*:requests=1")
		for i := range 3 * maxAccounts {
			_, leave, err := l.Enter(t.Context(), fmt.Sprint("tenant-", i))
			if i < maxAccounts {
				require.NoError(t, err)
				leave()
			}
		}
		require.LessOrEqual(t, len(l.accounts), maxAccounts+1)
		_, _, err := l.Enter(t.Context(), "ward")
		require.NoError(t, err, "those with limits of their own always have an account")
		time.Sleep(time.Minute)
		_, _, err = l.Enter(t.Context(), "new")
		require.NoError(t, err)
		require.LessOrEqual(t, len(l.accounts), 2, "accounts at rest were closed")
		families, err := reg.Gather()
		require.NoError(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				require.Contains(t, []string{"ward", others}, m.GetLabel()[len(m.GetLabel())-1].GetValue())
			}
		}
	})
}

func TestLimitsThatSayNothing(t *testing.T) {
	for _, text := range []string{"", ":requests=1", "ward", "ward:", "ward:requests", "ward:requests=0", "ward:requests=NaN", "ward:calls=1.5", "ward:queue=2", "ward:speed=1", "a b:calls=1"} {
		var l config.TenantLimit
		require.Error(t, l.UnmarshalText([]byte(text)), text)
	}
}
