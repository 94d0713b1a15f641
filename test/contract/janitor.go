package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/keyset"
	"ostiary/domain/outbox"
	"ostiary/domain/session"
	"ostiary/domain/throttle"
	"ostiary/test/fake"
)

// Janitor checks any port.Janitor. That idempotency records outlive a Sweep
// within their day, and jobs that still count, is checked with their ports.
func Janitor(t *testing.T, open Open) {
	checks{
		"Sweep/NothingToDo":           janitorNothing,
		"Sweep/KeepsWhatIsAlive":      janitorKeeps,
		"Sweep/KeepsWhatNeverExpires": janitorKeepsForEver,
		"Sweep/KeepsMailToBeSent":     janitorKeepsMail,
		"Sweep/RemovesSessions":       janitorRemovesSessions,
		"Sweep/RemovesCounters":       janitorRemovesCounters,
		"Sweep/WorksBesideOthers":     janitorBesideOthers,
	}.alone(t, open)
}

const ages = 50 * 365 * 24 * time.Hour

func sweep(t testing.TB, s Store, now time.Time) {
	t.Helper()
	require.NoError(t, s.Janitor.Sweep(t.Context(), now))
}

func janitorNothing(t *testing.T, s Store) {
	sweep(t, s, moment)
	sweep(t, s, after(ages))
}

func janitorKeeps(t *testing.T, s Store) {
	e := settle(t, s).fill(t)
	code := e.addLink(t, e.user, moment)
	_, refresh := e.addSession(t, e.user, moment)

	sweep(t, s, moment)
	sweep(t, s, after(9*time.Minute))

	for part, there := range e.isThere(t) {
		require.True(t, there, part)
	}
	require.NoError(t, e.useLink(t, e.link.Token, after(9*time.Minute)))
	require.NoError(t, e.useCode(t, code, code.Code, after(9*time.Minute)))
	require.Equal(t, 1, rotate(t, 2, refresh, func(int) home { return e.home })[session.Rotated])
}

func janitorKeepsForEver(t *testing.T, s Store) {
	e := settle(t, s).fill(t)
	records := auditRecord(e.id, auditWriter(), 2)
	require.NoError(t, s.Audit.Append(t.Context(), records))
	require.NoError(t, s.Keys.Save(t.Context(), keyset.Set{Version: 1}))

	sweep(t, s, after(ages))

	for part, there := range e.isThere(t) {
		require.Equal(t, part != "session", there, part)
	}
	same(t, records, walk(t, s, port.AuditChain{Tenant: e.id, Writer: records[0].Writer}, 0, 10))
	require.Equal(t, int64(1), loadKeys(t, s).Version)
}

func janitorKeepsMail(t *testing.T, s Store) {
	waiting, leased, done := putJob(t, s, after(time.Hour)), putJob(t, s, moment), putJob(t, s, moment)
	require.Len(t, lease(t, s, moment, 10), 2)
	require.NoError(t, s.Outbox.Done(t.Context(), done.ID, moment))

	sweep(t, s, after(ages))

	require.ElementsMatch(t, []outbox.ID{waiting.ID, leased.ID}, leasedIDs(t, s, after(ages)))
}

// janitorRemovesSessions waits long: how long an ended session is kept is the
// store's choice.
func janitorRemovesSessions(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	ended, _ := h.addSession(t, u, moment)
	require.NoError(t, s.Sessions.Update(t.Context(), h.id, ended.ID(), func(x *session.Session) error {
		x.End(moment)
		return nil
	}))
	old, _ := h.addSession(t, u, moment)
	young, _ := h.addSession(t, u, after(ages-time.Hour))

	sweep(t, s, after(ages))

	for _, gone := range []session.ID{ended.ID(), old.ID()} {
		_, err := s.Sessions.ByID(t.Context(), h.id, gone)
		require.ErrorIs(t, err, session.ErrNotFound)
	}
	same(t, young.Snapshot(), h.session(t, young.ID()).Snapshot())
}

func janitorRemovesCounters(t *testing.T, s Store) {
	soon, later := fake.Digest(), fake.Digest()
	state := throttle.State{Count: 3, At: moment}
	forgottenAt := func(d time.Duration) func(throttle.State) time.Time {
		return func(s throttle.State) time.Time { return s.At.Add(d) }
	}
	change := func(throttle.State) throttle.State { return state }
	require.NoError(t, s.Counters.Apply(t.Context(),
		port.CounterChange{Key: soon, Change: change, Forget: forgottenAt(time.Hour)},
		port.CounterChange{Key: later, Change: change, Forget: forgottenAt(3 * time.Hour)},
	))

	sweep(t, s, after(time.Hour-time.Millisecond))
	same(t, []throttle.State{state, state}, statesOf(t, s, soon, later))

	sweep(t, s, after(2*time.Hour))
	same(t, []throttle.State{{}, state}, statesOf(t, s, soon, later))
}

func janitorBesideOthers(t *testing.T, s Store) {
	key := fake.Digest()
	allWell(t, crowded(crowd, func(i int) error {
		if i%5 == 0 {
			return s.Janitor.Sweep(t.Context(), moment)
		}
		return s.Counters.Apply(t.Context(), oneMore(key))
	}))
	require.Equal(t, crowd-crowd/5, statesOf(t, s, key)[0].Count)
}
