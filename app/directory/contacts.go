package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Contacts keeps the people at a tenant's companies.
type Contacts struct {
	office    Office
	contacts  port.Contacts
	companies port.Companies
	tags      port.Tags
	users     port.Users
	blobs     port.Blobs
}

// NewContacts puts the parts together.
func NewContacts(o Office, contacts port.Contacts, companies port.Companies, tags port.Tags, users port.Users, blobs port.Blobs) *Contacts {
	return &Contacts{office: o, contacts: contacts, companies: companies, tags: tags, users: users, blobs: blobs}
}

// CreateContactInput describes a new contact.
type CreateContactInput struct {
	Caller
	Details contact.Details
}

// Create needs contacts:write. It returns contact.ErrEmailTaken, or what rule
// a value breaks; a company or tag that the tenant does not have is one.
func (s *Contacts) Create(ctx context.Context, in CreateContactInput) (ContactView, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsWrite)
	if err != nil {
		return ContactView{}, err
	}
	c, err := s.create(ctx, t, in.Actor, in.Details)
	if err != nil {
		return ContactView{}, err
	}
	return s.view(ctx, c)
}

func (s *Contacts) create(ctx context.Context, t *tenant.Tenant, by actor.Actor, d contact.Details) (*contact.Contact, error) {
	number, err := s.office.Numbers.Contact(ctx, t.ID())
	if err != nil {
		return nil, fmt.Errorf("number contact: %w", err)
	}
	c, err := contact.New(t.ID(), number, detached(d), s.office.now())
	if err != nil {
		return nil, err
	}
	if err := s.contacts.Add(ctx, c); err != nil {
		return nil, fmt.Errorf("add contact: %w", referred(err))
	}
	return c, s.office.record(ctx, fact{tenant: t.ID(), actor: by, action: "contact.created", target: contactTarget(c.ID())})
}

// DeleteContactInput names a contact. IfMatch is the version the caller
// knows, 0 for none.
type DeleteContactInput struct {
	Caller
	ID      contact.ID
	IfMatch int64
}

// Delete needs contacts:write. The login goes with the contact, so that only
// those who handle roles may delete who holds one: user.ErrRoleHolder.
func (s *Contacts) Delete(ctx context.Context, in DeleteContactInput) error {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsWrite)
	if err != nil {
		return err
	}
	c, err := s.contacts.ByID(ctx, t.ID(), in.ID)
	if err != nil {
		return fmt.Errorf("find contact: %w", err)
	}
	if _, err := s.login(ctx, in.Actor, c); err != nil {
		return err
	}
	if err := s.contacts.Delete(ctx, t.ID(), in.ID, in.IfMatch); err != nil {
		return fmt.Errorf("delete contact: %w", err)
	}
	discard(ctx, s.blobs, t.ID(), c.Avatar())
	return s.office.record(ctx, fact{tenant: t.ID(), actor: in.Actor, action: "contact.deleted", target: contactTarget(in.ID)})
}

// login returns the contact's user, nil when there is none, or
// user.ErrRoleHolder when it is not for the actor to touch.
func (s *Contacts) login(ctx context.Context, a actor.Actor, c *contact.Contact) (*user.User, error) {
	p, err := s.users.ByContact(ctx, c.Tenant(), c.ID())
	if errors.Is(err, user.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find login: %w", err)
	}
	if p.User.HoldsRole() && !a.MayHandleRoles() {
		return nil, user.ErrRoleHolder
	}
	return p.User, nil
}

// referred turns a company or tag that does not exist into a value that is
// refused: the resource asked for is the contact.
func referred(err error) error {
	switch {
	case errors.Is(err, company.ErrNotFound):
		return invalidAt("/companies", company.ErrNotFound)
	case errors.Is(err, contact.ErrTagNotFound):
		return invalidAt("/tags", contact.ErrTagNotFound)
	default:
		return err
	}
}

func contactTarget(id contact.ID) string { return "contact:" + id.String() }

// detached keeps the caller's slices out of the aggregate, which sorts them.
func detached(d contact.Details) contact.Details {
	d.Companies, d.Tags, d.Scopes = slices.Clone(d.Companies), slices.Clone(d.Tags), d.Scopes.Clone()
	return d
}

// changedContact names the members in which two states of a contact differ.
func changedContact(before, after contact.Details) []string {
	var d differing
	d.unless(before.FirstName == after.FirstName, "firstName")
	d.unless(before.LastName == after.LastName, "lastName")
	d.unless(before.Email == after.Email, "email")
	d.unless(before.Phone == after.Phone, "phone")
	d.unless(before.Phone2 == after.Phone2, "phone2")
	d.unless(slices.Equal(before.Companies, after.Companies), "companies")
	d.unless(slices.Equal(before.Tags, after.Tags), "tags")
	d.unless(maps.Equal(before.Scopes, after.Scopes), "scopes")
	d.unless(before.ExternalRef == after.ExternalRef, "externalRef")
	return d
}
