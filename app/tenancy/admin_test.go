package tenancy_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/port"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/fault"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

type adminKit struct {
	*tenancy.Admin
	tenants port.Tenants
	trail   *fake.Trail
	acme    *tenant.Tenant
}

// newAdmin keeps two tenants, acme and other.
func newAdmin(t *testing.T) adminKit {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	k := adminKit{tenants: sqlite.NewTenants(db), trail: &fake.Trail{}, acme: fake.Tenant(t, "acme")}
	require.NoError(t, k.tenants.Add(t.Context(), k.acme))
	require.NoError(t, k.tenants.Add(t.Context(), fake.Tenant(t, "other")))
	k.Admin = tenancy.NewAdmin(k.tenants, fake.Random{}, &fake.Clock{}, k.trail, tenancy.AdminConfig{
		PublicURL: "https://id.example.com/", BaseDomain: "Portals.Example.com",
	})
	return k
}

// onlyFinance switches the other standard scopes off.
var onlyFinance = scope.Map{scope.Configurator: false, scope.Finance: true, scope.Support: false}

var operator = actor.TheOperator("")

// of is a credential of acme with the given permissions.
func (k adminKit) of(ps ...actor.Permission) actor.Actor {
	return actor.Actor{Kind: actor.Token, ID: "t", Tenant: k.acme.ID(), Permissions: ps}
}

func renamed(d tenant.Details) (tenant.Details, error) {
	d.Name = "New name"
	return d, nil
}

func TestAdmin_Permissions(t *testing.T) {
	t.Parallel()
	calls := map[string]struct {
		call     func(k adminKit, a actor.Actor, code tenant.Code) error
		right    actor.Permission // what the operator needs
		tenants  actor.Permission // what the tenant needs, "" when it may not
		toTenant error            // what the tenant is told when it may not
	}{
		"Get": {func(k adminKit, a actor.Actor, code tenant.Code) error {
			_, err := k.Get(t.Context(), tenancy.GetInput{Actor: a, Tenant: code})
			return err
		}, actor.TenantsRead, actor.SettingsRead, nil},
		"Scopes": {func(k adminKit, a actor.Actor, code tenant.Code) error {
			_, err := k.Scopes(t.Context(), tenancy.GetInput{Actor: a, Tenant: code})
			return err
		}, actor.ScopesRead, actor.ScopesRead, nil},
		"PutScopes": {func(k adminKit, a actor.Actor, code tenant.Code) error {
			_, err := k.PutScopes(t.Context(), tenancy.PutScopesInput{Actor: a, Tenant: code, Scopes: onlyFinance})
			return err
		}, actor.ScopesWrite, actor.ScopesWrite, nil},
		"Update": {func(k adminKit, a actor.Actor, code tenant.Code) error {
			_, err := k.Update(t.Context(), tenancy.UpdateInput{Actor: a, Tenant: code, Edit: renamed})
			return err
		}, actor.TenantsWrite, actor.SettingsWrite, nil},
		"Delete": {func(k adminKit, a actor.Actor, code tenant.Code) error {
			return k.Delete(t.Context(), tenancy.DeleteInput{Actor: a, Tenant: code})
		}, actor.TenantsWrite, "", actor.ErrForbidden},
	}
	for name, c := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newAdmin(t)
			weak := actor.Actor{Kind: actor.Token, Permissions: []actor.Permission{actor.AuditRead}}
			everything := k.of(actor.TenantPermissions()...)

			require.ErrorIs(t, c.call(k, weak, "acme"), actor.ErrForbidden, "operator's token without the permission")
			require.ErrorIs(t, c.call(k, k.of(actor.AuditRead), "acme"), actor.ErrForbidden, "tenant without the permission")
			require.ErrorIs(t, c.call(k, everything, "other"), tenant.ErrNotFound, "another tenant")
			require.ErrorIs(t, c.call(k, everything, "nobody"), tenant.ErrNotFound, "no tenant")
			if c.tenants != "" {
				require.NoError(t, c.call(k, k.of(c.tenants), "acme"))
			} else {
				require.ErrorIs(t, c.call(k, everything, "acme"), c.toTenant)
			}
			strong := actor.Actor{Kind: actor.Token, Permissions: []actor.Permission{c.right}}
			require.NoError(t, c.call(k, strong, "acme"))
			require.ErrorIs(t, c.call(k, operator, "nobody"), tenant.ErrNotFound)
		})
	}
}

