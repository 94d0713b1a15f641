package live_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/live"
	"ostiary/app/port"
	"ostiary/domain/apitoken"
	"ostiary/domain/company"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// asks calls each method once for what newWorld holds.
func asks(l *live.Live) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"tenant":  func(ctx context.Context) error { _, err := l.Tenant(ctx, acme); return err },
		"code":    func(ctx context.Context) error { _, err := l.TenantByCode(ctx, "acme"); return err },
		"host":    func(ctx context.Context) error { _, err := l.TenantByHost(ctx, "portal.acme.example"); return err },
		"session": func(ctx context.Context) error { _, err := live.Standing(ctx, l, acme, sid); return err },
		"person":  func(ctx context.Context) error { _, err := l.Person(ctx, acme, uid); return err },
		"company": func(ctx context.Context) error { _, err := l.Company(ctx, acme, cid); return err },
		"token":   func(ctx context.Context) error { _, err := l.APIToken(ctx, acme, tid); return err },
		"origin": func(ctx context.Context) error {
			_, err := l.OriginAllowed(ctx, "https://app.acme.example")
			return err
		},
	}
}

func warm(t testing.TB, l *live.Live) {
	t.Helper()
	for range 2 { // a code or host leads to a tenant that is read the second time
		for _, ask := range asks(l) {
			require.NoError(t, ask(t.Context()))
		}
	}
}

// ground asks for what a session stands on: who asks for the session next reads
// the session alone.
func ground(t testing.TB, l *live.Live) {
	t.Helper()
	for _, name := range []string{"tenant", "person", "company"} {
		require.NoError(t, asks(l)[name](t.Context()))
	}
}

func TestLive_CostsNoReadWhenWarm(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	warm(t, l)

	for name, ask := range asks(l) {
		require.Zero(t, w.cost(func() { require.NoError(t, ask(t.Context())) }), name)
	}
}

func TestLive_ForgetsWhatChanged(t *testing.T) {
	t.Parallel()
	of := func(kind port.ChangeKind, id string) port.Change {
		return port.Change{Tenant: acme, Kind: kind, ID: id}
	}
	changes := map[string]port.Change{
		"tenant": of(port.TenantChanged, acme.String()), "code": of(port.TenantChanged, acme.String()),
		"host": of(port.TenantChanged, acme.String()), "origin": of(port.TenantChanged, acme.String()),
		"session": of(port.SessionEnded, sid.String()), "person": of(port.UserChanged, uid.String()),
		"company": of(port.CompanyChanged, cid.String()), "token": of(port.APITokenChanged, tid.String()),
	}
	tell := map[string]func(*testing.T, *world, *live.Live, port.Change){
		"own change": func(_ *testing.T, w *world, _ *live.Live, c port.Change) { w.local([]port.Change{c}) },
		"change elsewhere": func(t *testing.T, w *world, l *live.Live, c port.Change) {
			w.announce(c)
			require.NoError(t, l.Poll(t.Context()))
		},
	}
	for how, tell := range tell {
		for name, change := range changes {
			t.Run(how+"/"+name, func(t *testing.T) {
				t.Parallel()
				w, l := setup(t)
				warm(t, l)

				tell(t, w, l, change)

				require.NotZero(t, w.cost(func() { require.NoError(t, asks(l)[name](t.Context())) }))
			})
		}
	}
}

func TestLive_ForgetsNothingElse(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	warm(t, l)

	w.local([]port.Change{{Tenant: acme, Kind: port.CompanyChanged, ID: cid.String()}})

	require.Equal(t, 1, w.cost(func() {
		for _, ask := range asks(l) {
			require.NoError(t, ask(t.Context()))
		}
	}), "the company alone")
}

func TestLive_ForgetsAllWhenItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]port.Change{
		"kind of a later version": {Tenant: acme, Kind: "colour", ID: "red"},
		"id of another shape":     {Tenant: acme, Kind: port.UserChanged, ID: "x"},
		"tenant of another shape": {Kind: port.TenantChanged, ID: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, l := setup(t)
			warm(t, l)

			w.local([]port.Change{change})

			require.NotZero(t, w.cost(func() { require.NoError(t, asks(l)["token"](t.Context())) }))
		})
	}
}

