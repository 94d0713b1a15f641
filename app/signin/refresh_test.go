package signin_test

import (
	"encoding/base64"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

// dead holds that a session ended: neither token of it is good for anything.
func dead(t *testing.T, s *stage.Stage, g signin.Grant) {
	t.Helper()
	require.ErrorIs(t, s.Enters(t.Context(), g), session.ErrToken)
	_, err := renew(t, s, g.Refresh)
	refuses(t, err)
}

func TestRefresh_RotatesTheToken(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{Limits: throttle.Default()})
	first := s.Login(t)
	s.Clock.Advance(time.Minute)

	second := renewed(t, s, first.Refresh)

	require.Equal(t, first.Session, second.Session)
	require.Equal(t, first.User, second.User)
	require.Equal(t, stage.Mail, second.Email)
	require.False(t, first.Refresh.Equal(second.Refresh))
	require.Equal(t, first.AccessExpires.Add(time.Minute), second.AccessExpires)
	require.NoError(t, s.Enters(t.Context(), second))
	require.NoError(t, s.Enters(t.Context(), first), "the older access token lives as long as it says")
	was, is := claimsOf(t, first), claimsOf(t, second)
	require.NotEqual(t, was["jti"], is["jti"])
	for _, same := range []string{"sid", "sub", "auth_time", "amr", "company", "portal", "aud"} {
		require.Equal(t, was[same], is[same], same)
	}
	require.Len(t, s.Trail.Events(), 1, "a refresh that succeeds is not audited")
}

func TestRefresh_PredecessorInItsGraceGetsTheSameSuccessor(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	first := s.Login(t)
	second := renewed(t, s, first.Refresh)
	for _, wait := range []time.Duration{0, 9 * time.Second, time.Second} {
		s.Clock.Advance(wait)

		again := renewed(t, s, first.Refresh)

		require.Equal(t, second.Refresh.Reveal(), again.Refresh.Reveal())
		require.NoError(t, s.Enters(t.Context(), again))
	}

	renewed(t, s, second.Refresh)
}

func TestRefresh_PredecessorAfterItsGraceEndsTheSession(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	first := s.Login(t)
	second := renewed(t, s, first.Refresh)
	s.Clock.Advance(9 * time.Second)
	renewed(t, s, first.Refresh)
	s.Clock.Advance(time.Second + blink) // counted from the first rotation

	_, err := renew(t, s, first.Refresh)

	refuses(t, err)
	dead(t, s, second)
	require.Equal(t, []audit.Event{{
		Tenant: s.Acme.ID(), Actor: "anonymous:", Action: "refresh.reused",
		Target: "session:" + first.Session.String(), Outcome: audit.Refused,
	}}, s.Recorded("refresh.reused"), "once, however often it is tried")
}

func TestRefresh_PredecessorAfterItsSuccessorWasUsedEndsTheSession(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	first := s.Login(t)
	second := renewed(t, s, first.Refresh)
	third := renewed(t, s, second.Refresh)

	_, err := renew(t, s, first.Refresh)

	refuses(t, err)
	dead(t, s, third)
	require.Len(t, s.Recorded("refresh.reused"), 1)
}

func TestRefresh_AnyOlderTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	first := s.Login(t)
	bystander := s.Login(t)
	last := first
	for range 5 {
		last = renewed(t, s, last.Refresh)
		s.Clock.Advance(time.Minute)
	}

	_, err := renew(t, s, first.Refresh)

	refuses(t, err)
	dead(t, s, last)
	require.NoError(t, s.Enters(t.Context(), bystander), "of that session alone")
	renewed(t, s, bystander.Refresh)
}

func TestRefresh_ForgedTokensDoNothing(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	raw, err := base64.RawURLEncoding.DecodeString(g.Refresh.Reveal())
	require.NoError(t, err)
	forged := []string{"", "junk", g.Refresh.Reveal() + "A", g.Refresh.Reveal()[1:], " " + g.Refresh.Reveal()}
	for i := range raw {
		changed := append([]byte(nil), raw...)
		changed[i] ^= 1
		forged = append(forged, base64.RawURLEncoding.EncodeToString(changed))
	}
	for _, token := range forged {
		_, err := renew(t, s, stage.Text(token))
		refuses(t, err)
		refuses(t, s.Signed.LogoutByToken(t.Context(), signin.RefreshInput{Token: stage.Text(token)}))
	}

	require.Empty(t, s.Recorded("refresh.reused"))
	require.NoError(t, s.Enters(t.Context(), g))
	renewed(t, s, g.Refresh)
}

