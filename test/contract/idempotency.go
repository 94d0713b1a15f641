package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/test/fake"
)

// Idempotency checks any port.Idempotency.
func Idempotency(t *testing.T, open Open) {
	checks{
		"Begin/FreshThenRunning":         idempotencyRuns,
		"Begin/AnswersAfterFinish":       idempotencyAnswers,
		"Begin/RemembersForADay":         idempotencyRemembersADay,
		"Begin/TakesOverAfterLease":      idempotencyTakesOver,
		"Begin/OneOfManyIsFresh":         idempotencyOneFresh,
		"Begin/OneOfManyTakesOver":       idempotencyOneTakesOver,
		"Begin/HidesOtherTenants":        idempotencyBeginHides,
		"FinishAndAbandon/HideOtherOnes": idempotencyOthersHide,
		"Abandon/GivesUpTheClaim":        idempotencyAbandons,
	}.alone(t, open) // one of them sweeps
}

const claimLease = time.Minute

// begun is what Begin answers.
type begun struct {
	state  port.IdempotencyState
	body   secret.Digest
	answer string
}

func (h home) begin(t testing.TB, k port.IdempotencyKey, body secret.Digest, now time.Time) begun {
	t.Helper()
	state, stored, answer, err := h.Idempotency.Begin(t.Context(), h.id, k, body, now, claimLease)
	require.NoError(t, err)
	return begun{state, stored, string(answer)}
}

func newKey() port.IdempotencyKey { return port.IdempotencyKey(fake.Digest()) }

func idempotencyRuns(t *testing.T, s Store) {
	h, key, body := settle(t, s), newKey(), fake.Digest()

	require.Equal(t, begun{port.Fresh, body, ""}, h.begin(t, key, body, moment))
	require.Equal(t, begun{port.Running, body, ""}, h.begin(t, key, body, moment))
	require.Equal(t, begun{port.Running, body, ""}, h.begin(t, key, fake.Digest(), moment), "the first body stays")
	other := fake.Digest()
	require.Equal(t, begun{port.Fresh, other, ""}, h.begin(t, newKey(), other, moment), "another key")
}

func idempotencyAnswers(t *testing.T, s Store) {
	h, body := settle(t, s), fake.Digest()
	for _, answer := range []string{"\x00sealed\xff", ""} {
		key := newKey()
		h.begin(t, key, body, moment)

		require.NoError(t, s.Idempotency.Finish(t.Context(), h.id, key, []byte(answer), moment))

		require.Equal(t, begun{port.Answered, body, answer}, h.begin(t, key, body, moment))
		require.Equal(t, begun{port.Answered, body, answer}, h.begin(t, key, fake.Digest(), after(2*claimLease)))
	}
}

func idempotencyRemembersADay(t *testing.T, s Store) {
	h, key, body, fresh := settle(t, s), newKey(), fake.Digest(), fake.Digest()
	h.begin(t, key, body, moment)
	require.NoError(t, s.Idempotency.Finish(t.Context(), h.id, key, []byte("answer"), moment))

	last := after(24*time.Hour - time.Millisecond)
	require.Equal(t, begun{port.Answered, body, "answer"}, h.begin(t, key, fresh, last))
	require.NoError(t, s.Janitor.Sweep(t.Context(), last))
	require.Equal(t, begun{port.Answered, body, "answer"}, h.begin(t, key, fresh, last))
	require.Equal(t, begun{port.Fresh, fresh, ""}, h.begin(t, key, fresh, after(24*time.Hour+time.Minute)))
}

func idempotencyTakesOver(t *testing.T, s Store) {
	h, key, body, second := settle(t, s), newKey(), fake.Digest(), fake.Digest()
	h.begin(t, key, body, moment)

	require.Equal(t, begun{port.Running, body, ""}, h.begin(t, key, second, after(claimLease-time.Millisecond)))
	require.Equal(t, begun{port.Fresh, second, ""}, h.begin(t, key, second, after(claimLease+time.Millisecond)))
	require.Equal(t, begun{port.Running, second, ""}, h.begin(t, key, body, after(2*claimLease)), "the heir has a lease of its own")
	require.NoError(t, s.Idempotency.Finish(t.Context(), h.id, key, []byte("answer"), after(2*claimLease)))
	require.Equal(t, begun{port.Answered, second, "answer"}, h.begin(t, key, second, after(2*claimLease)))
}

func idempotencyOneFresh(t *testing.T, s Store) {
	h := settle(t, s)
	requireOneFresh(t, newKey(), moment, func(int) home { return h })
}

// requireOneFresh begins from many callers, each with a body of its own: all
// are told the winner's.
func requireOneFresh(t *testing.T, key port.IdempotencyKey, now time.Time, at func(i int) home) {
	t.Helper()
	got, bodies := make([]begun, 2*crowd), make([]secret.Digest, 2*crowd)
	for i := range bodies {
		bodies[i] = fake.Digest()
	}

	allWell(t, crowded(len(got), func(i int) error {
		h := at(i)
		state, stored, answer, err := h.Idempotency.Begin(t.Context(), h.id, key, bodies[i], now, claimLease)
		got[i] = begun{state, stored, string(answer)}
		return err
	}))

	count := map[begun]int{}
	for i, b := range got {
		count[b]++
		if b.state == port.Fresh {
			require.Equal(t, bodies[i], b.body)
			require.Equal(t, begun{port.Running, bodies[i], ""}, at(0).begin(t, key, fake.Digest(), now))
		}
	}
	require.Len(t, count, 2, "one Fresh, all others Running with the same body")
	for b, n := range count {
		require.Equal(t, map[port.IdempotencyState]int{port.Fresh: 1, port.Running: len(got) - 1, port.Answered: 0}[b.state], n)
	}
}

func idempotencyOneTakesOver(t *testing.T, s Store) {
	h, key := settle(t, s), newKey()
	h.begin(t, key, fake.Digest(), moment)
	requireOneFresh(t, key, after(claimLease+time.Second), func(int) home { return h })
}

func idempotencyBeginHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	key, mine, yours := newKey(), fake.Digest(), fake.Digest()
	ours.begin(t, key, mine, moment)

	require.Equal(t, begun{port.Fresh, yours, ""}, theirs.begin(t, key, yours, moment))
	require.NoError(t, s.Idempotency.Finish(t.Context(), theirs.id, key, []byte("theirs"), moment))
	require.Equal(t, begun{port.Running, mine, ""}, ours.begin(t, key, mine, moment))
}

// idempotencyOthersHide asks another tenant to finish and abandon a claim;
// what it is told is its own business.
func idempotencyOthersHide(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	key, body := newKey(), fake.Digest()
	ours.begin(t, key, body, moment)

	_ = s.Idempotency.Finish(t.Context(), theirs.id, key, []byte("forged"), moment)
	require.Equal(t, begun{port.Running, body, ""}, ours.begin(t, key, body, moment))
	_ = s.Idempotency.Abandon(t.Context(), theirs.id, key)
	require.Equal(t, begun{port.Running, body, ""}, ours.begin(t, key, body, moment))
}

func idempotencyAbandons(t *testing.T, s Store) {
	h, key, stays, body, second := settle(t, s), newKey(), newKey(), fake.Digest(), fake.Digest()
	h.begin(t, key, body, moment)
	h.begin(t, stays, body, moment)

	require.NoError(t, s.Idempotency.Abandon(t.Context(), h.id, key))

	require.Equal(t, begun{port.Fresh, second, ""}, h.begin(t, key, second, moment))
	require.Equal(t, begun{port.Running, body, ""}, h.begin(t, stays, body, moment))
}
