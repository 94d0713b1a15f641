// Package company holds a tenant's business customers, each with its one
// portal. Who may enter that portal is decided in package portal.
package company

import (
	"math"
	"time"

	"ostiary/domain/avatar"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/id"
	"ostiary/domain/line"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
)

type (
	kind   struct{}
	portal struct{}
)

// ID names a company within its tenant.
type ID = id.Number[kind]

// PortalID names the portal of a company.
type PortalID = id.UUID[portal]

// ParseID reads decimal digits.
func ParseID(s string) (ID, error) { return id.ParseNumber[kind](s) }

// IDOf wraps a number.
func IDOf(n int64) (ID, error) { return id.NumberOf[kind](n) }

// ParsePortalID reads the canonical form.
func ParsePortalID(s string) (PortalID, error) { return id.Parse[portal](s) }

// PortalIDFromBytes wraps 16 bytes.
func PortalIDFromBytes(b [16]byte) PortalID { return id.FromBytes[portal](b) }

// Refusals about companies.
var (
	ErrNotFound = fault.New(fault.NotFound, "company_not_found", "There is no such company.")
	ErrInUse    = fault.New(fault.Conflict, "company_in_use", "That company still has contacts.")
	ErrCurrency = fault.New(fault.Conflict, "currency_in_use", "The currency cannot change while the company has documents.")
)

// Portal is the sign-in target of a company.
type Portal struct {
	ID          PortalID
	DisplayName string
	Enabled     bool
}

// Address is a postal address. Coordinates are kept as decimal text and nil
// when unknown, so that they come back as they went in.
type Address struct {
	ID          string
	City        string
	Country     string
	HouseNumber string
	PostalCode  string
	Street      string
	Latitude    *float64
	Longitude   *float64
}

// Details are what an admin may change.
type Details struct {
	Name        string
	Email       email.Address
	Phone       string
	Currency    money.Currency // zero: the tenant's
	ExternalRef string
	Billing     *Address
	Scopes      scope.Map // narrowing
	Portal      Portal
}

// Snapshot is a company laid open for storage.
type Snapshot struct {
	Tenant  tenant.ID
	ID      ID
	Details Details
	Avatar  avatar.Avatar
	Created time.Time
	Updated time.Time
	Version int64
}

// Company is a business customer of a tenant.
type Company struct{ s Snapshot }

// New makes a company. Its portal is named like the company when it has no name.
func New(t tenant.ID, cid ID, d Details, now time.Time) (*Company, error) {
	c := &Company{s: Snapshot{Tenant: t, ID: cid, Created: now, Version: 1}}
	if d.Portal.DisplayName == "" {
		d.Portal.DisplayName = d.Name
	}
	if err := c.set(d, now); err != nil {
		return nil, err
	}
	return c, nil
}

// Restore rebuilds a stored company.
func Restore(s Snapshot) *Company { return &Company{s: s} }

// Snapshot lays the company open for storage.
func (c *Company) Snapshot() Snapshot { return c.s }

// Change replaces what may be changed. The portal keeps its id.
func (c *Company) Change(d Details, now time.Time) error {
	d.Portal.ID = c.s.Details.Portal.ID
	if err := c.set(d, now); err != nil {
		return err
	}
	c.s.Version++
	return nil
}

// Picture replaces the avatar.
func (c *Company) Picture(a avatar.Avatar, now time.Time) {
	c.s.Avatar, c.s.Updated = a, now
	c.s.Version++
}

func (c *Company) set(d Details, now time.Time) error {
	var bad []fault.Field
	text := func(member, v string, lo, hi int) {
		bad = append(bad, line.Check("/"+member, v, lo, hi)...)
	}
	text("name", d.Name, 1, 200)
	text("phone", d.Phone, 0, 50)
	text("externalRef", d.ExternalRef, 0, 200)
	text("portal/displayName", d.Portal.DisplayName, 1, 200)
	if len(d.Scopes) > scope.Max {
		bad = append(bad, fault.Field{Pointer: "/scopes", Code: "too_many", Detail: "At most 100 scopes."})
	}
	if a := d.Billing; a != nil {
		text("billingAddress/id", a.ID, 0, 100)
		text("billingAddress/city", a.City, 0, 200)
		text("billingAddress/country", a.Country, 0, 100)
		text("billingAddress/houseNumber", a.HouseNumber, 0, 50)
		text("billingAddress/postalCode", a.PostalCode, 0, 50)
		text("billingAddress/street", a.Street, 0, 200)
		if !within(a.Latitude, 90) {
			bad = append(bad, fault.Field{Pointer: "/billingAddress/latitude", Code: "out_of_range", Detail: "A latitude is -90 to 90."})
		}
		if !within(a.Longitude, 180) {
			bad = append(bad, fault.Field{Pointer: "/billingAddress/longitude", Code: "out_of_range", Detail: "A longitude is -180 to 180."})
		}
	}
	if len(bad) > 0 {
		return fault.ErrInvalid.With(bad...)
	}
	c.s.Details, c.s.Updated = d, now
	return nil
}

// within reports whether a coordinate is unknown or a number up to the bound.
func within(v *float64, bound float64) bool { return v == nil || math.Abs(*v) <= bound }

// Tenant returns the owner.
func (c *Company) Tenant() tenant.ID { return c.s.Tenant }

// ID returns the company's id.
func (c *Company) ID() ID { return c.s.ID }

// Name returns the company's name.
func (c *Company) Name() string { return c.s.Details.Name }

// Details returns what may be changed.
func (c *Company) Details() Details { return c.s.Details }

// Portal returns the company's portal.
func (c *Company) Portal() Portal { return c.s.Details.Portal }

// Avatar returns the picture, zero when there is none.
func (c *Company) Avatar() avatar.Avatar { return c.s.Avatar }

// Currency returns the company's currency, or the tenant's.
func (c *Company) Currency(t *tenant.Tenant) money.Currency {
	if c.s.Details.Currency.IsZero() {
		return t.Details().Currency
	}
	return c.s.Details.Currency
}

// Version rises with every change.
func (c *Company) Version() int64 { return c.s.Version }
