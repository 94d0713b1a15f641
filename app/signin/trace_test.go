package signin_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/signin"
	"ostiary/domain/company"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

// traceOf lays the decisions behind a refusal out.
func traceOf(t *testing.T, err error) string {
	t.Helper()
	require.Error(t, err)
	var out []string
	for _, step := range fault.Of(err).Trace() {
		out = append(out, step.Name+": "+step.Outcome)
	}
	return strings.Join(out, ", ")
}

func shut(d *company.Details) { d.Portal.Enabled = false }

func TestLogin_TraceGoesUpToThePortal(t *testing.T) {
	t.Parallel()
	const proven = "tenant: resolved, user: found, limits: passed, credential: right"
	s := stage.New(t, stage.Options{})
	in := stage.Knock(t, stage.Password)
	in.Portal = company.PortalIDFromBytes(fake.UUID())
	_, elsewhere := s.Passwords.Login(t.Context(), in)
	s.EditCompany(t, s.First, shut)
	s.EditCompany(t, s.Second, shut)
	_, none := s.Passwords.Login(t.Context(), stage.Knock(t, stage.Password))

	require.Equal(t, proven+", portal: closed", traceOf(t, elsewhere))
	require.Equal(t, proven+", portal: none", traceOf(t, none))
}

func TestLogin_TraceOfATemporaryPassword(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetPassword(fake.Hashed(stage.Password), true, fake.Start) })

	_, err := s.Passwords.Login(t.Context(), stage.Knock(t, stage.Password))

	require.Equal(t, "tenant: resolved, user: found, limits: passed, credential: temporary", traceOf(t, err))
}

func TestRefresh_TraceNamesTheCause(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(s *stage.Stage, g signin.Grant) secret.Text{
		"credential: foreign": func(*stage.Stage, signin.Grant) secret.Text { return stage.Text("junk") },
		"tenant: suspended": func(s *stage.Stage, g signin.Grant) secret.Text {
			s.EditTenant(t, s.Acme, stage.Suspend)
			return g.Refresh
		},
		"tenant: resolved, user: disabled": func(s *stage.Stage, g signin.Grant) secret.Text {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.Enable(false, fake.Start) })
			return g.Refresh
		},
		"tenant: resolved, user: found, credential: session ended": func(s *stage.Stage, g signin.Grant) secret.Text {
			require.NoError(t, s.Signed.Logout(t.Context(), stage.Bearer(g)))
			return g.Refresh
		},
		"tenant: resolved, user: found, credential: reused": func(s *stage.Stage, g signin.Grant) secret.Text {
			renewed(t, s, renewed(t, s, g.Refresh).Refresh)
			s.Clock.Advance(time.Minute)
			return g.Refresh
		},
		"tenant: resolved, user: found, portal: closed": func(s *stage.Stage, g signin.Grant) secret.Text {
			s.EditCompany(t, s.Second, shut)
			return g.Refresh
		},
	} {
		s := stage.New(t, stage.Options{})
		token := spoil(s, s.Login(t))

		_, err := renew(t, s, token)

		require.Equal(t, want, traceOf(t, err))
	}
}

func TestRefresh_WithoutAPartOfItsStanding(t *testing.T) {
	t.Parallel()
	down := errors.New("the store is down")
	for part, row := range map[stage.Part]struct {
		gone error
		want string
	}{
		stage.Tenant:  {tenant.ErrNotFound, "tenant: unknown"},
		stage.Session: {session.ErrNotFound, "tenant: resolved, credential: session unknown"},
		stage.Person:  {user.ErrNotFound, "tenant: resolved, user: unknown"},
		stage.Company: {company.ErrNotFound, "tenant: resolved, user: found, portal: closed"},
	} {
		s := stage.New(t, stage.Options{})
		token := s.Login(t).Refresh

		_, err := renew(t, s.Blind(t, part, row.gone), token)
		require.ErrorIs(t, err, user.ErrBadCredentials, part)
		require.Equal(t, row.want, traceOf(t, err), part)

		_, err = renew(t, s.Blind(t, part, down), token)
		require.ErrorIs(t, err, down, part)
		require.NotErrorIs(t, err, user.ErrBadCredentials, part)

		_, err = renew(t, s, token)
		require.NoError(t, err, "the token is spent by none of that")
	}
}

