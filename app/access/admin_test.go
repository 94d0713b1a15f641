package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/access"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/apitoken"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

const configured = "the-operator-token-of-this-deployment"

func bearer(token secret.Text) access.Bearer { return access.Bearer{Token: token} }

func TestActor_TheConfiguredOperator(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{Operator: stage.Text(configured)})

	a, err := s.Guard.Actor(t.Context(), access.Bearer{Token: stage.Text(configured), Hints: stage.At("ghost")})

	require.NoError(t, err, "the operator belongs to no tenant, so no hint contradicts")
	require.Equal(t, actor.TheOperator(""), a)
	for _, wrong := range []string{"", configured[1:], configured + "x", strings.ToUpper(configured), "x"} {
		_, err := s.Guard.Actor(t.Context(), bearer(stage.Text(wrong)))
		require.ErrorIs(t, err, session.ErrToken)
		_, err = s.Guard.Program(t.Context(), bearer(stage.Text(wrong)))
		require.ErrorIs(t, err, session.ErrToken)
	}
}

func TestActor_NoOperatorTokenConfigured(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	for _, token := range []string{"", configured} {
		_, err := s.Guard.Actor(t.Context(), bearer(stage.Text(token)))
		require.ErrorIs(t, err, session.ErrToken)
	}
}

func TestActor_APIToken(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	ofAcme, stored := s.Token(t, s.Acme, actor.ContactsRead, actor.AuditRead)
	ofOperator, operators := s.Token(t, nil, actor.TenantsRead)
	for _, prove := range []func() (actor.Actor, actor.Actor, error, error){
		func() (actor.Actor, actor.Actor, error, error) {
			a, errA := s.Guard.Actor(t.Context(), bearer(ofAcme))
			o, errO := s.Guard.Actor(t.Context(), bearer(ofOperator))
			return a, o, errA, errO
		},
		func() (actor.Actor, actor.Actor, error, error) {
			a, errA := s.Guard.Program(t.Context(), bearer(ofAcme))
			o, errO := s.Guard.Program(t.Context(), bearer(ofOperator))
			return a, o, errA, errO
		},
	} {
		a, o, errA, errO := prove()

		require.NoError(t, errA)
		require.NoError(t, errO)
		require.Equal(t, actor.Actor{
			Kind: actor.Token, ID: stored.Snapshot().ID.String(), Tenant: s.Acme.ID(),
			Permissions: []actor.Permission{actor.AuditRead, actor.ContactsRead},
		}, a)
		require.Equal(t, actor.Actor{
			Kind: actor.Token, ID: operators.Snapshot().ID.String(), Permissions: []actor.Permission{actor.TenantsRead}, Admin: true,
		}, o)
	}
}

func TestActor_APITokenRunsOut(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	var random [apitoken.SecretSize]byte
	fake.Random{}.Fill(random[:])
	tok, err := apitoken.New(apitoken.Snapshot{
		Tenant: s.Acme.ID(), ID: apitoken.IDFromBytes(fake.UUID()), Name: "short", Digest: secret.DigestOf(random[:]),
		Permissions: []actor.Permission{actor.ContactsRead}, Created: fake.Start, Expires: fake.Start.Add(time.Hour),
	})
	require.NoError(t, err)
	s.Add(t, tok)
	shown := apitoken.Format(s.Acme.ID(), tok.Snapshot().ID, random)
	s.Clock.Advance(time.Hour - time.Millisecond)
	_, err = s.Guard.Program(t.Context(), bearer(shown))
	require.NoError(t, err)
	s.Clock.Advance(time.Millisecond)

	_, err = s.Guard.Program(t.Context(), bearer(shown))

	require.ErrorIs(t, err, session.ErrToken)
}

func TestActor_APITokenRevoked(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	shown, tok := s.Token(t, s.Acme, actor.ContactsRead)
	_, err := s.Guard.Actor(t.Context(), bearer(shown))
	require.NoError(t, err)
	require.NoError(t, s.APITokens.Revoke(t.Context(), s.Acme.ID(), tok.Snapshot().ID, s.Clock.Now()))

	_, err = s.Guard.Actor(t.Context(), bearer(shown))

	require.ErrorIs(t, err, session.ErrToken)
}

