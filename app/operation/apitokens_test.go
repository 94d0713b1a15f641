package operation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/operation"
	"ostiary/domain/actor"
	"ostiary/domain/apitoken"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

func (k *kit) tokens() *operation.APITokens {
	return operation.NewAPITokens(k.tenants, sqlite.NewAPITokens(k.db), fake.Random{}, k.clock, k.trail)
}

func grant(c operation.Caller, ps ...actor.Permission) operation.CreateTokenInput {
	return operation.CreateTokenInput{Caller: c, Name: "test", Permissions: ps}
}

func TestTokens_Permissions(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(s *operation.APITokens, c operation.Caller) error{
		"Create": func(s *operation.APITokens, c operation.Caller) error {
			_, _, err := s.Create(t.Context(), grant(c, actor.TokensWrite))
			return err
		},
		"List": func(s *operation.APITokens, c operation.Caller) error {
			_, _, err := s.List(t.Context(), operation.ListTokensInput{Caller: c, Limit: 5})
			return err
		},
		"Revoke": func(s *operation.APITokens, c operation.Caller) error {
			made, _, err := s.Create(t.Context(), grant(operation.Caller{Actor: operator, Tenant: c.Tenant}, actor.ScopesRead))
			if err != nil {
				return err
			}
			return s.Revoke(t.Context(), operation.RevokeTokenInput{Caller: c, ID: made.Snapshot().ID})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := setup(t)
			s := k.tokens()
			everything := k.as(actor.OperatorPermissions()...)
			foreign, deployment := everything, everything
			foreign.Tenant, deployment.Tenant = "other", ""
			weak := actor.Actor{Kind: actor.Token, Permissions: lacking(actor.TokensWrite)}

			require.NoError(t, call(s, k.as(actor.TokensWrite)))
			require.NoError(t, call(s, root))
			require.NoError(t, call(s, operation.Caller{Actor: operator}))
			require.ErrorIs(t, call(s, k.as(lacking(actor.TokensWrite)...)), actor.ErrForbidden)
			require.ErrorIs(t, call(s, foreign), tenant.ErrNotFound)
			require.ErrorIs(t, call(s, deployment), actor.ErrForbidden)
			require.ErrorIs(t, call(s, operation.Caller{Actor: weak}), actor.ErrForbidden)
			require.ErrorIs(t, call(s, operation.Caller{Actor: weak, Tenant: "acme"}), actor.ErrForbidden)
		})
	}
}

func TestCreateToken_ShowsItOnceAndStoresADigest(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s := k.tokens()
	in := grant(root, actor.ContactsRead)
	in.Expires = fake.Start.Add(time.Hour)

	made, shown, err := s.Create(t.Context(), in)

	require.NoError(t, err)
	bearer, err := apitoken.Parse(shown)
	require.NoError(t, err)
	require.Equal(t, k.acme.ID(), bearer.Tenant)
	stored, err := sqlite.NewAPITokens(k.db).ByID(t.Context(), k.acme.ID(), made.Snapshot().ID)
	require.NoError(t, err)
	require.True(t, stored.Accepts(bearer, fake.Start))
	require.False(t, stored.Accepts(bearer, in.Expires))
	require.Equal(t, "operator:", stored.Snapshot().CreatedBy)
	require.Equal(t, []string{"token.created"}, k.trail.Actions())
	require.NotContains(t, fmt.Sprintf("%+v %v", k.trail.Events(), shown), shown.Reveal())
}

func TestCreateToken_GrantsNothingThatTheActorLacks(t *testing.T) {
	t.Parallel()
	k := setup(t)

	_, _, err := k.tokens().Create(t.Context(), grant(k.as(actor.TokensWrite), actor.ContactsRead))

	require.ErrorIs(t, err, actor.ErrForbidden)
	require.Empty(t, k.trail.Events())
}

func TestCreateToken_TenantsHoldNothingOfTheOperators(t *testing.T) {
	t.Parallel()
	k := setup(t)
	for _, p := range []actor.Permission{actor.TenantsRead, actor.TenantsWrite, actor.KeysWrite} {
		_, _, err := k.tokens().Create(t.Context(), grant(root, actor.ContactsRead, p))

		require.ErrorIs(t, err, fault.ErrInvalid, p)
		require.Equal(t, "/permissions/1", fault.Of(err).Fields()[0].Pointer)
		_, _, err = k.tokens().Create(t.Context(), grant(operation.Caller{Actor: operator}, p))
		require.NoError(t, err)
	}
}

func TestRevokeToken_EndsItForGood(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s := k.tokens()
	made, _, err := s.Create(t.Context(), grant(root, actor.ContactsRead))
	require.NoError(t, err)
	in := operation.RevokeTokenInput{Caller: root, ID: made.Snapshot().ID}
	elsewhere := operation.RevokeTokenInput{Caller: operation.Caller{Actor: operator, Tenant: "other"}, ID: in.ID}

	require.ErrorIs(t, s.Revoke(t.Context(), elsewhere), apitoken.ErrNotFound)
	require.NoError(t, s.Revoke(t.Context(), in))
	require.ErrorIs(t, s.Revoke(t.Context(), in), apitoken.ErrNotFound)

	items, more, err := s.List(t.Context(), operation.ListTokensInput{Caller: root, Limit: 5})
	require.NoError(t, err)
	require.False(t, more)
	require.Empty(t, items)
	require.Equal(t, []string{"token.created", "token.revoked"}, k.trail.Actions())
}
