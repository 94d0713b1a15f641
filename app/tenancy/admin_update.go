package tenancy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
)

// UpdateInput changes a tenant. Edit may run more than once. IfMatch is the
// version the caller knows, 0 for none.
type UpdateInput struct {
	Actor   actor.Actor
	Tenant  tenant.Code
	IfMatch int64
	Edit    func(tenant.Details) (tenant.Details, error)
}

// Update lets the operator change everything with tenants:write, and a tenant
// its name and settings with settings:write; actor.ErrForbidden when a tenant
// changes anything else.
func (s *Admin) Update(ctx context.Context, in UpdateInput) (*tenant.Tenant, error) {
	p := either(in.Actor, actor.TenantsWrite, actor.SettingsWrite)
	t, err := Admit(ctx, s.tenants, Admission{in.Actor, p, in.Tenant})
	if err != nil {
		return nil, err
	}
	own := []string{"name", "settings"}
	if p == actor.TenantsWrite {
		own = append(own, "currency", "status", "hosts", "scopes")
	}
	return s.change(ctx, t, in, own)
}

// PutScopesInput replaces what a tenant offers.
type PutScopesInput struct {
	Actor   actor.Actor
	Tenant  tenant.Code
	IfMatch int64
	Scopes  scope.Map
}

// PutScopes needs scopes:write.
func (s *Admin) PutScopes(ctx context.Context, in PutScopesInput) (*tenant.Tenant, error) {
	t, err := Admit(ctx, s.tenants, Admission{in.Actor, actor.ScopesWrite, in.Tenant})
	if err != nil {
		return nil, err
	}
	edit := func(d tenant.Details) (tenant.Details, error) {
		d.Scopes = in.Scopes.Clone()
		return d, nil
	}
	return s.change(ctx, t, UpdateInput{Actor: in.Actor, IfMatch: in.IfMatch, Edit: edit}, []string{"scopes"})
}

// change applies the edit unless it touches a member that is not the actor's own.
func (s *Admin) change(ctx context.Context, t *tenant.Tenant, in UpdateInput, own []string) (*tenant.Tenant, error) {
	now := s.clock.Now()
	var out *tenant.Tenant
	var members []string
	err := s.tenants.Update(ctx, t.ID(), func(t *tenant.Tenant) error {
		if in.IfMatch != 0 && in.IfMatch != t.Version() {
			return port.ErrVersion
		}
		before := t.Details()
		after, err := in.Edit(cloned(before))
		if err != nil {
			return err
		}
		members = changed(before, after)
		if slices.ContainsFunc(members, func(m string) bool { return !slices.Contains(own, m) }) {
			return actor.ErrForbidden
		}
		if err := s.acceptable(t.Code(), after); err != nil {
			return err
		}
		out = t
		return t.Change(after, now)
	})
	if err != nil {
		return nil, fmt.Errorf("change tenant: %w", err)
	}
	return out, s.record(ctx, audit.Event{
		Tenant: t.ID(), Actor: in.Actor.String(), Action: action(out, members), Target: target(t),
		Details: map[string]string{"changed": strings.Join(members, ",")},
	})
}

func action(t *tenant.Tenant, members []string) string {
	switch {
	case slices.Contains(members, "status") && t.Active():
		return "tenant.resumed"
	case slices.Contains(members, "status"):
		return "tenant.suspended"
	case slices.Equal(members, []string{"scopes"}):
		return "scopes.changed"
	default:
		return "tenant.updated"
	}
}

// cloned keeps an edit from reaching into the state it is compared with.
func cloned(d tenant.Details) tenant.Details {
	d.Hosts = slices.Clone(d.Hosts)
	d.Scopes = d.Scopes.Clone()
	d.Settings.Origins = slices.Clone(d.Settings.Origins)
	return d
}

// sameHosts compares as sets: the order is not the tenant's choice.
func sameHosts(a, b []tenant.Host) bool {
	set := func(hs []tenant.Host) []tenant.Host { return slices.Compact(slices.Sorted(slices.Values(hs))) }
	return slices.Equal(set(a), set(b))
}

func sameScopes(a, b scope.Map) bool { return maps.Equal(a, b) }
