package tenancy

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

// AdminConfig names the deployment: what it is called by none of its tenants
// may be.
type AdminConfig struct {
	PublicURL  string
	BaseDomain string // "" when unset
}

// Admin keeps tenants, their scopes and their settings.
type Admin struct {
	tenants port.Tenants
	random  port.Random
	clock   port.Clock
	trail   port.Trail
	url     string // public URL without a slash at the end
	host    string // its host name
	base    string
}

// NewAdmin puts the parts together.
func NewAdmin(tenants port.Tenants, random port.Random, clock port.Clock, trail port.Trail, c AdminConfig) *Admin {
	a := &Admin{tenants: tenants, random: random, clock: clock, trail: trail, base: canonical(c.BaseDomain)}
	a.url = strings.TrimRight(c.PublicURL, "/")
	if u, err := url.Parse(a.url); err == nil {
		a.host = canonical(u.Hostname())
	}
	return a
}

// canonical spells a configured host name the way that registered ones are.
func canonical(host string) string {
	host = strings.ToLower(strings.Trim(host, "."))
	if h, err := tenant.ParseHost(host); err == nil {
		return string(h)
	}
	return host
}

// Admission is what every admin route about a tenant asks first.
type Admission struct {
	Actor      actor.Actor
	Permission actor.Permission
	Tenant     tenant.Code
}

// Admit returns the tenant when the actor holds the permission there. For a
// tenant's credential another tenant is tenant.ErrNotFound, like a code that
// nobody has; a suspended tenant is kept by the operator as before.
func Admit(ctx context.Context, tenants port.Tenants, in Admission) (*tenant.Tenant, error) {
	if in.Actor.OfOperator() && !in.Actor.Has(in.Permission) {
		return nil, actor.ErrForbidden
	}
	t, err := tenants.ByCode(ctx, in.Tenant)
	if err != nil {
		return nil, fmt.Errorf("find tenant: %w", err)
	}
	if err := in.Actor.May(in.Permission, t.ID()); err != nil {
		if e := fault.Of(err); e.Kind() == fault.Forbidden {
			return nil, e.Led(tenant.Ref{Tenant: t}.Judged(), fault.Step{Name: "credential", Outcome: "right"})
		}
		return nil, err
	}
	return t, nil
}

// admitOperator is Admit for what is the operator's alone: a tenant's own
// credential is told that its tenant exists, and no more.
func (s *Admin) admitOperator(ctx context.Context, in Admission) (*tenant.Tenant, error) {
	t, err := Admit(ctx, s.tenants, in)
	if err != nil {
		return nil, err
	}
	return t, in.Actor.MayOperate(in.Permission)
}

// either picks the permission by which the actor may be admitted: tenants:*
// is the operator's right to what settings:* is a tenant's right to.
func either(a actor.Actor, operators, tenants actor.Permission) actor.Permission {
	if a.MayOperate(operators) == nil {
		return operators
	}
	return tenants
}

// acceptable refuses hosts and audiences that are the deployment's own or that
// belong to another tenant by their form.
func (s *Admin) acceptable(code tenant.Code, d tenant.Details) error {
	for i, h := range d.Hosts {
		name := string(h)
		under := s.base != "" && (name == s.base || strings.HasSuffix(name, "."+s.base))
		if under || name == s.host {
			return fault.At("/hosts/"+strconv.Itoa(i), "host_reserved", "That host belongs to the deployment.")
		}
	}
	a := d.Settings.Audience
	own := s.url + "/t/" + string(code)
	if a != "" && a != own && (a == s.url || strings.HasPrefix(a, s.url+"/")) {
		return fault.At("/settings/audience", "audience_reserved", "That audience is not this tenant's.")
	}
	return nil
}

func (s *Admin) record(ctx context.Context, e audit.Event) error {
	e.Outcome = audit.Granted
	if err := s.trail.Record(ctx, e); err != nil {
		return fmt.Errorf("record %s: %w", e.Action, err)
	}
	return nil
}

func target(t *tenant.Tenant) string { return "tenant:" + t.ID().String() }

// changed names the members in which two states of a tenant differ.
func changed(before, after tenant.Details) []string {
	var out []string
	for _, m := range []struct {
		name string
		same bool
	}{
		{"name", before.Name == after.Name},
		{"currency", before.Currency == after.Currency},
		{"status", before.Status == after.Status},
		{"hosts", sameHosts(before.Hosts, after.Hosts)},
		{"scopes", sameScopes(before.Scopes, after.Scopes)},
		{"settings", reflect.DeepEqual(before.Settings, after.Settings)},
	} {
		if !m.same {
			out = append(out, m.name)
		}
	}
	return out
}
