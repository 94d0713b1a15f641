package system_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/system"
)

var gzipped = []byte{0x1f, 0x8b}

func TestProfiles_AreThoseOfPprof(t *testing.T) {
	t.Parallel()
	var p system.Profiles

	for _, name := range []string{"cpu", "block", "mutex", "heap", "allocs", "goroutine"} {
		got, err := p.Take(t.Context(), name, time.Millisecond)
		require.NoError(t, err, name)
		require.True(t, bytes.HasPrefix(got, gzipped), name)
	}
	for _, name := range []string{"", "threadcreate", "../cpu"} {
		_, err := p.Take(t.Context(), name, time.Millisecond)
		require.ErrorIs(t, err, system.ErrNoProfile)
	}
}

func TestProfiles_OneAtATimeAndNoLongerThanTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p system.Profiles
		ctx, leave := context.WithCancel(t.Context())
		got := make(chan error)
		go func() {
			_, err := p.Take(ctx, "block", time.Hour)
			got <- err
		}()
		synctest.Wait()

		_, err := p.Take(t.Context(), "goroutine", 0)
		require.ErrorIs(t, err, system.ErrProfileBusy)
		_, err = p.Take(t.Context(), "unknown", 0)
		require.ErrorIs(t, err, system.ErrNoProfile)

		leave()
		require.NoError(t, <-got)
		_, err = p.Take(t.Context(), "goroutine", 0)
		require.NoError(t, err)
	})
}
