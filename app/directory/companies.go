package directory

import (
	"context"
	"fmt"
	"maps"
	"reflect"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/company"
	"ostiary/domain/money"
	"ostiary/domain/tenant"
)

// Companies keeps companies with their portals.
type Companies struct {
	office    Office
	companies port.Companies
	ledger    port.Ledger
	blobs     port.Blobs
}

// NewCompanies puts the parts together.
func NewCompanies(o Office, companies port.Companies, ledger port.Ledger, blobs port.Blobs) *Companies {
	return &Companies{office: o, companies: companies, ledger: ledger, blobs: blobs}
}

// CreateCompanyInput describes a new company. Without a currency it gets the
// tenant's present one and keeps it, so that a later change of the tenant's
// does not rename what the company's documents are counted in.
type CreateCompanyInput struct {
	Caller
	Details company.Details
	// DefaultPortal: no portal was described; one is made, enabled and named
	// like the company.
	DefaultPortal bool
}

// Create needs companies:write.
func (s *Companies) Create(ctx context.Context, in CreateCompanyInput) (*company.Company, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.CompaniesWrite)
	if err != nil {
		return nil, err
	}
	d := priced(in.Details, t)
	if in.DefaultPortal {
		d.Portal = company.Portal{Enabled: true}
	}
	d.Portal.ID = company.PortalIDFromBytes(s.office.Random.UUID())
	number, err := s.office.Numbers.Company(ctx, t.ID())
	if err != nil {
		return nil, fmt.Errorf("number company: %w", err)
	}
	c, err := company.New(t.ID(), number, d, s.office.now())
	if err != nil {
		return nil, err
	}
	if err := s.companies.Add(ctx, c); err != nil {
		return nil, fmt.Errorf("add company: %w", err)
	}
	return c, s.office.record(ctx, fact{tenant: t.ID(), actor: in.Actor, action: "company.created", target: companyTarget(c.ID())})
}

// GetCompanyInput names a company.
type GetCompanyInput struct {
	Caller
	ID company.ID
}

// Get needs companies:read.
func (s *Companies) Get(ctx context.Context, in GetCompanyInput) (*company.Company, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.CompaniesRead)
	if err != nil {
		return nil, err
	}
	c, err := s.companies.ByID(ctx, t.ID(), in.ID)
	if err != nil {
		return nil, fmt.Errorf("find company: %w", err)
	}
	return told(c, t), nil
}

// ListCompaniesInput selects companies by rising id, after the given one.
type ListCompaniesInput struct {
	Caller
	After company.ID
	Limit int
}

// List needs companies:read. more says that the list goes on.
func (s *Companies) List(ctx context.Context, in ListCompaniesInput) (items []*company.Company, more bool, err error) {
	t, err := s.office.admit(ctx, in.Caller, actor.CompaniesRead)
	if err != nil {
		return nil, false, err
	}
	items, err = s.companies.List(ctx, t.ID(), in.After, in.Limit+1)
	for i, c := range items {
		items[i] = told(c, t)
	}
	return page(items, in.Limit, err)
}

// DeleteCompanyInput names a company. IfMatch is the version the caller
// knows, 0 for none.
type DeleteCompanyInput struct {
	Caller
	ID      company.ID
	IfMatch int64
}

// Delete needs companies:write. It returns company.ErrInUse while a contact
// belongs to the company; its documents go with it.
func (s *Companies) Delete(ctx context.Context, in DeleteCompanyInput) error {
	t, err := s.office.admit(ctx, in.Caller, actor.CompaniesWrite)
	if err != nil {
		return err
	}
	c, err := s.companies.ByID(ctx, t.ID(), in.ID)
	if err != nil {
		return fmt.Errorf("find company: %w", err)
	}
	if err := s.companies.Delete(ctx, t.ID(), in.ID, in.IfMatch); err != nil {
		return fmt.Errorf("delete company: %w", err)
	}
	discard(ctx, s.blobs, t.ID(), c.Avatar())
	return s.office.record(ctx, fact{tenant: t.ID(), actor: in.Actor, action: "company.deleted", target: companyTarget(in.ID)})
}

// priced fills in the tenant's currency.
func priced(d company.Details, t *tenant.Tenant) company.Details {
	if d.Currency.IsZero() {
		d.Currency = t.Details().Currency
	}
	return d
}

// told spells out the currency of a company that was stored without one.
func told(c *company.Company, t *tenant.Tenant) *company.Company {
	s := c.Snapshot()
	s.Details.Currency = c.Currency(t)
	return company.Restore(s)
}

func companyTarget(id company.ID) string { return "company:" + id.String() }

// changedCompany names the members in which two states of a company differ.
func changedCompany(before, after company.Details) []string {
	var d differing
	d.unless(before.Name == after.Name, "name")
	d.unless(before.Email == after.Email, "email")
	d.unless(before.Phone == after.Phone, "phone")
	d.unless(before.Currency == after.Currency, "currency")
	d.unless(before.ExternalRef == after.ExternalRef, "externalRef")
	d.unless(reflect.DeepEqual(before.Billing, after.Billing), "billingAddress")
	d.unless(maps.Equal(before.Scopes, after.Scopes), "scopes")
	d.unless(before.Portal.DisplayName == after.Portal.DisplayName && before.Portal.Enabled == after.Portal.Enabled, "portal")
	return d
}

// currencyChange is found inside an update; whether it is allowed is known
// only outside of it.
type currencyChange struct {
	from, to money.Currency
}

func (c currencyChange) real() bool { return c.from != c.to }