func TestActor_APITokenThatIsNone(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	shown, tok := s.Token(t, s.Acme, actor.ContactsRead)
	good := shown.Reveal()
	var random [apitoken.SecretSize]byte
	for _, token := range []string{
		"ost_", "ost__", good[:len(good)-1], good + "0", strings.ToUpper(good), "ost_" + strings.ToUpper(good[4:]), good[:len(good)-1] + "g",
		apitoken.Format(s.Acme.ID(), tok.Snapshot().ID, random).Reveal(),
		strings.Replace(good, hexOf(s.Acme), hexOf(s.Other), 1), // the same token, said to be another tenant's
		strings.Replace(good, hexOf(s.Acme), "", 1),             // said to be the operator's
		apitoken.Format(tenant.IDFromBytes(fake.UUID()), tok.Snapshot().ID, random).Reveal(),
	} {
		require.NotEqual(t, good, token)
		_, err := s.Guard.Actor(t.Context(), bearer(stage.Text(token)))
		require.ErrorIs(t, err, session.ErrToken)
	}
	_, err := s.Guard.Actor(t.Context(), bearer(shown))
	require.NoError(t, err)
}

func hexOf(of *tenant.Tenant) string { return strings.ReplaceAll(of.ID().String(), "-", "") }

func TestActor_APITokenOfASuspendedTenant(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	shown, _ := s.Token(t, s.Acme, actor.ContactsRead)
	s.EditTenant(t, s.Acme, stage.Suspend)

	_, err := s.Guard.Actor(t.Context(), bearer(shown))

	require.ErrorIs(t, err, tenant.ErrSuspended)
}

func TestActor_APITokenOfADeletedTenant(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	shown, _ := s.Token(t, s.Acme, actor.ContactsRead)
	_, err := s.Guard.Actor(t.Context(), bearer(shown))
	require.NoError(t, err)
	require.NoError(t, s.Tenants.Delete(t.Context(), s.Acme.ID(), 0))

	_, err = s.Guard.Actor(t.Context(), bearer(shown))

	require.ErrorIs(t, err, session.ErrToken)
}

func TestActor_HintsMustAgree(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{Default: "other"})
	shown, _ := s.Token(t, s.Acme, actor.ContactsRead)
	for _, h := range []tenancy.Hints{{}, stage.At("acme"), {Host: "acme." + stage.BaseDomain}} {
		_, err := s.Guard.Actor(t.Context(), access.Bearer{Token: shown, Hints: h})
		require.NoError(t, err, h)
	}
	for _, h := range []tenancy.Hints{stage.At("other"), stage.At("ghost"), {Path: "other"}, {Host: "other." + stage.BaseDomain}} {
		_, err := s.Guard.Actor(t.Context(), access.Bearer{Token: shown, Hints: h})
		require.ErrorIs(t, err, tenancy.ErrContradict, h)
	}
}

func TestActor_UserWhoHoldsTheRoleAdmin(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	_, err := s.Guard.Actor(t.Context(), stage.Bearer(g))
	require.ErrorIs(t, err, actor.ErrForbidden, "a user without a role")

	s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetRoles([]user.Role{user.Admin}, fake.Start) })
	a, err := s.Guard.Actor(t.Context(), stage.Bearer(g))

	require.NoError(t, err, "the role is judged as of now, not by the token's claim")
	require.Equal(t, actor.Actor{
		Kind: actor.User, ID: s.AdaUser.ID().String(), Tenant: s.Acme.ID(), Permissions: actor.TenantPermissions(), Admin: true,
	}, a)
	require.ErrorIs(t, a.MayOperate(actor.TenantsRead), actor.ErrForbidden)
	_, err = s.Guard.Program(t.Context(), stage.Bearer(g))
	require.ErrorIs(t, err, session.ErrToken, "no program")
	s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetRoles(nil, fake.Start) })
	_, err = s.Guard.Actor(t.Context(), stage.Bearer(g))
	require.ErrorIs(t, err, actor.ErrForbidden)
}

func TestOperator_IsTheConfiguredTokenOrOneOfNoTenant(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{Operator: stage.Text(configured)})
	ofOperator, _ := s.Token(t, nil, actor.TenantsRead)
	ofAcme, _ := s.Token(t, s.Acme, actor.TenantPermissions()...)
	ofOther, _ := s.Token(t, s.Other, actor.TenantPermissions()...)
	s.EditTenant(t, s.Other, stage.Suspend)
	g := s.Login(t)
	for token, want := range map[string]bool{
		configured: true, ofOperator.Reveal(): true, ofAcme.Reveal(): false, ofOther.Reveal(): false,
		g.Access.Reveal(): false, "": false, "junk": false,
	} {
		got, err := s.Guard.Operator(t.Context(), stage.Text(token))

		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}
