package credential_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/credential"
	"ostiary/app/port"
	"ostiary/app/signin"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

var operator = actor.TheOperator("")

// program is an API token of acme with the given permissions.
func program(s *stage.Stage, ps ...actor.Permission) actor.Actor {
	return actor.Actor{Kind: actor.Token, ID: "t", Tenant: s.Acme.ID(), Permissions: ps}
}

// administrator holds the role admin in acme.
func administrator(s *stage.Stage) actor.Actor {
	return actor.Actor{Kind: actor.User, ID: "a", Tenant: s.Acme.ID(), Permissions: actor.TenantPermissions(), Admin: true}
}

func target(by actor.Actor, who *contact.Contact) credential.Target {
	return credential.Target{Actor: by, Needs: actor.UsersWrite, Tenant: "acme", Contact: who.ID()}
}

func set(by actor.Actor, who *contact.Contact, password string) credential.SetInput {
	return credential.SetInput{Target: target(by, who), Password: stage.Text(password)}
}

// makeAdmin gives Ada the role admin.
func makeAdmin(t *testing.T, s *stage.Stage) {
	t.Helper()
	s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetRoles([]user.Role{user.Admin}, fake.Start) })
}

// bob is a contact of acme without a login.
func bob(t *testing.T, s *stage.Stage) *contact.Contact {
	t.Helper()
	c := fake.Contact(t, s.First, 9, "bob@example.com")
	s.Add(t, c)
	return c
}

func signIn(t *testing.T, s *stage.Stage, who email.Address, password string) (signin.Grant, error) {
	t.Helper()
	in := stage.Knock(t, password)
	in.Email = who
	return s.Passwords.Login(t.Context(), in)
}

func TestSet_EndsEverySession(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)

	require.NoError(t, s.Logins.Set(t.Context(), set(program(s, actor.UsersWrite), s.Ada, fresh)))

	ended(t, s, g)
	opens(t, s, fresh)
	require.Equal(t, []audit.Event{{
		Tenant: s.Acme.ID(), Actor: "token:t", Action: "password.set", Target: "user:" + s.AdaUser.ID().String(),
		Outcome: audit.Granted, Details: map[string]string{"contact": "1"},
	}}, s.Recorded("password.set"))
}

func TestSet_MakesTheLogin(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	c := bob(t, s)
	_, err := signIn(t, s, c.Email(), fresh)
	require.ErrorIs(t, err, user.ErrBadCredentials)

	require.NoError(t, s.Logins.Set(t.Context(), set(operator, c, fresh)))

	g, err := signIn(t, s, c.Email(), fresh)
	require.NoError(t, err)
	require.NoError(t, s.Enters(t.Context(), g))
	u, err := s.Logins.User(t.Context(), target(operator, c))
	require.NoError(t, err)
	require.Equal(t, g.User, u.ID())
	require.Equal(t, "user:"+u.ID().String(), s.Recorded("password.set")[0].Target)
}

func TestSet_TwoAtOnceMakeOneLogin(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	c := bob(t, s)

	stage.Together(10, func(int) {
		if err := s.Logins.Set(t.Context(), set(operator, c, fresh)); err != nil {
			t.Error(err)
		}
	})

	g, err := signIn(t, s, c.Email(), fresh)
	require.NoError(t, err)
	for _, e := range s.Recorded("password.set") {
		require.Equal(t, "user:"+g.User.String(), e.Target)
	}
}

func TestSet_TemporaryWhereTheTenantSaysSo(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Settings.AdminPasswords = tenant.Temporary })
	c := bob(t, s)
	require.NoError(t, s.Logins.Set(t.Context(), set(operator, c, fresh)))
	require.NoError(t, s.Logins.Set(t.Context(), set(operator, s.Ada, fresh)))

	for _, who := range []*contact.Contact{c, s.Ada} {
		_, err := signIn(t, s, who.Email(), fresh)
		var change *signin.ChangeRequired
		require.ErrorAs(t, err, &change)
	}
	s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Settings.AdminPasswords = tenant.Permanent })
	_, err := signIn(t, s, c.Email(), fresh)
	require.ErrorIs(t, err, user.ErrChangeRequired, "what was set stays what it was")
}

func TestSet_PolicyNamesTheReason(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	for password, code := range map[string]string{
		"short": "password_short", "password1": "password_common", "tenant ACME": "password_context", "TenantAcme": "password_context", "Company 2": "password_context",
		"company1": "password_context", "ada@EXAMPLE.com": "password_context",
	} {
		require.Equal(t, code, why(t, s.Logins.Set(t.Context(), set(operator, s.Ada, password))), code)
	}
	require.Zero(t, s.Hasher.Hashes)
	opens(t, s, stage.Password)
}

func TestSet_WithoutAnAddress(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	c := fake.Contact(t, s.First, 9, "")
	s.Add(t, c)

	password := s.Logins.Set(t.Context(), set(operator, c, fresh))
	invitation := s.Logins.Invite(t.Context(), target(operator, c))

	require.ErrorIs(t, password, contact.ErrNeedsEmail)
	require.ErrorIs(t, invitation, contact.ErrNeedsEmail)
	require.Equal(t, "/email", fault.Of(password).Fields()[0].Pointer)
	require.Empty(t, s.Trail.Events())
}

