package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"ostiary/app/tenancy"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
)

type tenantCmd struct {
	Create  tenantCreateCmd  `cmd:"" help:"Make a tenant."`
	List    tenantListCmd    `cmd:"" help:"List tenants."`
	Show    tenantShowCmd    `cmd:"" help:"Show one tenant."`
	Suspend tenantSuspendCmd `cmd:"" help:"Stop serving a tenant, or serve it again."`
}

type tenantWire struct {
	ID        string          `json:"id"`
	Code      string          `json:"code"`
	Name      string          `json:"name"`
	Status    string          `json:"status"`
	Currency  string          `json:"currency"`
	Scopes    map[string]bool `json:"scopes"`
	Hosts     []string        `json:"hosts"`
	CreatedAt string          `json:"createdAt"`
	UpdatedAt string          `json:"updatedAt"`
}

func wireOf(t *tenant.Tenant) tenantWire {
	s := t.Snapshot()
	w := tenantWire{
		ID: s.ID.String(), Code: string(s.Code), Name: s.Details.Name, Status: string(s.Details.Status),
		Currency: s.Details.Currency.String(), Scopes: scopesWire(t.Offer()), Hosts: []string{},
		CreatedAt: stamp(s.Created), UpdatedAt: stamp(s.Updated),
	}
	for _, h := range s.Details.Hosts {
		w.Hosts = append(w.Hosts, string(h))
	}
	return w
}

func scopesWire(offer scope.Switches) map[string]bool {
	out := map[string]bool{}
	for _, s := range offer {
		out[string(s.Name)] = s.On
	}
	return out
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func (w tenantWire) row() []string {
	return []string{w.Code, w.Name, w.Status, w.Currency, w.ID, w.CreatedAt}
}

var tenantHeading = []string{"CODE", "NAME", "STATUS", "CURRENCY", "ID", "CREATED"}

func (s *session) printTenant(t *tenant.Tenant) error {
	w := wireOf(t)
	return s.print(w, tenantHeading, [][]string{w.row()})
}

type tenantCreateCmd struct {
	Code     string   `arg:"" help:"DNS label that names the tenant."`
	Name     string   `required:"" help:"Display name."`
	Currency string   `default:"EUR" help:"ISO 4217 code."`
	Scope    []string `help:"Scope to offer; may be repeated."`
	Host     []string `help:"Host name of the tenant; may be repeated."`
}

// Run implements the command.
func (c tenantCreateCmd) Run(s *session) error {
	code, err := codeOf(c.Code)
	if err != nil {
		return err
	}
	d := tenant.Details{Name: c.Name, Scopes: scope.Map{}}
	if d.Currency, err = money.ParseCurrency(c.Currency); err != nil {
		return usage(err)
	}
	for _, name := range c.Scope {
		n, err := scope.ParseName(name)
		if err != nil {
			return usage(err)
		}
		d.Scopes[n] = true
	}
	for _, host := range c.Host {
		h, err := tenant.ParseHost(host)
		if err != nil {
			return usage(err)
		}
		d.Hosts = append(d.Hosts, h)
	}
	return s.with(func(svc Services) error {
		t, err := svc.Tenants.Create(s.ctx, tenancy.CreateInput{Actor: s.actor(), Code: code, Details: d})
		if err != nil {
			return err
		}
		return s.printTenant(t)
	})
}

type tenantListCmd struct{}

const pageSize = 500

// Run implements the command.
func (tenantListCmd) Run(s *session) error {
	return s.with(func(svc Services) error {
		all, rows := []tenantWire{}, [][]string{}
		for after, more := tenant.Code(""), true; more; {
			var items []*tenant.Tenant
			var err error
			items, more, err = svc.Tenants.List(s.ctx, tenancy.ListInput{Actor: s.actor(), After: after, Limit: pageSize})
			if err != nil {
				return err
			}
			for _, t := range items {
				all, rows, after = append(all, wireOf(t)), append(rows, wireOf(t).row()), t.Code()
			}
		}
		return s.print(all, tenantHeading, rows)
	})
}

type tenantShowCmd struct {
	Code string `arg:"" help:"Code of the tenant."`
}

// Run implements the command.
func (c tenantShowCmd) Run(s *session) error {
	code, err := codeOf(c.Code)
	if err != nil {
		return err
	}
	return s.with(func(svc Services) error {
		t, err := svc.Tenants.Get(s.ctx, tenancy.GetInput{Actor: s.actor(), Tenant: code})
		if err != nil {
			return err
		}
		return s.printTenant(t)
	})
}

type tenantSuspendCmd struct {
	Code string `arg:"" help:"Code of the tenant."`
	Undo bool   `help:"Serve the tenant again."`
}

// Run implements the command.
func (c tenantSuspendCmd) Run(s *session) error {
	code, err := codeOf(c.Code)
	if err != nil {
		return err
	}
	status := tenant.Suspended
	if c.Undo {
		status = tenant.Active
	}
	return s.with(func(svc Services) error {
		t, err := svc.Tenants.Update(s.ctx, tenancy.UpdateInput{
			Actor: s.actor(), Tenant: code,
			Edit: func(d tenant.Details) (tenant.Details, error) {
				d.Status = status
				return d, nil
			},
		})
		if err != nil {
			return err
		}
		return s.printTenant(t)
	})
}

type scopesCmd struct {
	Get scopesGetCmd `cmd:"" help:"Show what a tenant offers."`
	Set scopesSetCmd `cmd:"" help:"Replace what a tenant offers."`
}

func (s *session) printScopes(t *tenant.Tenant) error {
	rows := [][]string{}
	for _, one := range t.Offer() {
		rows = append(rows, []string{string(one.Name), strconv.FormatBool(one.On)})
	}
	return s.print(scopesWire(t.Offer()), []string{"SCOPE", "OFFERED"}, rows)
}

type scopesGetCmd struct {
	Code string `arg:"" help:"Code of the tenant."`
}

// Run implements the command.
func (c scopesGetCmd) Run(s *session) error {
	code, err := codeOf(c.Code)
	if err != nil {
		return err
	}
	return s.with(func(svc Services) error {
		t, err := svc.Tenants.Scopes(s.ctx, tenancy.GetInput{Actor: s.actor(), Tenant: code})
		if err != nil {
			return err
		}
		return s.printScopes(t)
	})
}

type scopesSetCmd struct {
	Code   string   `arg:"" help:"Code of the tenant."`
	Scopes []string `arg:"" optional:"" name:"name=bool" help:"Such as finance=true my-section=false; a bare name means true."`
}

// Run implements the command.
func (c scopesSetCmd) Run(s *session) error {
	code, err := codeOf(c.Code)
	if err != nil {
		return err
	}
	m := scope.Map{}
	for _, item := range c.Scopes {
		name, value, given := strings.Cut(item, "=")
		on := true
		if given {
			if on, err = strconv.ParseBool(value); err != nil {
				return fmt.Errorf("%w: a scope is switched by true or false", errUsage)
			}
		}
		n, err := scope.ParseName(name)
		if err != nil {
			return usage(err)
		}
		m[n] = on
	}
	return s.with(func(svc Services) error {
		t, err := svc.Tenants.PutScopes(s.ctx, tenancy.PutScopesInput{Actor: s.actor(), Tenant: code, Scopes: m})
		if err != nil {
			return err
		}
		return s.printScopes(t)
	})
}
