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

// Create judges the password before anything is made, so that a refusal
// changes nothing. It needs contacts:write.
func (s *Enrolment) Create(ctx context.Context, in CreateInput) (directory.ContactView, error) {
	if in.Password.IsZero() {
		return s.contacts.Create(ctx, in.CreateContactInput)
	}
	t, err := s.tenant(ctx, in.Caller)
	if err != nil {
		return directory.ContactView{}, err
	}
	if err := s.logins.Check(t, in.Details, in.Password); err != nil {
		return directory.ContactView{}, err
	}
	view, err := s.contacts.Create(ctx, in.CreateContactInput)
	if err != nil {
		return directory.ContactView{}, err
	}
	return s.SetPassword(ctx, in.Caller, view.Contact.ID(), in.Password)
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
	t, err := s.tenant(ctx, in.Caller)
	if err != nil {
		return directory.ContactView{}, err
	}
	edit := in.Edit
	in.Edit = func(d contact.Details) (contact.Details, error) {
		after, err := edit(d)
		if err != nil {
			return contact.Details{}, err
		}
		return after, s.logins.Check(t, after, in.Password)
	}
	// Who may not touch this login must not half-change its contact.
	if _, _, err := s.logins.find(ctx, s.target(in.Caller, in.ID)); err != nil {
		return directory.ContactView{}, err
	}
	if _, err := s.contacts.Update(ctx, in.UpdateContactInput); err != nil {
		return directory.ContactView{}, err
	}
	return s.SetPassword(ctx, in.Caller, in.ID, in.Password)
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