// calls are all that may be done to a login.
var calls = map[string]func(ctx context.Context, s *stage.Stage, in credential.Target) error{
	"Set": func(ctx context.Context, s *stage.Stage, in credential.Target) error {
		return s.Logins.Set(ctx, credential.SetInput{Target: in, Password: secret.New(fresh)})
	},
	"Invite": func(ctx context.Context, s *stage.Stage, in credential.Target) error { return s.Logins.Invite(ctx, in) },
	"Change": func(ctx context.Context, s *stage.Stage, in credential.Target) error {
		on := true
		_, err := s.Logins.Change(ctx, credential.UserInput{Target: in, Enabled: &on})
		return err
	},
	"User": func(ctx context.Context, s *stage.Stage, in credential.Target) error {
		_, err := s.Logins.User(ctx, in)
		return err
	},
	"SignOut": func(ctx context.Context, s *stage.Stage, in credential.Target) error {
		return s.Logins.SignOut(ctx, in)
	},
}

func TestLogins_PermissionsComeFirst(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage.New(t, stage.Options{})
			unknown := target(program(s, actor.UsersWrite), s.Ada)
			unknown.Contact = fake.ContactID(t, 999)
			abroad := target(program(s, actor.UsersWrite), s.Twin)
			abroad.Tenant = "other"
			ghost := target(program(s, actor.UsersWrite), s.Ada)
			ghost.Tenant = "ghost"

			require.ErrorIs(t, call(t.Context(), s, target(program(s, actor.ContactsWrite), s.Ada)), actor.ErrForbidden)
			require.ErrorIs(t, call(t.Context(), s, abroad), tenant.ErrNotFound)
			require.ErrorIs(t, call(t.Context(), s, ghost), tenant.ErrNotFound)
			require.ErrorIs(t, call(t.Context(), s, unknown), contact.ErrNotFound)
			require.Empty(t, s.Trail.Events())
			require.Empty(t, s.Deliver(t))
			opens(t, s, stage.Password)
			require.NoError(t, call(t.Context(), s, target(program(s, actor.UsersWrite), s.Ada)))
			require.NoError(t, call(t.Context(), s, target(operator, s.Ada)))
		})
	}
}

func TestLogins_WhoHoldsARoleIsForRoleHandlersOnly(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage.New(t, stage.Options{})
			makeAdmin(t, s)
			g := s.Login(t)
			before := len(s.Trail.Events())

			refused := call(t.Context(), s, target(program(s, actor.TenantPermissions()...), s.Ada))
			if name == "User" {
				require.NoError(t, refused, "to look is no change")
			} else {
				require.ErrorIs(t, refused, user.ErrRoleHolder)
			}
			require.NoError(t, s.Enters(t.Context(), g))
			require.Len(t, s.Trail.Events(), before)
			require.NoError(t, call(t.Context(), s, target(administrator(s), s.Ada)))
			require.NoError(t, call(t.Context(), s, target(operator, s.Ada)))
		})
	}
}

// overtaken lets somebody give a role between the question and the change.
type overtaken struct {
	port.Users
	meanwhile func()
}

func (o *overtaken) Update(ctx context.Context, t tenant.ID, id user.ID, change func(*user.User) error) error {
	if m := o.meanwhile; m != nil {
		o.meanwhile = nil
		m()
	}
	return o.Users.Update(ctx, t, id, change)
}

func TestLogins_RoleGivenMeanwhileProtectsItsHolder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Set", "Change", "SignOut"} {
		late := &overtaken{}
		s := stage.New(t, stage.Options{Wrap: func(st *stage.Stores) {
			late.Users = st.Users
			st.Users = late
		}})
		g := s.Login(t)
		late.meanwhile = func() { makeAdmin(t, s) }

		err := calls[name](t.Context(), s, target(program(s, actor.UsersWrite), s.Ada))

		require.ErrorIs(t, err, user.ErrRoleHolder, name)
		require.NoError(t, s.Enters(t.Context(), g), name)
	}
}

func TestChange_DisablesAndEnables(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	off, on := false, true

	u, err := s.Logins.Change(t.Context(), credential.UserInput{Target: target(operator, s.Ada), Enabled: &off})
	require.NoError(t, err)
	require.False(t, u.Enabled())
	ended(t, s, g)
	_, err = signIn(t, s, s.Ada.Email(), stage.Password)
	require.ErrorIs(t, err, user.ErrBadCredentials)
	u, err = s.Logins.Change(t.Context(), credential.UserInput{Target: target(operator, s.Ada), Enabled: &on})

	require.NoError(t, err)
	require.True(t, u.Enabled())
	ended(t, s, g)
	opens(t, s, stage.Password)
	require.Len(t, s.Recorded("user.changed"), 2)
}

