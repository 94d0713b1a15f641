package contract

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/keyset"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Changes checks any port.Changes.
func Changes(t *testing.T, open Open) {
	cs := checks{
		"Since/TellsOfParallelChanges":    changesTellOfParallel,
		"Since/GoesOnFromTheNewPlace":     changesGoOn,
		"Since/OldPlacesAreNeverSilent":   changesNeverSilent,
		"OnLocal/HearsParallelChanges":    changesLocalParallel,
		"Latest/LeavesOutNothingThatCame": changesLatest,
		"Since/NamesEachAnnouncement":     func(t *testing.T, s Store) { requireNamed(t, s, s) },
		"Since/TellsHowLongAgo":           func(t *testing.T, s Store) { requireAged(t, s, s) },
	}
	for what, prepare := range announcements {
		cs["Since/TellsOf/"+what] = func(t *testing.T, s Store) { changesTellOf(t, s, s, prepare) }
		cs["OnLocal/Hears/"+what] = func(t *testing.T, s Store) { changesLocal(t, s, prepare) }
	}
	cs.alone(t, open)
}

// announced is a write and the change that others must hear of.
type announced struct {
	write func(context.Context) error
	want  port.Change
}

// announcements lists every write that is announced.
var announcements = map[string]func(testing.TB, home) announced{
	"tenant changed": func(_ testing.TB, h home) announced {
		return announced{func(ctx context.Context) error {
			return h.Tenants.Update(ctx, h.id, func(tn *tenant.Tenant) error {
				return changeTenant(tn, func(d *tenant.Details) { d.Status = tenant.Suspended })
			})
		}, port.Change{Tenant: h.id, Kind: port.TenantChanged, ID: h.id.String()}}
	},
	"tenant deleted": func(_ testing.TB, h home) announced {
		return announced{func(ctx context.Context) error {
			return h.Tenants.Delete(ctx, h.id, 0)
		}, port.Change{Tenant: h.id, Kind: port.TenantChanged, ID: h.id.String()}}
	},
	"company changed": func(_ testing.TB, h home) announced { return companyChange(h, 1) },
	"company deleted": func(_ testing.TB, h home) announced {
		return announced{func(ctx context.Context) error {
			return h.Companies.Delete(ctx, h.id, h.co.ID(), 0)
		}, port.Change{Tenant: h.id, Kind: port.CompanyChanged, ID: "1"}}
	},
	"user changed": func(t testing.TB, h home) announced {
		u := h.addUser(t, 1)
		return userChange(h, u, func(ctx context.Context) error {
			return h.Users.Update(ctx, h.id, u.ID(), func(u *user.User) error {
				u.SignOut(moment)
				return nil
			})
		})
	},
	"contact of a user changed": func(t testing.TB, h home) announced {
		u := h.addUser(t, 1)
		return userChange(h, u, func(ctx context.Context) error {
			return h.Contacts.Update(ctx, h.id, u.Contact(), changeContact(func(d *contact.Details) { d.LastName = "New" }))
		})
	},
	"contact of a user deleted": func(t testing.TB, h home) announced {
		u := h.addUser(t, 1)
		return userChange(h, u, func(ctx context.Context) error { return h.Contacts.Delete(ctx, h.id, u.Contact(), 0) })
	},
	"session ended": func(t testing.TB, h home) announced {
		opened, _ := h.addSession(t, h.addUser(t, 1), moment)
		return announced{func(ctx context.Context) error {
			return h.Sessions.Update(ctx, h.id, opened.ID(), func(s *session.Session) error {
				s.End(moment)
				return nil
			})
		}, port.Change{Tenant: h.id, Kind: port.SessionEnded, ID: opened.ID().String()}}
	},
	"tenant's token revoked":   func(t testing.TB, h home) announced { return tokenChange(t, h.Store, h.id) },
	"operator's token revoked": func(t testing.TB, h home) announced { return tokenChange(t, h.Store, theOperator) },
	"keys saved": func(_ testing.TB, h home) announced {
		return announced{func(ctx context.Context) error {
			return h.Keys.Save(ctx, keyset.Set{Version: 1})
		}, port.Change{Kind: port.KeysChanged}}
	},
}