func TestRefresh_StolenTokenDoesNotYieldTheNextWithoutTheKey(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	next := renewed(t, s, g.Refresh)
	one, err := session.ParseRefresh(g.Refresh)
	require.NoError(t, err)
	two, err := session.ParseRefresh(next.Refresh)
	require.NoError(t, err)

	require.Equal(t, one.Generation+1, two.Generation)
	require.NotEqual(t, one.Secret, two.Secret)
	require.NotEqual(t, secret.DigestOf(one.SuccessorSeed()), secret.DigestOf(two.Secret[:]))
	require.Equal(t, [session.SecretSize]byte(s.Vault.MAC("refresh-secret", one.SuccessorSeed())), two.Secret)
}

func TestRefresh_ManyAtOnceGetOneSuccessor(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	var mu sync.Mutex
	got := map[string]int{}
	var last signin.Grant

	stage.Together(100, func(int) {
		next, err := renew(t, s, g.Refresh)
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		got[next.Refresh.Reveal()]++
		last = next
	})

	require.Len(t, got, 1)
	require.Equal(t, 100, got[last.Refresh.Reveal()])
	require.NoError(t, s.Enters(t.Context(), last))
	renewed(t, s, last.Refresh)
}

func TestRefresh_IdleLimitIsPutOffByUse(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	for range 2 {
		s.Clock.Advance(30*day - blink)
		g = renewed(t, s, g.Refresh)
	}
	require.NoError(t, s.Enters(t.Context(), g))
	s.Clock.Advance(30 * day)

	_, err := renew(t, s, g.Refresh)

	refuses(t, err)
	require.Empty(t, s.Recorded("refresh.reused"), "running out is no theft")
}

func TestRefresh_AbsoluteLimitIsNot(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	for range 4 {
		s.Clock.Advance(22 * day)
		g = renewed(t, s, g.Refresh)
	}
	s.Clock.Advance(2*day - blink)
	g = renewed(t, s, g.Refresh)
	require.NoError(t, s.Enters(t.Context(), g))
	s.Clock.Advance(blink)

	dead(t, s, g)
}

func TestRefresh_LimitsOfTheTenant(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Settings.RefreshIdleDays, d.Settings.RefreshAbsoluteDays = 1, 2 })
	idle, absolute := s.Login(t), s.Login(t)
	s.Clock.Advance(day - blink)
	absolute = renewed(t, s, absolute.Refresh)
	s.Clock.Advance(blink)

	_, err := renew(t, s, idle.Refresh)
	refuses(t, err)
	s.Clock.Advance(day - 2*blink)
	absolute = renewed(t, s, absolute.Refresh)
	s.Clock.Advance(2 * blink)
	dead(t, s, absolute)
}

func TestRefresh_RefusedOnceTheLoginOrItsPortalIsClosed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *stage.Stage, g signin.Grant){
		"password": func(s *stage.Stage, _ signin.Grant) {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetPassword(fake.Hashed("another"), false, fake.Start) })
		},
		"disabled": func(s *stage.Stage, _ signin.Grant) {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.Enable(false, fake.Start) })
		},
		"signed out": func(s *stage.Stage, _ signin.Grant) {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.SignOut(fake.Start) })
		},
		"deleted": func(s *stage.Stage, _ signin.Grant) {
			require.NoError(t, s.Contacts.Delete(t.Context(), s.Acme.ID(), s.Ada.ID(), 0))
		},
		"logged out": func(s *stage.Stage, g signin.Grant) {
			require.NoError(t, s.Signed.Logout(t.Context(), stage.Bearer(g)))
		},
		"portal closed": func(s *stage.Stage, _ signin.Grant) {
			s.EditCompany(t, s.Second, func(d *company.Details) { d.Portal.Enabled = false })
		},
		"membership removed": func(s *stage.Stage, _ signin.Grant) {
			s.EditContact(t, s.Ada, func(d *contact.Details) {
				d.Companies = []contact.Membership{{Company: s.First.ID(), Primary: true}}
			})
		},
	} {
		s := stage.New(t, stage.Options{})
		g := s.Login(t)
		change(s, g)

		_, err := renew(t, s, g.Refresh)

		require.ErrorIs(t, err, user.ErrBadCredentials, name)
		require.ErrorIs(t, s.Enters(t.Context(), g), session.ErrToken, name)
		require.Empty(t, s.Recorded("refresh.reused"), name)
	}
}

