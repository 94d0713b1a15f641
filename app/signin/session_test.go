package signin_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/access"
	"ostiary/app/signin"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/portal"
	"ostiary/domain/session"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

func TestLogout_EndsTheSession(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g, other := s.Login(t), s.Login(t)

	require.NoError(t, s.Signed.Logout(t.Context(), stage.Bearer(g)))

	dead(t, s, g)
	require.NoError(t, s.Enters(t.Context(), other))
	require.ErrorIs(t, s.Signed.Logout(t.Context(), stage.Bearer(g)), session.ErrToken)
	require.Equal(t, []audit.Event{{
		Tenant: s.Acme.ID(), Actor: "user:" + s.AdaUser.ID().String(), Action: "session.ended",
		Target: "session:" + g.Session.String(), Outcome: audit.Granted,
	}}, s.Recorded("session.ended"))
}

func TestLogout_ByAnyRefreshTokenOfTheSession(t *testing.T) {
	t.Parallel()
	for name, pick := range map[string]func(all []signin.Grant) signin.Grant{
		"current":     func(all []signin.Grant) signin.Grant { return all[3] },
		"predecessor": func(all []signin.Grant) signin.Grant { return all[2] },
		"earliest":    func(all []signin.Grant) signin.Grant { return all[0] },
	} {
		s := stage.New(t, stage.Options{})
		all := []signin.Grant{s.Login(t)}
		for range 3 {
			all = append(all, renewed(t, s, all[len(all)-1].Refresh))
			s.Clock.Advance(time.Minute)
		}

		require.NoError(t, s.Signed.LogoutByToken(t.Context(), signin.RefreshInput{Token: pick(all).Refresh}), name)

		dead(t, s, all[3])
		require.Empty(t, s.Recorded("refresh.reused"), "%s: to leave is no theft", name)
		require.Len(t, s.Recorded("session.ended"), 1, name)
		require.NoError(t, s.Signed.LogoutByToken(t.Context(), signin.RefreshInput{Token: pick(all).Refresh}), "%s: twice is once", name)
		require.Len(t, s.Recorded("session.ended"), 1, name)
	}
}

func TestForget_AnswersAlikeForEveryToken(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	for _, token := range []string{"", "junk", g.Refresh.Reveal()[2:], g.Access.Reveal()} {
		require.NoError(t, s.Signed.Forget(t.Context(), signin.RefreshInput{Token: stage.Text(token)}))
		refuses(t, s.Signed.LogoutByToken(t.Context(), signin.RefreshInput{Token: stage.Text(token)}))
	}
	require.NoError(t, s.Enters(t.Context(), g))

	require.NoError(t, s.Signed.Forget(t.Context(), signin.RefreshInput{Token: g.Refresh}))

	dead(t, s, g)
}

func TestSwitch_MovesTheSignInToAnotherPortal(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mail, _ := mailed(t, s)
	old, err := spend(t, s, stage.TokenOf(t, mail))
	require.NoError(t, err)
	s.Clock.Advance(10 * time.Minute)

	fresh, err := s.Signed.Switch(t.Context(), signin.SwitchInput{
		Bearer: stage.Bearer(old), Portal: s.First.Portal().ID, Client: session.Client{UserAgent: "a browser"},
	})

	require.NoError(t, err)
	require.NotEqual(t, old.Session, fresh.Session)
	was, is := claimsOf(t, old), claimsOf(t, fresh)
	require.Equal(t, "2", was["company"])
	require.Equal(t, "1", is["company"])
	require.Equal(t, s.First.Portal().ID.String(), is["portal"])
	require.Equal(t, was["auth_time"], is["auth_time"])
	require.Equal(t, was["amr"], is["amr"])
	require.NotEqual(t, was["iat"], is["iat"])
	dead(t, s, old)
	before, err := s.Sessions.ByID(t.Context(), s.Acme.ID(), old.Session)
	require.NoError(t, err)
	after, err := s.Sessions.ByID(t.Context(), s.Acme.ID(), fresh.Session)
	require.NoError(t, err)
	require.Equal(t, before.Snapshot().Until, after.Snapshot().Until, "the absolute limit stays")
	require.Equal(t, before.Snapshot().AuthTime, after.Snapshot().AuthTime)
	require.Equal(t, "a browser", after.Snapshot().Client.UserAgent)
	require.Len(t, s.Recorded("session.switched"), 1)
	require.NoError(t, s.Enters(t.Context(), renewed(t, s, fresh.Refresh)))
}

func TestSwitch_NeverOutlivesTheFirstSignIn(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	for i := range 5 {
		s.Clock.Advance(17 * day)
		to := []*company.Company{s.First, s.Second}[i%2]
		g = renewed(t, s, g.Refresh)
		next, err := s.Signed.Switch(t.Context(), signin.SwitchInput{Bearer: stage.Bearer(g), Portal: to.Portal().ID})
		require.NoError(t, err)
		g = next
	}
	require.NoError(t, s.Enters(t.Context(), g))
	s.Clock.Advance(5 * day)

	_, err := renew(t, s, g.Refresh)

	refuses(t, err)
}

