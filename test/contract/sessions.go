package contract

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/contact"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// Sessions checks any port.Sessions.
func Sessions(t *testing.T, open Open) {
	checks{
		"Add/KeepsEveryMember":     sessionsKeepEveryMember,
		"Add/KeepsZeroMembers":     sessionsKeepZeroMembers,
		"Add/NeverReplaces":        sessionsAddNeverReplaces,
		"ByID/HidesOtherTenants":   sessionsByIDHides,
		"Update/KeepsPromises":     sessionsUpdate,
		"Update/KeepsEveryMember":  sessionsUpdateEveryMember,
		"Update/HidesOtherTenants": sessionsUpdateHides,
		"Update/OneRotationWins":   sessionsOneRotationWins,
		"Update/StoresTheEnd":      sessionsStoreTheEnd,
		"ByUser/NewestLiveOnes":    sessionsByUser,
		"ByUser/AtMost200":         sessionsByUserBound,
		"ByUser/HidesOtherTenants": sessionsByUserHides,
		"Add/SideBySide":           sessionsAddSideBySide,
	}.together(t, open)
}

func (h home) session(t testing.TB, id session.ID) *session.Session {
	t.Helper()
	s, err := h.Sessions.ByID(t.Context(), h.id, id)
	require.NoError(t, err)
	return s
}

func sessionsKeepEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	want := fullSession(h, u)
	require.NoError(t, s.Sessions.Add(t.Context(), session.Restore(want)))
	same(t, want, h.session(t, want.ID).Snapshot())
}

func fullSession(h home, u *user.User) session.Snapshot {
	return session.Snapshot{
		Tenant: h.id, ID: session.IDFromBytes(fake.UUID()), User: u.ID(), Contact: u.Contact(), Company: h.co.ID(), Portal: h.co.Portal().ID,
		Epoch: 1 << 40, Method: session.ByOneTime, Restricted: true,
		AuthTime: after(1 * time.Millisecond), Created: after(2 * time.Millisecond), LastUsed: after(3 * time.Millisecond),
		IdleUntil: after(4 * time.Millisecond), Until: after(5 * time.Millisecond), Ended: after(6 * time.Millisecond),
		Client:     session.Client{UserAgent: word, Address: "2001:db8::1"},
		Generation: math.MaxUint32, Current: fake.Digest(), Previous: fake.Digest(), RotatedAt: after(7 * time.Millisecond), Version: 1 << 41,
	}
}

func sessionsKeepZeroMembers(t *testing.T, s Store) {
	h := settle(t, s)
	want, _ := h.addSession(t, h.addUser(t, 1), moment)
	require.Zero(t, want.Snapshot().Ended)
	require.Zero(t, want.Snapshot().Previous)
	same(t, want.Snapshot(), h.session(t, want.ID()).Snapshot())
}

func sessionsAddNeverReplaces(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	first, _ := h.addSession(t, u, moment)
	rival := first.Snapshot()
	rival.Current = fake.Digest()

	require.Error(t, s.Sessions.Add(t.Context(), session.Restore(rival)))

	same(t, first.Snapshot(), h.session(t, first.ID()).Snapshot())
}

func sessionsByIDHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	opened, _ := ours.addSession(t, ours.addUser(t, 1), moment)

	_, err := s.Sessions.ByID(t.Context(), theirs.id, opened.ID())
	require.ErrorIs(t, err, session.ErrNotFound)
	for _, id := range []session.ID{{}, session.IDFromBytes(fake.UUID())} {
		_, err = s.Sessions.ByID(t.Context(), ours.id, id)
		require.ErrorIs(t, err, session.ErrNotFound)
	}
}

func updatedSession(t testing.TB, h home, id session.ID) updated[*session.Session] {
	return updated[*session.Session]{
		update: func(change func(*session.Session) error) error {
			return h.Sessions.Update(t.Context(), h.id, id, change)
		},
		load:    func() *session.Session { return h.session(t, id) },
		version: func(x *session.Session) int64 { return x.Snapshot().Version },
		bump: func(x *session.Session) error {
			x.Adopt(x.Snapshot().Epoch + 1)
			return nil
		},
		count: func(x *session.Session) int64 { return x.Snapshot().Epoch },
		open:  func(x *session.Session) any { return x.Snapshot() },
	}
}

