package directory

import (
	"context"
	"fmt"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/contact"
)

// Tags keeps the labels of a tenant's contacts. The rights are those of
// contacts.
type Tags struct {
	office Office
	tags   port.Tags
}

// NewTags puts the parts together.
func NewTags(o Office, tags port.Tags) *Tags { return &Tags{office: o, tags: tags} }

// CreateTagInput describes a new tag.
type CreateTagInput struct {
	Caller
	Details contact.TagDetails
}

// Create needs contacts:write.
func (s *Tags) Create(ctx context.Context, in CreateTagInput) (*contact.Tag, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsWrite)
	if err != nil {
		return nil, err
	}
	number, err := s.office.Numbers.Tag(ctx, t.ID())
	if err != nil {
		return nil, fmt.Errorf("number tag: %w", err)
	}
	tag, err := contact.NewTag(t.ID(), number, in.Details, s.office.now())
	if err != nil {
		return nil, err
	}
	if err := s.tags.Add(ctx, tag); err != nil {
		return nil, fmt.Errorf("add tag: %w", err)
	}
	return tag, s.office.record(ctx, fact{tenant: t.ID(), actor: in.Actor, action: "tag.created", target: tagTarget(number)})
}

// GetTagInput names a tag.
type GetTagInput struct {
	Caller
	ID contact.TagID
}

// Get needs contacts:read.
func (s *Tags) Get(ctx context.Context, in GetTagInput) (*contact.Tag, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsRead)
	if err != nil {
		return nil, err
	}
	tag, err := s.tags.ByID(ctx, t.ID(), in.ID)
	if err != nil {
		return nil, fmt.Errorf("find tag: %w", err)
	}
	return tag, nil
}

// ListTagsInput selects tags by rising id, after the given one.
type ListTagsInput struct {
	Caller
	After contact.TagID
	Limit int
}

// List needs contacts:read. more says that the list goes on.
func (s *Tags) List(ctx context.Context, in ListTagsInput) (items []*contact.Tag, more bool, err error) {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsRead)
	if err != nil {
		return nil, false, err
	}
	items, err = s.tags.List(ctx, t.ID(), in.After, in.Limit+1)
	return page(items, in.Limit, err)
}

// UpdateTagInput changes a tag. Edit may run more than once. IfMatch is the
// version the caller knows, 0 for none.
type UpdateTagInput struct {
	Caller
	ID      contact.TagID
	IfMatch int64
	Edit    func(contact.TagDetails) (contact.TagDetails, error)
}

// Update needs contacts:write.
func (s *Tags) Update(ctx context.Context, in UpdateTagInput) (*contact.Tag, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsWrite)
	if err != nil {
		return nil, err
	}
	now := s.office.now()
	var out *contact.Tag
	var changed differing
	err = s.tags.Update(ctx, t.ID(), in.ID, func(tag *contact.Tag) error {
		if err := matches(in.IfMatch, tag.Version()); err != nil {
			return err
		}
		before := tag.Details()
		after, err := in.Edit(before)
		if err != nil {
			return err
		}
		out, changed = tag, nil
		changed.unless(before.Name == after.Name, "name")
		changed.unless(before.Description == after.Description, "description")
		changed.unless(before.Icon == after.Icon, "icon")
		changed.unless(before.Color == after.Color, "color")
		return tag.Change(after, now)
	})
	if err != nil {
		return nil, fmt.Errorf("change tag: %w", err)
	}
	return out, s.office.record(ctx, fact{t.ID(), in.Actor, "tag.updated", tagTarget(in.ID), changed})
}

// DeleteTagInput names a tag. IfMatch is the version the caller knows, 0 for none.
type DeleteTagInput struct {
	Caller
	ID      contact.TagID
	IfMatch int64
}

// Delete needs contacts:write. The tag comes off every contact.
func (s *Tags) Delete(ctx context.Context, in DeleteTagInput) error {
	t, err := s.office.admit(ctx, in.Caller, actor.ContactsWrite)
	if err != nil {
		return err
	}
	if err := s.tags.Delete(ctx, t.ID(), in.ID, in.IfMatch); err != nil {
		return fmt.Errorf("delete tag: %w", err)
	}
	return s.office.record(ctx, fact{tenant: t.ID(), actor: in.Actor, action: "tag.deleted", target: tagTarget(in.ID)})
}

func tagTarget(id contact.TagID) string { return "tag:" + id.String() }
