package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ostiary/app/port"
	"ostiary/app/proof"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/contact"
	"ostiary/domain/fault"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
)

// Logins lets administrators keep the logins of contacts.
type Logins struct {
	store  Store
	hasher port.Hasher
	outbox port.Outbox
	gate   *proof.Gate
	sys    System
	wake   func()
}

// NewLogins puts the parts together; wake tells the postman of new work.
func NewLogins(store Store, hasher port.Hasher, box port.Outbox, gate *proof.Gate, sys System, wake func()) *Logins {
	return &Logins{store: store, hasher: hasher, outbox: box, gate: gate, sys: sys, wake: wake}
}

// Target names a contact's login, and who asks with which right.
type Target struct {
	Actor   actor.Actor
	Needs   actor.Permission
	Tenant  tenant.Code
	Contact contact.ID
}

// find is locate for who changes something: a role protects its holder.
func (s *Logins) find(ctx context.Context, in Target) (*tenant.Tenant, port.Person, error) {
	t, p, err := s.locate(ctx, in)
	if err != nil {
		return nil, port.Person{}, err
	}
	if p.User != nil && p.User.HoldsRole() && !in.Actor.MayHandleRoles() {
		return nil, port.Person{}, user.ErrRoleHolder
	}
	return t, p, nil
}

// locate checks the right first and says who the target is. The person's User
// is nil while there is no login.
func (s *Logins) locate(ctx context.Context, in Target) (*tenant.Tenant, port.Person, error) {
	t, err := tenancy.Admit(ctx, s.store.Tenants, tenancy.Admission{Actor: in.Actor, Permission: in.Needs, Tenant: in.Tenant})
	if err != nil {
		return nil, port.Person{}, err
	}
	p, err := s.store.Users.ByContact(ctx, t.ID(), in.Contact)
	if errors.Is(err, user.ErrNotFound) {
		c, err := s.store.Contacts.ByID(ctx, t.ID(), in.Contact)
		if err != nil {
			return nil, port.Person{}, fmt.Errorf("find contact: %w", err)
		}
		return t, port.Person{Contact: c}, nil
	}
	if err != nil {
		return nil, port.Person{}, fmt.Errorf("find login: %w", err)
	}
	return t, p, nil
}

// existing is find for what needs a login to be there.
func (s *Logins) existing(ctx context.Context, in Target) (port.Person, error) {
	_, p, err := s.find(ctx, in)
	if err == nil && p.User == nil {
		err = user.ErrNotFound
	}
	return p, err
}

// SetInput sets a password. IfMatch is the version of the user that the caller
// knows, 0 for none.
type SetInput struct {
	Target
	Password secret.Text
	IfMatch  int64
}

// meets returns port.ErrVersion unless u is what the caller knows; nil is a
// login that does not exist.
func (in SetInput) meets(u *user.User) error {
	if in.IfMatch != 0 && (u == nil || u.Version() != in.IfMatch) {
		return port.ErrVersion
	}
	return nil
}

// Set sets a contact's password, makes the login when there is none, and ends
// every session. By the tenant's settings the password is permanent or
// temporary. It returns user.ErrPassword, contact.ErrNeedsEmail,
// contact.ErrNotFound, user.ErrRoleHolder, port.ErrVersion, or what actor.May
// returns.
func (s *Logins) Set(ctx context.Context, in SetInput) error {
	t, p, err := s.find(ctx, in.Target)
	if err != nil {
		return err
	}
	if err := in.meets(p.User); err != nil {
		return err
	}
	hash, err := s.prepare(ctx, t, p.Contact.Details(), in.Password)
	if err != nil {
		return err
	}
	return s.settle(ctx, t, in, hash)
}