func companyChange(h home, n int64) announced {
	return announced{func(ctx context.Context) error {
		id, err := company.IDOf(n)
		if err != nil {
			return err
		}
		return h.Companies.Update(ctx, h.id, id, func(co *company.Company) error { return co.Change(co.Details(), moment) })
	}, port.Change{Tenant: h.id, Kind: port.CompanyChanged, ID: strconv.FormatInt(n, 10)}}
}

func userChange(h home, u *user.User, write func(context.Context) error) announced {
	return announced{write, port.Change{Tenant: h.id, Kind: port.UserChanged, ID: u.ID().String()}}
}

func tokenChange(t testing.TB, s Store, owner tenant.ID) announced {
	t.Helper()
	id := addToken(t, s, owner)
	return announced{func(ctx context.Context) error {
		return s.APITokens.Revoke(ctx, owner, id, moment)
	}, port.Change{Tenant: owner, Kind: port.APITokenChanged, ID: id.String()}}
}

// hears reports whether want is among the changes. The key set has no id.
func (a announced) hears(changes []port.Announcement) bool {
	return len(a.among(changes)) > 0
}

// among returns those that are about want.
func (a announced) among(changes []port.Announcement) (out []port.Announcement) {
	for _, c := range changes {
		got := c.Change
		if a.want.Kind == port.KeysChanged {
			got.ID = ""
		}
		if got == a.want {
			out = append(out, c)
		}
	}
	return out
}

func latest(t testing.TB, s Store) port.Cursor {
	t.Helper()
	c, err := s.Changes.Latest(t.Context())
	require.NoError(t, err)
	return c
}

func since(t testing.TB, s Store, c port.Cursor) ([]port.Announcement, port.Cursor) {
	t.Helper()
	changes, next, err := s.Changes.Since(t.Context(), c)
	require.NoError(t, err)
	return changes, next
}

// changesTellOf writes through one handle and listens at the other.
func changesTellOf(t *testing.T, writer, listener Store, prepare func(testing.TB, home) announced) {
	t.Helper()
	a := prepare(t, settle(t, writer))
	place := latest(t, listener)

	require.NoError(t, a.write(t.Context()))

	heard, _ := since(t, listener, place)
	require.True(t, a.hears(heard), "%v is not among %v", a.want, heard)
	for _, c := range heard {
		require.False(t, c.Settled, "only who made a change knows that")
	}
}

// ear collects what OnLocal is called with.
type ear struct {
	mu    sync.Mutex
	heard []port.Announcement
}

func (e *ear) listen(changes []port.Announcement) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, changes...)
}

func (e *ear) all() []port.Announcement {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

func changesLocal(t *testing.T, s Store, prepare func(testing.TB, home) announced) {
	t.Helper()
	var local ear
	s.Changes.OnLocal(local.listen)
	a := prepare(t, settle(t, s))
	before := len(local.all())

	require.NoError(t, a.write(t.Context()))

	heard := local.all()[before:]
	require.True(t, a.hears(heard), "%v is not among %v", a.want, heard)
	for _, c := range heard {
		require.True(t, c.Settled, "%v was made", c.Change)
	}
}

func changesLocalParallel(t *testing.T, s Store) {
	var local ear
	s.Changes.OnLocal(local.listen)
	writes := manyWrites(t, settle(t, s))

	allWell(t, crowded(len(writes), func(i int) error { return writes[i].write(t.Context()) }))

	heard := local.all()
	for _, w := range writes {
		require.True(t, w.hears(heard), "%v is not among %v", w.want, heard)
	}
}

func manyWrites(t testing.TB, h home) []announced {
	t.Helper()
	out := make([]announced, crowd)
	for i := range out {
		h.addCompany(t, int64(i)+2)
		out[i] = companyChange(h, int64(i)+2)
	}
	return out
}

func changesTellOfParallel(t *testing.T, s Store) {
	requireAllHeard(t, s, manyWrites(t, settle(t, s)))
}

// requireAllHeard polls from place to place while writers write: nothing that
// was announced between two polls is lost.
func requireAllHeard(t *testing.T, listener Store, writes []announced) {
	t.Helper()
	place, done := latest(t, listener), make(chan struct{})
	var errs []error
	go func() {
		defer close(done)
		errs = crowded(len(writes), func(i int) error { return writes[i].write(t.Context()) })
	}()

	var heard []port.Announcement
	poll := func() {
		var changes []port.Announcement
		changes, place = since(t, listener, place)
		heard = append(heard, changes...)
	}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		poll()
	}

	allWell(t, errs)
	for _, w := range writes {
		require.True(t, w.hears(heard), "%v was not heard", w.want)
	}
}

