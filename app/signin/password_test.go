package signin_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/access"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/scope"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

func TestLogin_OpensASessionInThePrimaryPortal(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{Limits: throttle.Default()})
	s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetRoles([]user.Role{user.Admin}, fake.Start) })
	s.EditContact(t, s.Ada, func(d *contact.Details) { d.Scopes = scope.Map{scope.Finance: false} })
	in := stage.Knock(t, stage.Password)
	in.Client = session.Client{UserAgent: "a browser", Address: "192.0.2.1"}

	g, err := s.Passwords.Login(t.Context(), in)

	require.NoError(t, err)
	require.Equal(t, s.AdaUser.ID(), g.User)
	require.Equal(t, stage.Mail, g.Email, "as it was entered")
	require.Equal(t, fake.Start.Add(15*60*1000*blink).Truncate(1000*blink), g.AccessExpires)
	v, err := s.Guard.Visitor(t.Context(), stage.Bearer(g))
	require.NoError(t, err)
	require.Equal(t, s.Second.ID(), v.Entry.Company.ID(), "primary before the lower id")
	stored, err := s.Sessions.ByID(t.Context(), s.Acme.ID(), g.Session)
	require.NoError(t, err)
	require.Equal(t, in.Client, stored.Snapshot().Client)
	claims := claimsOf(t, g)
	delete(claims, "jti")
	require.Equal(t, map[string]any{
		"iss": stage.PublicURL, "aud": stage.PublicURL + "/t/acme", "sub": s.AdaUser.ID().String(), "sid": g.Session.String(),
		"iat": 1772600767.0, "nbf": 1772600767.0, "exp": 1772601667.0, "auth_time": 1772600767.0, "amr": []any{"pwd"},
		"tenant": "acme", "tid": s.Acme.ID().String(), "company": "2", "portal": s.Second.Portal().ID.String(), "contact": "1",
		"scope": "configurator support", "roles": []any{"admin"},
	}, claims)
	recorded := s.Granted("session.opened")
	require.Len(t, recorded, 1)
	require.Equal(t, "user:"+s.AdaUser.ID().String(), recorded[0].Actor)
	require.Equal(t, "pwd", recorded[0].Details["method"])
}

func TestLogin_WithoutTheCompanyOfChoice(t *testing.T) {
	t.Parallel()
	closed := func(d *company.Details) { d.Portal.Enabled = false }
	for name, c := range map[string]struct {
		prepare func(s *stage.Stage)
		wanted  func(s *stage.Stage) company.PortalID
		enters  func(s *stage.Stage) *company.Company // nil: nobody
	}{
		"primary closed": {
			func(s *stage.Stage) { s.EditCompany(t, s.Second, closed) },
			func(*stage.Stage) company.PortalID { return company.PortalID{} },
			func(s *stage.Stage) *company.Company { return s.First },
		},
		"another wanted": {
			func(*stage.Stage) {},
			func(s *stage.Stage) company.PortalID { return s.First.Portal().ID },
			func(s *stage.Stage) *company.Company { return s.First },
		},
		"wanted one closed": {
			func(s *stage.Stage) { s.EditCompany(t, s.First, closed) },
			func(s *stage.Stage) company.PortalID { return s.First.Portal().ID }, nil,
		},
		"wanted one foreign": {
			func(*stage.Stage) {},
			func(*stage.Stage) company.PortalID { return company.PortalIDFromBytes(fake.UUID()) }, nil,
		},
		"all closed": {
			func(s *stage.Stage) { s.EditCompany(t, s.First, closed); s.EditCompany(t, s.Second, closed) },
			func(*stage.Stage) company.PortalID { return company.PortalID{} }, nil,
		},
	} {
		s := stage.New(t, stage.Options{})
		c.prepare(s)
		in := stage.Knock(t, stage.Password)
		in.Portal = c.wanted(s)

		g, err := s.Passwords.Login(t.Context(), in)

		if c.enters == nil {
			refuses(t, err)
			require.Empty(t, s.Granted("session.opened"), name)
			require.Len(t, s.Recorded("session.opened"), 1, "%s: a refusal is on record", name)
			continue
		}
		require.NoError(t, err, name)
		v, err := s.Guard.Visitor(t.Context(), stage.Bearer(g))
		require.NoError(t, err, name)
		require.Equal(t, c.enters(s).ID(), v.Entry.Company.ID(), name)
	}
}