func TestAdmin_CreateAndListAreTheOperators(t *testing.T) {
	t.Parallel()
	k := newAdmin(t)

	_, err := k.Create(t.Context(), tenancy.CreateInput{Actor: k.of(actor.OperatorPermissions()...), Code: "new"})
	require.ErrorIs(t, err, actor.ErrForbidden)
	_, _, err = k.List(t.Context(), tenancy.ListInput{Actor: k.of(actor.OperatorPermissions()...), Limit: 10})
	require.ErrorIs(t, err, actor.ErrForbidden)
	items, more, err := k.List(t.Context(), tenancy.ListInput{Actor: operator, Limit: 1})

	require.NoError(t, err)
	require.True(t, more)
	require.Len(t, items, 1)
	require.Equal(t, tenant.Code("acme"), items[0].Code())
	require.Empty(t, k.trail.Events())
}

func TestCreate_FillsInWhatIsNotSaid(t *testing.T) {
	t.Parallel()
	k := newAdmin(t)

	made, err := k.Create(t.Context(), tenancy.CreateInput{Actor: operator, Code: "new", Details: tenant.Details{Name: "New"}})

	require.NoError(t, err)
	stored, err := k.tenants.ByCode(t.Context(), "new")
	require.NoError(t, err)
	require.Equal(t, made.ID(), stored.ID())
	require.Equal(t, "EUR", stored.Details().Currency.String())
	require.Empty(t, stored.Details().Scopes)
	require.True(t, stored.Active())
	require.Equal(t, []string{"tenant.created"}, k.trail.Actions())
	require.Equal(t, "tenant:"+made.ID().String(), k.trail.Events()[0].Target)
	require.Equal(t, "operator:", k.trail.Events()[0].Actor)
}

func TestCreate_RefusesATakenCode(t *testing.T) {
	t.Parallel()
	k := newAdmin(t)

	_, err := k.Create(t.Context(), tenancy.CreateInput{Actor: operator, Code: "acme", Details: tenant.Details{Name: "Again"}})

	require.ErrorIs(t, err, tenant.ErrCodeTaken)
	require.Empty(t, k.trail.Events())
}

func TestUpdate_RefusesReservedHostsAndAudiences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host     tenant.Host
		audience string
		pointer  string
	}{
		"public host":                 {host: "id.example.com", pointer: "/hosts/0"},
		"base domain":                 {host: "portals.example.com", pointer: "/hosts/0"},
		"under the base domain":       {host: "a.b.portals.example.com", pointer: "/hosts/0"},
		"beside the base domain":      {host: "myportals.example.com"},
		"another host":                {host: "login.acme.example"},
		"own default audience":        {audience: "https://id.example.com/t/acme"},
		"another's default audience":  {audience: "https://id.example.com/t/other", pointer: "/settings/audience"},
		"nobody's default audience":   {audience: "https://id.example.com/t/later", pointer: "/settings/audience"},
		"the deployment":              {audience: "https://id.example.com", pointer: "/settings/audience"},
		"an audience somewhere else":  {audience: "https://api.acme.example"},
		"a longer host is not inside": {audience: "https://id.example.com.acme.example/t/other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newAdmin(t)

			_, err := k.Update(t.Context(), tenancy.UpdateInput{Actor: operator, Tenant: "acme", Edit: func(d tenant.Details) (tenant.Details, error) {
				if c.host != "" {
					d.Hosts = []tenant.Host{c.host}
				}
				d.Settings.Audience = c.audience
				return d, nil
			}})

			if c.pointer == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.Equal(t, c.pointer, fault.Of(err).Fields()[0].Pointer)
		})
	}
}