func sessionsUpdate(t *testing.T, s Store) {
	h := settle(t, s)
	opened, _ := h.addSession(t, h.addUser(t, 1), moment)
	updatedSession(t, h, opened.ID()).keepsPromises(t)
}

func sessionsUpdateHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	opened, _ := ours.addSession(t, ours.addUser(t, 1), moment)

	isHidden(t, session.ErrNotFound, func(change func(*session.Session) error) error {
		return s.Sessions.Update(t.Context(), theirs.id, opened.ID(), change)
	})

	same(t, opened.Snapshot(), ours.session(t, opened.ID()).Snapshot())
}

// rotate presents one refresh token from n callers and counts the outcomes.
// Each caller offers a successor of its own: only the winner's is stored.
func rotate(t testing.TB, n int, r session.Refresh, at func(i int) home) map[session.Rotation]int {
	t.Helper()
	outcomes, next := make([]session.Rotation, n), make([]secret.Digest, n)
	for i := range next {
		next[i] = fake.Digest()
	}

	allWell(t, crowded(n, func(i int) error {
		h := at(i)
		return h.Sessions.Update(t.Context(), h.id, r.Session, func(x *session.Session) (err error) {
			outcomes[i], err = x.Rotate(r, next[i], limits, after(time.Second))
			return err
		})
	}))

	count, stored := make(map[session.Rotation]int), at(0).session(t, r.Session).Snapshot()
	for i, o := range outcomes {
		count[o]++
		if o == session.Rotated {
			require.Equal(t, next[i], stored.Current)
		}
	}
	require.Equal(t, r.Digest(), stored.Previous)
	require.Equal(t, r.Generation+1, stored.Generation)
	return count
}

func sessionsOneRotationWins(t *testing.T, s Store) {
	h := settle(t, s)
	_, first := h.addSession(t, h.addUser(t, 1), moment)

	count := rotate(t, 2*crowd, first, func(int) home { return h })

	require.Equal(t, map[session.Rotation]int{session.Rotated: 1, session.Repeated: 2*crowd - 1}, count)
}

// sessionsStoreTheEnd: a use case keeps the verdict to itself, for a reused
// token must end the session for good.
func sessionsStoreTheEnd(t *testing.T, s Store) {
	h := settle(t, s)
	opened, first := h.addSession(t, h.addUser(t, 1), moment)
	first.Secret = fake.Digest()
	var verdict error

	require.NoError(t, s.Sessions.Update(t.Context(), h.id, opened.ID(), func(x *session.Session) error {
		_, verdict = x.Rotate(first, fake.Digest(), limits, after(time.Second))
		return nil
	}))

	require.ErrorIs(t, verdict, session.ErrReused)
	same(t, after(time.Second), h.session(t, opened.ID()).Snapshot().Ended)
}

func (h home) sessionsOf(t testing.TB, u user.ID, epoch int64, now time.Time) []session.ID {
	t.Helper()
	got, err := h.Sessions.ByUser(t.Context(), h.id, u, epoch, now)
	require.NoError(t, err)
	var out []session.ID
	for _, s := range got {
		out = append(out, s.ID())
	}
	return out
}