func TestRefresh_PortalThatOpensAgain(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	s.EditCompany(t, s.Second, func(d *company.Details) { d.Portal.Enabled = false })
	_, err := renew(t, s, g.Refresh)
	refuses(t, err)
	s.EditCompany(t, s.Second, func(d *company.Details) { d.Portal.Enabled = true })

	renewed(t, s, g.Refresh)
}

func TestRefresh_SuspendedTenantSaysSoToItsOwnTokens(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	s.EditTenant(t, s.Acme, stage.Suspend)

	_, err := renew(t, s, g.Refresh)

	require.ErrorIs(t, err, tenant.ErrSuspended)
	require.ErrorIs(t, s.Enters(t.Context(), g), tenant.ErrSuspended)
	s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Status = tenant.Active })
	renewed(t, s, g.Refresh)
}

func TestRefresh_DeletedTenant(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	require.NoError(t, s.Tenants.Delete(t.Context(), s.Acme.ID(), 0))

	_, err := renew(t, s, g.Refresh)

	refuses(t, err)
	require.NoError(t, s.Signed.Forget(t.Context(), signin.RefreshInput{Token: g.Refresh}))
}

func TestRefresh_ContradictionSpendsNothing(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	for _, h := range []tenancy.Hints{stage.At("other"), stage.At("ghost"), {Path: "acme", Header: "other"}} {
		for _, token := range []secret.Text{g.Refresh, stage.Text("junk")} {
			if token.Len() < 10 && h.Path == "" {
				continue // junk names no tenant, so one source contradicts nothing
			}
			_, err := s.Signed.Refresh(t.Context(), signin.RefreshInput{Hints: h, Token: token})
			require.ErrorIs(t, err, tenancy.ErrContradict)
			require.ErrorIs(t, s.Signed.Forget(t.Context(), signin.RefreshInput{Hints: h, Token: token}), tenancy.ErrContradict)
		}
	}

	_, err := s.Signed.Refresh(t.Context(), signin.RefreshInput{Hints: stage.At("acme"), Token: g.Refresh})

	require.NoError(t, err)
}

func TestRefresh_NothingComesOfARestrictedSession(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetPassword(fake.Hashed(stage.Password), true, fake.Start) })
	_, err := s.Passwords.Login(t.Context(), stage.Knock(t, stage.Password))
	var change *signin.ChangeRequired
	require.ErrorAs(t, err, &change)
	// What only somebody with the key and the stored secret could make.
	fresh := session.Refresh{Tenant: s.Acme.ID(), Session: change.Grant.Session, Generation: 1}
	fake.Random{}.Fill(fresh.Secret[:])
	require.NoError(t, s.Sessions.Update(t.Context(), s.Acme.ID(), change.Grant.Session, func(cur *session.Session) error {
		snap := cur.Snapshot()
		snap.Current = fresh.Digest()
		*cur = *session.Restore(snap)
		return nil
	}))
	tag := s.Vault.MAC("refresh-tag", fresh.Signed())
	copy(fresh.Tag[:], tag[:session.TagSize])

	_, err = renew(t, s, fresh.Text())

	refuses(t, err)
	_, err = s.Guard.Changer(t.Context(), stage.Bearer(change.Grant))
	require.NoError(t, err)
}

func TestRefresh_ScopesAndRolesAreThoseOfNow(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Scopes["support"] = false })
	s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetRoles([]user.Role{user.Admin}, fake.Start) })

	next := claimsOf(t, renewed(t, s, g.Refresh))

	require.Equal(t, "configurator finance", next["scope"])
	require.Equal(t, []any{"admin"}, next["roles"])
}

func TestRefresh_ReuseThatCannotBeRecordedIsAnOutage(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	first := s.Login(t)
	second := renewed(t, s, first.Refresh)
	s.Clock.Advance(time.Minute)
	s.Trail.Err = errors.New("disk full")

	_, err := renew(t, s, first.Refresh)

	require.ErrorIs(t, err, s.Trail.Err)
	s.Trail.Err = nil
	dead(t, s, second)
}

func TestRefresh_GoesOnWhenTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	s.Clock.Advance(-time.Hour)

	next := renewed(t, s, g.Refresh)

	require.NoError(t, s.Enters(t.Context(), next))
	claims := claimsOf(t, next)
	require.Equal(t, claims["iat"], claims["auth_time"], "nobody signed in later than now")
}
