package mongo

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Contacts implements port.Contacts.
type Contacts struct{ db *DB }

var _ port.Contacts = (*Contacts)(nil)

// NewContacts returns the contacts of db.
func NewContacts(db *DB) *Contacts { return &Contacts{db: db} }

func (s *Contacts) all() collection { return s.db.collection(inContacts) }

// addressClaims names the claim of a contact's address, none without one.
func addressClaims(t tenant.ID, key string) []primitive.Binary {
	if key == "" {
		return nil
	}
	return []primitive.Binary{claimID(t, "email", key)}
}

// Add implements port.Contacts.
func (s *Contacts) Add(ctx context.Context, c *contact.Contact) error {
	return s.db.do(ctx, "add contact", func(ctx context.Context) error {
		return again(ctx, func(ctx context.Context) error { return s.add(ctx, c) })
	})
}

func (s *Contacts) add(ctx context.Context, c *contact.Contact) error {
	t, token := c.Tenant(), primitive.NewObjectID()
	d := &contactDoc{Stamp: stamped(t, contactKey(t, c.ID()))}
	d.become(c)
	_, d.Claims, _ = rebind(nil, addressClaims(t, d.EmailID), token)
	draft := &contactDoc{Stamp: d.Stamp, Bond: Bond{
		New: true, Limbo: &token, Want: &want{Claims: d.Claims, Companies: d.Companies, Tags: d.Tags},
	}}
	ok, err := s.all().insert(ctx, draft)
	if err != nil {
		return err
	}
	if !ok {
		return errTaken
	}
	return s.deal(draft, func(ctx context.Context) (bool, error) { return swap(ctx, s.all(), d, nil) }).close(ctx)
}

// deal is what a draft wants.
func (s *Contacts) deal(draft *contactDoc, commit func(context.Context) (bool, error)) deal {
	t := tenant.IDFromBytes(sixteen(draft.T))
	return deal{
		in: s.all(), tenant: t, owner: draft.Stamp, isNew: draft.New, claims: draft.Want.Claims, commit: commit,
		refusal: func(claim) error { return contact.ErrEmailTaken },
		refer: func(ctx context.Context) error {
			return s.db.checkReferences(ctx, t, draft.Want.Companies, draft.Want.Tags)
		},
	}
}

// ByID implements port.Contacts.
func (s *Contacts) ByID(ctx context.Context, t tenant.ID, id contact.ID) (out *contact.Contact, err error) {
	err = s.db.do(ctx, "find contact", func(ctx context.Context) error {
		d, err := s.load(ctx, t, id)
		if err != nil {
			return err
		}
		out, err = d.contact()
		return err
	})
	return out, err
}

func (s *Contacts) load(ctx context.Context, t tenant.ID, id contact.ID) (*contactDoc, error) {
	var d contactDoc
	ok, err := s.all().find(ctx, of(t, is("_id", contactKey(t, id)), present("n")), &d)
	if err == nil && !ok {
		err = contact.ErrNotFound
	}
	return &d, err
}

// Update implements port.Contacts.
func (s *Contacts) Update(ctx context.Context, t tenant.ID, id contact.ID, change func(*contact.Contact) error) error {
	return s.db.do(ctx, "update contact", func(ctx context.Context) error {
		leave, err := s.db.lanes.enter(ctx, inContacts, contactKey(t, id).Data)
		if err != nil {
			return err
		}
		defer leave()
		return again(ctx, func(ctx context.Context) error { return s.update(ctx, t, id, change) })
	})
}

func (s *Contacts) update(ctx context.Context, t tenant.ID, id contact.ID, change func(*contact.Contact) error) error {
	d, err := s.load(ctx, t, id)
	if err != nil {
		return err
	}
	c, err := d.contact()
	if err != nil {
		return err
	}
	if err := ask(change, c); err != nil {
		return err
	}
	next, token := *d, primitive.NewObjectID()
	next.become(c)
	stay, add, drop := rebind(d.Claims, addressClaims(t, next.EmailID), token)
	next.Claims = slices.Concat(stay, add)
	wish := &want{Claims: add, Companies: without(next.Companies, d.Companies), Tags: without(next.Tags, d.Tags)}
	if len(wish.Claims)+len(wish.Companies)+len(wish.Tags) == 0 {
		err = moved(swap(ctx, s.all(), &next, d.loginChanges()))
	} else {
		d.Want, d.Limbo = wish, &token
		if err := moved(swap(ctx, s.all(), d, nil)); err != nil {
			return err
		}
		next.Stamp = d.Stamp
		err = s.deal(d, func(ctx context.Context) (bool, error) {
			return swap(ctx, s.all(), &next, d.loginChanges())
		}).close(ctx)
	}
	if err != nil {
		return err
	}
	if len(drop) > 0 {
		s.db.afterwards(ctx, "free address", deal{in: s.all(), tenant: t, owner: d.Stamp, claims: drop}.free)
	}
	return nil
}

