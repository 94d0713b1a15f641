package credential

import (
	"context"

	"ostiary/app/directory"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/contact"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// Enrolment makes or changes a contact and, in the same breath, its password.
type Enrolment struct {
	contacts *directory.Contacts
	logins   *Logins
}

// NewEnrolment puts the parts together.
func NewEnrolment(contacts *directory.Contacts, logins *Logins) *Enrolment {
	return &Enrolment{contacts: contacts, logins: logins}
}

// CreateInput is a new contact; a zero Password makes no login.
type CreateInput struct {
	directory.CreateContactInput
	Password secret.Text
}

// Create judges and hashes the password before anything is made, so that a
// refusal changes nothing. It needs contacts:write.
func (s *Enrolment) Create(ctx context.Context, in CreateInput) (directory.ContactView, error) {
	if in.Password.IsZero() {
		return s.contacts.Create(ctx, in.CreateContactInput)
	}
	t, err := s.tenant(ctx, in.Caller)
	if err != nil {
		return directory.ContactView{}, err
	}
	hash, err := s.logins.prepare(ctx, t, in.Details, in.Password)
	if err != nil {
		return directory.ContactView{}, err
	}
	view, err := s.contacts.Create(ctx, in.CreateContactInput)
	if err != nil {
		return directory.ContactView{}, err
	}
	return s.settle(ctx, t, s.target(in.Caller, view.Contact.ID()), hash)
}

// UpdateInput changes a contact; a zero Password leaves the login as it is.
type UpdateInput struct {
	directory.UpdateContactInput
	Password secret.Text
}

// Update is Create for a contact that is there.
func (s *Enrolment) Update(ctx context.Context, in UpdateInput) (directory.ContactView, error) {
	if in.Password.IsZero() {
		return s.contacts.Update(ctx, in.UpdateContactInput)
	}
	target := s.target(in.Caller, in.ID)
	// Who may not touch this login must not half-change its contact.
	t, p, err := s.logins.find(ctx, target)
	if err != nil {
		return directory.ContactView{}, err
	}
	after, err := in.Edit(p.Contact.Details())
	if err != nil {
		return directory.ContactView{}, err
	}
	hash, err := s.logins.prepare(ctx, t, after, in.Password)
	if err != nil {
		return directory.ContactView{}, err
	}
	edit := in.Edit
	in.Edit = func(d contact.Details) (contact.Details, error) {
		after, err := edit(d)
		if err == nil && after.Email.IsZero() {
			err = needsEmail() // taken away since it was judged
		}
		return after, err
	}
	if _, err := s.contacts.Update(ctx, in.UpdateContactInput); err != nil {
		return directory.ContactView{}, err
	}
	return s.settle(ctx, t, target, hash)
}

// settle stores a prepared password and reads the contact back. The caller
// proved the right to write; to see what was written needs no further one.
func (s *Enrolment) settle(ctx context.Context, t *tenant.Tenant, in Target, hash secret.Text) (directory.ContactView, error) {
	if err := s.logins.settle(ctx, t, SetInput{Target: in}, hash); err != nil {
		return directory.ContactView{}, err
	}
	return s.contacts.Written(ctx, directory.Caller{Actor: in.Actor, Tenant: in.Tenant}, in.Contact)
}

func (s *Enrolment) tenant(ctx context.Context, c directory.Caller) (*tenant.Tenant, error) {
	return tenancy.Admit(ctx, s.logins.store.Tenants, tenancy.Admission{Actor: c.Actor, Permission: actor.ContactsWrite, Tenant: c.Tenant})
}

func (s *Enrolment) target(c directory.Caller, id contact.ID) Target {
	return Target{Actor: c.Actor, Needs: actor.ContactsWrite, Tenant: c.Tenant, Contact: id}
}

// SetPassword sets the password of a contact and returns the contact. It needs
// contacts:write.
func (s *Enrolment) SetPassword(ctx context.Context, c directory.Caller, id contact.ID, password secret.Text) (directory.ContactView, error) {
	if err := s.logins.Set(ctx, SetInput{Target: s.target(c, id), Password: password}); err != nil {
		return directory.ContactView{}, err
	}
	// The caller proved the right to write; reading back what was written
	// needs no further one.
	return s.contacts.Written(ctx, c, id)
}
