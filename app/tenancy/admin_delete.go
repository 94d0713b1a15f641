package tenancy

import (
	"context"
	"fmt"

	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/tenant"
)

// DeleteInput names a tenant. IfMatch is the version the caller knows, 0 for none.
type DeleteInput struct {
	Actor   actor.Actor
	Tenant  tenant.Code
	IfMatch int64
}

// Delete is the operator's. Everything of the tenant goes but its audit
// records; the deletion itself is recorded in the system's chain, which can
// still be read afterwards.
func (s *Admin) Delete(ctx context.Context, in DeleteInput) error {
	t, err := s.admitOperator(ctx, Admission{in.Actor, actor.TenantsWrite, in.Tenant})
	if err != nil {
		return err
	}
	if err := s.tenants.Delete(ctx, t.ID(), in.IfMatch); err != nil {
		return fmt.Errorf("delete tenant: %w", err)
	}
	return s.record(ctx, audit.Event{
		Actor: in.Actor.String(), Action: "tenant.deleted", Target: target(t),
		Details: map[string]string{"code": string(t.Code())},
	})
}
