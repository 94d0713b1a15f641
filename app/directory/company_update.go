package directory

import (
	"context"
	"errors"
	"fmt"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/company"
	"ostiary/domain/tenant"
)

// UpdateCompanyInput changes a company. Edit may run more than once. IfMatch
// is the version the caller knows, 0 for none.
type UpdateCompanyInput struct {
	Caller
	ID      company.ID
	IfMatch int64
	Edit    func(company.Details) (company.Details, error)
}

// errAskLedger leaves an update to ask whether the company has documents,
// which no change may do itself.
var errAskLedger = errors.New("directory: the currency changes")

// Update needs companies:write. The currency changes only while the company
// has no documents: company.ErrCurrency otherwise.
func (s *Companies) Update(ctx context.Context, in UpdateCompanyInput) (*company.Company, error) {
	t, err := s.office.admit(ctx, in.Caller, actor.CompaniesWrite)
	if err != nil {
		return nil, err
	}
	c, change, members, err := s.change(ctx, t, in, false)
	if errors.Is(err, errAskLedger) {
		if err := s.noDocuments(ctx, t, in.ID); err != nil {
			return nil, err
		}
		c, change, members, err = s.change(ctx, t, in, true)
	}
	if err != nil {
		return nil, fmt.Errorf("change company: %w", err)
	}
	if change.real() {
		if err := s.confirm(ctx, t, in.ID, change); err != nil {
			return nil, err
		}
	}
	return c, s.office.record(ctx, fact{t.ID(), in.Actor, "company.updated", companyTarget(in.ID), members})
}

func (s *Companies) change(ctx context.Context, t *tenant.Tenant, in UpdateCompanyInput, asked bool) (*company.Company, currencyChange, []string, error) {
	now := s.office.now()
	var out *company.Company
	var money currencyChange
	var members []string
	err := s.companies.Update(ctx, t.ID(), in.ID, func(c *company.Company) error {
		if err := matches(in.IfMatch, c.Version()); err != nil {
			return err
		}
		after, err := in.Edit(separate(c.Details()))
		if err != nil {
			return err
		}
		after = priced(after, t)
		money = currencyChange{from: c.Currency(t), to: after.Currency}
		if money.real() && !asked {
			return errAskLedger
		}
		out, members = c, changedCompany(c.Details(), after)
		return c.Change(after, now)
	})
	return out, money, members, err
}

// separate keeps an edit from reaching into the state it is compared with.
func separate(d company.Details) company.Details {
	d.Scopes = d.Scopes.Clone()
	if d.Billing != nil {
		b := *d.Billing
		d.Billing = &b
	}
	return d
}

func (s *Companies) noDocuments(ctx context.Context, t *tenant.Tenant, id company.ID) error {
	f, err := s.ledger.Figures(ctx, t.ID(), id)
	if err != nil {
		return fmt.Errorf("read figures: %w", err)
	}
	if f.Documents > 0 {
		return company.ErrCurrency
	}
	return nil
}

// confirm takes a new currency back when a document in the old one came in
// between the question and the change.
func (s *Companies) confirm(ctx context.Context, t *tenant.Tenant, id company.ID, done currencyChange) error {
	refused := s.noDocuments(ctx, t, id)
	if !errors.Is(refused, company.ErrCurrency) {
		return refused
	}
	now := s.office.now()
	err := s.companies.Update(ctx, t.ID(), id, func(c *company.Company) error {
		d := c.Details()
		if d.Currency != done.to {
			return port.Keep
		}
		d.Currency = done.from
		return c.Change(d, now)
	})
	if err != nil {
		return fmt.Errorf("take currency back: %w", err)
	}
	return refused
}
