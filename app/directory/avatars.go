package directory

import (
	"context"
	"fmt"
	"time"

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
	out, err := hang(ctx, s, picture{t.ID(), in.IfMatch, in.Raw}, wall[*company.Company]{
		find:   func() (*company.Company, error) { return s.companies.ByID(ctx, t.ID(), in.ID) },
		update: func(f func(*company.Company) error) error { return s.companies.Update(ctx, t.ID(), in.ID, f) },
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
	out, err := hang(ctx, s, picture{t.ID(), in.IfMatch, in.Raw}, wall[*contact.Contact]{
		find:   func() (*contact.Contact, error) { return s.contacts.ByID(ctx, t.ID(), in.ID) },
		update: func(f func(*contact.Contact) error) error { return s.contacts.Update(ctx, t.ID(), in.ID, f) },
	})
	if err != nil {
		return nil, err
	}
	return out, s.office.record(ctx, fact{t.ID(), in.Actor, "contact.updated", contactTarget(in.ID), []string{"avatar"}})
}

// pictured is what has an avatar.
type pictured interface {
	Version() int64
	Avatar() avatar.Avatar
	Picture(a avatar.Avatar, now time.Time)
}

// wall is where one pictured aggregate is found and changed.
type wall[T pictured] struct {
	find   func() (T, error)
	update func(change func(T) error) error
}

// picture is what was sent.
type picture struct {
	tenant  tenant.ID
	ifMatch int64
	raw     []byte
}

// hang decodes nothing for what is not there, or not as the caller knows it.
func hang[T pictured](ctx context.Context, s *Avatars, p picture, on wall[T]) (out T, err error) {
	present, err := on.find()
	if err != nil {
		return out, fmt.Errorf("find what is pictured: %w", err)
	}
	if err := matches(p.ifMatch, present.Version()); err != nil {
		return out, err
	}
	now := s.office.now()
	err = s.swap(ctx, p.tenant, p.raw, func(a avatar.Avatar, old *avatar.Avatar) error {
		return on.update(func(c T) error {
			if err := matches(p.ifMatch, c.Version()); err != nil {
				return err
			}
			out, *old = c, c.Avatar()
			c.Picture(a, now)
			return nil
		})
	})
	return out, err
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
		if k := fault.KindOf(err); k != fault.Internal && k != fault.Unavailable {
			discard(ctx, s.blobs, t, a)
		}
		return fmt.Errorf("change picture: %w", err)
	}
	discard(ctx, s.blobs, t, old)
	return nil
}
