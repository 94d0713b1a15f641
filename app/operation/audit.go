package operation

import (
	"context"
	"fmt"

	"ostiary/app/port"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/tenant"
)

// AuditQuery selects audit records; zero members select everything.
type AuditQuery = port.AuditQuery

// Audit reads what was recorded and proves that it is whole.
type Audit struct {
	tenants port.Tenants
	store   port.Audit
	vault   port.Vault
}

// NewAudit puts the parts together.
func NewAudit(tenants port.Tenants, store port.Audit, vault port.Vault) *Audit {
	return &Audit{tenants: tenants, store: store, vault: vault}
}

// ListEventsInput selects records, newest first. Tenant "" stands for the
// system's chain, which is the operator's alone. The cursor is Query.Before.
type ListEventsInput struct {
	Caller
	Query AuditQuery
}

// List needs audit:read. more says that the list goes on.
func (s *Audit) List(ctx context.Context, in ListEventsInput) (items []audit.Record, more bool, err error) {
	owner, err := s.admit(ctx, in.Caller)
	if err != nil {
		return nil, false, err
	}
	limit := in.Query.Limit
	in.Query.Limit++
	items, err = s.store.List(ctx, owner, in.Query)
	if err != nil {
		return nil, false, fmt.Errorf("list audit records: %w", err)
	}
	if len(items) > limit {
		return items[:limit], true, nil
	}
	return items, false, nil
}

func (s *Audit) admit(ctx context.Context, c Caller) (tenant.ID, error) {
	if c.Tenant == "" {
		return tenant.ID{}, c.Actor.MayOperate(actor.AuditRead)
	}
	t, err := tenancy.Admit(ctx, s.tenants, tenancy.Admission{Actor: c.Actor, Permission: actor.AuditRead, Tenant: c.Tenant})
	if err != nil {
		return tenant.ID{}, err
	}
	return t.ID(), nil
}
