package session_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

var (
	start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	lim   = session.Limits{Idle: 30 * 24 * time.Hour, Absolute: 90 * 24 * time.Hour}
)

func newUser(t testing.TB) *user.User {
	t.Helper()
	c, err := contact.IDOf(4)
	require.NoError(t, err)
	return user.New(tenant.IDFromBytes([16]byte{15: 1}), user.IDFromBytes([16]byte{15: 2}), c, start)
}

// token is the refresh token of a generation, as the key would make it.
func token(generation uint32) session.Refresh {
	return session.Refresh{
		Tenant: tenant.IDFromBytes([16]byte{15: 1}), Session: session.IDFromBytes([16]byte{15: 3}), Generation: generation,
		Secret: [32]byte{byte(generation), byte(generation >> 8), 31: 9},
	}
}

func open(t testing.TB) *session.Session {
	t.Helper()
	c, err := company.IDOf(5)
	require.NoError(t, err)
	return session.Open(session.Opening{
		ID: session.IDFromBytes([16]byte{15: 3}), User: newUser(t), Company: c, Method: session.ByPassword,
		First: token(1).Digest(), Limits: lim,
	}, start)
}

func rotate(s *session.Session, generation uint32, at time.Time) (session.Rotation, error) {
	r := token(generation)
	return s.Rotate(r, token(generation+1).Digest(), lim, at)
}

func TestOpen_BeginsWithTheUsersEpochAndBothLimits(t *testing.T) {
	t.Parallel()

	s := open(t).Snapshot()

	require.Equal(t, int64(1), s.Epoch)
	require.Equal(t, uint32(1), s.Generation)
	require.Equal(t, start, s.AuthTime)
	require.Equal(t, start.Add(lim.Idle), s.IdleUntil)
	require.Equal(t, start.Add(lim.Absolute), s.Until)
}

func TestOpen_AfterASwitchKeepsTheTimeOfProofAndTheAbsoluteLimit(t *testing.T) {
	t.Parallel()
	until := start.Add(time.Hour)

	s := session.Open(session.Opening{User: newUser(t), Limits: lim, AuthTime: start.Add(-time.Hour), Until: until}, start).Snapshot()

	require.Equal(t, start.Add(-time.Hour), s.AuthTime)
	require.Equal(t, until, s.Until)
	require.Equal(t, until, s.IdleUntil, "the idle limit never reaches beyond the absolute one")
}

func TestRotate_ThePredecessorRepeatsWithinItsGraceAndIsReuseAfterIt(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		after time.Duration
		err   error
	}{
		"at once":             {0, nil},
		"just inside":         {session.Grace - time.Millisecond, nil},
		"at the very end":     {session.Grace, nil},
		"just outside":        {session.Grace + time.Millisecond, session.ErrReused},
		"the next day":        {24 * time.Hour, session.ErrReused},
		"a clock turned back": {-time.Second, nil},
	} {
		s := open(t)
		_, err := rotate(s, 1, start)
		require.NoError(t, err)
		before := s.Snapshot()

		got, err := rotate(s, 1, start.Add(row.after))

		require.ErrorIs(t, err, row.err, name)
		if row.err == nil {
			require.Equal(t, session.Repeated, got, name)
			require.Equal(t, before, s.Snapshot(), "%s: a repetition changes nothing, least of all the grace", name)
		} else {
			require.False(t, s.Live(newUser(t), start.Add(row.after)), name)
		}
	}
}

func TestRotate_TheGraceEndsWithTheFirstUseOfTheSuccessor(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, err := rotate(s, 1, start)
	require.NoError(t, err)
	_, err = rotate(s, 2, start.Add(time.Second))
	require.NoError(t, err)

	_, err = rotate(s, 1, start.Add(2*time.Second))

	require.ErrorIs(t, err, session.ErrReused)
	require.False(t, s.Snapshot().Ended.IsZero(), "the whole session has ended")
	_, err = rotate(s, 3, start.Add(3*time.Second))
	require.ErrorIs(t, err, session.ErrEnded, "the newest token is dead too")
}

func TestRotate_RefusesAForgedSecretOfTheRightGeneration(t *testing.T) {
	t.Parallel()

	for _, generation := range []uint32{0, 1, 2, 3, 1<<32 - 1} {
		s := open(t)
		_, err := rotate(s, 1, start)
		require.NoError(t, err)
		forged := token(generation)
		forged.Secret[31]++

		_, err = s.Rotate(forged, secret.Digest{1}, lim, start)

		require.ErrorIs(t, err, session.ErrReused, generation)
	}
}

