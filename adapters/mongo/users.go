package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Users implements port.Users. A login lives in its contact's document.
type Users struct{ db *DB }

var _ port.Users = (*Users)(nil)

// NewUsers returns the users of db.
func NewUsers(db *DB) *Users { return &Users{db: db} }

func (s *Users) all() collection { return s.db.collection(inContacts) }

// Add implements port.Users.
func (s *Users) Add(ctx context.Context, u *user.User) error {
	t, login := u.Tenant(), toLogin(u)
	return s.db.do(ctx, "add user", func(ctx context.Context) error {
		if taken, err := s.all().has(ctx, of(t, is("login.id", login.ID))); err != nil || taken {
			if err == nil {
				err = user.ErrExists
			}
			return err
		}
		return revise(ctx, revision[*contactDoc]{
			in: s.all(), tenant: t, id: contactKey(t, u.Contact()), live: present("n"), absent: contact.ErrNotFound,
			change: func(d *contactDoc) ([]port.Change, error) {
				switch {
				case d.Login != nil:
					return nil, user.ErrExists
				case d.EmailID == "":
					return nil, contact.ErrNeedsEmail
				}
				d.Login = login
				return nil, nil
			},
		})
	})
}

// ByID implements port.Users.
func (s *Users) ByID(ctx context.Context, t tenant.ID, id user.ID) (port.Person, error) {
	return s.one(ctx, of(t, is("login.id", uuid(id.Bytes())), present("n")))
}

// ByEmail implements port.Users.
func (s *Users) ByEmail(ctx context.Context, t tenant.ID, key email.Key) (port.Person, error) {
	return s.one(ctx, of(t, is("ek", string(key)), present("login"), present("n")))
}

// ByContact implements port.Users.
func (s *Users) ByContact(ctx context.Context, t tenant.ID, id contact.ID) (port.Person, error) {
	return s.one(ctx, of(t, is("_id", contactKey(t, id)), present("login"), present("n")))
}

func (s *Users) one(ctx context.Context, filter bson.D) (out port.Person, err error) {
	err = s.db.do(ctx, "find user", func(ctx context.Context) error {
		var d contactDoc
		ok, err := s.all().find(ctx, filter, &d)
		if err != nil {
			return err
		}
		if !ok {
			return user.ErrNotFound
		}
		out, err = d.person()
		return err
	})
	return out, err
}

func (d *contactDoc) person() (port.Person, error) {
	u, err := d.user()
	if err != nil {
		return port.Person{}, err
	}
	c, err := d.contact()
	return port.Person{User: u, Contact: c}, err
}

// Update implements port.Users.
func (s *Users) Update(ctx context.Context, t tenant.ID, id user.ID, change func(*user.User) error) error {
	login := uuid(id.Bytes())
	return s.db.do(ctx, "update user", func(ctx context.Context) error {
		var home struct {
			ID primitive.Binary `bson:"_id"`
		}
		ok, err := s.all().find(ctx, of(t, is("login.id", login), present("n")), &home)
		if err != nil {
			return err
		}
		if !ok {
			return user.ErrNotFound
		}
		return revise(ctx, revision[*contactDoc]{
			in: s.all(), tenant: t, id: home.ID, live: is("login.id", login), absent: user.ErrNotFound,
			change: func(d *contactDoc) ([]port.Change, error) {
				u, err := d.user()
				if err != nil {
					return nil, err
				}
				if err := ask(change, u); err != nil {
					return nil, err
				}
				d.Login = toLogin(u)
				return d.loginChanges(), nil
			},
		})
	})
}
