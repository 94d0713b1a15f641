package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/throttle"
	"ostiary/test/fake"
)

// Counters checks any port.Counters.
func Counters(t *testing.T, open Open) {
	checks{
		"Get/ZeroForKeysNeverSeen":      countersGetZero,
		"Apply/KeepsStates":             countersKeepStates,
		"Apply/GivesTheStoredState":     countersGiveStored,
		"Apply/ZeroRemovesTheKey":       countersZeroRemoves,
		"Apply/LosesNoParallelChange":   countersLoseNothing,
		"Apply/CrossingOrdersNoTrouble": countersCross,
	}.together(t, open)
}

func never(throttle.State) time.Time { return after(1000 * time.Hour) }

func setTo(key secret.Digest, s throttle.State) port.CounterChange {
	return port.CounterChange{Key: key, Change: func(throttle.State) throttle.State { return s }, Forget: never}
}

func oneMore(key secret.Digest) port.CounterChange {
	return port.CounterChange{Key: key, Forget: never, Change: func(s throttle.State) throttle.State {
		return throttle.State{Count: s.Count + 1, At: moment}
	}}
}

func statesOf(t testing.TB, s Store, keys ...secret.Digest) []throttle.State {
	t.Helper()
	got, err := s.Counters.Get(t.Context(), keys...)
	require.NoError(t, err)
	require.Len(t, got, len(keys))
	return got
}

func countersGetZero(t *testing.T, s Store) {
	require.Equal(t, []throttle.State{{}, {}}, statesOf(t, s, fake.Digest(), fake.Digest()))
	require.Empty(t, statesOf(t, s))
}

func countersKeepStates(t *testing.T, s Store) {
	one, two, three, unseen := fake.Digest(), fake.Digest(), fake.Digest(), fake.Digest()
	full := throttle.State{Count: 1 << 30, At: after(time.Millisecond)}
	timeOnly, countOnly := throttle.State{At: moment}, throttle.State{Count: 1}
	require.NoError(t, s.Counters.Apply(t.Context(), setTo(one, full), setTo(two, timeOnly), setTo(three, countOnly)))

	same(t, []throttle.State{countOnly, {}, full, timeOnly}, statesOf(t, s, three, unseen, one, two))
	require.NoError(t, s.Counters.Apply(t.Context()), "nothing to apply")
}

func countersGiveStored(t *testing.T, s Store) {
	one, two := fake.Digest(), fake.Digest()
	require.NoError(t, s.Counters.Apply(t.Context(), setTo(one, throttle.State{Count: 7, At: moment})))
	seen := map[secret.Digest]throttle.State{}
	look := func(key secret.Digest) port.CounterChange {
		return port.CounterChange{Key: key, Forget: never, Change: func(s throttle.State) throttle.State {
			seen[key] = s
			return throttle.State{Count: s.Count + 1, At: moment}
		}}
	}

	require.NoError(t, s.Counters.Apply(t.Context(), look(one), look(two)))

	same(t, map[secret.Digest]throttle.State{one: {Count: 7, At: moment}, two: {}}, seen)
	same(t, []throttle.State{{Count: 8, At: moment}, {Count: 1, At: moment}}, statesOf(t, s, one, two))
}

func countersZeroRemoves(t *testing.T, s Store) {
	key, stays := fake.Digest(), fake.Digest()
	require.NoError(t, s.Counters.Apply(t.Context(), oneMore(key), oneMore(stays)))
	require.NoError(t, s.Counters.Apply(t.Context(), setTo(key, throttle.State{}), setTo(fake.Digest(), throttle.State{})))

	same(t, []throttle.State{{}, {Count: 1, At: moment}}, statesOf(t, s, key, stays))
	require.NoError(t, s.Counters.Apply(t.Context(), oneMore(key)))
	require.Equal(t, 1, statesOf(t, s, key)[0].Count, "a removed key counts from zero")
}

func countersLoseNothing(t *testing.T, s Store) {
	key := fake.Digest()
	allWell(t, crowded(2*crowd, func(int) error { return s.Counters.Apply(t.Context(), oneMore(key)) }))
	require.Equal(t, 2*crowd, statesOf(t, s, key)[0].Count)
}

// countersCross changes two keys in either order at once: all or nothing is
// stored, and nobody waits for ever.
func countersCross(t *testing.T, s Store) {
	one, two, third := fake.Digest(), fake.Digest(), fake.Digest()
	allWell(t, crowded(2*crowd, func(i int) error {
		if i%2 == 0 {
			return s.Counters.Apply(t.Context(), oneMore(one), oneMore(two))
		}
		return s.Counters.Apply(t.Context(), oneMore(two), oneMore(third), oneMore(one))
	}))

	got := statesOf(t, s, one, two, third)
	require.Equal(t, []int{2 * crowd, 2 * crowd, crowd}, []int{got[0].Count, got[1].Count, got[2].Count})
}
