package tenancy

import (
	"context"
	"fmt"

	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/money"
	"ostiary/domain/tenant"
)

// defaultCurrency is a tenant's currency when none is said.
const defaultCurrency = "EUR"

// CreateInput describes a new tenant. Without scopes none is offered; without
// a currency it is EUR; without a status it is active.
type CreateInput struct {
	Actor   actor.Actor
	Code    tenant.Code
	Details tenant.Details
}

// Create is the operator's. It returns tenant.ErrCodeTaken, ErrHostTaken or
// ErrAudienceTaken, or what rule a value breaks.
func (s *Admin) Create(ctx context.Context, in CreateInput) (*tenant.Tenant, error) {
	if err := in.Actor.MayOperate(actor.TenantsWrite); err != nil {
		return nil, err
	}
	d := cloned(in.Details)
	if d.Currency.IsZero() {
		d.Currency = money.RestoreCurrency(defaultCurrency)
	}
	if err := s.acceptable(in.Code, d); err != nil {
		return nil, err
	}
	t, err := tenant.New(tenant.IDFromBytes(s.random.UUID()), in.Code, d, s.clock.Now())
	if err != nil {
		return nil, err
	}
	if err := s.tenants.Add(ctx, t); err != nil {
		return nil, fmt.Errorf("add tenant: %w", err)
	}
	return t, s.record(ctx, audit.Event{Tenant: t.ID(), Actor: in.Actor.String(), Action: "tenant.created", Target: target(t)})
}
