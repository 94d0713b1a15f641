package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ostiary/app/port"
	"ostiary/domain/apitoken"
	"ostiary/domain/company"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// OnKeys registers what to call when the key set changed or may have. It is
// called while a change is being written or read, so it hands work on rather
// than doing it.
func (l *Live) OnKeys(hook func()) {
	l.hooking.Lock()
	defer l.hooking.Unlock()
	l.hooks = append(l.hooks, hook)
}

// Run polls until ctx ends. A poll that fails is reported and tried again.
func (l *Live) Run(ctx context.Context) {
	ticker := time.NewTicker(l.options.Every)
	defer ticker.Stop()
	for {
		// A store that hangs must not keep the poll from ever being tried anew.
		limited, cancel := context.WithTimeout(ctx, l.options.StaleAfter/3)
		err := l.Poll(limited)
		cancel()
		if err != nil && ctx.Err() == nil && l.options.Report != nil {
			l.options.Report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Poll takes over what was announced since the last one. The time it began is
// the time that is known about: what is announced during the read may come
// only with the next. One that ends a silence reads the key set as well: in the
// meantime another process may have come to sign with a key that is not known
// here, and what it signed is not to be refused.
func (l *Live) Poll(ctx context.Context) error {
	l.polling.Lock()
	defer l.polling.Unlock()
	began := l.stores.Clock.Now()
	silent := l.Fresh() != nil
	if err := l.advance(ctx); err != nil {
		return err
	}
	if silent {
		if err := l.FollowKeys(ctx); err != nil {
			return err
		}
	}
	l.heard.Store(began.UnixMilli())
	return nil
}

func (l *Live) advance(ctx context.Context) error {
	if !l.begun {
		return l.begin(ctx)
	}
	changes, next, err := l.stores.Changes.Since(ctx, l.cursor)
	if errors.Is(err, port.ErrVersion) {
		return l.begin(ctx)
	}
	if err != nil {
		return fmt.Errorf("read changes: %w", err)
	}
	returned := l.stores.Clock.Now()
	keys := l.forgetEach(l.settled.others(changes, returned))
	l.watch.told(changes, returned)
	if keys {
		l.keysChanged()
	}
	l.cursor = next
	return nil
}

// begin takes the place in the sequence before it forgets: what changes in
// between is announced after that place.
func (l *Live) begin(ctx context.Context) error {
	l.watch.restart()
	latest, err := l.stores.Changes.Latest(ctx)
	if err != nil {
		return fmt.Errorf("read changes: %w", err)
	}
	l.cursor, l.begun = latest, true
	l.forgetAll()
	l.keysChanged()
	return nil
}

// followOwn takes over what this process changed itself.
func (l *Live) followOwn(changes []port.Announcement) {
	keys := l.forgetEach(changes)
	l.settled.add(changes, l.stores.Clock.Now())
	l.watch.made(changes)
	if keys {
		l.keysChanged()
	}
}

// forgetEach forgets what changed, and reports whether the key set did. What it
// does not understand, from a later version perhaps, may be about anything.
func (l *Live) forgetEach(changes []port.Announcement) (keys bool) {
	for _, c := range changes {
		if !l.forget(c.Change) {
			l.forgetAll()
		}
		keys = keys || c.Kind == port.KeysChanged
	}
	return keys
}

func (l *Live) forget(c port.Change) (understood bool) {
	switch c.Kind {
	case port.TenantChanged:
		return l.forgetTenant(c.ID)
	case port.CompanyChanged:
		return drop(l.companies, c, company.ParseID)
	case port.UserChanged:
		return drop(l.persons, c, user.ParseID)
	case port.SessionEnded:
		return drop(l.sessions, c, session.ParseID)
	case port.APITokenChanged:
		return drop(l.tokens, c, apitoken.ParseID)
	case port.KeysChanged:
		return true
	default:
		return false
	}
}

func drop[K comparable, V any](s *shelf[of[K], V], c port.Change, parse func(string) (K, error)) bool {
	id, err := parse(c.ID)
	if err != nil {
		return false
	}
	s.forget(of[K]{c.Tenant, id})
	return true
}

func (l *Live) forgetTenant(text string) bool {
	id, err := tenant.ParseID(text)
	if err != nil {
		return false
	}
	l.tenants.forget(id)
	l.codes.changes.changeAll()
	l.hosts.changes.changeAll()
	l.origins.changes.changeAll()
	return true
}

func (l *Live) forgetAll() {
	l.tenants.forgetAll()
	l.codes.forgetAll()
	l.hosts.forgetAll()
	l.origins.forgetAll()
	l.persons.forgetAll()
	l.sessions.forgetAll()
	l.companies.forgetAll()
	l.tokens.forgetAll()
}

func (l *Live) keysChanged() {
	l.hooking.Lock()
	hooks := l.hooks
	l.hooking.Unlock()
	for _, hook := range hooks {
		hook()
	}
}
