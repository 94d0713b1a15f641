package live_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/live"
	"ostiary/app/port"
	"ostiary/domain/session"
)

// measured is a Live that has heard from its stores, and what it measured.
func measured(t *testing.T) (*world, *live.Live, func() []live.Followed) {
	t.Helper()
	w := newWorld()
	var seen []live.Followed
	l := w.open(t, live.Options{Observe: func(f live.Followed) { seen = append(seen, f) }})
	require.NoError(t, l.Poll(t.Context()))
	return w, l, func() []live.Followed {
		out := seen
		seen = nil
		return out
	}
}

func other(took time.Duration) []live.Followed { return []live.Followed{{Took: took}} }

func self(took time.Duration) []live.Followed { return []live.Followed{{Took: took, Own: true}} }

var revoked = port.Change{Tenant: acme, Kind: port.SessionEnded, ID: sid.String()}

func TestObserve_MeasuresFromTheAnnouncementElsewhere(t *testing.T) {
	t.Parallel()
	w, l, seen := measured(t)
	w.announce(revoked)
	w.move(240 * time.Millisecond)

	require.NoError(t, l.Poll(t.Context()))

	require.Equal(t, other(240*time.Millisecond), seen())
}

func TestObserve_CountsTheTimeThatThePollTook(t *testing.T) {
	t.Parallel()
	w, l, seen := measured(t)
	w.announce(revoked)
	w.during = func() { w.move(3 * time.Second) }

	require.NoError(t, l.Poll(t.Context()))

	require.Equal(t, other(3*time.Second), seen())
}

func TestObserve_MeasuresOnesOwnWhenItWasFollowed(t *testing.T) {
	t.Parallel()
	w, l, seen := measured(t)
	w.own(revoked, 4*time.Millisecond, true)
	w.move(200 * time.Millisecond)
	require.Empty(t, seen(), "how long ago it was announced is not known yet")

	require.NoError(t, l.Poll(t.Context()))

	require.Equal(t, self(4*time.Millisecond), seen())
}

func TestObserve_TellsOnesOwnFromTheSameChangeElsewhere(t *testing.T) {
	t.Parallel()
	w, l, seen := measured(t)
	w.own(revoked, time.Millisecond, true)
	w.announce(revoked)
	w.move(90 * time.Millisecond)

	require.NoError(t, l.Poll(t.Context()))

	require.Equal(t, append(self(time.Millisecond), other(90*time.Millisecond)...), seen())
}

func TestObserve_CountsWhatIsToldOfAgainOnce(t *testing.T) {
	t.Parallel()
	w, l, seen := measured(t)
	w.edit(func() { w.overlap = 10 })
	w.announce(revoked)
	w.own(revoked, 0, true)
	for range 3 {
		require.NoError(t, l.Poll(t.Context()))
		w.move(250 * time.Millisecond)
	}
	require.Len(t, seen(), 2)
	w.announce(revoked)

	require.NoError(t, l.Poll(t.Context()))

	require.Equal(t, other(0), seen(), "another announcement of the same change")
}

// A poll may tell of a change between its announcement and its effect.
func TestObserve_CountsOnesOwnOnceWhenThePollIsQuicker(t *testing.T) {
	t.Parallel()
	w, l, seen := measured(t)
	w.announce(revoked)
	require.NoError(t, l.Poll(t.Context()))
	require.Len(t, seen(), 1)

	w.hear([]port.Announcement{{Change: revoked, Entry: "0"}})
	require.NoError(t, l.Poll(t.Context()))

	require.Empty(t, seen())
}

func TestObserve_LeavesOutWhatWasAnnouncedBeforeThisProcessBegan(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.edit(func() { w.overlap = 10 })
	w.announce(revoked)
	w.move(40 * time.Second)
	var seen []live.Followed
	l := w.open(t, live.Options{Observe: func(f live.Followed) { seen = append(seen, f) }})
	require.NoError(t, l.Poll(t.Context()))
	require.NoError(t, l.Poll(t.Context()))
	require.Empty(t, seen, "it trusted nothing then")
	w.announce(revoked, revoked)
	w.edit(func() { w.oldest = 3 })
	w.move(time.Millisecond)

	require.NoError(t, l.Poll(t.Context()))
	require.NoError(t, l.Poll(t.Context()))

	require.Empty(t, seen, "and forgot everything now")
}

