package live_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/live"
	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// grounds are what a session stands on, and how each of them goes.
func grounds() map[string]withdrawal {
	all := withdrawals()
	standing := func(ctx context.Context, l *live.Live) (*port.Standing, error) {
		return live.Standing(ctx, l, acme, sid)
	}
	out := map[string]withdrawal{
		"tenant": all["tenant"], "session": all["session"], "person": all["person"], "company": all["company"],
	}
	gone := map[string]func(*port.Standing, error) bool{
		"tenant": func(s *port.Standing, err error) bool { return err == nil && !s.Tenant.Active() },
		"session": func(s *port.Standing, err error) bool {
			return errors.Is(err, session.ErrNotFound) && s.Session == nil
		},
		"person": func(s *port.Standing, err error) bool { return errors.Is(err, user.ErrNotFound) && s.Session != nil },
		"company": func(s *port.Standing, err error) bool {
			return errors.Is(err, company.ErrNotFound) && s.Person.User != nil
		},
	}
	for name, c := range out {
		c.gone = func(ctx context.Context, l *live.Live) bool { return gone[name](standing(ctx, l)) }
		out[name] = c
	}
	return out
}

func TestStanding_FollowsAllItStandsOn(t *testing.T) {
	t.Parallel()
	for name, c := range grounds() {
		for how, tell := range map[string]func(*world, *live.Live) error{
			"own change":       func(w *world, _ *live.Live) error { w.local([]port.Change{c.change}); return nil },
			"change elsewhere": func(w *world, l *live.Live) error { w.announce(c.change); return l.Poll(t.Context()) },
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				w, l := setup(t)
				warm(t, l)
				require.False(t, c.gone(t.Context(), l))

				w.edit(func() { c.edit(w) })
				require.NoError(t, tell(w, l))

				require.True(t, c.gone(t.Context(), l))
			})
		}
	}
}

// A change that comes in between the reads of which a standing is put together
// must not leave what was there before it.
func TestStanding_KeepsNothingThatChangedWhileItWasPutTogether(t *testing.T) {
	t.Parallel()
	const reads = 4 // tenant, session, person, company
	for name, c := range grounds() {
		for nth := range reads {
			t.Run(fmt.Sprint(name, "/read ", nth), func(t *testing.T) {
				t.Parallel()
				w, l := setup(t)
				var step func(left int) func()
				step = func(left int) func() {
					return func() {
						if left > 0 {
							w.edit(func() { w.before = step(left - 1) })
							return
						}
						w.edit(func() { c.edit(w) })
						w.local([]port.Change{c.change})
					}
				}
				w.edit(func() { w.before = step(nth) })
				_, _ = live.Standing(t.Context(), l, acme, sid)

				require.True(t, c.gone(t.Context(), l))
			})
		}
	}
}

// The session stays where it is while the tenant is read again.
func TestStanding_KeepsNothingThatChangedWhileItWasPutTogetherAnew(t *testing.T) {
	t.Parallel()
	for name, c := range grounds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, l := setup(t)
			warm(t, l)
			w.local([]port.Change{{Kind: port.TenantChanged, ID: acme.String()}})
			w.edit(func() {
				w.before = func() {
					w.edit(func() { c.edit(w) })
					w.local([]port.Change{c.change})
				}
			})
			_, _ = live.Standing(t.Context(), l, acme, sid)

			require.True(t, c.gone(t.Context(), l))
		})
	}
}

// What still holds is taken over from the standing before: its cache may have
// made room for others meanwhile.
func TestStanding_ReadsAgainWhatChangedAlone(t *testing.T) {
	t.Parallel()
	w := newWorld()
	l := w.open(t, live.Options{Persons: 1, Companies: 1})
	require.NoError(t, l.Poll(t.Context()))
	_, err := live.Standing(t.Context(), l, acme, sid)
	require.NoError(t, err)
	for n := range byte(100) { // so many others that nothing of it stays in the caches
		id := user.IDFromBytes([16]byte{8, n})
		other, err := company.IDOf(int64(n) + 100)
		require.NoError(t, err)
		w.edit(func() {
			w.users[id] = user.New(acme, id, person, w.now)
			w.company[other] = company.Restore(company.Snapshot{Tenant: acme, ID: other})
		})
		_, err = l.Person(t.Context(), acme, id)
		require.NoError(t, err)
		_, err = l.Company(t.Context(), acme, other)
		require.NoError(t, err)
	}
	w.local([]port.Change{{Kind: port.TenantChanged, ID: acme.String()}})

	require.Equal(t, 1, w.cost(func() {
		_, err := live.Standing(t.Context(), l, acme, sid)
		require.NoError(t, err)
	}), "the tenant")
}

