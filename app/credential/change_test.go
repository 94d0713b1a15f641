package credential_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/access"
	"ostiary/app/credential"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/audit"
	"ostiary/domain/fault"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

const fresh = "a-brand-new-passphrase"

func own(g signin.Grant, current, next string) credential.OwnInput {
	return credential.OwnInput{Bearer: stage.Bearer(g), Current: stage.Text(current), New: stage.Text(next), Origin: "192.0.2.1"}
}

func byEmail(t *testing.T, current, next string) credential.ByEmailInput {
	t.Helper()
	return credential.ByEmailInput{
		Hints: stage.At("acme"), Email: fake.Address(t, stage.Mail), Current: stage.Text(current), New: stage.Text(next), Origin: "192.0.2.1",
	}
}

// opens holds that Ada signs in by that password, and by no other known one.
func opens(t *testing.T, s *stage.Stage, password string) signin.Grant {
	t.Helper()
	g, err := s.Passwords.Login(t.Context(), stage.Knock(t, password))
	require.NoError(t, err)
	for _, other := range []string{stage.Password, fresh} {
		if other != password {
			_, err := s.Passwords.Login(t.Context(), stage.Knock(t, other))
			require.ErrorIs(t, err, user.ErrBadCredentials)
		}
	}
	return g
}

// ended holds that neither token of a session is good any more.
func ended(t *testing.T, s *stage.Stage, g signin.Grant) {
	t.Helper()
	require.ErrorIs(t, s.Enters(t.Context(), g), session.ErrToken)
	_, err := s.Signed.Refresh(t.Context(), signin.RefreshInput{Token: g.Refresh})
	require.ErrorIs(t, err, user.ErrBadCredentials)
}

// why returns the code of the one field that broke the policy.
func why(t *testing.T, err error) string {
	t.Helper()
	require.ErrorIs(t, err, user.ErrPassword)
	require.Len(t, fault.Of(err).Fields(), 1)
	require.Equal(t, "/password", fault.Of(err).Fields()[0].Pointer)
	return fault.Of(err).Fields()[0].Code
}

func TestOwn_KeepsThisSessionAndEndsTheOthers(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{Limits: throttle.Default()})
	mine, other := s.Login(t), s.Login(t)
	s.Clock.Advance(time.Minute)

	require.NoError(t, s.Changer.Own(t.Context(), own(mine, stage.Password, fresh)))

	require.NoError(t, s.Enters(t.Context(), mine))
	next, err := s.Signed.Refresh(t.Context(), signin.RefreshInput{Token: mine.Refresh})
	require.NoError(t, err)
	require.NoError(t, s.Enters(t.Context(), next))
	ended(t, s, other)
	require.NoError(t, s.Enters(t.Context(), opens(t, s, fresh)))
	require.Equal(t, []audit.Event{{
		Tenant: s.Acme.ID(), Actor: "user:" + s.AdaUser.ID().String(), Action: "password.changed",
		Target: "user:" + s.AdaUser.ID().String(), Outcome: audit.Granted,
	}}, s.Recorded("password.changed"))
}

func TestByEmail_EndsAllSessions(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	one, two := s.Login(t), s.Login(t)

	require.NoError(t, s.Changer.ByEmail(t.Context(), byEmail(t, stage.Password, fresh)))

	ended(t, s, one)
	ended(t, s, two)
	opens(t, s, fresh)
	abroad := stage.Knock(t, stage.Elsewhere)
	abroad.Hints = stage.At("other")
	_, err := s.Passwords.Login(t.Context(), abroad)
	require.NoError(t, err, "the twin in the other tenant knows nothing of it")
}

