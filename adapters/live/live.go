package live

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"ostiary/app/port"
	"ostiary/domain/apitoken"
	"ostiary/domain/company"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// retry is what a caller is told when nothing was heard for too long.
const retry = time.Second

// Stores are what is cached, and where changes are announced.
type Stores struct {
	Tenants   port.Tenants
	Sessions  port.Sessions
	Users     port.Users
	Companies port.Companies
	Tokens    port.APITokens
	Changes   port.Changes
	// Clock measures for how long nothing was heard. Nobody must set it while the
	// process runs, as is done to a clock that follows the store's.
	Clock port.Clock
	// Keys reads the key set again; nil: there is none.
	Keys func(context.Context) error
}

// Options bound the caches, in entries. A zero member means the default.
type Options struct {
	StaleAfter time.Duration  // 30 s
	Every      time.Duration  // between two polls, 250 ms
	Report     func(error)    // told of polls that failed; nil: nobody is
	Observe    func(Followed) // told of changes that took something away; nil: nobody is
	Tenants    int            // 10,000; as many codes, hosts and origins each
	Persons    int            // 50,000
	Sessions   int            // 100,000; each holds on to what it stands on
	Companies  int            // 50,000
	Tokens     int            // 10,000
}

func (o Options) filled() Options {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Tenants, 10_000)
	def(&o.Persons, 50_000)
	def(&o.Sessions, 100_000)
	def(&o.Companies, 50_000)
	def(&o.Tokens, 10_000)
	if o.StaleAfter == 0 {
		o.StaleAfter = 30 * time.Second
	}
	if o.Every == 0 {
		o.Every = 250 * time.Millisecond
	}
	return o
}

// of names something within a tenant.
type of[K comparable] struct {
	tenant tenant.ID
	id     K
}

// Live implements port.Live over the stores. It answers ErrUnavailable until
// the first Poll.
type Live struct {
	stores  Stores
	options Options

	tenants   *shelf[tenant.ID, *tenant.Tenant]
	codes     *addresses[tenant.Code]
	hosts     *addresses[tenant.Host]
	origins   *shelf[string, bool]
	sessions  *shelf[of[session.ID], *seat]
	persons   *shelf[of[user.ID], port.Person]
	companies *shelf[of[company.ID], *company.Company]
	tokens    *shelf[of[apitoken.ID], *apitoken.Token]

	heard   atomic.Int64 // when the last good poll began, Unix ms; 0: none yet
	born    time.Time
	polling sync.Mutex
	cursor  port.Cursor
	begun   bool
	watch   *stopwatch
	settled settled
	hooking sync.Mutex
	hooks   []func()
}

var _ port.Live = (*Live)(nil)

// New makes a Live that hears of this process's own changes from now on.
func New(s Stores, o Options) (*Live, error) {
	o = o.filled()
	if s.Keys == nil {
		s.Keys = func(context.Context) error { return nil }
	}
	l := &Live{stores: s, options: o, born: s.Clock.Now(), watch: newStopwatch(s.Clock, o.Observe)}
	var failed [8]error
	l.tenants, failed[0] = newShelf[tenant.ID, *tenant.Tenant](o.Tenants)
	l.codes, failed[1] = newAddresses[tenant.Code](o.Tenants)
	l.hosts, failed[2] = newAddresses[tenant.Host](o.Tenants)
	l.origins, failed[3] = newShelf[string, bool](o.Tenants)
	l.sessions, failed[4] = newShelf[of[session.ID], *seat](o.Sessions)
	l.persons, failed[5] = newShelf[of[user.ID], port.Person](o.Persons)
	l.companies, failed[6] = newShelf[of[company.ID], *company.Company](o.Companies)
	l.tokens, failed[7] = newShelf[of[apitoken.ID], *apitoken.Token](o.Tokens)
	if err := errors.Join(failed[:]...); err != nil {
		return nil, err
	}
	s.Changes.OnLocal(l.followOwn)
	return l, nil
}

// Fresh implements port.Live.
func (l *Live) Fresh() error {
	heard := l.heard.Load()
	if heard == 0 || l.stores.Clock.Now().Sub(time.UnixMilli(heard)) > l.options.StaleAfter {
		return port.ErrUnavailable.After(retry)
	}
	return nil
}

// Lag is how long ago the last good poll began, or since New when there was
// none.
func (l *Live) Lag() time.Duration {
	since := l.born
	if heard := l.heard.Load(); heard != 0 {
		since = time.UnixMilli(heard)
	}
	return l.stores.Clock.Now().Sub(since)
}

// Tenant implements port.Live.
func (l *Live) Tenant(ctx context.Context, id tenant.ID) (*tenant.Tenant, error) {
	if err := l.Fresh(); err != nil {
		return nil, err
	}
	return l.tenants.get(ctx, id, func(ctx context.Context) (*tenant.Tenant, error) {
		return l.stores.Tenants.ByID(ctx, id)
	})
}

// Company implements port.Live.
func (l *Live) Company(ctx context.Context, t tenant.ID, id company.ID) (*company.Company, error) {
	if err := l.Fresh(); err != nil {
		return nil, err
	}
	return l.companies.get(ctx, of[company.ID]{t, id}, func(ctx context.Context) (*company.Company, error) {
		return l.stores.Companies.ByID(ctx, t, id)
	})
}

func (l *Live) person(ctx context.Context, t tenant.ID, id user.ID) (port.Person, error) {
	return l.persons.get(ctx, of[user.ID]{t, id}, func(ctx context.Context) (port.Person, error) {
		return l.stores.Users.ByID(ctx, t, id)
	})
}

// APIToken implements port.Live.
func (l *Live) APIToken(ctx context.Context, t tenant.ID, id apitoken.ID) (*apitoken.Token, error) {
	if err := l.Fresh(); err != nil {
		return nil, err
	}
	return l.tokens.get(ctx, of[apitoken.ID]{t, id}, func(ctx context.Context) (*apitoken.Token, error) {
		return l.stores.Tokens.ByID(ctx, t, id)
	})
}