func TestUpdate_TenantChangesOnlyNameAndSettings(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*tenant.Details){
		"status":   func(d *tenant.Details) { d.Status = tenant.Suspended },
		"currency": func(d *tenant.Details) { d.Currency = money.RestoreCurrency("USD") },
		"hosts":    func(d *tenant.Details) { d.Hosts = append(d.Hosts, "login.acme.example") },
		// In place: the comparison must not see its own copy change.
		"scopes": func(d *tenant.Details) { d.Scopes[scope.Support] = false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newAdmin(t)
			in := tenancy.UpdateInput{Actor: k.of(actor.TenantPermissions()...), Tenant: "acme", Edit: func(d tenant.Details) (tenant.Details, error) {
				edit(&d)
				return d, nil
			}}

			_, err := k.Update(t.Context(), in)
			require.ErrorIs(t, err, actor.ErrForbidden)
			stored, err := k.tenants.ByCode(t.Context(), "acme")
			require.NoError(t, err)
			require.Equal(t, k.acme.Version(), stored.Version())

			in.Actor = operator
			_, err = k.Update(t.Context(), in)
			require.NoError(t, err)
		})
	}
}

func TestUpdate_HonoursTheKnownVersion(t *testing.T) {
	t.Parallel()
	k := newAdmin(t)

	first, err := k.Update(t.Context(), tenancy.UpdateInput{Actor: operator, Tenant: "acme", IfMatch: 1, Edit: renamed})
	require.NoError(t, err)
	require.Equal(t, int64(2), first.Version())
	_, err = k.Update(t.Context(), tenancy.UpdateInput{Actor: operator, Tenant: "acme", IfMatch: 1, Edit: renamed})
	require.ErrorIs(t, err, port.ErrVersion)
	_, err = k.PutScopes(t.Context(), tenancy.PutScopesInput{Actor: operator, Tenant: "acme", IfMatch: 1})
	require.ErrorIs(t, err, port.ErrVersion)
	require.ErrorIs(t, k.Delete(t.Context(), tenancy.DeleteInput{Actor: operator, Tenant: "acme", IfMatch: 1}), port.ErrVersion)
	require.NoError(t, k.Delete(t.Context(), tenancy.DeleteInput{Actor: operator, Tenant: "acme", IfMatch: 2}))
}

func TestUpdate_SuspendedTenantIsStillKept(t *testing.T) {
	t.Parallel()
	k := newAdmin(t)
	status := func(s tenant.Status) tenancy.UpdateInput {
		return tenancy.UpdateInput{Actor: operator, Tenant: "acme", Edit: func(d tenant.Details) (tenant.Details, error) {
			d.Status = s
			return d, nil
		}}
	}

	_, err := k.Update(t.Context(), status(tenant.Suspended))
	require.NoError(t, err)
	_, err = k.PutScopes(t.Context(), tenancy.PutScopesInput{Actor: operator, Tenant: "acme", Scopes: onlyFinance})
	require.NoError(t, err)
	out, err := k.Update(t.Context(), status(tenant.Active))

	require.NoError(t, err)
	require.True(t, out.Active())
	require.Equal(t, onlyFinance, out.Details().Scopes)
	require.Equal(t, []string{"tenant.suspended", "scopes.changed", "tenant.resumed"}, k.trail.Actions())
}

func TestDelete_IsRecordedWhereItCanStillBeRead(t *testing.T) {
	t.Parallel()
	k := newAdmin(t)

	require.NoError(t, k.Delete(t.Context(), tenancy.DeleteInput{Actor: operator, Tenant: "acme"}))

	_, err := k.Get(t.Context(), tenancy.GetInput{Actor: operator, Tenant: "acme"})
	require.ErrorIs(t, err, tenant.ErrNotFound)
	i := slices.Index(k.trail.Actions(), "tenant.deleted")
	require.True(t, k.trail.Events()[i].Tenant.IsZero())
}
