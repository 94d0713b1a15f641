package sqlite

import (
	"context"
	"time"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Links implements port.Links.
type Links struct{ db *DB }

var _ port.Links = (*Links)(nil)

// NewLinks returns the links of db.
func NewLinks(db *DB) *Links { return &Links{db: db} }

const linkColumns = "tenant, token, id, user, epoch, purpose, binding, code, tries, minted, expires, used, void"

// linkRow lists the values for linkColumns after the tenant.
func linkRow(l session.Link) []any {
	return []any{
		l.Token[:], l.ID, l.User, l.Epoch, string(l.Purpose), l.Binding, l.Code, l.Tries, l.Minted, l.Expires, l.Used, l.Void,
	}
}

func linkFromRow(r *row) session.Link {
	return session.Link{
		Tenant: tenant.IDFromBytes(r.uuid()), Token: r.digest(), ID: session.LinkIDFromBytes(r.uuid()),
		User: user.IDFromBytes(r.uuid()), Epoch: r.int(), Purpose: session.Purpose(r.text()), Binding: r.digest(),
		Code: r.digest(), Tries: int(r.int()), Minted: r.time(), Expires: r.time(), Used: r.time(), Void: r.flag(),
	}
}

// Add implements port.Links.
func (s *Links) Add(ctx context.Context, l session.Link) error {
	return s.db.write(ctx, "add link", func(x *tx) error {
		_, err := x.exec(l.Tenant, "INSERT INTO links ("+linkColumns+`)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`, linkRow(l)...)
		return err
	})
}

// The one conditional write by which a link is used up, and the same with a
// binding, which no link without one has: NULL equals nothing.
const (
	spendLink  = "UPDATE links SET used = ?3 WHERE tenant = ?1 AND token = ?2 AND used IS NULL AND void = 0 AND expires > ?3"
	returning  = " RETURNING " + linkColumns
	spendBound = spendLink + " AND binding = ?4" + returning
)

// Use implements port.Links.
func (s *Links) Use(ctx context.Context, t tenant.ID, token secret.Digest, now time.Time) (session.Link, error) {
	return s.spend(ctx, t, spendLink+returning, token[:], now)
}

// UseBound implements port.Links.
func (s *Links) UseBound(ctx context.Context, t tenant.ID, token, binding secret.Digest, now time.Time) (session.Link, error) {
	return s.spend(ctx, t, spendBound, token[:], now, binding)
}

func (s *Links) spend(ctx context.Context, t tenant.ID, query string, args ...any) (out session.Link, err error) {
	err = s.db.write(ctx, "use link", func(x *tx) error {
		out, err = spend(x, t, query, args...)
		return err
	})
	if err != nil {
		return session.Link{}, err
	}
	return out, nil
}

func spend(x *tx, t tenant.ID, query string, args ...any) (session.Link, error) {
	var out session.Link
	found, err := x.one(t, query, func(r *row) { out = linkFromRow(r) }, args...)
	if err == nil && !found {
		err = session.ErrLinkSpent
	}
	return out, err
}

// UseCode implements port.Links. A wrong code is a write that is kept, so the
// refusal comes after it.
func (s *Links) UseCode(ctx context.Context, t tenant.ID, u user.ID, binding, code secret.Digest, now time.Time) (session.Link, error) {
	var out session.Link
	var refusal error
	err := s.db.write(ctx, "use code", func(x *tx) error {
		l, err := newest(x, t, u, binding, now)
		if err != nil {
			return err
		}
		if l.Tries >= session.CodeTries {
			return session.ErrLinkSpent
		}
		if l.Code.IsZero() || !l.Code.Equal(code) {
			refusal = session.ErrLinkSpent
			_, err := x.exec(t, "UPDATE links SET tries = tries + 1 WHERE tenant = ?1 AND token = ?2", l.Token[:])
			return err
		}
		out, err = spend(x, t, spendLink+returning, l.Token[:], now)
		return err
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return session.Link{}, err
	}
	return out, nil
}

// newest finds the newest usable link, given user, binding and time.
func newest(x *tx, t tenant.ID, args ...any) (session.Link, error) {
	var out session.Link
	found, err := x.one(t, "SELECT "+linkColumns+` FROM links
		WHERE tenant = ?1 AND user = ?2 AND binding = ?3 AND used IS NULL AND void = 0 AND expires > ?4
		ORDER BY minted DESC, id DESC LIMIT 1`, func(r *row) { out = linkFromRow(r) }, args...)
	if err == nil && !found {
		err = session.ErrLinkSpent
	}
	return out, err
}

// HandedOver implements port.Links.
func (s *Links) HandedOver(ctx context.Context, l session.Link) error {
	return s.db.write(ctx, "void links", func(x *tx) error {
		_, err := x.exec(l.Tenant, `
			UPDATE links SET void = 1
			WHERE tenant = ?1 AND user = ?2 AND purpose = ?3 AND used IS NULL AND void = 0 AND (minted, id) < (?4, ?5)`,
			l.User, string(l.Purpose), l.Minted, l.ID)
		return err
	})
}