func changesGoOn(t *testing.T, s Store) {
	h := settle(t, s)
	place := latest(t, s)
	for n := int64(2); n < 8; n++ {
		h.addCompany(t, n)
		a := companyChange(h, n)
		require.NoError(t, a.write(t.Context()))
		var heard []port.Announcement
		heard, place = since(t, s, place)
		require.True(t, a.hears(heard))
	}
}

// changesNeverSilent forgets as much as the store ever does: an old place is
// answered in full or refused.
func changesNeverSilent(t *testing.T, s Store) {
	h := settle(t, s)
	place, a := latest(t, s), companyChange(h, 1)
	require.NoError(t, a.write(t.Context()))

	for _, now := range []time.Time{moment, after(24 * time.Hour), after(100 * 365 * 24 * time.Hour)} {
		require.NoError(t, s.Janitor.Sweep(t.Context(), now))

		heard, _, err := s.Changes.Since(t.Context(), place)
		if err != nil {
			require.ErrorIs(t, err, port.ErrVersion)
			continue
		}
		require.True(t, a.hears(heard))
	}
	place, a = latest(t, s), companyChange(h, 1)
	require.NoError(t, a.write(t.Context()))
	heard, _ := since(t, s, place)
	require.True(t, a.hears(heard), "a new place is good whatever was forgotten")
}

// changesLatest: what was written after Latest was asked is told, whatever was
// written before.
func changesLatest(t *testing.T, s Store) {
	h := settle(t, s)
	writes := manyWrites(t, h)
	for i := range 10 {
		require.NoError(t, writes[2*i].write(t.Context()))
		place := latest(t, s)
		require.NoError(t, writes[2*i+1].write(t.Context()))
		heard, _ := since(t, s, place)
		require.True(t, writes[2*i+1].hears(heard))
	}
}

// requireNamed announces the same change twice: each announcement has a name of
// its own, which whoever made it and whoever asks again is told as well.
func requireNamed(t *testing.T, writer, listener Store) {
	t.Helper()
	var local ear
	writer.Changes.OnLocal(local.listen)
	a, place := companyChange(settle(t, writer), 1), latest(t, listener)
	names := func(changes []port.Announcement) (out []string) {
		for _, c := range a.among(changes) {
			out = append(out, c.Entry)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}

	require.NoError(t, a.write(t.Context()))
	require.NoError(t, a.write(t.Context()))

	heard, _ := since(t, listener, place)
	require.Len(t, names(heard), 2)
	require.NotContains(t, names(heard), "")
	require.Equal(t, names(heard), names(local.all()))
	again, _ := since(t, listener, place)
	require.Equal(t, names(heard), names(again))
}

// requireAged asks again and again: what was announced is as old as the store's
// clock says, which this machine's need not be near.
func requireAged(t *testing.T, writer, listener Store) {
	t.Helper()
	a, place := companyChange(settle(t, writer), 1), latest(t, listener)
	began := time.Now()
	require.NoError(t, a.write(t.Context()))
	age := func() time.Duration {
		heard, _ := since(t, listener, place)
		found := a.among(heard)
		require.Len(t, found, 1)
		return found[0].Age
	}

	first := age()

	require.GreaterOrEqual(t, first, time.Duration(0))
	// Half the way to the server and back is a guess, and clocks have a grain.
	require.LessOrEqual(t, first, 2*time.Since(began)+50*time.Millisecond)
	for asked := time.Now(); age() <= first+20*time.Millisecond; {
		require.Less(t, time.Since(asked), time.Minute, "it does not age")
	}
}
