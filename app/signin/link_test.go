package signin_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/company"
	"ostiary/domain/outbox"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

func TestLink_SignsInOnce(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{Limits: throttle.Default()})
	mail, _ := mailed(t, s)
	token := stage.TokenOf(t, mail)

	g, err := spend(t, s, token)

	require.NoError(t, err)
	require.NoError(t, s.Enters(t.Context(), g))
	claims := claimsOf(t, g)
	require.Equal(t, []any{"otp"}, claims["amr"])
	require.Equal(t, "2", claims["company"])
	require.Equal(t, s.AdaUser.ID(), g.User)
	_, again := spend(t, s, token)
	refuses(t, again)
	require.NoError(t, s.Enters(t.Context(), g), "the session stays")
	require.Len(t, s.Granted("session.opened"), 1)
}

func TestLink_MailSaysWhatItShould(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Settings.Locale, d.Settings.MagicLinkMinutes = "nl-NL", 7 })
	before := ask(t, s, "ADA@EXAMPLE.COM") // the same address, spelled otherwise

	mail := s.Deliver(t)[0]

	require.NotEmpty(t, before.Text())
	link, code := mail.Link.Reveal(), mail.Code.Reveal()
	require.True(t, strings.HasPrefix(link, stage.PublicURL+"/t/acme/magic#token="))
	require.Len(t, code, session.CodeLength)
	mail.Link, mail.Code = stage.Text(""), stage.Text("")
	require.Equal(t, outbox.Mail{
		Kind: outbox.Link, To: stage.Mail, Tenant: "acme", Sender: "Tenant acme", Name: "Contact", Locale: "nl-NL", Minutes: 7,
	}, mail, "it goes to the address on record")
}

func TestLink_IsBuiltFromTheTenantsSetting(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditTenant(t, s.Acme, func(d *tenant.Details) {
		d.Settings.Origins = []string{"https://app.acme.example"}
		d.Settings.MagicLinkURL = "https://app.acme.example/in?x=1#/go/token={token}&y"
	})
	in := linkFor(t, "acme", stage.Mail)
	in.Hints.Host = "evil.example"
	_, err := s.Linked.Request(t.Context(), in)
	require.NoError(t, err)

	link := s.Deliver(t)[0].Link.Reveal()

	token, ok := strings.CutPrefix(link, "https://app.acme.example/in?x=1#/go/token=")
	require.True(t, ok)
	token, ok = strings.CutSuffix(token, "&y")
	require.True(t, ok)
	_, err = spend(t, s, stage.Text(token))
	require.NoError(t, err)
}

func TestLink_LastsTenMinutesFromMinting(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	ask(t, s, stage.Mail)
	s.Clock.Advance(3 * time.Minute) // waiting in the outbox does not count
	early := stage.TokenOf(t, s.Deliver(t)[0])
	s.Clock.Advance(linkLasts - time.Second)
	_, err := spend(t, s, early)
	require.NoError(t, err)
	mail, _ := mailed(t, s)

	s.Clock.Advance(linkLasts)
	_, err = spend(t, s, stage.TokenOf(t, mail))

	refuses(t, err)
}

func TestLink_TenantSetsItsLife(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Settings.MagicLinkMinutes = 5 })
	one, _ := mailed(t, s)
	s.Clock.Advance(5*time.Minute - blink)
	_, err := spend(t, s, stage.TokenOf(t, one))
	require.NoError(t, err)
	two, _ := mailed(t, s)

	s.Clock.Advance(5 * time.Minute)
	_, err = spend(t, s, stage.TokenOf(t, two))

	refuses(t, err)
}

func TestLink_OlderOneDiesWhenANewerIsHandedOver(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	older, _ := mailed(t, s)
	ask(t, s, stage.Mail)
	_, err := spend(t, s, stage.TokenOf(t, older))
	require.NoError(t, err, "asking alone voids nothing")
	newer := s.Deliver(t)[1]
	newest, _ := mailed(t, s)

	_, void := spend(t, s, stage.TokenOf(t, newer))
	_, good := spend(t, s, stage.TokenOf(t, newest))

	refuses(t, void)
	require.NoError(t, good)
}