func TestChange_PolicyIsToldOnlyToWhoProvedTheCurrentPassword(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Settings.PasswordMinLength, d.Name = 12, "Acme Trading" })
	g := s.Login(t)
	for next, code := range map[string]string{
		"elevenchars":            "password_short", // below the tenant's minimum, above everybody's
		"passwordpassword":       "password_common",
		"ADA@example.com":        "password_context",
		"acme trading":           "password_context",
		"control\x07character1":  "password_characters",
		"half\xffof a character": "password_characters",
	} {
		refused := s.Changer.Own(t.Context(), own(g, stage.Password, next))
		wrong := s.Changer.Own(t.Context(), own(g, "not the password", next))
		unproven := s.Changer.ByEmail(t.Context(), byEmail(t, "not the password", next))
		proven := s.Changer.ByEmail(t.Context(), byEmail(t, stage.Password, next))

		require.Equal(t, code, why(t, refused), code)
		require.Equal(t, code, why(t, proven), code)
		require.ErrorIs(t, wrong, user.ErrBadCredentials, code)
		require.ErrorIs(t, unproven, user.ErrBadCredentials, code)
	}
	require.Zero(t, s.Hasher.Hashes)
	require.NoError(t, s.Enters(t.Context(), g))
	require.Empty(t, s.Granted("password.changed"))
	opens(t, s, stage.Password)
}

func TestChange_LengthIsToldBeforeAnythingIsJudged(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	before := s.Hasher.Verifies + s.Hasher.Decoys
	for next, code := range map[string]string{"": "password_short", "1234567": "password_short", "éééééé7": "password_short", strings.Repeat("x", 256): "password_long"} {
		require.Equal(t, code, why(t, s.Changer.Own(t.Context(), own(g, "not the password", next))))
		in := byEmail(t, "not the password", next)
		for _, h := range []tenancy.Hints{stage.At("acme"), stage.At("ghost")} {
			in.Hints = h
			require.Equal(t, code, why(t, s.Changer.ByEmail(t.Context(), in)), "known tenants and unknown ones alike")
		}
	}

	require.Equal(t, before, s.Hasher.Verifies+s.Hasher.Decoys)
	require.NoError(t, s.Changer.Own(t.Context(), own(g, stage.Password, strings.Repeat("é", 255))), "counted in code points")
}

func TestByEmail_UnknownIsLikeWrong(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{Limits: throttle.Default()})
	nobody := byEmail(t, stage.Password, fresh)
	nobody.Email = fake.Address(t, "nobody@example.com")
	ghost := byEmail(t, stage.Password, fresh)
	ghost.Hints = stage.At("ghost")
	for _, in := range []credential.ByEmailInput{byEmail(t, "not the password", fresh), nobody, ghost} {
		before := s.Hasher.Verifies + s.Hasher.Decoys

		err := s.Changer.ByEmail(t.Context(), in)

		require.ErrorIs(t, err, user.ErrBadCredentials)
		require.Equal(t, before+1, s.Hasher.Verifies+s.Hasher.Decoys)
	}
	require.Zero(t, s.Hasher.Hashes)
	contradiction := byEmail(t, stage.Password, fresh)
	contradiction.Hints = tenancy.Hints{Path: "acme", Header: "other"}
	require.ErrorIs(t, s.Changer.ByEmail(t.Context(), contradiction), tenancy.ErrContradict)
	opens(t, s, stage.Password)
}

func TestChange_GuessesCountLikeThoseAtTheLogin(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{Limits: throttle.Default()})
	g := s.Login(t)
	for range 5 {
		require.ErrorIs(t, s.Changer.Own(t.Context(), own(g, "not the password", fresh)), user.ErrBadCredentials)
		require.ErrorIs(t, s.Changer.ByEmail(t.Context(), byEmail(t, "not the password", fresh)), user.ErrBadCredentials)
	}

	_, login := s.Passwords.Login(t.Context(), stage.Knock(t, stage.Password))
	change := s.Changer.Own(t.Context(), own(g, stage.Password, fresh))

	require.ErrorIs(t, login, user.ErrBadCredentials)
	require.ErrorIs(t, change, user.ErrBadCredentials)
}