func TestRotate_RefusesWithoutChangeWhatIsOverAnyway(t *testing.T) {
	t.Parallel()
	ended := open(t)
	ended.End(start)
	restricted := session.Open(session.Opening{User: newUser(t), Restricted: true, First: token(1).Digest(), Limits: lim}, start)

	for name, row := range map[string]struct {
		s  *session.Session
		at time.Time
	}{
		"ended":             {ended, start},
		"idle for too long": {open(t), start.Add(lim.Idle)},
		"too old":           {open(t), start.Add(lim.Absolute)},
		"restricted":        {restricted, start},
	} {
		before := row.s.Snapshot()
		_, err := rotate(row.s, 1, row.at)
		require.ErrorIs(t, err, session.ErrEnded, name)
		require.Equal(t, before, row.s.Snapshot(), name)
	}
}

func TestRotate_UseProlongsTheIdleLimitButNeverTheAbsoluteOne(t *testing.T) {
	t.Parallel()
	s, at := open(t), start
	var generation uint32 = 1

	for {
		at = at.Add(lim.Idle - time.Second)
		if _, err := rotate(s, generation, at); err != nil {
			require.ErrorIs(t, err, session.ErrEnded)
			break
		}
		generation++
		require.False(t, s.Snapshot().IdleUntil.After(s.Snapshot().Until))
	}

	require.True(t, at.After(start.Add(lim.Absolute)))
	require.Equal(t, uint32(4), generation)
}

// Two thieves and an owner, in any order: as long as nobody shows a token
// older than the predecessor, or that one too late, the session lives; from
// then on nothing revives it.
func TestRotate_EndsExactlyWhenAnOldTokenIsShown(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		s, at, current, rotated, dead := open(t), start, uint32(1), start, false
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			at = at.Add(time.Duration(rapid.IntRange(0, 15).Draw(rt, "seconds")) * time.Second)
			shown := uint32(max(1, int(current)-rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2, 3}).Draw(rt, "back")))

			got, err := rotate(s, shown, at)

			switch {
			case dead:
				require.ErrorIs(rt, err, session.ErrEnded)
			case shown == current:
				require.NoError(rt, err)
				require.Equal(rt, session.Rotated, got)
				current, rotated = current+1, at
			case shown+1 == current && at.Sub(rotated) <= session.Grace:
				require.NoError(rt, err)
				require.Equal(rt, session.Repeated, got)
			default:
				require.ErrorIs(rt, err, session.ErrReused)
				dead = true
			}
			require.Equal(rt, !dead, s.Live(newUser(t), at))
		}
	})
}

func TestLive_NeedsTheSameUserOfTheSameEpochSwitchedOn(t *testing.T) {
	t.Parallel()
	change := func(f func(*user.User)) *user.User {
		u := newUser(t)
		f(u)
		return u
	}
	other := user.New(tenant.IDFromBytes([16]byte{15: 1}), user.IDFromBytes([16]byte{15: 99}), contact.ID{}, start)
	s := open(t)

	require.True(t, s.Live(newUser(t), start))
	require.False(t, s.Live(change(func(u *user.User) { u.SetPassword(secret.New("h"), false, start) }), start))
	require.False(t, s.Live(change(func(u *user.User) { u.SignOut(start) }), start))
	require.False(t, s.Live(change(func(u *user.User) { u.Enable(false, start) }), start))
	require.False(t, s.Live(change(func(u *user.User) { u.Enable(false, start); u.Enable(true, start) }), start), "switching on again revives nothing")
	require.True(t, s.Live(change(func(u *user.User) { u.Rehash(secret.New("h"), start) }), start))
	require.False(t, s.Live(other, start))
	require.False(t, s.Live(newUser(t), start.Add(lim.Idle)))
}

func TestAdopt_LetsASessionSurviveTheChangeItMade(t *testing.T) {
	t.Parallel()
	s, u := open(t), newUser(t)
	u.SetPassword(secret.New("h"), false, start)

	s.Adopt(u.Epoch())

	require.True(t, s.Live(u, start))
}

func TestEnd_HappensOnce(t *testing.T) {
	t.Parallel()
	s := open(t)

	s.End(start)
	version := s.Snapshot().Version
	s.End(start.Add(time.Hour))

	require.Equal(t, start, s.Snapshot().Ended)
	require.Equal(t, version, s.Snapshot().Version)
}
