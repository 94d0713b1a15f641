package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ostiary/domain/actor"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// UpdateContactInput changes a contact. Edit may run more than once. IfMatch
// is the version the caller knows, 0 for none.
type UpdateContactInput struct {
	Caller
	ID      contact.ID
	IfMatch int64
	Edit    func(contact.Details) (contact.Details, error)
}

// errAskLogin leaves an update to ask whose login moves with the address.
var errAskLogin = errors.New("directory: the login moves")

// Update needs contacts:write. A new address moves the login, ends its
// sessions and voids links that went to the old one; for who holds a role
// that is user.ErrRoleHolder unless the actor handles roles.
func (s *Contacts) Update(ctx context.Context, in UpdateContactInput) (ContactView, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsWrite)
	if err != nil {
		return ContactView{}, err
	}
	c, _, err := s.update(ctx, t, in)
	if err != nil {
		return ContactView{}, err
	}
	return s.view(ctx, c)
}

// update returns which members changed, nil when none did.
func (s *Contacts) update(ctx context.Context, t *tenant.Tenant, in UpdateContactInput) (*contact.Contact, []string, error) {
	c, members, err := s.change(ctx, t, in, false)
	if errors.Is(err, errAskLogin) {
		if _, err := s.login(ctx, in.Actor, c); err != nil {
			return nil, nil, err
		}
		c, members, err = s.change(ctx, t, in, true)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("change contact: %w", referred(err))
	}
	facts := []fact{{t.ID(), in.Actor, "contact.updated", contactTarget(in.ID), members}}
	if c.HasLogin() && slices.Contains(members, "email") {
		u, err := s.signOut(ctx, c)
		if err != nil {
			return nil, nil, err
		}
		if u != nil {
			facts = append(facts, fact{tenant: t.ID(), actor: in.Actor, action: "user.moved", target: "user:" + u.ID().String()})
		}
	}
	return c, members, s.office.record(ctx, facts...)
}

func (s *Contacts) change(ctx context.Context, t *tenant.Tenant, in UpdateContactInput, asked bool) (*contact.Contact, []string, error) {
	now := s.office.now()
	var out *contact.Contact
	var members []string
	err := s.contacts.Update(ctx, t.ID(), in.ID, func(c *contact.Contact) error {
		if err := matches(in.IfMatch, c.Version()); err != nil {
			return err
		}
		before := c.Details()
		after, err := in.Edit(detached(before))
		if err != nil {
			return err
		}
		out = c
		if c.HasLogin() && before.Email != after.Email && !asked {
			return errAskLogin
		}
		err = c.Change(detached(after), now)
		members = changedContact(before, c.Details())
		return err
	})
	return out, members, err
}

// signOut raises the epoch after the move, so that neither a session nor a
// link handed to the old address survives it.
func (s *Contacts) signOut(ctx context.Context, c *contact.Contact) (*user.User, error) {
	p, err := s.users.ByContact(ctx, c.Tenant(), c.ID())
	if errors.Is(err, user.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find login: %w", err)
	}
	now := s.office.now()
	err = s.users.Update(ctx, c.Tenant(), p.User.ID(), func(u *user.User) error {
		u.SignOut(now)
		return nil
	})
	if err != nil && !errors.Is(err, user.ErrNotFound) {
		return nil, fmt.Errorf("end sessions: %w", err)
	}
	return p.User, nil
}
