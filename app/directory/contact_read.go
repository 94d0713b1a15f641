package directory

import (
	"context"
	"fmt"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
)

// ContactQuery selects contacts; empty members select everything.
type ContactQuery = port.ContactQuery

// ContactView is a contact with what its ids stand for, by rising id. What
// was removed meanwhile is left out.
type ContactView struct {
	Contact   *contact.Contact
	Companies []*company.Company
	Tags      []*contact.Tag
}

// GetContactInput names a contact.
type GetContactInput struct {
	Caller
	ID contact.ID
}

// Get needs contacts:read.
func (s *Contacts) Get(ctx context.Context, in GetContactInput) (ContactView, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsRead)
	if err != nil {
		return ContactView{}, err
	}
	c, err := s.contacts.ByID(ctx, t.ID(), in.ID)
	if err != nil {
		return ContactView{}, fmt.Errorf("find contact: %w", err)
	}
	return s.view(ctx, c)
}

// ListContactsInput selects contacts by rising id, after the given one.
type ListContactsInput struct {
	Caller
	Query ContactQuery
	After contact.ID
	Limit int
}

// List needs contacts:read. more says that the list goes on.
func (s *Contacts) List(ctx context.Context, in ListContactsInput) (items []*contact.Contact, more bool, err error) {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsRead)
	if err != nil {
		return nil, false, err
	}
	items, err = s.contacts.List(ctx, t.ID(), in.Query, in.After, in.Limit+1)
	return page(items, in.Limit, err)
}

// PageInput selects the Number-th page (from 1) of Size contacts.
type PageInput struct {
	Caller
	Query  ContactQuery
	Number int
	Size   int
	None   bool // the caller's filters are such that no contact can meet them
}

// ContactPage is one page, and how many contacts match in all.
type ContactPage struct {
	Views []ContactView
	Total int
}

// maxOffset bounds how far a page may lie: beyond it every page is empty.
const maxOffset = 1 << 40

// Page needs contacts:read. It returns company.ErrNotFound when the query
// names a company that the tenant does not have. The reads are three or four,
// however many contacts a page holds.
func (s *Contacts) Page(ctx context.Context, in PageInput) (ContactPage, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsRead)
	if err != nil {
		return ContactPage{}, err
	}
	if !in.Query.Company.IsZero() {
		if _, err := s.companies.ByID(ctx, t.ID(), in.Query.Company); err != nil {
			return ContactPage{}, fmt.Errorf("find company: %w", err)
		}
	}
	if in.None {
		return ContactPage{}, nil
	}
	offset := maxOffset
	if before := in.Number - 1; before < maxOffset/in.Size {
		offset = before * in.Size
	}
	found, total, err := s.contacts.Page(ctx, t.ID(), in.Query, offset, in.Size)
	if err != nil {
		return ContactPage{}, fmt.Errorf("read page: %w", err)
	}
	views, err := s.views(ctx, t.ID(), found)
	return ContactPage{Views: views, Total: total}, err
}

func (s *Contacts) view(ctx context.Context, c *contact.Contact) (ContactView, error) {
	views, err := s.views(ctx, c.Tenant(), []*contact.Contact{c})
	if err != nil {
		return ContactView{}, err
	}
	return views[0], nil
}

// views reads the companies and tags of all contacts in one read each.
func (s *Contacts) views(ctx context.Context, t tenant.ID, cs []*contact.Contact) ([]ContactView, error) {
	companies, tags := map[company.ID]*company.Company{}, map[contact.TagID]*contact.Tag{}
	for _, c := range cs {
		for _, m := range c.Details().Companies {
			companies[m.Company] = nil
		}
		for _, id := range c.Details().Tags {
			tags[id] = nil
		}
	}
	if err := fill(ctx, t, companies, s.companies.ByIDs); err != nil {
		return nil, fmt.Errorf("find companies: %w", err)
	}
	if err := fill(ctx, t, tags, s.tags.ByIDs); err != nil {
		return nil, fmt.Errorf("find tags: %w", err)
	}
	out := make([]ContactView, 0, len(cs))
	for _, c := range cs {
		v := ContactView{Contact: c}
		for _, m := range c.Details().Companies {
			if found := companies[m.Company]; found != nil {
				v.Companies = append(v.Companies, found)
			}
		}
		for _, id := range c.Details().Tags {
			if found := tags[id]; found != nil {
				v.Tags = append(v.Tags, found)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// fill looks up the keys of m in one read; a page without any needs none.
func fill[K comparable, V interface{ ID() K }](ctx context.Context, t tenant.ID, m map[K]V, byIDs func(context.Context, tenant.ID, []K) ([]V, error)) error {
	if len(m) == 0 {
		return nil
	}
	ids := make([]K, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	found, err := byIDs(ctx, t, ids)
	for _, v := range found {
		m[v.ID()] = v
	}
	return err
}

// Written needs contacts:write: who just changed a contact may see the result.
func (s *Contacts) Written(ctx context.Context, by Caller, id contact.ID) (ContactView, error) {
	t, err := s.office.admit(ctx, by, actor.ContactsWrite)
	if err != nil {
		return ContactView{}, err
	}
	c, err := s.contacts.ByID(ctx, t.ID(), id)
	if err != nil {
		return ContactView{}, fmt.Errorf("find contact: %w", err)
	}
	return s.view(ctx, c)
}
