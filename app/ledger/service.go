// Package ledger takes in the orders, estimates and invoices of a tenant's
// companies. What they add up to is decided in the domain and kept by the
// store; showing it is the business of package profile.
package ledger

import (
	"context"
	"fmt"
	"strconv"

	"ostiary/app/port"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// Service keeps documents.
type Service struct {
	tenants   port.Tenants
	companies port.Companies
	store     port.Ledger
	clock     port.Clock
	trail     port.Trail
}

// New puts the parts together.
func New(tenants port.Tenants, companies port.Companies, store port.Ledger, clock port.Clock, trail port.Trail) *Service {
	return &Service{tenants: tenants, companies: companies, store: store, clock: clock, trail: trail}
}

// Caller says who asks about which tenant.
type Caller struct {
	Actor  actor.Actor
	Tenant tenant.Code
}

func (s *Service) admit(ctx context.Context, c Caller) (*tenant.Tenant, error) {
	return tenancy.Admit(ctx, s.tenants, tenancy.Admission{Actor: c.Actor, Permission: actor.DocumentsWrite, Tenant: c.Tenant})
}

// PutInput stores one document. Over is the fingerprint of the one that the
// caller knows, zero for none.
type PutInput struct {
	Caller
	Document DocumentInput
	Over     secret.Digest
}

// Put needs documents:write and answers what is stored then: the present
// document, when its version is not below the one sent. It returns
// company.ErrNotFound, ledger.ErrKind, what rule a value breaks, or
// port.ErrVersion when another document than the one known is stored.
func (s *Service) Put(ctx context.Context, in PutInput) (ledger.Document, error) {
	t, err := s.admit(ctx, in.Caller)
	if err != nil {
		return ledger.Document{}, err
	}
	c, err := s.companies.ByID(ctx, t.ID(), in.Document.Company)
	if err != nil {
		return ledger.Document{}, fmt.Errorf("find company: %w", err)
	}
	d, err := in.Document.read(t.ID(), c.Currency(t), s.clock.Now())
	if err != nil {
		return ledger.Document{}, err
	}
	d.Over = in.Over
	stored, err := s.store.Put(ctx, d)
	if err != nil {
		return ledger.Document{}, fmt.Errorf("store document: %w", err)
	}
	if now := stored.Fingerprint(); !in.Over.IsZero() && now != in.Over && now != d.Fingerprint() {
		return ledger.Document{}, port.ErrVersion
	}
	if stored.Version != d.Version || !stored.Updated.Equal(d.Updated) {
		return stored, nil // superseded: nothing was changed, nothing is recorded
	}
	return stored, s.record(ctx, in.Actor, about(t.ID(), c.ID(), d.Kind), "document.stored")
}

// DeleteInput names a document.
type DeleteInput struct {
	Caller
	Company company.ID
	Kind    string
	Ref     string
}

// Delete needs documents:write. It returns ledger.ErrNotFound, also for a
// company that the tenant does not have.
func (s *Service) Delete(ctx context.Context, in DeleteInput) error {
	t, err := s.admit(ctx, in.Caller)
	if err != nil {
		return err
	}
	kind, err := ledger.ParseKind(in.Kind)
	if err != nil {
		return err
	}
	ref, err := ledger.ParseRef(in.Ref)
	if err != nil {
		return ledger.ErrNotFound
	}
	if err := s.store.Delete(ctx, t.ID(), in.Company, kind, ref); err != nil {
		return fmt.Errorf("delete document: %w", err)
	}
	return s.record(ctx, in.Actor, about(t.ID(), in.Company, kind), "document.deleted")
}

// PutAllInput stores many documents.
type PutAllInput struct {
	Caller
	Documents []DocumentInput
}

// idsAtOnce bounds one question to the store.
const idsAtOnce = 500

// PutAll needs documents:write. Each document stands for itself: its refusal,
// or nil, is at its place in the answer. After an outage some may be stored;
// all may be sent again.
func (s *Service) PutAll(ctx context.Context, in PutAllInput) ([]error, error) {
	t, err := s.admit(ctx, in.Caller)
	if err != nil {
		return nil, err
	}
	currencies, err := s.currencies(ctx, t, in.Documents)
	if err != nil {
		return nil, err
	}
	refusals := make([]error, len(in.Documents))
	docs := make([]ledger.Document, 0, len(in.Documents))
	places := make([]int, 0, len(in.Documents))
	now := s.clock.Now()
	for i, line := range in.Documents {
		currency, known := currencies[line.Company]
		if !known {
			refusals[i] = company.ErrNotFound
			continue
		}
		d, err := line.read(t.ID(), currency, now)
		if err != nil {
			refusals[i] = err
			continue
		}
		docs, places = append(docs, d), append(places, i)
	}
	if len(docs) == 0 {
		return refusals, nil
	}
	refused, err := s.store.PutAll(ctx, t.ID(), docs)
	if err != nil {
		return nil, fmt.Errorf("store documents: %w", err)
	}
	for i, r := range refused {
		refusals[places[i]] = r
	}
	e := audit.Event{
		Tenant: t.ID(), Target: "tenant:" + t.ID().String(),
		Details: map[string]string{"documents": strconv.Itoa(len(docs))},
	}
	return refusals, s.record(ctx, in.Actor, e, "documents.stored")
}

// currencies looks every company of a batch up once.
func (s *Service) currencies(ctx context.Context, t *tenant.Tenant, lines []DocumentInput) (map[company.ID]money.Currency, error) {
	seen := make(map[company.ID]bool)
	var ids []company.ID
	for _, l := range lines {
		if !l.Company.IsZero() && !seen[l.Company] {
			seen[l.Company] = true
			ids = append(ids, l.Company)
		}
	}
	out := make(map[company.ID]money.Currency, len(ids))
	for len(ids) > 0 {
		n := min(idsAtOnce, len(ids))
		found, err := s.companies.ByIDs(ctx, t.ID(), ids[:n])
		if err != nil {
			return nil, fmt.Errorf("find companies: %w", err)
		}
		for _, c := range found {
			out[c.ID()] = c.Currency(t)
		}
		ids = ids[n:]
	}
	return out, nil
}

// about names the company and the kind; a reference is the tenant's own text
// and stays out.
func about(t tenant.ID, c company.ID, k ledger.Kind) audit.Event {
	return audit.Event{Tenant: t, Target: "company:" + c.String(), Details: map[string]string{"kind": string(k)}}
}

func (s *Service) record(ctx context.Context, by actor.Actor, e audit.Event, action string) error {
	e.Actor, e.Action, e.Outcome = by.String(), action, audit.Granted
	if err := s.trail.Record(ctx, e); err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}