func TestOwn_TwoChangesAtOnceOneWins(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	one, two := s.Login(t), s.Login(t)
	passwords := []string{"the-first-new-passphrase", "the-other-new-passphrase"}
	var won [2]atomic.Bool

	stage.Together(2, func(i int) {
		switch err := s.Changer.Own(t.Context(), own([]signin.Grant{one, two}[i], stage.Password, passwords[i])); {
		case err == nil:
			won[i].Store(true)
		case !errors.Is(err, user.ErrBadCredentials) && !errors.Is(err, session.ErrToken):
			t.Error(err)
		}
	})

	require.NotEqual(t, won[0].Load(), won[1].Load(), "exactly one")
	winner := 0
	if won[1].Load() {
		winner = 1
	}
	opens(t, s, passwords[winner])
	_, err := s.Passwords.Login(t.Context(), stage.Knock(t, passwords[1-winner]))
	require.ErrorIs(t, err, user.ErrBadCredentials)
	require.NoError(t, s.Enters(t.Context(), []signin.Grant{one, two}[winner]))
	ended(t, s, []signin.Grant{one, two}[1-winner])
	require.Len(t, s.Granted("password.changed"), 1)
}

func TestOwn_TemporaryPassword(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	earlier := s.Login(t)
	s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetPassword(fake.Hashed(stage.Password), true, fake.Start) })
	_, err := s.Passwords.Login(t.Context(), stage.Knock(t, stage.Password))
	var change *signin.ChangeRequired
	require.ErrorAs(t, err, &change)
	limited := change.Grant

	same := s.Changer.Own(t.Context(), own(limited, stage.Password, strings.ToUpper(stage.Password)))
	require.Equal(t, "password_context", why(t, same), "a temporary password must not become the lasting one")
	require.NoError(t, s.Changer.Own(t.Context(), own(limited, stage.Password, fresh)))

	_, err = s.Guard.Changer(t.Context(), stage.Bearer(limited))
	require.ErrorIs(t, err, session.ErrToken, "the token was good for that alone")
	ended(t, s, earlier)
	require.NoError(t, s.Enters(t.Context(), opens(t, s, fresh)), "and the new password is permanent")
}

func TestByEmail_TemporaryPassword(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditUser(t, s.AdaUser, func(u *user.User) { u.SetPassword(fake.Hashed(stage.Password), true, fake.Start) })

	require.NoError(t, s.Changer.ByEmail(t.Context(), byEmail(t, stage.Password, fresh)))

	require.NoError(t, s.Enters(t.Context(), opens(t, s, fresh)))
}

func TestOwn_NeedsABearer(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	require.NoError(t, s.Signed.Logout(t.Context(), stage.Bearer(g)))

	require.ErrorIs(t, s.Changer.Own(t.Context(), own(g, stage.Password, fresh)), session.ErrToken)
	in := own(s.Login(t), stage.Password, fresh)
	in.Bearer.Hints = stage.At("other")
	require.ErrorIs(t, s.Changer.Own(t.Context(), in), tenancy.ErrContradict)
	in.Bearer = access.Bearer{}
	require.ErrorIs(t, s.Changer.Own(t.Context(), in), session.ErrToken)
	opens(t, s, stage.Password)
}

func TestOwn_LinksMailedBeforeAreVoid(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	_, err := s.Linked.Request(t.Context(), signin.LinkInput{Hints: stage.At("acme"), Email: fake.Address(t, stage.Mail)})
	require.NoError(t, err)
	token := stage.TokenOf(t, s.Deliver(t)[0])
	require.NoError(t, s.Changer.Own(t.Context(), own(s.Login(t), stage.Password, fresh)))

	_, err = s.Linked.Validate(t.Context(), signin.ValidateInput{Token: token})

	require.ErrorIs(t, err, user.ErrBadCredentials)
}
