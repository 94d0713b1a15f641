package actor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/actor"
	"ostiary/domain/tenant"
)

var (
	acme  = tenant.IDFromBytes([16]byte{15: 1})
	other = tenant.IDFromBytes([16]byte{15: 2})
)

func TestMay_HidesOtherTenantsAndRefusesWhatIsNotHeld(t *testing.T) {
	t.Parallel()
	own := actor.Actor{Kind: actor.Token, Tenant: acme, Permissions: []actor.Permission{actor.ContactsRead}}
	operators := actor.Actor{Kind: actor.Token, Permissions: []actor.Permission{actor.ContactsRead}}

	require.NoError(t, own.May(actor.ContactsRead, acme))
	require.ErrorIs(t, own.May(actor.ContactsWrite, acme), actor.ErrForbidden)
	require.ErrorIs(t, own.May(actor.ContactsRead, other), tenant.ErrNotFound)
	require.ErrorIs(t, own.May(actor.ContactsWrite, other), tenant.ErrNotFound, "not even what is lacking is told")
	require.ErrorIs(t, own.May(actor.ContactsRead, tenant.ID{}), tenant.ErrNotFound)
	require.NoError(t, operators.May(actor.ContactsRead, other))
	require.ErrorIs(t, operators.May(actor.ContactsWrite, other), actor.ErrForbidden)
	require.ErrorIs(t, actor.Actor{Kind: actor.Anonymous}.May(actor.ContactsRead, acme), actor.ErrForbidden)
}

func TestMayOperate_IsForTheOperatorAlone(t *testing.T) {
	t.Parallel()
	all := actor.OperatorPermissions()

	require.NoError(t, actor.TheOperator("").MayOperate(actor.KeysWrite))
	require.ErrorIs(t, actor.Actor{Tenant: acme, Permissions: all, Admin: true}.MayOperate(actor.KeysWrite), actor.ErrForbidden)
	require.ErrorIs(t, actor.Actor{}.MayOperate(actor.KeysWrite), actor.ErrForbidden)
}

func TestMayGrant_NothingThatIsLacking(t *testing.T) {
	t.Parallel()
	a := actor.Actor{Permissions: []actor.Permission{actor.TokensWrite, actor.AuditRead}}

	require.NoError(t, a.MayGrant(nil))
	require.NoError(t, a.MayGrant([]actor.Permission{actor.AuditRead}))
	require.ErrorIs(t, a.MayGrant([]actor.Permission{actor.AuditRead, actor.ContactsRead}), actor.ErrForbidden)
	require.NoError(t, actor.TheOperator("").MayGrant(actor.OperatorPermissions()))
}

func TestPermissions_OfTenantsHoldNothingOfTheOperators(t *testing.T) {
	t.Parallel()

	require.Subset(t, actor.OperatorPermissions(), actor.TenantPermissions())
	for _, p := range []actor.Permission{actor.TenantsRead, actor.TenantsWrite, actor.KeysWrite} {
		require.NotContains(t, actor.TenantPermissions(), p)
		require.Contains(t, actor.OperatorPermissions(), p)
	}
	for _, p := range actor.OperatorPermissions() {
		got, err := actor.ParsePermission(string(p))
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
	for _, s := range []string{"", "*", "contacts", "Contacts:read", "contacts:delete"} {
		_, err := actor.ParsePermission(s)
		require.ErrorIs(t, err, actor.ErrPermission)
	}
}

func TestMayHandleRoles_IsForAdministrators(t *testing.T) {
	t.Parallel()

	require.True(t, actor.TheOperator("").MayHandleRoles())
	require.True(t, actor.Actor{Kind: actor.User, Tenant: acme, Admin: true}.MayHandleRoles())
	require.False(t, actor.Actor{Kind: actor.Token, Tenant: acme, Permissions: actor.TenantPermissions()}.MayHandleRoles())
}
