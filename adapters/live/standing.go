package live

import (
	"context"
	"sync/atomic"
	"time"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// seat is a session and, once it was asked for, all that it stands on.
type seat struct {
	session *session.Session
	whole   atomic.Pointer[whole]
}

// whole is a standing in which nothing is missing, and the stamps of what it
// was put together from: bearers come back, and one look then does for four.
type whole struct {
	port.Standing

	tenant, person, company stamp
}

func (w *whole) holds() bool { return w.tenant.holds() && w.person.holds() && w.company.holds() }

// Standing implements port.Live. Only the end of a session is announced; that
// it was refreshed, or adopted the new epoch of a user who changed the
// password, is not. So a kept session counts only while it is live by its
// user's present state, and is read again before it is said not to be.
func (l *Live) Standing(ctx context.Context, t tenant.ID, id session.ID, now time.Time) (*port.Standing, error) {
	if err := l.Fresh(); err != nil {
		return &port.Standing{}, err
	}
	known, _ := l.sessions.peek(of[session.ID]{t, id})
	if known != nil {
		w := known.whole.Load()
		if w != nil && w.holds() && w.Session.Live(w.Person.User, now) {
			return &w.Standing, nil
		}
	}
	return l.gather(ctx, of[session.ID]{t, id}, known, now)
}

// gather puts a standing together; known is the seat that is kept, nil for
// none. Each stamp is taken before what it vouches for is read.
func (l *Live) gather(ctx context.Context, key of[session.ID], known *seat, now time.Time) (*port.Standing, error) {
	w := &whole{tenant: l.tenants.changes.of(key.tenant)}
	var err error
	if w.Tenant, err = l.Tenant(ctx, key.tenant); err != nil {
		return &w.Standing, err
	}
	if known == nil || l.place(ctx, w, known) != nil || !w.Session.Live(w.Person.User, now) {
		if known, err = l.seat(ctx, key); err != nil {
			return &port.Standing{Tenant: w.Tenant}, err // without the one that is kept and does not live
		}
		if err = l.place(ctx, w, known); err != nil {
			return &w.Standing, err
		}
	}
	w.company = l.companies.changes.of(of[company.ID]{key.tenant, w.Session.Company()})
	if w.Company, err = l.Company(ctx, key.tenant, w.Session.Company()); err != nil {
		return &w.Standing, err
	}
	known.whole.Store(w)
	return &w.Standing, nil
}

// place sets the session of a seat and whose it is.
func (l *Live) place(ctx context.Context, w *whole, s *seat) (err error) {
	key := of[user.ID]{w.Tenant.ID(), s.session.User()}
	w.Session, w.person = s.session, l.persons.changes.of(key)
	w.Person, err = l.person(ctx, key.tenant, key.id)
	return err
}

// seat reads a session, and keeps it unless it has ended.
func (l *Live) seat(ctx context.Context, key of[session.ID]) (*seat, error) {
	under := l.sessions.changes.of(key)
	s, err := l.stores.Sessions.ByID(ctx, key.tenant, key.id)
	if err != nil {
		return nil, err
	}
	read := &seat{session: s}
	if s.Snapshot().Ended.IsZero() {
		l.sessions.keep(key, read, under)
	}
	return read, nil
}
