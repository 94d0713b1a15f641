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

// seat is a session and, once it was asked for, all that it stands on. What is
// heard of the session itself takes the seat away with everything on it.
type seat struct {
	session *session.Session
	whole   atomic.Pointer[whole]
}

// whole is a standing in which nothing is missing, and the stamps of what it
// was put together from: bearers come back, and one look then does for four.
type whole struct {
	standing                *port.Standing
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
		if w != nil && w.holds() && w.standing.Session.Live(w.standing.Person.User, now) {
			return w.standing, nil
		}
	}
	return l.gather(ctx, of[session.ID]{t, id}, known, now)
}

// gather puts a standing together; known is the seat that is kept, nil for
// none. A store may return what it could read of something together with an
// error: that is none of it.
func (l *Live) gather(ctx context.Context, key of[session.ID], known *seat, now time.Time) (*port.Standing, error) {
	var w, before whole
	if known != nil {
		if last := known.whole.Load(); last != nil {
			before = *last
		}
	}
	w.tenant = l.tenants.changes.of(key.tenant)
	t, err := l.Tenant(ctx, key.tenant)
	if err != nil {
		return &port.Standing{}, err
	}
	var p port.Person
	if known != nil {
		p, w.person, err = l.owner(ctx, key.tenant, known.session, before)
	}
	if known == nil || err != nil || !known.session.Live(p.User, now) {
		if known, err = l.seat(ctx, key); err != nil {
			return &port.Standing{Tenant: t}, err
		}
		if p, w.person, err = l.owner(ctx, key.tenant, known.session, before); err != nil {
			return &port.Standing{Tenant: t, Session: known.session}, err
		}
	}
	co, under, err := l.workplace(ctx, key.tenant, known.session, before)
	if err != nil {
		return &port.Standing{Tenant: t, Session: known.session, Person: p}, err
	}
	w.company, w.standing = under, port.NewStanding(t, known.session, p, co)
	known.whole.Store(&w)
	return w.standing, nil
}

// owner returns whose a session is, under a stamp that was taken before that was
// read. What still holds of the standing before is not looked up: it may have
// fallen out of its cache, where nobody asks for it while it is part of one.
func (l *Live) owner(ctx context.Context, t tenant.ID, s *session.Session, before whole) (port.Person, stamp, error) {
	if before.person.holds() {
		return before.standing.Person, before.person, nil
	}
	under := l.persons.changes.of(of[user.ID]{t, s.User()})
	p, err := l.person(ctx, t, s.User())
	return p, under, err
}

// workplace is owner for the company.
func (l *Live) workplace(ctx context.Context, t tenant.ID, s *session.Session, before whole) (*company.Company, stamp, error) {
	if before.company.holds() {
		return before.standing.Company, before.company, nil
	}
	under := l.companies.changes.of(of[company.ID]{t, s.Company()})
	co, err := l.Company(ctx, t, s.Company())
	return co, under, err
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