func TestLink_BeyondTheLimitNothingIsSentAndNothingVoided(t *testing.T) {
	t.Parallel()
	limits, err := throttle.Parse("link-user=2/1h")
	require.NoError(t, err)
	s := stage.New(t, stage.Options{Limits: limits})
	mailed(t, s)
	last, _ := mailed(t, s)

	for range 3 {
		ask(t, s, stage.Mail)
	}
	all := s.Deliver(t)

	require.Len(t, all, 2)
	_, err = spend(t, s, stage.TokenOf(t, last))
	require.NoError(t, err)
	s.Clock.Advance(30 * time.Minute)
	_, _ = mailed(t, s)
}

func TestLink_TooManyRequestsFromOneOrigin(t *testing.T) {
	t.Parallel()
	limits, err := throttle.Parse("link-address=2/1h")
	require.NoError(t, err)
	s := stage.New(t, stage.Options{Limits: limits})
	ask(t, s, "nobody@example.com")
	ask(t, s, stage.Mail)

	_, limited := s.Linked.Request(t.Context(), linkFor(t, "acme", stage.Mail))
	other := linkFor(t, "acme", stage.Mail)
	other.Origin = "198.51.100.1"
	_, fine := s.Linked.Request(t.Context(), other)

	require.ErrorIs(t, limited, throttle.ErrLimited)
	require.NoError(t, fine)
}

func TestRequest_IsOneWriteWhoeverIsMeant(t *testing.T) {
	t.Parallel()
	put := &box{}
	s := stage.New(t, stage.Options{Limits: throttle.Default(), Wrap: func(st *stage.Stores) {
		put.Outbox = st.Outbox
		st.Outbox = put
	}})
	s.EditTenant(t, s.Other, stage.Suspend)
	c := fake.Contact(t, s.First, 9, "plain@example.com")
	s.Add(t, c)
	ctx := port.WithRequest(t.Context(), "request-1")
	asked := [][2]string{
		{"acme", stage.Mail}, {"acme", "nobody@example.com"}, {"acme", "plain@example.com"}, {"ghost", stage.Mail}, {"other", stage.Mail},
	}
	for _, a := range asked {
		b, err := s.Linked.Request(ctx, linkFor(t, a[0], a[1]))

		require.NoError(t, err)
		require.Len(t, b.Text(), 43)
	}

	require.Len(t, put.jobs, len(asked))
	seen := map[string]bool{}
	for i, j := range put.jobs {
		require.Equal(t, asked[i][0], j.Tenant)
		require.Equal(t, asked[i][1], j.Address)
		require.Equal(t, "request-1", j.Request)
		require.False(t, j.Binding.IsZero())
		require.False(t, seen[string(j.Binding[:])], "every request has a binding of its own")
		seen[string(j.Binding[:])] = true
	}
	require.Empty(t, s.Trail.Events(), "what happens later is recorded later")
	require.Len(t, s.Deliver(t), 1, "Ada alone has mail")
	require.Empty(t, s.Failed())
}

func TestRequest_TenantOfTheRequest(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})

	_, missing := s.Linked.Request(t.Context(), signin.LinkInput{Email: fake.Address(t, stage.Mail)})
	_, contradiction := s.Linked.Request(t.Context(), signin.LinkInput{
		Hints: tenancy.Hints{Header: "acme", Body: "other"}, Email: fake.Address(t, stage.Mail),
	})

	require.ErrorIs(t, missing, tenancy.ErrMissing)
	require.ErrorIs(t, contradiction, tenancy.ErrContradict)
	require.Empty(t, s.Deliver(t))
}

func TestValidate_ContradictionSpendsNothing(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, _ := mailed(t, s)
	token := stage.TokenOf(t, mail)
	for _, h := range []tenancy.Hints{stage.At("other"), stage.At("ghost"), {Header: "acme", Body: "other"}} {
		_, err := s.Linked.Validate(t.Context(), signin.ValidateInput{Hints: h, Token: token})
		require.ErrorIs(t, err, tenancy.ErrContradict)
	}
	_, err := s.Linked.Validate(t.Context(), signin.ValidateInput{Hints: tenancy.Hints{Header: "acme", Body: "other"}, Token: stage.Text("junk")})
	require.ErrorIs(t, err, tenancy.ErrContradict, "said before the token is judged")

	_, err = s.Linked.Validate(t.Context(), signin.ValidateInput{Hints: stage.At("acme"), Token: token})

	require.NoError(t, err)
}