func TestObserve_CountsWhatTakesAway(t *testing.T) {
	t.Parallel()
	for kind, counts := range map[port.ChangeKind]bool{
		port.TenantChanged: true, port.UserChanged: true, port.SessionEnded: true, port.APITokenChanged: true,
		port.KeysChanged: true, port.CompanyChanged: false, "colour": false,
	} {
		w, l, seen := measured(t)
		c := port.Change{Tenant: acme, Kind: kind, ID: session.IDFromBytes([16]byte{9}).String()}
		w.announce(c)
		w.own(c, 0, true)

		require.NoError(t, l.Poll(t.Context()))
		require.NoError(t, l.FollowKeys(t.Context()))

		require.Equal(t, counts, len(seen()) == 2, kind)
	}
}

func TestFollowKeys_EndsTheWaitOfARemovedKey(t *testing.T) {
	t.Parallel()
	keys := port.Change{Kind: port.KeysChanged}
	for name, c := range map[string]struct {
		change func(*world)
		own    bool
	}{
		"elsewhere": {func(w *world) { w.announce(keys) }, false},
		"here":      {func(w *world) { w.own(keys, 0, true) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, l, seen := measured(t)
			c.change(w)
			w.move(100 * time.Millisecond)
			require.NoError(t, l.Poll(t.Context()))
			require.Empty(t, seen(), "the key set was not read again")
			w.reload = func(context.Context) error { w.move(time.Second); return errDown }
			require.ErrorIs(t, l.FollowKeys(t.Context()), errDown)
			require.Empty(t, seen(), "nor was it now")

			w.reload = func(context.Context) error { w.move(30 * time.Millisecond); return nil }
			require.NoError(t, l.FollowKeys(t.Context()))
			require.NoError(t, l.FollowKeys(t.Context()))

			require.Equal(t, []live.Followed{{Took: 1130 * time.Millisecond, Own: c.own}}, seen())
		})
	}
}

func TestFollowKeys_BeforeItsAgeIsToldIsMeasuredThen(t *testing.T) {
	t.Parallel()
	w, l, seen := measured(t)
	w.own(port.Change{Kind: port.KeysChanged}, 2*time.Millisecond, true)
	w.reload = func(context.Context) error { w.move(5 * time.Millisecond); return nil }
	require.NoError(t, l.FollowKeys(t.Context()))
	require.Empty(t, seen())
	w.move(time.Second)

	require.NoError(t, l.Poll(t.Context()))

	require.Equal(t, self(7*time.Millisecond), seen())
}

func TestFollowKeys_MeasuresOnesOwnThatAPollToldOfFirst(t *testing.T) {
	t.Parallel()
	w, l, seen := measured(t)
	keys := port.Change{Kind: port.KeysChanged}
	w.announce(keys)
	require.NoError(t, l.Poll(t.Context()))
	w.hear([]port.Announcement{{Change: keys, Entry: "0"}})
	w.move(6 * time.Millisecond)

	require.NoError(t, l.FollowKeys(t.Context()))

	require.Equal(t, self(6*time.Millisecond), seen())
}

// What is announced while the key set is read may not be a part of it.
func TestFollowKeys_FollowsWhatWasHeardBeforeItBegan(t *testing.T) {
	t.Parallel()
	w, l, seen := measured(t)

	w.reload = func(ctx context.Context) error {
		w.announce(port.Change{Kind: port.KeysChanged})
		return l.Poll(ctx)
	}
	require.NoError(t, l.FollowKeys(t.Context()))
	require.Empty(t, seen())
	w.reload = readily
	require.NoError(t, l.FollowKeys(t.Context()))

	require.Equal(t, other(0), seen())
}

func TestFollowKeys_MayRunWithinTheHook(t *testing.T) {
	t.Parallel()
	w, l, seen := measured(t)
	l.OnKeys(func() { _ = l.FollowKeys(t.Context()) })
	w.announce(port.Change{Kind: port.KeysChanged})
	w.move(8 * time.Millisecond)

	require.NoError(t, l.Poll(t.Context()))

	require.Equal(t, other(8*time.Millisecond), seen())
}