// prepare judges and hashes the password of a contact as d has it. All that
// may be refused, or found busy, lies before the first change.
func (s *Logins) prepare(ctx context.Context, t *tenant.Tenant, d contact.Details, password secret.Text) (secret.Text, error) {
	if d.Email.IsZero() {
		return secret.Text{}, needsEmail()
	}
	names, err := s.store.names(ctx, t, d)
	if err != nil {
		return secret.Text{}, err
	}
	fresh, err := user.Policy{Min: t.Settings().MinPassword(), Context: names}.NewPassword(password)
	if err != nil {
		return secret.Text{}, err
	}
	hash, err := s.hasher.Hash(ctx, t.ID(), fresh)
	if err != nil {
		return secret.Text{}, fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// settle stores a prepared password and puts it on record.
func (s *Logins) settle(ctx context.Context, t *tenant.Tenant, in SetInput, hash secret.Text) error {
	uid, err := s.put(ctx, t, in, hash)
	if err != nil {
		return fmt.Errorf("store password: %w", err)
	}
	p, err := s.store.Users.ByID(ctx, t.ID(), uid)
	if err != nil {
		return fmt.Errorf("find login: %w", err)
	}
	// The delay was about guesses at the old password.
	if err := s.gate.Forgive(ctx, string(t.Code()), p.User.Email().Key()); err != nil {
		return err
	}
	return s.record(ctx, t.ID(), in.Target, "password.set", uid)
}

// put stores the hash in the contact's login, made here when there is none. A
// role given meanwhile still protects its holder.
func (s *Logins) put(ctx context.Context, t *tenant.Tenant, in SetInput, hash secret.Text) (user.ID, error) {
	now, temporary := s.sys.Clock.Now(), t.Settings().TemporaryPasswords()
	fresh := user.New(t.ID(), user.IDFromBytes(s.sys.Random.UUID()), in.Contact, now)
	fresh.SetPassword(hash, temporary, now)
	err := s.store.Users.Add(ctx, fresh)
	if !errors.Is(err, user.ErrExists) {
		return fresh.ID(), err
	}
	p, err := s.store.Users.ByContact(ctx, t.ID(), in.Contact)
	if err != nil {
		return user.ID{}, err
	}
	return p.User.ID(), s.store.Users.Update(ctx, t.ID(), p.User.ID(), func(u *user.User) error {
		if u.HoldsRole() && !in.Actor.MayHandleRoles() {
			return user.ErrRoleHolder
		}
		if err := in.meets(u); err != nil {
			return err
		}
		u.SetPassword(hash, temporary, now)
		return nil
	})
}

// Invite makes the login when there is none and has an invitation mailed.
func (s *Logins) Invite(ctx context.Context, in Target) error {
	t, p, err := s.find(ctx, in)
	if err != nil {
		return err
	}
	if p.Contact.Email().IsZero() {
		return needsEmail()
	}
	now := s.sys.Clock.Now()
	if p.User == nil {
		if p.User, err = s.open(ctx, t, in.Contact, now); err != nil {
			return fmt.Errorf("make login: %w", err)
		}
	}
	err = s.outbox.Put(ctx, outbox.Job{
		ID: outbox.IDFromBytes(s.sys.Random.UUID()), Kind: outbox.Invitation, Tenant: string(t.Code()),
		Contact: in.Contact, Asked: now, Due: now,
	}, throttle.Limit{})
	if err != nil {
		return fmt.Errorf("accept invitation: %w", err)
	}
	s.wake()
	return s.record(ctx, t.ID(), in, "contact.invited", p.User.ID())
}

// open makes a login without a password, or finds the one made meanwhile.
func (s *Logins) open(ctx context.Context, t *tenant.Tenant, c contact.ID, now time.Time) (*user.User, error) {
	fresh := user.New(t.ID(), user.IDFromBytes(s.sys.Random.UUID()), c, now)
	err := s.store.Users.Add(ctx, fresh)
	if !errors.Is(err, user.ErrExists) {
		return fresh, err
	}
	p, err := s.store.Users.ByContact(ctx, t.ID(), c)
	return p.User, err
}

// UserInput changes the state of a login; nil members stay.
type UserInput struct {
	Target
	Enabled *bool
	Roles   []user.Role // nil: stays
	IfMatch int64       // version of the user, 0: whatever is there
}

// Change enables or disables a login and gives roles. Disabling ends every
// session.
func (s *Logins) Change(ctx context.Context, in UserInput) (*user.User, error) {
	p, err := s.existing(ctx, in.Target)
	if err != nil {
		return nil, err
	}
	if in.Roles != nil && !in.Actor.MayHandleRoles() {
		return nil, user.ErrRoleHolder
	}
	now := s.sys.Clock.Now()
	var after *user.User
	err = s.store.Users.Update(ctx, p.User.Tenant(), p.User.ID(), func(u *user.User) error {
		if in.IfMatch != 0 && in.IfMatch != u.Version() {
			return port.ErrVersion
		}
		if u.HoldsRole() && !in.Actor.MayHandleRoles() {
			return user.ErrRoleHolder
		}
		after = u
		if in.Enabled == nil && in.Roles == nil {
			return port.Keep
		}
		if in.Enabled != nil {
			u.Enable(*in.Enabled, now)
		}
		if in.Roles != nil {
			u.SetRoles(in.Roles, now)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("change login: %w", err)
	}
	return after, s.record(ctx, p.User.Tenant(), in.Target, "user.changed", p.User.ID())
}

// User returns the login of a contact, also of who holds a role, or
// user.ErrNotFound.
func (s *Logins) User(ctx context.Context, in Target) (*user.User, error) {
	_, p, err := s.locate(ctx, in)
	if err == nil && p.User == nil {
		err = user.ErrNotFound
	}
	return p.User, err
}

// SignOut ends every session of a contact.
func (s *Logins) SignOut(ctx context.Context, in Target) error {
	p, err := s.existing(ctx, in)
	if err != nil {
		return err
	}
	now := s.sys.Clock.Now()
	err = s.store.Users.Update(ctx, p.User.Tenant(), p.User.ID(), func(u *user.User) error {
		if u.HoldsRole() && !in.Actor.MayHandleRoles() {
			return user.ErrRoleHolder
		}
		u.SignOut(now)
		return nil
	})
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return s.record(ctx, p.User.Tenant(), in, "user.signed-out", p.User.ID())
}

func (s *Logins) record(ctx context.Context, t tenant.ID, in Target, action string, uid user.ID) error {
	return s.sys.Trail.Record(ctx, audit.Event{
		Tenant: t, Actor: in.Actor.String(), Action: action, Target: "user:" + uid.String(),
		Outcome: audit.Granted, Details: map[string]string{"contact": in.Contact.String()},
	})
}

func needsEmail() error {
	return contact.ErrNeedsEmail.With(fault.Field{Pointer: "/email", Code: contact.ErrNeedsEmail.Code(), Detail: contact.ErrNeedsEmail.Text()})
}