// moved turns a swap that came too late into errMovedOn.
func moved(done bool, err error) error {
	if err == nil && !done {
		return errMovedOn
	}
	return err
}

// without returns what is in now and was not before.
func without(now, before []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(now), func(n int64) bool { return slices.Contains(before, n) })
}

// loginChanges announces a change of a contact that has a login.
func (d *contactDoc) loginChanges() []port.Change {
	if d.Login == nil {
		return nil
	}
	return []port.Change{userChanged(tenant.IDFromBytes(sixteen(d.T)), d.Login.ID)}
}

func userChanged(t tenant.ID, id primitive.Binary) port.Change {
	return port.Change{Tenant: t, Kind: port.UserChanged, ID: user.IDFromBytes(sixteen(id)).String()}
}

// Delete implements port.Contacts. The contact goes in one write; what belonged
// to it follows, by the janitor's hand after a crash.
func (s *Contacts) Delete(ctx context.Context, t tenant.ID, id contact.ID, version int64) error {
	return s.db.do(ctx, "delete contact", func(ctx context.Context) error {
		leave, err := s.db.lanes.enter(ctx, inContacts, contactKey(t, id).Data)
		if err != nil {
			return err
		}
		defer leave()
		return again(ctx, func(ctx context.Context) error { return s.delete(ctx, t, id, version) })
	})
}

func (s *Contacts) delete(ctx context.Context, t tenant.ID, id contact.ID, version int64) error {
	d, err := s.load(ctx, t, id)
	if err != nil {
		return err
	}
	if version != 0 && version != d.Version {
		return port.ErrVersion
	}
	changes, err := s.farewells(ctx, t, d)
	if err != nil {
		return err
	}
	token := primitive.NewObjectID()
	rest := &contactDoc{Stamp: d.Stamp, Bond: Bond{Limbo: &token}, Left: &leftDoc{Claims: d.Claims}}
	if d.Login != nil {
		rest.Left.Login = d.Login.ID
	}
	if err := moved(swap(ctx, s.all(), rest, changes)); err != nil {
		return err
	}
	s.db.afterwards(ctx, "bury contact", func(ctx context.Context) error { return s.bury(ctx, rest) })
	return nil
}

// farewells announces the end of a contact's sessions and login.
func (s *Contacts) farewells(ctx context.Context, t tenant.ID, d *contactDoc) ([]port.Change, error) {
	if d.Login == nil {
		return nil, nil
	}
	open, err := s.db.openSessions(ctx, t, user.IDFromBytes(sixteen(d.Login.ID)))
	if err != nil {
		return nil, err
	}
	return append(ends(t, open), userChanged(t, d.Login.ID)), nil
}

func ends(t tenant.ID, open []session.ID) []port.Change {
	out := make([]port.Change, len(open))
	for i, id := range open {
		out[i] = port.Change{Tenant: t, Kind: port.SessionEnded, ID: id.String()}
	}
	return out
}

// bury removes what belonged to a removed contact, and then what told of it.
func (s *Contacts) bury(ctx context.Context, rest *contactDoc) error {
	t := tenant.IDFromBytes(sixteen(rest.T))
	if len(rest.Left.Login.Data) > 0 {
		if err := s.db.removeSessionsAndLinks(ctx, t, user.IDFromBytes(sixteen(rest.Left.Login))); err != nil {
			return err
		}
	}
	if err := (deal{in: s.all(), tenant: t, owner: rest.Stamp, claims: rest.Left.Claims}).free(ctx); err != nil {
		return err
	}
	_, err := s.all().remove(ctx, rest.at())
	return err
}

// resumeContacts takes back or finishes the writes on a tenant's contacts that
// nobody has gone on with since before.
func (db *DB) resumeContacts(ctx context.Context, t tenant.ID, before primitive.ObjectID) error {
	s := NewContacts(db)
	var old []contactDoc
	err := db.do(ctx, "find unfinished contacts", func(ctx context.Context) (err error) {
		old, err = list[contactDoc](ctx, s.all(), of(t, is("limbo", bson.D{is("$lt", before)})))
		return err
	})
	for i := range old {
		d := &old[i]
		err = errors.Join(err, db.do(ctx, "finish contact", func(ctx context.Context) error {
			if d.Left != nil {
				return s.bury(ctx, d)
			}
			return s.all().takeBack(ctx, t, &d.Stamp, &d.Bond)
		}))
	}
	return err
}
