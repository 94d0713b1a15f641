package contract

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/keyset"
)

// Keys checks any port.Keys.
func Keys(t *testing.T, open Open) {
	checks{
		"Load/ZeroWhenNoneIsStored": keysLoadZero,
		"Save/KeepsEveryMember":     keysKeepEveryMember,
		"Save/ComparesVersions":     keysCompareVersions,
		"Save/OneOfManyWins":        keysOneWins,
		"Save/ARemovedKeyStaysOut":  func(t *testing.T, s Store) { requireKeyStaysOut(t, func(int) Store { return s }) },
	}.alone(t, open)
}

func loadKeys(t testing.TB, s Store) keyset.Set {
	t.Helper()
	set, err := s.Keys.Load(t.Context())
	require.NoError(t, err)
	return set
}

func keysLoadZero(t *testing.T, s Store) {
	same(t, keyset.Set{}, loadKeys(t, s))
}

func keysKeepEveryMember(t *testing.T, s Store) {
	want := keyset.Set{Version: 1, Keys: []keyset.Key{
		{
			ID: "b", Algorithm: keyset.RS256, Public: []byte(`{"kty":"RSA"}`), Private: []byte{0, 1, 0xff, 0},
			Created: moment, SignsFrom: after(time.Millisecond), Retired: after(time.Hour),
		},
		{ID: "a", Algorithm: keyset.EdDSA, Public: []byte("{}"), Private: []byte{9}, Created: after(time.Hour), SignsFrom: after(time.Hour)},
	}}
	require.NoError(t, s.Keys.Save(t.Context(), want))
	same(t, want, loadKeys(t, s))

	want = keyset.Set{Version: 2, Keys: want.Keys[1:]}
	require.NoError(t, s.Keys.Save(t.Context(), want))
	same(t, want, loadKeys(t, s))
}

func keysCompareVersions(t *testing.T, s Store) {
	require.ErrorIs(t, s.Keys.Save(t.Context(), keyset.Set{Version: 2}), port.ErrVersion)
	same(t, keyset.Set{}, loadKeys(t, s))
	stored := keyset.Set{Version: 1, Keys: []keyset.Key{{ID: "a", Created: moment, SignsFrom: moment}}}
	require.NoError(t, s.Keys.Save(t.Context(), stored))

	for _, version := range []int64{0, 1, 3} {
		require.ErrorIs(t, s.Keys.Save(t.Context(), keyset.Set{Version: version}), port.ErrVersion)
		same(t, stored, loadKeys(t, s))
	}
	require.NoError(t, s.Keys.Save(t.Context(), keyset.Set{Version: 2}))
}

func keysOneWins(t *testing.T, s Store) {
	for version := int64(1); version < 4; version++ { // the first one creates, the others replace
		oneWins(t, crowded(crowd, func(int) error {
			return s.Keys.Save(t.Context(), keyset.Set{Version: version})
		}), port.ErrVersion)
		require.Equal(t, version, loadKeys(t, s).Version)
	}
}

// requireKeyStaysOut removes a key while others add some, each from what it
// loaded and anew after a race that it lost: nothing of the set that held the
// key is stored after its removal.
func requireKeyStaysOut(t *testing.T, turns func(int) Store) {
	t.Helper()
	require.NoError(t, turns(0).Keys.Save(t.Context(), keyset.Set{}.Rotate(keyset.Key{ID: "leaked"}, moment)))

	allWell(t, crowded(crowd, func(i int) error {
		var err error = port.ErrVersion
		for errors.Is(err, port.ErrVersion) {
			var set keyset.Set
			if set, err = turns(i).Keys.Load(t.Context()); err != nil {
				return err
			}
			next := set.Rotate(keyset.Key{ID: strconv.Itoa(i)}, moment)
			if i == crowd/2 {
				if next, err = set.Remove("leaked", moment); err != nil {
					return err
				}
			}
			err = turns(i).Keys.Save(t.Context(), next)
		}
		return err
	}))

	set := loadKeys(t, turns(0))
	require.Len(t, set.Keys, crowd-1)
	require.Equal(t, int64(crowd+1), set.Version)
	for _, k := range set.Keys {
		require.NotEqual(t, "leaked", k.ID)
	}
}
