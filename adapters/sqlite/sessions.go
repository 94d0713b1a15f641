package sqlite

import (
	"context"
	"time"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Sessions implements port.Sessions.
type Sessions struct{ db *DB }

var _ port.Sessions = (*Sessions)(nil)

// NewSessions returns the sessions of db.
func NewSessions(db *DB) *Sessions { return &Sessions{db: db} }

// listed is the most sessions of a user that are shown.
const listed = 200

const sessionColumns = `tenant, id, user, contact, company, portal, epoch, method, restricted, auth_time, created,
	last_used, idle_until, until, ended, user_agent, address, generation, current, previous, rotated_at, version`

// sessionRow lists the values for sessionColumns after the tenant, and
// expires.
func sessionRow(s session.Snapshot) []any {
	expires := s.Ended
	if expires.IsZero() {
		expires = s.IdleUntil
	}
	return []any{
		s.ID, s.User, s.Contact, s.Company, s.Portal, s.Epoch, string(s.Method), s.Restricted, s.AuthTime, s.Created,
		s.LastUsed, s.IdleUntil, s.Until, s.Ended, s.Client.UserAgent, s.Client.Address, int64(s.Generation),
		s.Current, s.Previous, s.RotatedAt, s.Version, expires,
	}
}

func sessionFromRow(r *row) *session.Session {
	s := session.Snapshot{
		Tenant: tenant.IDFromBytes(r.uuid()), ID: session.IDFromBytes(r.uuid()), User: user.IDFromBytes(r.uuid()),
		Contact: number(r, contact.IDOf), Company: number(r, company.IDOf), Portal: company.PortalIDFromBytes(r.uuid()),
		Epoch: r.int(), Method: session.Method(r.text()), Restricted: r.flag(), AuthTime: r.time(), Created: r.time(),
		LastUsed: r.time(), IdleUntil: r.time(), Until: r.time(), Ended: r.time(),
		Client:     session.Client{UserAgent: r.text(), Address: r.text()},
		Generation: uint32(r.int()), //nolint:gosec // written from a uint32
		Current:    r.digest(), Previous: r.digest(), RotatedAt: r.time(), Version: r.int(),
	}
	return session.Restore(s)
}

// Add implements port.Sessions.
func (s *Sessions) Add(ctx context.Context, se *session.Session) error {
	snap := se.Snapshot()
	return s.db.write(ctx, "add session", func(x *tx) error {
		_, err := x.exec(snap.Tenant, `INSERT INTO sessions (`+sessionColumns+`, expires)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)`,
			sessionRow(snap)...)
		return err
	})
}

// ByID implements port.Sessions.
func (s *Sessions) ByID(ctx context.Context, t tenant.ID, id session.ID) (out *session.Session, err error) {
	err = s.db.read(ctx, "find session", func(x rx) error {
		out, err = loadSession(x, t, id)
		return err
	})
	return out, err
}

func loadSession(x rx, t tenant.ID, id session.ID) (*session.Session, error) {
	var out *session.Session
	found, err := x.one(t, "SELECT "+sessionColumns+" FROM sessions WHERE tenant = ?1 AND id = ?2",
		func(r *row) { out = sessionFromRow(r) }, id)
	if err == nil && !found {
		err = session.ErrNotFound
	}
	return out, err
}

// Update implements port.Sessions. What identifies a session never changes, so
// the index by user is left alone.
func (s *Sessions) Update(ctx context.Context, t tenant.ID, id session.ID, change func(*session.Session) error) error {
	return s.db.write(ctx, "update session", func(x *tx) error {
		se, err := loadSession(x.rx, t, id)
		if err != nil {
			return err
		}
		live := se.Snapshot().Ended.IsZero()
		if err := ask(change, se); err != nil {
			return err
		}
		snap := se.Snapshot()
		_, err = x.exec(t, `
			UPDATE sessions SET company = ?5, portal = ?6, epoch = ?7, method = ?8, restricted = ?9, auth_time = ?10,
			  last_used = ?12, idle_until = ?13, until = ?14, ended = ?15, user_agent = ?16, address = ?17, generation = ?18,
			  current = ?19, previous = ?20, rotated_at = ?21, version = ?22, expires = ?23
			WHERE tenant = ?1 AND id = ?2`, sessionRow(snap)...)
		if err != nil {
			return err
		}
		if live && !snap.Ended.IsZero() {
			return x.announce(t, port.SessionEnded, id.String())
		}
		return nil
	})
}

// ByUser implements port.Sessions.
func (s *Sessions) ByUser(ctx context.Context, t tenant.ID, u user.ID, epoch int64, now time.Time) (out []*session.Session, err error) {
	err = s.db.read(ctx, "list sessions", func(x rx) error {
		return x.all(t, "SELECT "+sessionColumns+` FROM sessions
			WHERE tenant = ?1 AND user = ?2 AND epoch = ?3 AND ended IS NULL AND idle_until > ?4 AND until > ?4
			ORDER BY created DESC, id DESC LIMIT ?5`,
			func(r *row) { out = append(out, sessionFromRow(r)) }, u, epoch, now, listed)
	})
	return out, err
}
