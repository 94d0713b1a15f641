package contact

import (
	"time"

	"ostiary/domain/fault"
	"ostiary/domain/id"
	"ostiary/domain/line"
	"ostiary/domain/tenant"
)

type tag struct{}

// TagID names a tag within its tenant.
type TagID = id.Number[tag]

// ParseTagID reads decimal digits.
func ParseTagID(s string) (TagID, error) { return id.ParseNumber[tag](s) }

// TagIDOf wraps a number.
func TagIDOf(n int64) (TagID, error) { return id.NumberOf[tag](n) }

// ErrTagNotFound is returned for a tag that the tenant does not have.
var ErrTagNotFound = fault.New(fault.NotFound, "tag_not_found", "There is no such tag.")

// TagDetails are what an admin may change.
type TagDetails struct {
	Name        string
	Description string
	Icon        string
	Color       string
}

// TagSnapshot is a tag laid open for storage.
type TagSnapshot struct {
	Tenant  tenant.ID
	ID      TagID
	Details TagDetails
	Created time.Time
	Updated time.Time
	Version int64
}

// Tag labels contacts of a tenant.
type Tag struct{ s TagSnapshot }

// NewTag makes a tag.
func NewTag(t tenant.ID, tid TagID, d TagDetails, now time.Time) (*Tag, error) {
	out := &Tag{s: TagSnapshot{Tenant: t, ID: tid, Created: now, Version: 1}}
	if err := out.set(d, now); err != nil {
		return nil, err
	}
	return out, nil
}

// RestoreTag rebuilds a stored tag.
func RestoreTag(s TagSnapshot) *Tag { return &Tag{s: s} }

// Snapshot lays the tag open for storage.
func (t *Tag) Snapshot() TagSnapshot { return t.s }

// Change replaces what may be changed.
func (t *Tag) Change(d TagDetails, now time.Time) error {
	if err := t.set(d, now); err != nil {
		return err
	}
	t.s.Version++
	return nil
}

func (t *Tag) set(d TagDetails, now time.Time) error {
	var bad []fault.Field
	text := func(member, v string, lo, hi int) {
		bad = append(bad, line.Check("/"+member, v, lo, hi)...)
	}
	text("name", d.Name, 1, 100)
	text("description", d.Description, 0, 500)
	text("icon", d.Icon, 0, 100)
	text("color", d.Color, 0, 50)
	if len(bad) > 0 {
		return fault.ErrInvalid.With(bad...)
	}
	t.s.Details, t.s.Updated = d, now
	return nil
}

// ID returns the tag's id.
func (t *Tag) ID() TagID { return t.s.ID }

// Details returns what may be changed.
func (t *Tag) Details() TagDetails { return t.s.Details }

// Version rises with every change.
func (t *Tag) Version() int64 { return t.s.Version }
