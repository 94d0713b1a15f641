package access_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/access"
	"ostiary/app/port"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/fault"
	"ostiary/domain/scope"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

func TestVisitor_IsWhoWhereAndWhatTheyMaySee(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)

	v, err := s.Guard.Visitor(t.Context(), stage.Bearer(g))

	require.NoError(t, err)
	require.Equal(t, s.Acme.ID(), v.Tenant.ID())
	require.Equal(t, s.AdaUser.ID(), v.Person.User.ID())
	require.Equal(t, s.Ada.ID(), v.Person.Contact.ID())
	require.Equal(t, g.Session, v.Session.ID())
	require.Equal(t, s.Second.ID(), v.Entry.Company.ID())
	require.Equal(t, scope.Map{scope.Configurator: true, scope.Finance: true, scope.Support: true}, v.Entry.Scopes.Map())
}

func TestVisitor_ScopesNarrowAtOnceAndNeverWiden(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	seen := func() scope.Map {
		v, err := s.Guard.Visitor(t.Context(), stage.Bearer(g))
		require.NoError(t, err)
		return v.Entry.Scopes.Map()
	}
	require.True(t, seen()[scope.Finance])

	s.EditContact(t, s.Ada, func(d *contact.Details) { d.Scopes = scope.Map{scope.Finance: false, "extra": true} })
	require.Equal(t, scope.Map{scope.Configurator: true, scope.Finance: false, scope.Support: true}, seen())
	s.EditCompany(t, s.Second, func(d *company.Details) { d.Scopes = scope.Map{scope.Support: false, scope.Finance: true} })
	require.Equal(t, scope.Map{scope.Configurator: true, scope.Finance: false, scope.Support: false}, seen())
	s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Scopes = scope.Map{"extra": true, scope.Support: true} })
	require.Equal(t, scope.Map{scope.Configurator: false, scope.Finance: false, scope.Support: false, "extra": true}, seen())
}

func TestVisitor_TokenOutlivedByWhatStandsBehindIt(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *stage.Stage, g signin.Grant){
		"session ended": func(s *stage.Stage, g signin.Grant) {
			require.NoError(t, s.Sessions.Update(t.Context(), s.Acme.ID(), g.Session, func(cur *session.Session) error {
				cur.End(s.Clock.Now())
				return nil
			}))
		},
		"signed out": func(s *stage.Stage, _ signin.Grant) {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.SignOut(fake.Start) })
		},
		"password set": func(s *stage.Stage, _ signin.Grant) {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetPassword(fake.Hashed("another"), false, fake.Start) })
		},
		"disabled": func(s *stage.Stage, _ signin.Grant) {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.Enable(false, fake.Start) })
		},
		"disabled and enabled": func(s *stage.Stage, _ signin.Grant) {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.Enable(false, fake.Start); u.Enable(true, fake.Start) })
		},
		"contact deleted": func(s *stage.Stage, _ signin.Grant) {
			require.NoError(t, s.Contacts.Delete(t.Context(), s.Acme.ID(), s.Ada.ID(), 0))
		},
		"membership removed": func(s *stage.Stage, _ signin.Grant) {
			s.EditContact(t, s.Ada, func(d *contact.Details) { d.Companies = []contact.Membership{{Company: s.First.ID()}} })
		},
		"portal disabled": func(s *stage.Stage, _ signin.Grant) {
			s.EditCompany(t, s.Second, func(d *company.Details) { d.Portal.Enabled = false })
		},
		"audience changed": func(s *stage.Stage, _ signin.Grant) {
			s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Settings.Audience = "another" })
		},
		"tenant deleted": func(s *stage.Stage, _ signin.Grant) {
			require.NoError(t, s.Tenants.Delete(t.Context(), s.Acme.ID(), 0))
		},
		"expired": func(s *stage.Stage, _ signin.Grant) { s.Clock.Advance(16 * time.Minute) },
	} {
		s := stage.New(t, stage.Options{})
		g := s.Login(t)
		require.NoError(t, s.Enters(t.Context(), g), name)
		change(s, g)

		v, err := s.Guard.Visitor(t.Context(), stage.Bearer(g))

		require.ErrorIs(t, err, session.ErrToken, name)
		require.Equal(t, session.ErrToken.Text(), fault.Of(err).Text(), "%s: every cause looks the same", name)
		require.NotEmpty(t, fault.Of(err).Trace(), name)
		require.Equal(t, access.Visitor{}, v, name)
	}
}

