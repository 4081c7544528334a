package watchdog

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARunThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(4 * time.Second)
		began := time.Now()
		ctx, done := d.Watch(t.Context(), false)
		<-ctx.Done()
		require.Equal(t, 4*time.Second, time.Since(began))
		require.True(t, Hung(ctx))
		require.ErrorIs(t, context.Cause(ctx), ErrHung)
		require.True(t, d.Overdue())
		time.Sleep(15 * time.Second) // it does stop, if late
		done()
		require.False(t, d.Overdue())
		time.Sleep(time.Hour)
		require.False(t, d.IsStuck())
		require.EqualValues(t, 1, d.Stopped())

		began = time.Now()
		ctx, done = d.Watch(t.Context(), true)
		<-ctx.Done()
		require.Equal(t, time.Second, time.Since(began), "what is done again has less time")
		done()
	})
}

func TestARunThatCannotBeStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(time.Second)
		began := time.Now()
		_, done := d.Watch(t.Context(), false)
		<-d.Stuck()
		require.Equal(t, 5*time.Second, time.Since(began))
		done()
		require.True(t, d.IsStuck(), "it stays so: a thread is lost")
	})
}

func TestWhatIsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, d := range []*Dog{nil, New(0), New(time.Second)} {
			ctx, done := d.Watch(t.Context(), false)
			time.Sleep(time.Second / 2)
			require.NoError(t, ctx.Err())
			require.False(t, Hung(ctx))
			done()
			time.Sleep(time.Minute)
			require.False(t, d.Overdue())
			require.Zero(t, d.Stopped())
		}
	})
}