func TestLive_DropsAllWhenTheCursorIsTooOld(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	warm(t, l)
	told := 0
	l.OnKeys(func() { told++ })
	w.announce(port.Change{}, port.Change{})
	w.edit(func() { w.oldest = 1 })

	require.NoError(t, l.Poll(t.Context()))

	require.Equal(t, 1, told, "the key set may have changed as well")
	require.Equal(t, 3, w.cost(func() { ground(t, l) }))
	for _, name := range []string{"session", "code", "host", "origin", "token"} {
		require.Equal(t, 1, w.cost(func() { require.NoError(t, asks(l)[name](t.Context())) }), name)
	}
	require.NoError(t, l.Poll(t.Context()), "and goes on from the present place")
	require.Equal(t, 1, told)
}

// withdrawal is a change after which a question has another answer.
type withdrawal struct {
	change port.Change
	edit   func(*world)
	gone   func(context.Context, *live.Live) bool
}

func withdrawals() map[string]withdrawal {
	suspended := tenant.Restore(tenant.Snapshot{ID: acme, Code: "acme", Details: tenant.Details{Status: tenant.Suspended}})
	suspend := func(w *world) { w.tenants[acme] = suspended }
	changed := port.Change{Kind: port.TenantChanged, ID: acme.String()}
	of := func(kind port.ChangeKind, id string) port.Change {
		return port.Change{Tenant: acme, Kind: kind, ID: id}
	}
	return map[string]withdrawal{
		"tenant": {changed, suspend, func(ctx context.Context, l *live.Live) bool {
			got, err := l.Tenant(ctx, acme)
			return err == nil && !got.Active()
		}},
		"code": {changed, func(w *world) { delete(w.tenants, acme) }, func(ctx context.Context, l *live.Live) bool {
			_, err := l.TenantByCode(ctx, "acme")
			return errors.Is(err, tenant.ErrNotFound)
		}},
		"host": {changed, suspend, func(ctx context.Context, l *live.Live) bool {
			_, err := l.TenantByHost(ctx, "portal.acme.example")
			return errors.Is(err, tenant.ErrNotFound)
		}},
		"origin": {changed, suspend, func(ctx context.Context, l *live.Live) bool {
			allowed, err := l.OriginAllowed(ctx, "https://app.acme.example")
			return err == nil && !allowed
		}},
		"session": {of(port.SessionEnded, sid.String()), func(w *world) { delete(w.sessions, sid) }, func(ctx context.Context, l *live.Live) bool {
			_, err := live.Standing(ctx, l, acme, sid)
			return errors.Is(err, session.ErrNotFound)
		}},
		"person": {of(port.UserChanged, uid.String()), func(w *world) { delete(w.users, uid) }, func(ctx context.Context, l *live.Live) bool {
			_, err := l.Person(ctx, acme, uid)
			return errors.Is(err, user.ErrNotFound)
		}},
		"company": {of(port.CompanyChanged, cid.String()), func(w *world) { delete(w.company, cid) }, func(ctx context.Context, l *live.Live) bool {
			_, err := l.Company(ctx, acme, cid)
			return errors.Is(err, company.ErrNotFound)
		}},
		"token": {of(port.APITokenChanged, tid.String()), func(w *world) { delete(w.tokens, tid) }, func(ctx context.Context, l *live.Live) bool {
			_, err := l.APIToken(ctx, acme, tid)
			return errors.Is(err, apitoken.ErrNotFound)
		}},
	}
}

// The read has seen the old state when the change is made and announced; its
// answer must not be kept.
func TestLive_KeepsNoReadThatBeganBeforeAChange(t *testing.T) {
	t.Parallel()
	for name, c := range withdrawals() {
		for how, tell := range map[string]func(*testing.T, *world, *live.Live){
			"its change": func(_ *testing.T, w *world, _ *live.Live) { w.local([]port.Change{c.change}) },
			"everything": func(t *testing.T, w *world, l *live.Live) {
				w.announce(port.Change{})
				w.edit(func() { w.oldest = 1 })
				require.NoError(t, l.Poll(t.Context()))
			},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				w, l := setup(t)
				if name == "session" {
					ground(t, l)
				}
				w.edit(func() {
					w.before = func() {
						w.edit(func() { c.edit(w) })
						tell(t, w, l)
					}
				})
				require.NoError(t, asks(l)[name](t.Context()), "the read itself began before")

				require.True(t, c.gone(t.Context(), l))
			})
		}
	}
}