func TestVisitor_SuspendedTenant(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	s.EditTenant(t, s.Acme, stage.Suspend)

	require.ErrorIs(t, s.Enters(t.Context(), g), tenant.ErrSuspended)
}

func TestVisitor_WhatIsNoTokenOfOurs(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	good := g.Access.Reveal()
	api, _ := s.Token(t, s.Acme, "contacts:read")
	for _, token := range []string{
		"", "junk", "a.b.c", good + "x", good[:len(good)-10], " " + good, g.Refresh.Reveal(), api.Reveal(),
		stage.New(t, stage.Options{}).Login(t).Access.Reveal(), // another deployment's
	} {
		_, err := s.Guard.Visitor(t.Context(), access.Bearer{Token: stage.Text(token)})
		require.ErrorIs(t, err, session.ErrToken)
	}
	require.NoError(t, s.Enters(t.Context(), g))
}

// forge signs claims that nobody was given, as only the deployment could.
func forge(t *testing.T, s *stage.Stage, g signin.Grant, edit func(c *session.Claims)) access.Bearer {
	t.Helper()
	c, restricted, err := s.Tokens.Verify(t.Context(), g.Access)
	require.NoError(t, err)
	edit(&c)
	token, err := s.Tokens.Issue(t.Context(), c, restricted)
	require.NoError(t, err)
	return access.Bearer{Token: token}
}

func TestVisitor_ClaimsMustFitWhatIsStored(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	_, err := s.Guard.Visitor(t.Context(), forge(t, s, g, func(*session.Claims) {}))
	require.NoError(t, err)
	for name, edit := range map[string]func(c *session.Claims){
		"another tenant's audience": func(c *session.Claims) { c.Audience = stage.PublicURL + "/t/other" },
		"another tenant":            func(c *session.Claims) { c.Tenant = s.Other.ID() },
		"another tenant with its audience": func(c *session.Claims) {
			c.Tenant, c.TenantCode, c.Audience = s.Other.ID(), "other", stage.PublicURL+"/t/other"
		},
		"another user":    func(c *session.Claims) { c.Subject = s.TwinUser.ID() },
		"another session": func(c *session.Claims) { c.Session = session.IDFromBytes(fake.UUID()) },
		"no such tenant":  func(c *session.Claims) { c.Tenant = tenant.IDFromBytes(fake.UUID()) },
	} {
		_, err := s.Guard.Visitor(t.Context(), forge(t, s, g, edit))

		require.ErrorIs(t, err, session.ErrToken, name)
	}
}

func TestVisitor_RestrictedTokenAndSessionBelongTogether(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	full := s.Login(t)
	s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetPassword(fake.Hashed(stage.Password), true, fake.Start) })
	_, err := s.Passwords.Login(t.Context(), stage.Knock(t, stage.Password))
	var change *signin.ChangeRequired
	require.ErrorAs(t, err, &change)
	limited, _, err := s.Tokens.Verify(t.Context(), change.Grant.Access)
	require.NoError(t, err)

	limited.Audience = s.Names.Audience(s.Acme)
	widened, err := s.Tokens.Issue(t.Context(), limited, false)
	require.NoError(t, err)
	_, err = s.Guard.Visitor(t.Context(), access.Bearer{Token: widened})
	require.ErrorIs(t, err, session.ErrToken, "a full token of a restricted session")
	_, err = s.Guard.Changer(t.Context(), access.Bearer{Token: widened})
	require.ErrorIs(t, err, session.ErrToken)

	claims, _, err := s.Tokens.Verify(t.Context(), full.Access)
	require.NoError(t, err)
	require.NoError(t, s.Sessions.Update(t.Context(), s.Acme.ID(), full.Session, func(cur *session.Session) error {
		cur.Adopt(2)
		return nil
	}))
	narrowed, err := s.Tokens.Issue(t.Context(), claims, true)
	require.NoError(t, err)
	_, err = s.Guard.Changer(t.Context(), access.Bearer{Token: narrowed})
	require.ErrorIs(t, err, session.ErrToken, "a restricted token of a full session")
}