func TestLogin_LowestCompanyIdWhenThePrimaryIsClosed(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	third := fake.Company(t, s.Acme.ID(), 3)
	eve := stage.MemberOf(t, 7, "eve@example.com", third, s.Second, s.First)
	s.Add(t, third, eve, fake.UserWith(eve, stage.Password))
	s.EditCompany(t, third, func(d *company.Details) { d.Portal.Enabled = false })
	in := stage.Knock(t, stage.Password)
	in.Email = eve.Email()

	out, err := s.Passwords.Account(t.Context(), in)

	require.NoError(t, err)
	require.Len(t, out.Entries, 2)
	require.Equal(t, s.First.ID(), out.Entries[0].Company.ID())
	require.Equal(t, s.Second.ID(), out.Entries[1].Company.ID())
	require.Equal(t, "1", claimsOf(t, out.Grant)["company"])
}

func TestAccount_WithoutAPortalSignsInToBeToldSo(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	for _, co := range []*company.Company{s.First, s.Second} {
		s.EditCompany(t, co, func(d *company.Details) { d.Portal.Enabled = false })
	}

	out, err := s.Passwords.Account(t.Context(), stage.Knock(t, stage.Password))

	require.NoError(t, err)
	require.Equal(t, s.AdaUser.ID(), out.Person.User.ID())
	require.Equal(t, s.Acme.ID(), out.Tenant.ID())
	require.Empty(t, out.Entries)
	require.True(t, out.Grant.Access.IsZero())
	require.True(t, out.Grant.Refresh.IsZero())
	all, err := s.Sessions.ByUser(t.Context(), s.Acme.ID(), s.AdaUser.ID(), 2, fake.Start)
	require.NoError(t, err)
	require.Empty(t, all)
}

func TestLogin_RefusalsAreAuditedBeforeTheyAreAnswered(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{Limits: throttle.Default()})

	_, err := s.Passwords.Login(t.Context(), stage.Knock(t, "not the password"))

	refuses(t, err)
	events := s.Trail.Events()
	require.Equal(t, []audit.Event{{
		Tenant: s.Acme.ID(), Actor: "anonymous:", Action: "session.opened", Outcome: audit.Refused,
		Details: map[string]string{"method": "pwd", "tenant": "resolved", "user": "found", "limits": "passed", "credential": "wrong"},
	}}, events)
}

func TestLogin_WhatCannotBeRecordedIsNotAnswered(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.Trail.Err = errors.New("disk full")

	g, granted := s.Passwords.Login(t.Context(), stage.Knock(t, stage.Password))
	_, refused := s.Passwords.Login(t.Context(), stage.Knock(t, "not the password"))

	require.ErrorIs(t, granted, s.Trail.Err)
	require.True(t, g.Access.IsZero())
	require.ErrorIs(t, refused, s.Trail.Err)
}

func TestLogin_TenantOfTheRequest(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	in := stage.Knock(t, stage.Password)

	in.Hints = tenancy.Hints{}
	_, missing := s.Passwords.Login(t.Context(), in)
	in.Hints = tenancy.Hints{Header: "acme", Body: "other"}
	_, contradiction := s.Passwords.Login(t.Context(), in)
	in.Hints = stage.At("ghost")
	_, unknown := s.Passwords.Login(t.Context(), in)
	s.EditTenant(t, s.Acme, stage.Suspend)
	_, suspended := s.Passwords.Login(t.Context(), stage.Knock(t, stage.Password))

	require.ErrorIs(t, missing, tenancy.ErrMissing)
	require.ErrorIs(t, contradiction, tenancy.ErrContradict)
	refuses(t, unknown)
	refuses(t, suspended)
	require.Equal(t, 2, s.Hasher.Decoys+s.Hasher.Verifies, "a contradiction costs nothing, unknown and suspended the same")
}

