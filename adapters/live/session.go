package live

import (
	"context"

	"ostiary/app/port"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
)

// Session implements port.Live. Only the end of a session is announced; that
// it was refreshed, or adopted the new epoch of a user who changed the
// password, is not. So a kept session counts only while it is live by its
// user's present state, and is read again before it is said not to be.
func (l *Live) Session(ctx context.Context, t tenant.ID, id session.ID) (*session.Session, port.Person, error) {
	if err := l.Fresh(); err != nil {
		return nil, port.Person{}, err
	}
	key := of[session.ID]{t, id}
	if kept, ok := l.sessions.peek(key); ok {
		p, err := l.person(ctx, t, kept.User())
		if err == nil && kept.Live(p.User, l.stores.Clock.Now()) {
			return kept, p, nil
		}
	}
	count := l.sessions.changes.of(key)
	s, err := l.stores.Sessions.ByID(ctx, t, id)
	if err != nil {
		return nil, port.Person{}, err
	}
	if s.Snapshot().Ended.IsZero() {
		l.sessions.keep(key, s, count)
	}
	p, err := l.person(ctx, t, s.User())
	return s, p, err
}
