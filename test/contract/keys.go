package contract

import (
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