func TestSwitch_ToAPortalThatCannotBeEntered(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	third := fake.Company(t, s.Acme.ID(), 3)
	s.Add(t, third)
	s.EditCompany(t, s.First, func(d *company.Details) { d.Portal.Enabled = false })
	abroad, err := s.Companies.ByID(t.Context(), s.Other.ID(), s.First.ID())
	require.NoError(t, err)
	g := s.Login(t)
	for _, p := range []company.PortalID{
		s.First.Portal().ID, third.Portal().ID, abroad.Portal().ID, company.PortalIDFromBytes(fake.UUID()),
	} {
		_, err := s.Signed.Switch(t.Context(), signin.SwitchInput{Bearer: stage.Bearer(g), Portal: p})
		require.ErrorIs(t, err, portal.ErrClosed)
	}

	require.NoError(t, s.Enters(t.Context(), g), "the session stays")
	renewed(t, s, g.Refresh)
}

func TestSwitch_OneOfManyAtOnceWins(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	var granted atomic.Int64

	stage.Together(30, func(int) {
		_, err := s.Signed.Switch(t.Context(), signin.SwitchInput{Bearer: stage.Bearer(g), Portal: s.First.Portal().ID})
		switch {
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
}

func TestList_ShowsOnesOwnLiveSessions(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	bob := fake.Contact(t, s.First, 9, "bob@example.com")
	s.Add(t, bob, fake.UserWith(bob, stage.Password))
	in := stage.Knock(t, stage.Password)
	in.Email = bob.Email()
	_, err := s.Passwords.Login(t.Context(), in)
	require.NoError(t, err)
	abroad := stage.Knock(t, stage.Elsewhere)
	abroad.Hints = stage.At("other")
	_, err = s.Passwords.Login(t.Context(), abroad)
	require.NoError(t, err)
	one := s.Login(t)
	s.Clock.Advance(time.Second)
	gone := s.Login(t)
	s.Clock.Advance(time.Second)
	two := s.Login(t)
	require.NoError(t, s.Signed.Logout(t.Context(), stage.Bearer(gone)))

	all, err := s.Signed.List(t.Context(), stage.Bearer(one))

	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, two.Session, all[0].ID, "newest first")
	require.False(t, all[0].IsCurrent)
	require.Equal(t, one.Session, all[1].ID)
	require.True(t, all[1].IsCurrent)
	require.Equal(t, s.Second.Portal().ID, all[1].Portal)
}

func TestEndOne_OnesOwnAndNoOther(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	bob := fake.Contact(t, s.First, 9, "bob@example.com")
	s.Add(t, bob, fake.UserWith(bob, stage.Password))
	in := stage.Knock(t, stage.Password)
	in.Email = bob.Email()
	bobs, err := s.Passwords.Login(t.Context(), in)
	require.NoError(t, err)
	abroad := stage.Knock(t, stage.Elsewhere)
	abroad.Hints = stage.At("other")
	twins, err := s.Passwords.Login(t.Context(), abroad)
	require.NoError(t, err)
	mine, other := s.Login(t), s.Login(t)
	end := func(id session.ID) error {
		return s.Signed.EndOne(t.Context(), signin.EndInput{Bearer: stage.Bearer(mine), Session: id})
	}

	require.NoError(t, end(other.Session))

	dead(t, s, other)
	require.ErrorIs(t, end(other.Session), session.ErrNotFound, "ended already")
	require.ErrorIs(t, end(bobs.Session), session.ErrNotFound)
	require.ErrorIs(t, end(twins.Session), session.ErrNotFound)
	require.ErrorIs(t, end(session.IDFromBytes(fake.UUID())), session.ErrNotFound)
	require.NoError(t, s.Enters(t.Context(), bobs))
	require.NoError(t, s.Enters(t.Context(), twins))
	require.NoError(t, end(mine.Session), "also the one in hand")
	dead(t, s, mine)
}

func TestEndOthers_LeavesThisOne(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	mine := s.Login(t)
	var others []signin.Grant
	for range 4 {
		others = append(others, s.Login(t))
	}

	require.NoError(t, s.Signed.EndOthers(t.Context(), stage.Bearer(mine)))

	for _, o := range others {
		dead(t, s, o)
	}
	require.NoError(t, s.Enters(t.Context(), mine))
	require.Len(t, s.Recorded("session.ended"), 4)
}

func TestSessions_NeedABearer(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	for _, b := range []access.Bearer{{}, {Token: stage.Text("junk")}, {Token: g.Refresh}} {
		_, list := s.Signed.List(t.Context(), b)
		_, change := s.Signed.Switch(t.Context(), signin.SwitchInput{Bearer: b, Portal: s.First.Portal().ID})

		require.ErrorIs(t, list, session.ErrToken)
		require.ErrorIs(t, change, session.ErrToken)
		require.ErrorIs(t, s.Signed.EndOthers(t.Context(), b), session.ErrToken)
		require.ErrorIs(t, s.Signed.EndOne(t.Context(), signin.EndInput{Bearer: b, Session: g.Session}), session.ErrToken)
		require.ErrorIs(t, s.Signed.Logout(t.Context(), b), session.ErrToken)
	}
	require.NoError(t, s.Enters(t.Context(), g))
}
