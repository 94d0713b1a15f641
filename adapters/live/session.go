package live

import (
	"context"

	"ostiary/domain/session"
	"ostiary/domain/tenant"
)

// Session implements port.Live. Only the end of a session is announced; that
// it was refreshed, or adopted the new epoch of a user who changed the
// password, is not. So a kept session counts only while it is live by its
// user's present state, and is read again before it is said not to be.
func (l *Live) Session(ctx context.Context, t tenant.ID, id session.ID) (*session.Session, error) {
	if err := l.Fresh(); err != nil {
		return nil, err
	}
	key := of[session.ID]{t, id}
	if kept, ok := l.sessions.peek(key); ok && l.stillLive(ctx, kept) {
		return kept, nil
	}
	count := l.sessions.changes.of(key)
	s, err := l.stores.Sessions.ByID(ctx, t, id)
	if err != nil {
		return nil, err
	}
	if s.Snapshot().Ended.IsZero() {
		l.sessions.keep(key, s, count)
	}
	return s, nil
}

func (l *Live) stillLive(ctx context.Context, s *session.Session) bool {
	p, err := l.person(ctx, s.Tenant(), s.User())
	return err == nil && s.Live(p.User, l.stores.Clock.Now())
}