func TestLogin_TemporaryPasswordOpensNothingButItsChange(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditUser(t, s.AdaUser, func(u *user.User) {
		u.SetPassword(fake.Hashed(stage.Password), true, fake.Start)
		u.SetRoles([]user.Role{user.Admin}, fake.Start)
	})

	g, err := s.Passwords.Login(t.Context(), stage.Knock(t, stage.Password))

	require.ErrorIs(t, err, user.ErrChangeRequired)
	require.True(t, g.Access.IsZero())
	require.Equal(t, "password_change_required", err.Error())
	_, leak := json.Marshal(err)
	require.ErrorIs(t, leak, secret.ErrNotMarshalled, "no token gets out by accident")
	var change *signin.ChangeRequired
	require.ErrorAs(t, err, &change)
	limited := change.Grant
	require.True(t, limited.Refresh.IsZero())
	claims := claimsOf(t, limited)
	require.Equal(t, stage.PublicURL+"/t/acme/change-password", claims["aud"])
	require.Empty(t, claims["scope"])
	require.Empty(t, claims["roles"])
	require.ErrorIs(t, s.Enters(t.Context(), limited), access.ErrRestricted)
	_, err = s.Guard.Actor(t.Context(), stage.Bearer(limited))
	require.ErrorIs(t, err, access.ErrRestricted)
	_, err = s.Signed.List(t.Context(), stage.Bearer(limited))
	require.ErrorIs(t, err, access.ErrRestricted)
	v, err := s.Guard.Changer(t.Context(), stage.Bearer(limited))
	require.NoError(t, err)
	require.Empty(t, v.Entry.Scopes)
}

func TestLogin_UpgradesAWeakHash(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.Hasher.Weak = true

	s.Login(t)

	require.Equal(t, 1, s.Hasher.Hashes)
	p, err := s.Users.ByID(t.Context(), s.Acme.ID(), s.AdaUser.ID())
	require.NoError(t, err)
	require.Equal(t, s.AdaUser.Epoch(), p.User.Epoch(), "no session ends by it")
}

func TestLogin_SettingsOfTheTenant(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditTenant(t, s.Acme, func(d *tenant.Details) {
		d.Settings.Audience, d.Settings.AccessTokenMinutes = "acme-backend", 3
		d.Settings.RefreshIdleDays, d.Settings.RefreshAbsoluteDays = 2, 5
	})

	g := s.Login(t)

	require.Equal(t, "acme-backend", claimsOf(t, g)["aud"])
	require.Equal(t, fake.Start.Add(3*60*1000*blink).Truncate(1000*blink), g.AccessExpires)
	stored, err := s.Sessions.ByID(t.Context(), s.Acme.ID(), g.Session)
	require.NoError(t, err)
	require.Equal(t, fake.Start.Add(2*day), stored.Snapshot().IdleUntil)
	require.Equal(t, fake.Start.Add(5*day), stored.Snapshot().Until)
	require.NoError(t, s.Enters(t.Context(), g))
}

func TestLogin_LimitsAreToldAndNotAudited(t *testing.T) {
	t.Parallel()
	limits, err := throttle.Parse("login-address=1/15m")
	require.NoError(t, err)
	s := stage.New(t, stage.Options{Limits: limits})
	_, err = s.Passwords.Login(t.Context(), stage.Knock(t, "not the password"))
	refuses(t, err)

	_, err = s.Passwords.Login(t.Context(), stage.Knock(t, stage.Password))

	require.ErrorIs(t, err, throttle.ErrLimited)
	require.Len(t, s.Trail.Events(), 1)
}