func TestValidate_WhatIsNoTokenOfOurs(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, _ := mailed(t, s)
	good := stage.TokenOf(t, mail).Reveal()
	stranger := session.LinkToken{Tenant: tenant.IDFromBytes(fake.UUID())}
	moved, err := session.ParseLinkToken(stage.Text(good))
	require.NoError(t, err)
	moved.Tenant = s.Other.ID()
	for _, token := range []string{
		"", "junk", good[:len(good)-1], good + "A", good + "=", " " + good, good[:10] + "\n" + good[10:],
		stranger.Text().Reveal(), moved.Text().Reveal(), strings.ToUpper(good),
	} {
		_, err := spend(t, s, stage.Text(token))
		refuses(t, err)
	}

	_, err = spend(t, s, stage.Text(good))

	require.NoError(t, err, "none of these spent it")
}

func TestValidate_VoidOnceTheLoginChanged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *stage.Stage){
		"password": func(s *stage.Stage) {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetPassword(fake.Hashed("another one"), false, fake.Start) })
		},
		"signed out": func(s *stage.Stage) { s.EditUser(t, s.AdaUser, func(u *user.User) { u.SignOut(fake.Start) }) },
		"disabled":   func(s *stage.Stage) { s.EditUser(t, s.AdaUser, func(u *user.User) { u.Enable(false, fake.Start) }) },
		"disabled and enabled": func(s *stage.Stage) {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.Enable(false, fake.Start); u.Enable(true, fake.Start) })
		},
		"deleted":   func(s *stage.Stage) { require.NoError(t, s.Contacts.Delete(t.Context(), s.Acme.ID(), s.Ada.ID(), 0)) },
		"suspended": func(s *stage.Stage) { s.EditTenant(t, s.Acme, stage.Suspend) },
		"no portal": func(s *stage.Stage) {
			for _, co := range []*company.Company{s.First, s.Second} {
				s.EditCompany(t, co, func(d *company.Details) { d.Portal.Enabled = false })
			}
		},
	} {
		s := stage.New(t, stage.Options{})
		mail, _ := mailed(t, s)
		change(s)

		g, err := spend(t, s, stage.TokenOf(t, mail))

		require.ErrorIs(t, err, user.ErrBadCredentials, name)
		require.True(t, g.Access.IsZero(), name)
		require.Empty(t, s.Granted("session.opened"), name)
	}
}

func TestValidate_SuspendedTenantSpendsNothing(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, _ := mailed(t, s)
	s.EditTenant(t, s.Acme, stage.Suspend)
	_, err := spend(t, s, stage.TokenOf(t, mail))
	refuses(t, err)
	s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Status = tenant.Active })

	_, err = spend(t, s, stage.TokenOf(t, mail))

	require.NoError(t, err)
}

func TestValidate_OneOfManyAtOnceWins(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, _ := mailed(t, s)
	token := stage.TokenOf(t, mail)
	var granted atomic.Int64

	stage.Together(100, func(int) {
		switch _, err := spend(t, s, token); {
		case err == nil:
			granted.Add(1)
		case !errors.Is(err, user.ErrBadCredentials):
			t.Error(err)
		}
	})

	require.EqualValues(t, 1, granted.Load())
	all, err := s.Sessions.ByUser(t.Context(), s.Acme.ID(), s.AdaUser.ID(), s.AdaUser.Epoch(), s.Clock.Now())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Len(t, s.Granted("session.opened"), 1)
}

func TestValidateBound_NeedsTheBindingOfTheRequest(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, binding := mailed(t, s)
	in := signin.ValidateInput{Token: stage.TokenOf(t, mail)}
	another := ask(t, s, "nobody@example.com")
	for _, shown := range []string{"", "junk", another.Text(), binding.Text() + "A", session.Binding{}.Text()} {
		_, err := s.Linked.ValidateBound(t.Context(), in, shown)
		refuses(t, err)
	}

	g, err := s.Linked.ValidateBound(t.Context(), in, binding.Text())

	require.NoError(t, err, "none of these spent it")
	require.NoError(t, s.Enters(t.Context(), g))
	_, err = s.Linked.ValidateBound(t.Context(), in, binding.Text())
	refuses(t, err)
}

func TestValidateBound_ContradictionIsSaidFirst(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	in := signin.ValidateInput{Hints: tenancy.Hints{Header: "acme", Body: "other"}, Token: stage.Text("junk")}

	_, err := s.Linked.ValidateBound(t.Context(), in, "junk")

	require.ErrorIs(t, err, tenancy.ErrContradict)
}
