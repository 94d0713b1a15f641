package sqlite

import (
	"context"

	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Users implements port.Users.
type Users struct{ db *DB }

var _ port.Users = (*Users)(nil)

// NewUsers returns the users of db.
func NewUsers(db *DB) *Users { return &Users{db: db} }

const (
	userColumns = "tenant, id, contact, hash, temporary, enabled, roles, epoch, created, updated, version"
	userRead    = "u.id, u.hash, u.temporary, u.enabled, u.roles, u.epoch, u.created, u.updated, u.version"
	personRead  = "SELECT " + userRead + ", " + contactRead
)

// userRow lists the values for userColumns after the tenant. The address stays
// with the contact.
func userRow(s user.Snapshot) []any {
	return []any{
		s.ID, s.Contact, s.Hash.Reveal(), s.Temporary, s.Enabled, jsonOf(s.Roles), s.Epoch, s.Created, s.Updated, s.Version,
	}
}

// personFromRow reads personRead.
func personFromRow(r *row) port.Person {
	u := user.Snapshot{ID: user.IDFromBytes(r.uuid()), Hash: secret.New(r.text()), Temporary: r.flag(), Enabled: r.flag()}
	r.json(&u.Roles)
	u.Epoch, u.Created, u.Updated, u.Version = r.int(), r.time(), r.time(), r.int()
	c := contactFromRow(r)
	c.HasLogin = true
	u.Tenant, u.Contact, u.Email = c.Tenant, c.ID, c.Details.Email
	return port.Person{User: user.Restore(u), Contact: contact.Restore(c)}
}

// Add implements port.Users.
func (s *Users) Add(ctx context.Context, u *user.User) error {
	snap := u.Snapshot()
	return s.db.write(ctx, "add user", func(x *tx) error {
		c, login, err := loadContact(x.rx, snap.Tenant, snap.Contact)
		switch {
		case err != nil:
			return err
		case !login.IsZero():
			return user.ErrExists
		case c.Email().IsZero():
			return contact.ErrNeedsEmail
		}
		_, err = x.exec(snap.Tenant, `INSERT INTO users (`+userColumns+`)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`, userRow(snap)...)
		return err
	})
}

const personByID = personRead + ` FROM users u JOIN contacts c ON c.tenant = ?1 AND c.id = u.contact
	WHERE u.tenant = ?1 AND u.id = ?2`

// ByID implements port.Users.
func (s *Users) ByID(ctx context.Context, t tenant.ID, id user.ID) (port.Person, error) {
	return s.one(ctx, t, personByID, id)
}

// ByEmail implements port.Users.
func (s *Users) ByEmail(ctx context.Context, t tenant.ID, key email.Key) (port.Person, error) {
	return s.one(ctx, t, personRead+` FROM contacts c JOIN users u ON u.tenant = ?1 AND u.contact = c.id
		WHERE c.tenant = ?1 AND c.email_key = ?2`, string(key))
}

// ByContact implements port.Users.
func (s *Users) ByContact(ctx context.Context, t tenant.ID, id contact.ID) (port.Person, error) {
	return s.one(ctx, t, personRead+` FROM contacts c JOIN users u ON u.tenant = ?1 AND u.contact = c.id
		WHERE c.tenant = ?1 AND c.id = ?2`, id)
}

func (s *Users) one(ctx context.Context, t tenant.ID, query string, arg any) (out port.Person, err error) {
	err = s.db.read(ctx, "find user", func(x rx) error {
		out, err = loadPerson(x, t, query, arg)
		return err
	})
	return out, err
}

func loadPerson(x rx, t tenant.ID, query string, arg any) (port.Person, error) {
	var out port.Person
	found, err := x.one(t, query, func(r *row) { out = personFromRow(r) }, arg)
	if err == nil && !found {
		err = user.ErrNotFound
	}
	return out, err
}

// Update implements port.Users.
func (s *Users) Update(ctx context.Context, t tenant.ID, id user.ID, change func(*user.User) error) error {
	return s.db.write(ctx, "update user", func(x *tx) error {
		p, err := loadPerson(x.rx, t, personByID, id)
		if err != nil {
			return err
		}
		if err := ask(change, p.User); err != nil {
			return err
		}
		_, err = x.exec(t, `
			UPDATE users SET contact = ?3, hash = ?4, temporary = ?5, enabled = ?6, roles = ?7, epoch = ?8,
			  created = ?9, updated = ?10, version = ?11
			WHERE tenant = ?1 AND id = ?2`, userRow(p.User.Snapshot())...)
		if err != nil {
			return err
		}
		return x.announce(t, port.UserChanged, id.String())
	})
}
