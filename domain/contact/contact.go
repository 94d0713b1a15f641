// Package contact holds the people at a tenant's companies. Their secrets are
// the business of package user.
package contact

import (
	"slices"
	"strings"
	"time"

	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/id"
	"ostiary/domain/line"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
)

type kind struct{}

// ID names a contact within its tenant.
type ID = id.Number[kind]

// ParseID reads decimal digits.
func ParseID(s string) (ID, error) { return id.ParseNumber[kind](s) }

// IDOf wraps a number.
func IDOf(n int64) (ID, error) { return id.NumberOf[kind](n) }

// Refusals about contacts.
var (
	ErrNotFound   = fault.New(fault.NotFound, "contact_not_found", "There is no such contact.")
	ErrEmailTaken = fault.New(fault.Conflict, "email_taken", "That address is already in use.")
	ErrNeedsEmail = fault.New(fault.Invalid, "email_required", "A contact with a portal login needs an e-mail address.")
)

// MaxCompanies and MaxTags bound one contact.
const (
	MaxCompanies = 100
	MaxTags      = 50
)

// Receives says which papers a contact is sent for a company.
type Receives struct {
	Quotation            bool
	PurchaseOrder        bool
	PurchaseOrderInvoice bool
}

// Membership ties a contact to a company.
type Membership struct {
	Company  company.ID
	Primary  bool
	Receives Receives
}

// Details are what an admin may change.
type Details struct {
	FirstName   string
	LastName    string
	Email       email.Address // zero: none
	Phone       string
	Phone2      string
	Companies   []Membership // one of them primary
	Tags        []TagID
	Scopes      scope.Map // narrowing
	ExternalRef string
}

// Snapshot is a contact laid open for storage. HasLogin is written by the
// store alone: it says whether a user exists for the contact.
type Snapshot struct {
	Tenant   tenant.ID
	ID       ID
	Details  Details
	Avatar   avatar.Avatar
	HasLogin bool
	Created  time.Time
	Updated  time.Time
	Version  int64
}

// Contact is a person at one or more companies of one tenant.
type Contact struct{ s Snapshot }

// New makes a contact. Without a primary company the first listed becomes it.
func New(t tenant.ID, cid ID, d Details, now time.Time) (*Contact, error) {
	c := &Contact{s: Snapshot{Tenant: t, ID: cid, Created: now, Version: 1}}
	if err := c.set(d, now); err != nil {
		return nil, err
	}
	return c, nil
}

// Restore rebuilds a stored contact.
func Restore(s Snapshot) *Contact { return &Contact{s: s} }

// Snapshot lays the contact open for storage.
func (c *Contact) Snapshot() Snapshot { return c.s }

// Change replaces what may be changed. A contact with a login keeps an
// address: ErrNeedsEmail otherwise.
func (c *Contact) Change(d Details, now time.Time) error {
	if c.s.HasLogin && d.Email.IsZero() {
		return ErrNeedsEmail.With(fault.Field{Pointer: "/email", Code: ErrNeedsEmail.Code(), Detail: ErrNeedsEmail.Text()})
	}
	if err := c.set(d, now); err != nil {
		return err
	}
	c.s.Version++
	return nil
}

// Picture replaces the avatar.
func (c *Contact) Picture(a avatar.Avatar, now time.Time) {
	c.s.Avatar, c.s.Updated = a, now
	c.s.Version++
}

func (c *Contact) set(d Details, now time.Time) error {
	var bad []fault.Field
	text := func(member, v string, lo, hi int) {
		bad = append(bad, line.Check("/"+member, v, lo, hi)...)
	}
	text("firstName", d.FirstName, 1, 100)
	text("lastName", d.LastName, 0, 100)
	text("phone", d.Phone, 0, 50)
	text("phone2", d.Phone2, 0, 50)
	text("externalRef", d.ExternalRef, 0, 200)
	members, field := membershipsOf(d.Companies)
	if field != nil {
		bad = append(bad, *field)
	}
	slices.SortFunc(d.Tags, func(a, b TagID) int { return int(a.Int() - b.Int()) })
	d.Tags = slices.Compact(d.Tags)
	if len(d.Tags) > MaxTags {
		bad = append(bad, fault.Field{Pointer: "/tags", Code: "too_many", Detail: "At most 50 tags."})
	}
	if len(d.Scopes) > scope.Max {
		bad = append(bad, fault.Field{Pointer: "/scopes", Code: "too_many", Detail: "At most 100 scopes."})
	}
	if len(bad) > 0 {
		return fault.ErrInvalid.With(bad...)
	}
	d.Companies = members
	c.s.Details, c.s.Updated = d, now
	return nil
}

// membershipsOf sorts by company and sees to exactly one primary.
func membershipsOf(in []Membership) ([]Membership, *fault.Field) {
	refuse := func(code, detail string) ([]Membership, *fault.Field) {
		return nil, &fault.Field{Pointer: "/companies", Code: code, Detail: detail}
	}
	if len(in) == 0 {
		return refuse("required", "A contact belongs to at least one company.")
	}
	if len(in) > MaxCompanies {
		return refuse("too_many", "At most 100 companies.")
	}
	out, primaries := slices.Clone(in), 0
	for _, m := range out {
		if m.Primary {
			primaries++
		}
	}
	if primaries > 1 {
		return refuse("one_primary", "Only one company is the primary one.")
	}
	if primaries == 0 {
		out[0].Primary = true
	}
	slices.SortStableFunc(out, func(a, b Membership) int { return int(a.Company.Int() - b.Company.Int()) })
	for i := 1; i < len(out); i++ {
		if out[i].Company == out[i-1].Company {
			return refuse("duplicate", "A company is listed twice.")
		}
	}
	return out, nil
}

// Tenant returns the owner.
func (c *Contact) Tenant() tenant.ID { return c.s.Tenant }

// ID returns the contact's id.
func (c *Contact) ID() ID { return c.s.ID }

// Details returns what may be changed.
func (c *Contact) Details() Details { return c.s.Details }

// Email returns the address on record, zero when there is none.
func (c *Contact) Email() email.Address { return c.s.Details.Email }

// FullName joins first and last name.
func (c *Contact) FullName() string {
	return strings.TrimSpace(c.s.Details.FirstName + " " + c.s.Details.LastName)
}

// Avatar returns the picture, zero when there is none.
func (c *Contact) Avatar() avatar.Avatar { return c.s.Avatar }

// HasLogin reports whether the contact has a portal login.
func (c *Contact) HasLogin() bool { return c.s.HasLogin }

// Primary returns the membership of the primary company.
func (c *Contact) Primary() Membership {
	for _, m := range c.s.Details.Companies {
		if m.Primary {
			return m
		}
	}
	return Membership{}
}

// Version rises with every change.
func (c *Contact) Version() int64 { return c.s.Version }
