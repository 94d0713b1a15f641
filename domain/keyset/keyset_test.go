package keyset_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/domain/keyset"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

const (
	longestToken = 60 * time.Minute
	skew         = time.Minute
)

type issued struct {
	key     string
	expires time.Time
}

func holds(keys []keyset.Key, id string) bool {
	for _, k := range keys {
		if k.ID == id {
			return true
		}
	}
	return false
}

// Whatever the order of rotations: a key signs only after everybody may have
// seen it, there is always one that signs, and no token outlives its key.
func TestRotate_RefusesNoLiveTokenAndSignsWithNothingUnseen(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		now, set, made := start, keyset.Set{}.Rotate(keyset.Key{ID: "0"}, start), 1
		seen := map[string]time.Time{"0": start.Add(-keyset.Publish)} // nobody asked before the first
		var tokens []issued
		for range rapid.IntRange(1, 120).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40*60).Draw(rt, "seconds")) * time.Second)
			if rapid.IntRange(0, 3).Draw(rt, "what") == 0 {
				name := strconv.Itoa(made)
				made++
				seen[name] = now
				before := set.Version
				set = set.Rotate(keyset.Key{ID: name}, now)
				require.Equal(rt, before+1, set.Version)
			}

			signer, ok := set.Signer(now)
			require.True(rt, ok, "somebody signs")
			require.GreaterOrEqual(rt, now.Sub(seen[signer.ID]), keyset.Publish, "after it was seen")
			require.True(rt, holds(set.Published(now), signer.ID))
			tokens = append(tokens, issued{signer.ID, now.Add(longestToken)})
			for _, token := range tokens {
				if now.Before(token.expires.Add(skew)) {
					require.True(rt, holds(set.Published(now), token.key), "a live token is refused")
				}
			}
		}
	})
}

// Whatever the order of rotations and removals: there is always one that signs,
// it was waited for unless the one before it is gone, a removed one never comes
// back, and no token is refused for another key's sake.
func TestRemove_LeavesASignerAndTakesNothingElseAway(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		now, made := start, 0
		add := func(set keyset.Set) keyset.Set {
			made++
			return set.Rotate(keyset.Key{ID: strconv.Itoa(made)}, now)
		}
		set, removed := add(keyset.Set{}), map[string]bool{}
		var tokens []issued
		for range rapid.IntRange(1, 120).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20*60).Draw(rt, "seconds")) * time.Second)
			before := set
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				set = add(set)
			case 1:
				id := set.Keys[rapid.IntRange(0, len(set.Keys)-1).Draw(rt, "which")].ID
				next, err := set.Remove(id, now)
				require.NoError(rt, err)
				require.Equal(rt, before.Version+1, next.Version)
				signed, _ := before.Signer(now)
				signs, left := next.Signer(now)
				if signed.ID != id {
					require.True(rt, left)
					require.Equal(rt, signed.ID, signs.ID, "who signs goes on")
				}
				if set = next; !left {
					set = add(next)
				}
				removed[id] = true
			}

			signer, ok := set.Signer(now)
			require.True(rt, ok, "somebody signs")
			require.False(rt, now.Before(signer.SignsFrom))
			tokens = append(tokens, issued{signer.ID, now.Add(longestToken)})
			for _, token := range tokens {
				if now.Before(token.expires.Add(skew)) {
					require.NotEqual(rt, removed[token.key], holds(set.Published(now), token.key))
				}
			}
			for id := range removed {
				require.False(rt, holds(set.Keys, id), "a removed key is back")
			}
		}
	})
}

func TestRemove_OfTheSignerLetsTheNextOneSignAtOnce(t *testing.T) {
	t.Parallel()
	now := start.Add(time.Hour)
	set := keyset.Set{}.Rotate(keyset.Key{ID: "one"}, start).Rotate(keyset.Key{ID: "two"}, now).Rotate(keyset.Key{ID: "three"}, now.Add(time.Minute))
	now = now.Add(2 * time.Minute)

	left, err := set.Remove("one", now)

	require.NoError(t, err)
	require.False(t, holds(left.Keys, "one"))
	for at, want := range map[time.Time]string{now: "two", start.Add(time.Hour + 6*time.Minute - 1): "two", start.Add(time.Hour + 6*time.Minute): "three"} {
		signer, ok := left.Signer(at)
		require.True(t, ok)
		require.Equal(t, want, signer.ID, at)
	}
	require.True(t, holds(set.Keys, "one"), "the old set is as it was")
}

func TestRemove_OfTheOnlyOneLeavesNobody(t *testing.T) {
	t.Parallel()
	set := keyset.Set{}.Rotate(keyset.Key{ID: "one"}, start)

	left, err := set.Remove("one", start)

	require.NoError(t, err)
	_, ok := left.Signer(start)
	require.False(t, ok)
	_, ok = left.Rotate(keyset.Key{ID: "two"}, start).Signer(start)
	require.True(t, ok, "the next one signs at once")
}

func TestRemove_OfOneThatWaitsLeavesTheSignerWithoutAnEnd(t *testing.T) {
	t.Parallel()
	set := keyset.Set{}.Rotate(keyset.Key{ID: "one"}, start).Rotate(keyset.Key{ID: "two"}, start.Add(time.Hour))

	left, err := set.Remove("two", start.Add(time.Hour))

	require.NoError(t, err)
	require.Len(t, left.Keys, 1)
	require.True(t, left.Keys[0].Retired.IsZero())
}

