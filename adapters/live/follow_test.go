package live_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/live"
	"ostiary/app/port"
	"ostiary/domain/fault"
)

func TestLive_IsUnavailableBeforeTheFirstPoll(t *testing.T) {
	t.Parallel()
	w := newWorld()
	l := w.open(t, live.Options{})

	for name, ask := range asks(l) {
		require.ErrorIs(t, ask(t.Context()), port.ErrUnavailable, name)
	}
	require.ErrorIs(t, l.Fresh(), port.ErrUnavailable)
	w.move(3 * time.Second)
	require.Equal(t, 3*time.Second, l.Lag())
}

func TestLive_IsUnavailableWhenItHeardNothingForTooLong(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	warm(t, l)
	w.move(30 * time.Second)
	require.NoError(t, asks(l)["session"](t.Context()))
	require.Equal(t, 30*time.Second, l.Lag())
	w.edit(func() { w.down = true })
	require.ErrorIs(t, l.Poll(t.Context()), errDown)
	w.move(time.Millisecond)

	for name, ask := range asks(l) {
		err := ask(t.Context())
		require.ErrorIs(t, err, port.ErrUnavailable, name)
		require.Equal(t, time.Second, fault.Of(err).RetryAfter())
	}

	w.edit(func() { w.down = false })
	require.NoError(t, l.Poll(t.Context()))
	require.Zero(t, l.Lag())
	require.Zero(t, w.cost(func() { require.NoError(t, asks(l)["session"](t.Context())) }), "nothing changed meanwhile")
}

func TestPoll_HearsWhatWasAnnouncedWhileNothingWasHeard(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	warm(t, l)
	w.edit(func() { w.down = true })
	w.announce(port.Change{Tenant: acme, Kind: port.SessionEnded, ID: sid.String()})
	require.Error(t, l.Poll(t.Context()))
	w.edit(func() { w.down = false; delete(w.sessions, sid) })

	require.NoError(t, l.Poll(t.Context()))

	require.Error(t, asks(l)["session"](t.Context()))
}

func TestPoll_CountsFromWhenItBegan(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	w.during = func() { w.move(7 * time.Second) }

	require.NoError(t, l.Poll(t.Context()))

	require.Equal(t, 7*time.Second, l.Lag())
}

// During a silence another process may have come to sign with a key that is not
// known here: what it signed is not to be refused before the key set was read.
func TestPoll_EndsASilenceWhenTheKeySetWasReadToo(t *testing.T) {
	t.Parallel()
	w := newWorld()
	l := w.open(t, live.Options{StaleAfter: 10 * time.Second})
	for _, silence := range []time.Duration{0, 11 * time.Second, time.Hour} { // the first poll ends one, too
		w.move(silence)
		w.reload = func(context.Context) error {
			require.ErrorIs(t, l.Fresh(), port.ErrUnavailable, silence)
			return errDown
		}
		require.ErrorIs(t, l.Poll(t.Context()), errDown, silence)
		require.ErrorIs(t, l.Fresh(), port.ErrUnavailable, silence)
		w.reload = readily
		require.NoError(t, l.Poll(t.Context()), silence)
		require.NoError(t, l.Fresh(), silence)
	}

	w.reload = func(context.Context) error { return errDown }
	w.move(9 * time.Second)

	require.NoError(t, l.Poll(t.Context()), "without a silence the present keys go on")
}

func TestOnKeys_IsToldOncePerBatch(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	told := 0
	l.OnKeys(func() { told++ })

	w.announce(port.Change{Kind: port.KeysChanged}, port.Change{Kind: port.KeysChanged})
	require.NoError(t, l.Poll(t.Context()))
	require.Equal(t, 1, told)
	w.local([]port.Change{{Kind: port.KeysChanged}})
	require.Equal(t, 2, told)
	w.local([]port.Change{{Tenant: acme, Kind: port.UserChanged, ID: uid.String()}})
	require.Equal(t, 2, told)
}

func TestRun_PollsUntilItsContextEndsAndReportsFailures(t *testing.T) {
	t.Parallel()
	w := newWorld()
	ctx, cancel := context.WithCancel(t.Context())
	polls, reported := make(chan struct{}), make(chan error)
	w.during = func() {
		select {
		case polls <- struct{}{}:
		case <-ctx.Done():
		}
	}
	l := w.open(t, live.Options{Every: time.Millisecond, Report: func(err error) {
		select {
		case reported <- err:
		case <-ctx.Done():
		}
	}})
	ended := make(chan struct{})
	go func() { defer close(ended); l.Run(ctx) }()

	<-polls
	require.NoError(t, l.Fresh())
	w.edit(func() { w.down = true })
	for failed := false; !failed; {
		select {
		case <-polls:
		case err := <-reported:
			require.ErrorIs(t, err, errDown)
			failed = true
		}
	}
	<-polls // tried again
	cancel()
	<-ended
}

// A store that tells of a change for a while must not make this process ask
// again and again for what it changed itself.
func TestPoll_FollowsItsOwnChangeOnce(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	w.edit(func() { w.overlap = 10 })
	again := func() int {
		return w.cost(func() {
			require.NoError(t, l.Poll(t.Context()))
			require.NoError(t, asks(l)["person"](t.Context()))
		})
	}
	change := port.Change{Tenant: acme, Kind: port.UserChanged, ID: uid.String()}
	warm(t, l)

	w.own(change, 0, true)
	require.Equal(t, 1, w.cost(func() { require.NoError(t, asks(l)["person"](t.Context())) }), "it is followed")
	require.Zero(t, again())

	w.own(change, 0, false)
	require.Equal(t, 1, again(), "nobody knows whether it was made, or when")
	require.Equal(t, 1, again())
	w.edit(func() { w.announced = w.announced[:1] })
	require.Zero(t, again())

	w.announce(change)
	require.Equal(t, 1, again(), "another process may not have made it yet")
	require.Equal(t, 1, again())
}

// What it remembers of its own changes is bounded; beyond that it asks once
// more, and is right all the same.
func TestPoll_RemembersABoundedNumberOfItsOwnChanges(t *testing.T) {
	t.Parallel()
	change := port.Change{Tenant: acme, Kind: port.UserChanged, ID: uid.String()}
	others := make([]port.Announcement, 2*16_384)
	for i := range others {
		others[i] = port.Announcement{
			Change: port.Change{Tenant: acme, Kind: port.UserChanged, ID: "another"}, Entry: "other " + strconv.Itoa(i), Settled: true,
		}
	}
	for about, row := range map[string]struct {
		meanwhile []port.Announcement
		asked     int
	}{
		"many":     {others[:16_384], 0},
		"too many": {others, 1},
	} {
		w, l := setup(t)
		w.edit(func() { w.overlap = 10 })
		warm(t, l)
		w.own(change, 0, true)
		require.NoError(t, asks(l)["person"](t.Context()), about)
		w.hear(row.meanwhile)
		require.NoError(t, asks(l)["person"](t.Context()), about)

		require.Equal(t, row.asked, w.cost(func() {
			require.NoError(t, l.Poll(t.Context()))
			require.NoError(t, asks(l)["person"](t.Context()))
		}), about)
	}
}
