package tenancy

import (
	"context"
	"fmt"

	"ostiary/domain/actor"
	"ostiary/domain/tenant"
)

// GetInput names a tenant.
type GetInput struct {
	Actor  actor.Actor
	Tenant tenant.Code
}

// Get needs tenants:read of the operator, settings:read of the tenant itself.
func (s *Admin) Get(ctx context.Context, in GetInput) (*tenant.Tenant, error) {
	p := either(in.Actor, actor.TenantsRead, actor.SettingsRead)
	return Admit(ctx, s.tenants, Admission{in.Actor, p, in.Tenant})
}

// Scopes returns the tenant with what it offers; its version is that of the
// offer too.
func (s *Admin) Scopes(ctx context.Context, in GetInput) (*tenant.Tenant, error) {
	return Admit(ctx, s.tenants, Admission{in.Actor, actor.ScopesRead, in.Tenant})
}

// ListInput selects tenants by rising code, after the given one.
type ListInput struct {
	Actor actor.Actor
	After tenant.Code
	Limit int
}

// List is the operator's. more says that the list goes on.
func (s *Admin) List(ctx context.Context, in ListInput) (items []*tenant.Tenant, more bool, err error) {
	if err := in.Actor.MayOperate(actor.TenantsRead); err != nil {
		return nil, false, err
	}
	items, err = s.tenants.List(ctx, in.After, in.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("list tenants: %w", err)
	}
	if len(items) > in.Limit {
		return items[:in.Limit], true, nil
	}
	return items, false, nil
}