func TestVisitor_HintsMustAgree(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{Default: "other"})
	s.EditTenant(t, s.Other, func(d *tenant.Details) { d.Hosts = []tenant.Host{"portal.other.example"} })
	g := s.Login(t)
	for _, h := range []tenancy.Hints{
		{}, stage.At("ACME"), {Path: "acme"}, {Host: "acme." + stage.BaseDomain}, {Host: stage.PublicHost}, tenancy.Hints{}.Owned(s.Acme.ID()),
	} {
		_, err := s.Guard.Visitor(t.Context(), access.Bearer{Token: g.Access, Hints: h})
		require.NoError(t, err, h)
	}
	for _, h := range []tenancy.Hints{
		stage.At("other"), stage.At("ghost"),
		{Path: "other"},
		{Host: "other." + stage.BaseDomain},
		{Host: "portal.other.example"},
		{Body: "other"},
		tenancy.Hints{}.Owned(s.Other.ID()),
		{Path: "acme", Header: "other"},
	} {
		_, err := s.Guard.Visitor(t.Context(), access.Bearer{Token: g.Access, Hints: h})
		require.ErrorIs(t, err, tenancy.ErrContradict, h)
	}
}

func TestVisitor_WhatCannotBeDecidedIsAnOutage(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	deaf := s.NewLive(t)
	guard := access.NewGuard(deaf, s.Tokens, s.Clock, tenancy.NewResolver(deaf, "", "", ""), s.Names, secret.Text{})
	api, _ := s.Token(t, s.Acme, "contacts:read")

	_, visitor := guard.Visitor(t.Context(), stage.Bearer(g))
	_, unknown := guard.Visitor(t.Context(), access.Bearer{Token: secret.New("signed.elsewhere.meanwhile")})
	_, actor := guard.Actor(t.Context(), access.Bearer{Token: api})
	operator, err := guard.Operator(t.Context(), api)

	require.ErrorIs(t, visitor, port.ErrUnavailable)
	require.ErrorIs(t, unknown, port.ErrUnavailable, "its key may have been made since")
	require.ErrorIs(t, actor, port.ErrUnavailable)
	require.ErrorIs(t, err, port.ErrUnavailable)
	require.False(t, operator)
}

func TestNames_AudienceIsTheSettingOrTheTenantsAddress(t *testing.T) {
	t.Parallel()
	n := access.Names{PublicURL: stage.PublicURL}
	acme := fake.Tenant(t, "acme")
	d := acme.Details()
	d.Settings.Audience = "urn:acme"
	named, err := tenant.New(acme.ID(), acme.Code(), d, fake.Start)
	require.NoError(t, err)

	require.Equal(t, stage.PublicURL+"/t/acme", n.Audience(acme))
	require.Equal(t, "urn:acme", n.Audience(named))
}

// TestVisitor_TokenThatContradictsItsSession signs claims that no session
// stands for.
func TestVisitor_TokenThatContradictsItsSession(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	issued, _, err := s.Tokens.Verify(t.Context(), g.Access)
	require.NoError(t, err)
	stranger, err := contact.IDOf(99)
	require.NoError(t, err)
	for name, change := range map[string]func(*session.Claims){
		"tenant":  func(c *session.Claims) { c.TenantCode = s.Other.Code() },
		"company": func(c *session.Claims) { c.Company = s.First.ID() },
		"portal":  func(c *session.Claims) { c.Portal = s.First.Portal().ID },
		"contact": func(c *session.Claims) { c.Contact = stranger },
	} {
		claims := issued
		change(&claims)
		token, err := s.Tokens.Issue(t.Context(), claims, false)
		require.NoError(t, err)

		_, err = s.Guard.Visitor(t.Context(), access.Bearer{Token: token})

		require.ErrorIs(t, err, session.ErrToken, name)
		trace := fault.Of(err).Trace()
		require.Equal(t, fault.Step{Name: "credential", Outcome: "contradicts its session"}, trace[len(trace)-1], name)
	}
}