func TestLink_TraceNamesTheCause(t *testing.T) {
	t.Parallel()
	const found = "tenant: resolved, user: found"
	for want, spoil := range map[string]func(s *stage.Stage, token secret.Text) secret.Text{
		"credential: malformed": func(*stage.Stage, secret.Text) secret.Text { return stage.Text("junk") },
		"tenant: unknown": func(s *stage.Stage, token secret.Text) secret.Text {
			s.EditTenant(t, s.Acme, stage.Suspend)
			return token
		},
		"tenant: resolved, credential: wrong, spent or expired": func(s *stage.Stage, token secret.Text) secret.Text {
			_, err := spend(t, s, token)
			require.NoError(t, err)
			return token
		},
		"tenant: resolved, user: disabled": func(s *stage.Stage, token secret.Text) secret.Text {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.Enable(false, fake.Start) })
			return token
		},
		found + ", credential: older than a change of the login": func(s *stage.Stage, token secret.Text) secret.Text {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.SignOut(fake.Start) })
			return token
		},
		found + ", credential: right, portal: none": func(s *stage.Stage, token secret.Text) secret.Text {
			s.EditCompany(t, s.First, shut)
			s.EditCompany(t, s.Second, shut)
			return token
		},
	} {
		s := stage.New(t, stage.Options{})
		mail, _ := mailed(t, s)
		token := spoil(s, stage.TokenOf(t, mail))

		_, err := spend(t, s, token)

		require.Equal(t, want, traceOf(t, err))
	}
}

func TestCode_TraceNamesTheCause(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(in *signin.CodeInput){
		"tenant: resolved, credential: malformed":                            func(in *signin.CodeInput) { in.Code = "UUUU" },
		"tenant: resolved, credential: without its binding":                  func(in *signin.CodeInput) { in.Binding = "" },
		"tenant: resolved, user: unknown":                                    func(in *signin.CodeInput) { in.Email = fake.Address(t, "nobody@example.com") },
		"tenant: unknown, user: unknown":                                     func(in *signin.CodeInput) { in.Hints = stage.At("ghost") },
		"tenant: resolved, user: found, credential: wrong, spent or expired": func(in *signin.CodeInput) { in.Code = wrong(in.Code) },
	} {
		s := stage.New(t, stage.Options{})
		mail, binding := mailed(t, s)
		in := codeFor(t, mail, binding)
		spoil(&in)

		_, err := s.Linked.ValidateCode(t.Context(), in)

		require.Equal(t, want, traceOf(t, err))
	}
}

func TestLinks_TraceOfTooManyTries(t *testing.T) {
	t.Parallel()
	limits, err := throttle.Parse("login-address=1/15m,link-address=1/1h")
	require.NoError(t, err)
	s := stage.New(t, stage.Options{Limits: limits})
	asked := linkFor(t, "acme", stage.Mail)
	asked.Origin = "192.0.2.1"
	_, err = s.Linked.Request(t.Context(), asked)
	require.NoError(t, err)
	in := signin.ValidateInput{Token: stage.Text("junk"), Origin: "192.0.2.1"}
	_, err = s.Linked.Validate(t.Context(), in)
	refuses(t, err)

	_, request := s.Linked.Request(t.Context(), asked)
	_, validation := s.Linked.Validate(t.Context(), in)

	require.Equal(t, "tenant: resolved, limits: refused", traceOf(t, request))
	require.Equal(t, "limits: refused", traceOf(t, validation))
}

func TestTrace_OfARequestThatContradictsItself(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	in := stage.Knock(t, stage.Password)
	in.Hints.Path, in.Hints.Header = "acme", "other"

	_, err := s.Passwords.Login(t.Context(), in)

	require.Equal(t, "tenant: contradiction", traceOf(t, err))
	require.Equal(t, tenant.ErrSuspended.Trace(), []fault.Step{{Name: "tenant", Outcome: "suspended"}})
}