func TestChange_Roles(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	give := credential.UserInput{Target: target(program(s, actor.TenantPermissions()...), s.Ada), Roles: []user.Role{user.Admin}}
	_, err := s.Logins.Change(t.Context(), give)
	require.ErrorIs(t, err, user.ErrRoleHolder, "who handles no roles gives none")
	give.Roles = []user.Role{}
	_, err = s.Logins.Change(t.Context(), give)
	require.ErrorIs(t, err, user.ErrRoleHolder, "not even none")
	give.Actor, give.Roles = administrator(s), []user.Role{user.Admin}

	u, err := s.Logins.Change(t.Context(), give)

	require.NoError(t, err)
	require.Equal(t, []user.Role{user.Admin}, u.Roles())
	_, err = s.Guard.Actor(t.Context(), stage.Bearer(s.Login(t)))
	require.NoError(t, err)
	give.Roles = nil
	u, err = s.Logins.Change(t.Context(), give)
	require.NoError(t, err)
	require.Equal(t, []user.Role{user.Admin}, u.Roles(), "what is not said stays")
	give.Roles = []user.Role{}
	u, err = s.Logins.Change(t.Context(), give)
	require.NoError(t, err)
	require.Empty(t, u.Roles())
}

func TestChange_OnlyTheVersionThatTheCallerKnows(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	u, err := s.Logins.User(t.Context(), target(operator, s.Ada))
	require.NoError(t, err)
	off := false
	in := credential.UserInput{Target: target(operator, s.Ada), Enabled: &off, IfMatch: u.Version() + 1}

	_, stale := s.Logins.Change(t.Context(), in)
	opens(t, s, stage.Password)
	in.IfMatch = u.Version()
	after, good := s.Logins.Change(t.Context(), in)

	require.ErrorIs(t, stale, port.ErrVersion)
	require.NoError(t, good)
	require.Equal(t, u.Version()+1, after.Version())
}

func TestLogins_ThereIsNone(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	c := bob(t, s)
	for _, name := range []string{"Change", "User", "SignOut"} {
		require.ErrorIs(t, calls[name](t.Context(), s, target(operator, c)), user.ErrNotFound, name)
	}
	require.Empty(t, s.Trail.Events())
}

func TestSignOut_EndsEverySession(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	one, two := s.Login(t), s.Login(t)

	require.NoError(t, s.Logins.SignOut(t.Context(), target(operator, s.Ada)))

	ended(t, s, one)
	ended(t, s, two)
	opens(t, s, stage.Password)
	require.Len(t, s.Recorded("user.signed-out"), 1)
}

func TestInvite_MakesTheLoginAndHasItMailed(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	c := bob(t, s)

	require.NoError(t, s.Logins.Invite(t.Context(), target(program(s, actor.UsersWrite), c)))

	u, err := s.Logins.User(t.Context(), target(operator, c))
	require.NoError(t, err)
	require.True(t, u.Hash().IsZero())
	require.Empty(t, s.Mailer.Sent(), "mailed after the answer")
	sent := s.Deliver(t)
	require.Len(t, sent, 1)
	require.Equal(t, outbox.Invitation, sent[0].Kind)
	require.Equal(t, "bob@example.com", sent[0].To)
	require.Equal(t, "user:"+u.ID().String(), s.Recorded("contact.invited")[0].Target)
	_, err = s.Linked.Validate(t.Context(), signin.ValidateInput{Token: stage.TokenOf(t, sent[0])})
	require.NoError(t, err)
}

func TestInvite_KeepsTheLoginThereIs(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)

	require.NoError(t, s.Logins.Invite(t.Context(), target(operator, s.Ada)))

	require.NoError(t, s.Enters(t.Context(), g))
	opens(t, s, stage.Password)
	require.Equal(t, "user:"+s.AdaUser.ID().String(), s.Recorded("contact.invited")[0].Target)
}

func TestInvite_ManyAtOnceNameTheOneLogin(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	c := bob(t, s)

	stage.Together(10, func(int) {
		if err := s.Logins.Invite(t.Context(), target(operator, c)); err != nil {
			t.Error(err)
		}
	})

	u, err := s.Logins.User(t.Context(), target(operator, c))
	require.NoError(t, err)
	require.Len(t, s.Recorded("contact.invited"), 10)
	for _, e := range s.Recorded("contact.invited") {
		require.Equal(t, "user:"+u.ID().String(), e.Target)
	}
}

func TestInvite_DisabledLoginGetsNoMail(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditUser(t, s.AdaUser, func(u *user.User) { u.Enable(false, fake.Start) })

	require.NoError(t, s.Logins.Invite(t.Context(), target(operator, s.Ada)))

	require.Empty(t, s.Deliver(t))
}

func TestLogins_WhatCannotBeRecordedIsNotAnswered(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		if name == "User" {
			continue // reads are not audited
		}
		s := stage.New(t, stage.Options{})
		s.Trail.Err = errors.New("disk full")

		require.ErrorIs(t, call(t.Context(), s, target(operator, s.Ada)), s.Trail.Err, name)
	}
}