func TestStanding_IsNeverStaleHoweverManyAsk(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	stop := make(chan struct{})
	var all sync.WaitGroup
	defer func() {
		close(stop)
		all.Wait()
	}()
	for range 8 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if st, err := live.Standing(context.Background(), l, acme, sid); err != nil || st.Actor != "user:"+uid.String() {
					t.Errorf("unexpected: %s, %v", st.Actor, err)
					return
				}
			}
		})
	}
	for n := range 300 {
		name := fmt.Sprint("company ", n)
		w.edit(func() {
			w.company[cid] = company.Restore(company.Snapshot{Tenant: acme, ID: cid, Details: company.Details{Name: name}})
		})
		w.local([]port.Change{{Tenant: acme, Kind: port.CompanyChanged, ID: cid.String()}})
		st, err := live.Standing(t.Context(), l, acme, sid)
		require.NoError(t, err)
		require.Equal(t, name, st.Company.Details().Name)
	}
}

func TestStanding_IsOneAndTheSameUntilSomethingChanges(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	first, err := live.Standing(t.Context(), l, acme, sid)
	require.NoError(t, err)

	again, err := live.Standing(t.Context(), l, acme, sid)
	require.NoError(t, err)
	require.Same(t, first, again)

	w.local([]port.Change{{Tenant: acme, Kind: port.CompanyChanged, ID: cid.String()}})
	after, err := live.Standing(t.Context(), l, acme, sid)
	require.NoError(t, err)
	require.NotSame(t, first, after)
	require.Same(t, first.Session, after.Session, "which is not read again")
}

func TestStanding_OfAnotherTenantIsUnknown(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	warm(t, l)
	other := tenant.IDFromBytes([16]byte{9})
	w.edit(func() { w.tenants[other] = tenant.Restore(tenant.Snapshot{ID: other, Code: "other"}) })

	st, err := live.Standing(t.Context(), l, other, sid)

	require.ErrorIs(t, err, session.ErrNotFound)
	require.Equal(t, other, st.Tenant.ID())
	require.Nil(t, st.Session)
}

func TestStanding_HasTheSessionThatAdoptedItsUsersEpoch(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	warm(t, l)
	// another sign-in of the user changes the password: its own session adopts
	// the new epoch without being announced, and is read in between
	changed := w.users[uid].Snapshot()
	changed.Epoch++
	w.edit(func() { w.users[uid] = user.Restore(changed) })
	w.local([]port.Change{{Tenant: acme, Kind: port.UserChanged, ID: uid.String()}})
	between, err := live.Standing(t.Context(), l, acme, sid)
	require.NoError(t, err)
	require.Equal(t, int64(1), between.Session.Snapshot().Epoch)
	adopted := session.Restore(w.sessions[sid].Snapshot())
	adopted.Adopt(changed.Epoch)
	w.edit(func() { w.sessions[sid] = adopted })

	after, err := live.Standing(t.Context(), l, acme, sid)

	require.NoError(t, err)
	require.True(t, after.Session.Live(w.users[uid], w.Now()))
	require.Zero(t, w.cost(func() { require.NoError(t, asks(l)["session"](t.Context())) }))
}

func TestStanding_HasTheSessionThatWasRefreshed(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	warm(t, l)
	refreshed := w.sessions[sid].Snapshot()
	refreshed.IdleUntil = refreshed.IdleUntil.Add(24 * time.Hour)
	w.edit(func() { w.sessions[sid] = session.Restore(refreshed) })
	w.move(25 * time.Hour)
	require.NoError(t, l.Poll(t.Context()))

	got, err := live.Standing(t.Context(), l, acme, sid)

	require.NoError(t, err)
	require.True(t, got.Session.Live(w.users[uid], w.Now()))
}

func TestStanding_WhoseUserIsGoneComesWithTheError(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	warm(t, l)
	w.edit(func() { delete(w.users, uid) })
	w.local([]port.Change{{Tenant: acme, Kind: port.UserChanged, ID: uid.String()}})

	got, err := live.Standing(t.Context(), l, acme, sid)

	require.ErrorIs(t, err, user.ErrNotFound)
	require.Equal(t, sid, got.Session.ID())
}

// The kept session does not live by the present state of its user, so that it is
// to be read again, and cannot be.
func TestStanding_IsNoEndedSessionWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	warm(t, l)
	w.move(25 * time.Hour)
	require.NoError(t, l.Poll(t.Context()))
	w.edit(func() { w.down = true })

	st, err := live.Standing(t.Context(), l, acme, sid)

	require.ErrorIs(t, err, errDown)
	require.NotNil(t, st.Tenant)
	require.Nil(t, st.Session)
	require.Zero(t, st.Person)
}

// A row that is read in part: what came with the error must open nothing.
func TestStanding_HasNothingThatCameWithAnError(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	w.edit(func() { w.broken = true })

	st, err := live.Standing(t.Context(), l, acme, sid)

	require.ErrorIs(t, err, errDown)
	require.NotNil(t, st.Person.User)
	require.Nil(t, st.Company)
	require.False(t, st.Open)
}

func TestStanding_IsNotKeptWhenTheSessionHasEnded(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	w.sessions[sid].End(w.now)
	require.NoError(t, asks(l)["session"](t.Context()))

	require.Equal(t, 1, w.cost(func() { require.NoError(t, asks(l)["session"](t.Context())) }))
}