func sessionsByUser(t *testing.T, s Store) {
	h := settle(t, s)
	u, other := h.addUser(t, 1), h.addUser(t, 2)
	oldest, _ := h.addSession(t, u, moment)
	newest, _ := h.addSession(t, u, after(2*time.Hour))
	middle, _ := h.addSession(t, u, after(time.Hour))
	h.addSession(t, other, after(time.Hour))
	ended, _ := h.addSession(t, u, after(time.Hour))
	require.NoError(t, s.Sessions.Update(t.Context(), h.id, ended.ID(), func(x *session.Session) error {
		x.End(after(time.Hour))
		return nil
	}))
	short := middle.Snapshot()
	short.ID, short.Until = session.IDFromBytes(fake.UUID()), after(3*time.Hour)
	require.NoError(t, s.Sessions.Add(t.Context(), session.Restore(short)))
	earlier := middle.Snapshot()
	earlier.ID, earlier.Epoch = session.IDFromBytes(fake.UUID()), u.Epoch()-1
	require.NoError(t, s.Sessions.Add(t.Context(), session.Restore(earlier)))

	idle := oldest.Snapshot().IdleUntil
	for _, row := range []struct {
		why  string
		now  time.Time
		want []session.ID
	}{
		{"newest first", after(3 * time.Hour), []session.ID{newest.ID(), middle.ID(), oldest.ID()}},
		{"a millisecond before the oldest runs out", idle.Add(-time.Millisecond), []session.ID{newest.ID(), middle.ID(), oldest.ID()}},
		{"the oldest has run out", idle, []session.ID{newest.ID(), middle.ID()}},
		{"all have run out", after(limits.Absolute), nil},
	} {
		require.Equal(t, row.want, h.sessionsOf(t, u.ID(), u.Epoch(), row.now), row.why)
	}
	require.Len(t, h.sessionsOf(t, u.ID(), u.Epoch(), after(3*time.Hour-time.Millisecond)), 4, "until the absolute end")
	require.Equal(t, []session.ID{earlier.ID}, h.sessionsOf(t, u.ID(), u.Epoch()-1, after(3*time.Hour)))
	require.Empty(t, h.sessionsOf(t, u.ID(), u.Epoch()+1, after(3*time.Hour)))
}

func sessionsByUserBound(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	opened := make([]session.Snapshot, 210)
	for i := range opened {
		opened[i] = session.Open(session.Opening{
			ID: session.IDFromBytes(fake.UUID()), User: u, Company: h.co.ID(), Portal: h.co.Portal().ID, Method: session.ByPassword,
			First: fake.Digest(), Limits: limits,
		}, after(time.Duration(i)*time.Second)).Snapshot()
	}
	allWell(t, crowded(len(opened), func(i int) error { return s.Sessions.Add(t.Context(), session.Restore(opened[i])) }))

	got := h.sessionsOf(t, u.ID(), u.Epoch(), after(time.Hour))

	require.Len(t, got, 200)
	for i, id := range got {
		require.Equal(t, opened[len(opened)-1-i].ID, id, "the oldest are left out")
	}
}

func sessionsByUserHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	u, twin := ours.addUser(t, 1), theirs.addUser(t, 1)
	mine, _ := ours.addSession(t, u, moment)
	theirs.addSession(t, twin, moment)

	require.Equal(t, []session.ID{mine.ID()}, ours.sessionsOf(t, u.ID(), u.Epoch(), moment))
	require.Empty(t, theirs.sessionsOf(t, u.ID(), u.Epoch(), moment))
}

// sessionsAddSideBySide signs in from many places: every session is listed, and
// all are gone with the login.
func sessionsAddSideBySide(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	opened := make([]*session.Session, crowd)
	for i := range opened {
		opened[i] = session.Open(session.Opening{
			ID: session.IDFromBytes(fake.UUID()), User: u, Company: h.co.ID(), Portal: h.co.Portal().ID, First: fake.Digest(), Limits: limits,
		}, moment)
	}
	allWell(t, crowded(crowd, func(i int) error { return s.Sessions.Add(t.Context(), opened[i]) }))
	require.Len(t, h.sessionsOf(t, u.ID(), u.Epoch(), moment), crowd)

	require.NoError(t, s.Contacts.Delete(t.Context(), h.id, u.Contact(), 0))

	require.Empty(t, h.sessionsOf(t, u.ID(), u.Epoch(), moment))
	_, err := s.Contacts.ByID(t.Context(), h.id, u.Contact())
	require.ErrorIs(t, err, contact.ErrNotFound)
}

// sessionsUpdateEveryMember keeps what identifies a session.
func sessionsUpdateEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	opened, _ := h.addSession(t, u, moment)
	bare, full := opened.Snapshot(), fullSession(h, u)
	full.ID, full.Created, full.Company, full.Portal = bare.ID, bare.Created, bare.Company, bare.Portal
	for _, want := range []session.Snapshot{full, bare} {
		updatedSession(t, h, bare.ID).becomes(t, want, func(x *session.Session) { *x = *session.Restore(want) })
	}
}
