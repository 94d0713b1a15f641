package live_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
)

// stall lets n callers ask while the first of them is still reading, and
// returns what they got and how many reads it took.
func stall(t *testing.T, w *world, n int, ask func(context.Context) error) (errs []error, reads int) {
	t.Helper()
	release := make(chan struct{})
	w.edit(func() { w.before = func() { <-release } })
	errs = make([]error, n)
	reads = w.cost(func() {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { errs[i] = ask(t.Context()) })
			synctest.Wait()
		}
		close(release)
		wg.Wait()
	})
	return errs, reads
}

func TestLive_ReadsOnceForACrowdInFrontOfAColdCache(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"tenant", "code", "host"} {
		synctest.Test(t, func(t *testing.T) {
			w, l := setup(t)

			errs, reads := stall(t, w, 20, asks(l)[name])

			require.Equal(t, make([]error, 20), errs, name)
			require.Equal(t, 1, reads, name)
		})
	}
}

func TestLive_SharesNoReadThatBeganBeforeAChange(t *testing.T) {
	t.Parallel()

	for name, c := range withdrawals() {
		synctest.Test(t, func(t *testing.T) {
			w, l := setup(t)
			if name == "session" {
				ground(t, l)
			}
			release := make(chan struct{})
			w.edit(func() { w.before = func() { <-release } })
			var wg sync.WaitGroup
			wg.Go(func() { _ = asks(l)[name](t.Context()) })
			synctest.Wait()

			w.edit(func() { c.edit(w) })
			w.local([]port.Change{c.change})
			gone := c.gone(t.Context(), l)
			close(release)
			wg.Wait()

			require.True(t, gone, name)
		})
	}
}

func TestLive_ACallerWhoseTimeIsOverLeavesTheReadToTheOthers(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		w, l := setup(t)
		ask := asks(l)["tenant"]
		release := make(chan struct{})
		w.edit(func() { w.before = func() { <-release } })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = ask(t.Context()) })
		synctest.Wait()
		var late error
		wg.Go(func() { late = ask(ctx) })
		synctest.Wait()

		cancel()
		synctest.Wait()
		impatient := late
		close(release)
		wg.Wait()

		require.ErrorIs(t, impatient, port.ErrUnavailable)
		require.ErrorIs(t, impatient, context.Canceled)
	})
}
