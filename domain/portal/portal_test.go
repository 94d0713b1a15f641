package portal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/money"
	"ostiary/domain/portal"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// world is a tenant with the companies 1 to 4, of which a contact belongs to
// 2, 3 (primary) and 4.
type world struct {
	tenant    *tenant.Tenant
	user      *user.User
	contact   *contact.Contact
	companies []*company.Company
}

func number(t *testing.T, n int64) company.ID {
	t.Helper()
	out, err := company.IDOf(n)
	require.NoError(t, err)
	return out
}

func newWorld(t *testing.T, owner byte) world {
	t.Helper()
	tid := tenant.IDFromBytes([16]byte{15: owner})
	var w world
	var err error
	w.tenant, err = tenant.New(tid, "acme", tenant.Details{
		Name: "Acme", Currency: money.RestoreCurrency("EUR"), Scopes: scope.Map{"finance": true, "support": true, "custom": true},
	}, now)
	require.NoError(t, err)
	for n := range int64(4) {
		co, err := company.New(tid, number(t, n+1), company.Details{
			Name: "C", Portal: company.Portal{ID: company.PortalIDFromBytes([16]byte{14: owner, 15: byte(n + 1)}), Enabled: true},
		}, now)
		require.NoError(t, err)
		w.companies = append(w.companies, co)
	}
	cid, err := contact.IDOf(7)
	require.NoError(t, err)
	w.contact, err = contact.New(tid, cid, contact.Details{
		FirstName: "Ada",
		Companies: []contact.Membership{{Company: number(t, 4)}, {Company: number(t, 3), Primary: true}, {Company: number(t, 2)}},
	}, now)
	require.NoError(t, err)
	w.user = user.New(tid, user.IDFromBytes([16]byte{15: 9}), cid, now)
	return w
}

func (w world) entries() []int64 {
	var out []int64
	for _, e := range portal.Entries(w.tenant, w.user, w.contact, w.companies) {
		out = append(out, e.Company.ID().Int())
	}
	return out
}

func (w world) disable(t *testing.T, n int) {
	t.Helper()
	d := w.companies[n-1].Details()
	d.Portal.Enabled = false
	require.NoError(t, w.companies[n-1].Change(d, now))
}

func TestEntries_DecideWhoEntersWhat(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		change func(*testing.T, *world)
		want   []int64
	}{
		"own companies, the primary first": {func(*testing.T, *world) {}, []int64{3, 2, 4}},
		"the primary's portal is off":      {func(t *testing.T, w *world) { w.disable(t, 3) }, []int64{2, 4}},
		"another portal is off":            {func(t *testing.T, w *world) { w.disable(t, 2) }, []int64{3, 4}},
		"all portals are off":              {func(t *testing.T, w *world) { w.disable(t, 2); w.disable(t, 3); w.disable(t, 4) }, nil},
		"a foreign portal is off":          {func(t *testing.T, w *world) { w.disable(t, 1) }, []int64{3, 2, 4}},
		"the user is disabled":             {func(_ *testing.T, w *world) { w.user.Enable(false, now) }, nil},
		"the tenant is suspended": {func(t *testing.T, w *world) {
			d := w.tenant.Details()
			d.Status = tenant.Suspended
			require.NoError(t, w.tenant.Change(d, now))
		}, nil},
		"the companies are unknown": {func(_ *testing.T, w *world) { w.companies = nil }, nil},
		"one company is unknown":    {func(_ *testing.T, w *world) { w.companies = w.companies[:3] }, []int64{3, 2}},
		"the companies are another tenant's": {func(t *testing.T, w *world) {
			w.companies = newWorld(t, 2).companies
		}, nil},
		"the contact is another tenant's": {func(t *testing.T, w *world) { w.contact = newWorld(t, 2).contact }, nil},
		"the user is another tenant's":    {func(t *testing.T, w *world) { w.user = newWorld(t, 2).user }, nil},
		"the tenant is another":           {func(t *testing.T, w *world) { w.tenant = newWorld(t, 2).tenant }, nil},
		"the user is another contact's": {func(t *testing.T, w *world) {
			other, err := contact.IDOf(8)
			require.NoError(t, err)
			w.user = user.New(w.tenant.ID(), w.user.ID(), other, now)
		}, nil},
	} {
		w := newWorld(t, 1)
		row.change(t, &w)
		require.Equal(t, row.want, w.entries(), name)
	}
}

func TestEntries_NarrowTheScopesByCompanyAndContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	co := w.companies[2].Details()
	co.Scopes = scope.Map{"finance": false, "configurator": true}
	require.NoError(t, w.companies[2].Change(co, now))
	ct := w.contact.Details()
	ct.Scopes = scope.Map{"custom": false, "finance": true}
	require.NoError(t, w.contact.Change(ct, now))

	entries := portal.Entries(w.tenant, w.user, w.contact, w.companies)

	require.True(t, entries[0].Primary)
	require.Equal(t, scope.Map{"configurator": false, "finance": false, "support": true, "custom": false}, entries[0].Scopes.Map())
	require.Equal(t, scope.Map{"configurator": false, "finance": true, "support": true, "custom": false}, entries[1].Scopes.Map())
}

func TestChoose_TakesTheWantedPortalOrTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	entries := portal.Entries(w.tenant, w.user, w.contact, w.companies)

	first, err := portal.Choose(entries, company.PortalID{})
	require.NoError(t, err)
	require.Equal(t, int64(3), first.Company.ID().Int())

	wanted, err := portal.Choose(entries, w.companies[3].Portal().ID)
	require.NoError(t, err)
	require.Equal(t, int64(4), wanted.Company.ID().Int())

	for _, closed := range []company.PortalID{w.companies[0].Portal().ID, newWorld(t, 2).companies[2].Portal().ID} {
		_, err = portal.Choose(entries, closed)
		require.ErrorIs(t, err, portal.ErrClosed)
	}
	_, err = portal.Choose(nil, company.PortalID{})
	require.ErrorIs(t, err, portal.ErrClosed)
}