func TestLive_RemembersUnknownHostsUntilATenantChanges(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	unknown := map[string]func() (bool, error){
		"host":   func() (bool, error) { _, err := l.TenantByHost(t.Context(), "other.example"); return err == nil, err },
		"code":   func() (bool, error) { _, err := l.TenantByCode(t.Context(), "other"); return err == nil, err },
		"origin": func() (bool, error) { return l.OriginAllowed(t.Context(), "https://other.example") },
	}
	for name, ask := range unknown {
		found, _ := ask()
		require.False(t, found)
		require.Zero(t, w.cost(func() { found, _ = ask() }), name)
		require.False(t, found)
	}
	other := tenant.IDFromBytes([16]byte{9})
	w.edit(func() {
		w.tenants[other] = tenant.Restore(tenant.Snapshot{ID: other, Code: "other", Details: tenant.Details{
			Hosts: []tenant.Host{"other.example"}, Settings: tenant.Settings{Origins: []string{"https://other.example"}},
		}})
	})
	w.local([]port.Change{{Kind: port.TenantChanged, ID: other.String()}})

	for name, ask := range unknown {
		found, err := ask()
		require.NoError(t, err, name)
		require.True(t, found, name)
	}
}

func TestLive_DoesNotRememberWhatIsMissing(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	_, err := live.Standing(t.Context(), l, acme, session.IDFromBytes([16]byte{99}))
	require.ErrorIs(t, err, session.ErrNotFound)
	_, err = l.Tenant(t.Context(), tenant.IDFromBytes([16]byte{99}))
	require.ErrorIs(t, err, tenant.ErrNotFound)

	require.Equal(t, 2, w.cost(func() {
		_, _ = live.Standing(t.Context(), l, acme, session.IDFromBytes([16]byte{99}))
		_, _ = l.Tenant(t.Context(), tenant.IDFromBytes([16]byte{99}))
	}))
}

func TestLive_KeepsTenantsApart(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	warm(t, l)
	other := tenant.IDFromBytes([16]byte{9})

	require.Equal(t, 1, w.cost(func() { _, _ = l.Company(t.Context(), other, cid) }), "never answered from another tenant's entry")
}

func TestLive_StaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	w := newWorld()
	l := w.open(t, live.Options{Companies: 10})
	require.NoError(t, l.Poll(t.Context()))
	for n := range int64(1000) {
		id, err := company.IDOf(n + 1)
		require.NoError(t, err)
		w.company[id] = company.Restore(company.Snapshot{Tenant: acme, ID: id})
	}
	pass := func() {
		for id := range w.company {
			_, err := l.Company(t.Context(), acme, id)
			require.NoError(t, err)
		}
	}
	pass()

	require.Greater(t, w.cost(pass), 800)
}

func TestLive_PassesOutagesOn(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	w.edit(func() { w.down = true })

	for name, ask := range asks(l) {
		require.ErrorIs(t, ask(t.Context()), errDown, name)
	}
	w.edit(func() { w.down = false })
	warm(t, l)
}

func TestLive_MayBeUsedFromManySidesAtOnce(t *testing.T) {
	t.Parallel()
	w, l := setup(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range 200 {
				for _, ask := range asks(l) {
					if err := ask(t.Context()); err != nil {
						panic(fmt.Sprint("unexpected: ", err))
					}
				}
				w.local([]port.Change{{Tenant: acme, Kind: port.UserChanged, ID: uid.String()}})
				if n%50 == 0 {
					w.announce(port.Change{Kind: port.TenantChanged, ID: acme.String()})
					_ = l.Poll(t.Context())
				}
			}
		})
	}
	all.Wait()
	last := session.Restore(w.sessions[sid].Snapshot())
	_, err := last.Rotate(session.Refresh{}, secret.Digest{}, session.Limits{}, w.now)
	require.Error(t, err)
	w.edit(func() { w.sessions[sid] = last })
	w.local([]port.Change{{Tenant: acme, Kind: port.SessionEnded, ID: sid.String()}})

	got, err := live.Standing(t.Context(), l, acme, sid)

	require.NoError(t, err)
	require.False(t, got.Session.Live(w.users[uid], w.now))
}
