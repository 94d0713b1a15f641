package directory

import (
	"context"
	"fmt"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

// Avatars keeps the pictures of companies and contacts. Who may see one is
// decided in package profile.
type Avatars struct {
	office    Office
	companies port.Companies
	contacts  port.Contacts
	blobs     port.Blobs
	imager    port.Imager
}

// NewAvatars puts the parts together.
func NewAvatars(o Office, companies port.Companies, contacts port.Contacts, blobs port.Blobs, imager port.Imager) *Avatars {
	return &Avatars{office: o, companies: companies, contacts: contacts, blobs: blobs, imager: imager}
}

// CompanyAvatarInput replaces a company's picture. Raw is bounded by who reads it.
type CompanyAvatarInput struct {
	Caller
	ID      company.ID
	IfMatch int64
	Raw     []byte
}

// PutCompany needs companies:write. It returns port.ErrImage for what is no
// acceptable picture.
func (s *Avatars) PutCompany(ctx context.Context, in CompanyAvatarInput) (*company.Company, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.CompaniesWrite)
	if err != nil {
		return nil, err
	}
	// Nothing is decoded for what is not there, or not as the caller knows it.
	present, err := s.companies.ByID(ctx, t.ID(), in.ID)
	if err != nil {
		return nil, fmt.Errorf("find company: %w", err)
	}
	if err := matches(in.IfMatch, present.Version()); err != nil {
		return nil, err
	}
	var out *company.Company
	now := s.office.now()
	err = s.swap(ctx, t.ID(), in.Raw, func(a avatar.Avatar, old *avatar.Avatar) error {
		return s.companies.Update(ctx, t.ID(), in.ID, func(c *company.Company) error {
			if err := matches(in.IfMatch, c.Version()); err != nil {
				return err
			}
			out, *old = c, c.Avatar()
			c.Picture(a, now)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return told(out, t), s.office.record(ctx, fact{t.ID(), in.Actor, "company.updated", companyTarget(in.ID), []string{"avatar"}})
}

// ContactAvatarInput replaces a contact's picture. Raw is bounded by who reads it.
type ContactAvatarInput struct {
	Caller
	ID      contact.ID
	IfMatch int64
	Raw     []byte
}

// PutContact needs contacts:write. It returns port.ErrImage for what is no
// acceptable picture.
func (s *Avatars) PutContact(ctx context.Context, in ContactAvatarInput) (*contact.Contact, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsWrite)
	if err != nil {
		return nil, err
	}
	present, err := s.contacts.ByID(ctx, t.ID(), in.ID)
	if err != nil {
		return nil, fmt.Errorf("find contact: %w", err)
	}
	if err := matches(in.IfMatch, present.Version()); err != nil {
		return nil, err
	}
	var out *contact.Contact
	now := s.office.now()
	err = s.swap(ctx, t.ID(), in.Raw, func(a avatar.Avatar, old *avatar.Avatar) error {
		return s.contacts.Update(ctx, t.ID(), in.ID, func(c *contact.Contact) error {
			if err := matches(in.IfMatch, c.Version()); err != nil {
				return err
			}
			out, *old = c, c.Avatar()
			c.Picture(a, now)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return out, s.office.record(ctx, fact{t.ID(), in.Actor, "contact.updated", contactTarget(in.ID), []string{"avatar"}})
}

// swap stores the new bytes before anything points to them and removes the
// old ones after nothing does, so that no reader meets a missing picture.
func (s *Avatars) swap(ctx context.Context, t tenant.ID, raw []byte, put func(a avatar.Avatar, old *avatar.Avatar) error) error {
	pic, err := s.imager.Prepare(ctx, raw)
	if err != nil {
		return fmt.Errorf("prepare picture: %w", err)
	}
	a := avatar.Avatar{
		Blob: avatar.BlobIDFromBytes(s.office.Random.UUID()), Thumbnail: avatar.BlobIDFromBytes(s.office.Random.UUID()),
		Width: pic.Width, Height: pic.Height,
	}
	for _, b := range []avatar.Blob{
		{ID: a.Blob, Media: pic.Media, Bytes: pic.Full},
		{ID: a.Thumbnail, Media: pic.ThumbnailMedia, Bytes: pic.Thumbnail},
	} {
		if err := s.blobs.Put(ctx, t, b); err != nil {
			discard(ctx, s.blobs, t, a)
			return fmt.Errorf("store picture: %w", err)
		}
	}
	var old avatar.Avatar
	if err := put(a, &old); err != nil {
		// After an outage nobody knows whether the new picture is in use.
		if fault.Of(err) != nil {
			discard(ctx, s.blobs, t, a)
		}
		return fmt.Errorf("change picture: %w", err)
	}
	discard(ctx, s.blobs, t, old)
	return nil
}