func TestRemove_KnowsOnlyWhatIsThere(t *testing.T) {
	t.Parallel()
	set := keyset.Set{}.Rotate(keyset.Key{ID: "one"}, start)

	for _, id := range []string{"", "two", "ONE"} {
		same, err := set.Remove(id, start)
		require.ErrorIs(t, err, keyset.ErrNotFound)
		require.Equal(t, set, same)
	}
}

func TestRotate_TheFirstKeySignsAtOnceAndTheNextAfterItWasSeen(t *testing.T) {
	t.Parallel()
	one := keyset.Set{}.Rotate(keyset.Key{ID: "one"}, start)
	two := one.Rotate(keyset.Key{ID: "two"}, start.Add(time.Hour))
	turn := start.Add(time.Hour + keyset.Publish)

	for at, want := range map[time.Time]string{
		start: "one", start.Add(time.Hour): "one", turn.Add(-time.Millisecond): "one", turn: "two", turn.Add(time.Hour): "two",
	} {
		k, ok := two.Signer(at)
		require.True(t, ok)
		require.Equal(t, want, k.ID, at)
	}
	require.True(t, holds(two.Published(start.Add(time.Hour)), "two"), "published before it signs")
	require.Len(t, one.Keys, 1, "the old set is as it was")
	require.True(t, one.Keys[0].Retired.IsZero())
}

func TestRotate_DropsWhatVerifiesNothingAnyMore(t *testing.T) {
	t.Parallel()
	set := keyset.Set{}.Rotate(keyset.Key{ID: "one"}, start).Rotate(keyset.Key{ID: "two"}, start.Add(time.Hour))
	gone := start.Add(time.Hour + keyset.Publish + keyset.Linger)

	require.True(t, holds(set.Published(gone.Add(-time.Millisecond)), "one"))
	require.False(t, holds(set.Published(gone), "one"))
	require.Len(t, set.Rotate(keyset.Key{ID: "three"}, gone).Keys, 2)
}

func TestRotate_ManyTimesInAMinuteLeavesNobodyWithoutSigner(t *testing.T) {
	t.Parallel()
	set := keyset.Set{}
	for i := range 60 {
		set = set.Rotate(keyset.Key{ID: strconv.Itoa(i)}, start.Add(time.Duration(i)*10*time.Second))
	}

	for at := start; at.Before(start.Add(time.Hour)); at = at.Add(time.Second) {
		_, ok := set.Signer(at)
		require.True(t, ok, at)
	}
}

func TestDue_AsksForAKeyBySchedule(t *testing.T) {
	t.Parallel()
	set := keyset.Set{}.Rotate(keyset.Key{ID: "one", Algorithm: keyset.ES256}, start)

	require.True(t, keyset.Set{}.Due(start, keyset.ES256))
	require.False(t, set.Due(start.Add(keyset.Schedule-1), keyset.ES256))
	require.True(t, set.Due(start.Add(keyset.Schedule), keyset.ES256))
	require.True(t, set.Due(start, keyset.EdDSA), "another algorithm was configured")
}

func TestSigner_OfTheFirstKeyIsThereForAClockThatIsBehind(t *testing.T) {
	t.Parallel()
	set := keyset.Set{}.Rotate(keyset.Key{ID: "first"}, start)
	behind := start.Add(-skew)

	signer, ok := set.Signer(behind)

	require.True(t, ok)
	require.Equal(t, "first", signer.ID)
	signer, ok = set.Rotate(keyset.Key{ID: "second"}, behind).Signer(behind)
	require.True(t, ok)
	require.Equal(t, "first", signer.ID, "the second is not seen yet")
}

func TestSigner_AfterARemovalIsThereForAClockThatIsBehind(t *testing.T) {
	t.Parallel()
	set := keyset.Set{}.Rotate(keyset.Key{ID: "one"}, start.Add(-time.Hour)).Rotate(keyset.Key{ID: "two"}, start.Add(-30*time.Minute))
	left, err := set.Remove("two", start)
	require.NoError(t, err)

	signer, ok := left.Rotate(keyset.Key{ID: "three"}, start).Signer(start.Add(-skew))

	require.True(t, ok)
	require.Equal(t, "three", signer.ID, "the retired one is no way out")
}

func TestSigner_OfAnEmptySetIsNobody(t *testing.T) {
	t.Parallel()

	_, ok := keyset.Set{}.Signer(start)

	require.False(t, ok)
	require.Empty(t, keyset.Set{}.Published(start))
}

func TestParseAlgorithm_AcceptsWhatIsOnOffer(t *testing.T) {
	t.Parallel()

	for _, s := range []string{"ES256", "EdDSA", "RS256"} {
		a, err := keyset.ParseAlgorithm(s)
		require.NoError(t, err)
		require.Equal(t, keyset.Algorithm(s), a)
	}
	for _, s := range []string{"", "none", "None", "HS256", "es256", "PS512", "ES384", "ES256 "} {
		_, err := keyset.ParseAlgorithm(s)
		require.ErrorIs(t, err, keyset.ErrAlgorithm, s)
	}
}
