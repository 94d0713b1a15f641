package operation_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/keyset"
)

// maker numbers its keys.
type maker struct{ made atomic.Int64 }

func (m *maker) Generate(_ context.Context, alg keyset.Algorithm) (keyset.Key, error) {
	n := strconv.FormatInt(m.made.Add(1), 10)
	return keyset.Key{ID: n, Algorithm: alg, Public: []byte(`{"kty":"EC"}`), Private: []byte("sealed " + n)}, nil
}

// startedAt is a maker whose keys no earlier one has made.
func startedAt(n int64) *maker {
	m := &maker{}
	m.made.Store(n)
	return m
}

func (k *kit) keys(alg keyset.Algorithm) *operation.Keys {
	return operation.NewKeys(sqlite.NewKeys(k.db), &maker{}, k.clock, k.trail, alg)
}

func TestKeys_Permissions(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s := k.keys(keyset.ES256)
	for _, a := range []actor.Actor{
		k.as(actor.OperatorPermissions()...).Actor,
		{Kind: actor.Token, Permissions: lacking(actor.KeysWrite)},
	} {
		_, listed := s.List(t.Context(), a)
		_, rotated := s.Rotate(t.Context(), a)

		require.ErrorIs(t, listed, actor.ErrForbidden)
		require.ErrorIs(t, rotated, actor.ErrForbidden)
	}
	require.Empty(t, k.trail.Events())
}

func TestEnsure_MakesOneKeyHoweverManyAsk(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s := k.keys(keyset.ES256)
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for range 8 {
		wg.Go(func() { errs <- s.Ensure(t.Context()) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}

	list, err := s.List(t.Context(), operator)
	require.NoError(t, err)
	require.Len(t, list.Keys, 1)
	require.Equal(t, list.Keys[0].ID, list.Signer)
	require.Equal(t, []string{"key.rotated"}, k.trail.Actions())
	require.Equal(t, "system:", k.trail.Events()[0].Actor)
}

func TestEnsure_FollowsTheScheduleAndTheAlgorithm(t *testing.T) {
	t.Parallel()
	k := setup(t)
	require.NoError(t, k.keys(keyset.ES256).Ensure(t.Context()))

	k.clock.Advance(keyset.Schedule - 1_000_000)
	require.NoError(t, k.keys(keyset.ES256).Ensure(t.Context()))
	require.Len(t, k.trail.Events(), 1)
	k.clock.Advance(1_000_000)
	scheduled := operation.NewKeys(sqlite.NewKeys(k.db), startedAt(10), k.clock, k.trail, keyset.ES256)
	require.NoError(t, scheduled.Ensure(t.Context()))
	require.Len(t, k.trail.Events(), 2)
	other := operation.NewKeys(sqlite.NewKeys(k.db), startedAt(20), k.clock, k.trail, keyset.EdDSA)
	require.NoError(t, other.Ensure(t.Context()))

	list, err := other.List(t.Context(), operator)
	require.NoError(t, err)
	require.Len(t, list.Keys, 3)
	require.Equal(t, keyset.EdDSA, list.Keys[2].Algorithm)
}

func TestRotate_PublishesBeforeItSigns(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s := k.keys(keyset.ES256)
	require.NoError(t, s.Ensure(t.Context()))

	list, err := s.Rotate(t.Context(), operator)
	require.NoError(t, err)
	require.Len(t, list.Keys, 2)
	require.Equal(t, list.Keys[0].ID, list.Signer)
	for _, key := range list.Keys {
		require.Nil(t, key.Private)
		require.NotEmpty(t, key.Public)
	}
	k.clock.Advance(keyset.Publish)
	list, err = s.List(t.Context(), operator)

	require.NoError(t, err)
	require.Equal(t, list.Keys[1].ID, list.Signer)
	stored, err := sqlite.NewKeys(k.db).Load(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, stored.Keys[1].Private, "a listing takes nothing out of the store")
}

// contested loses every race.
type contested struct{ port.Keys }

func (contested) Save(context.Context, keyset.Set) error { return port.ErrVersion }

func TestRotate_GivesUpAfterManyLostRaces(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s := operation.NewKeys(contested{sqlite.NewKeys(k.db)}, &maker{}, k.clock, k.trail, keyset.ES256)

	_, err := s.Rotate(t.Context(), operator)

	require.ErrorIs(t, err, port.ErrUnavailable)
	require.Empty(t, k.trail.Events())
}
