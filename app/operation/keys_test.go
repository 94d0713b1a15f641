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

// maker numbers its keys, and counts how often it looked at the stored set.
type maker struct {
	port.KeyRing
	made, looked atomic.Int64
	away         error
}

func (m *maker) Reload(context.Context) error {
	m.looked.Add(1)
	return m.away
}

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
		require.ErrorIs(t, s.Remove(t.Context(), a, "1"), actor.ErrForbidden)
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

func kids(list operation.KeyList) (out []string) {
	for _, key := range list.Keys {
		out = append(out, key.ID)
	}
	return out
}

func TestRemove_OfTheSignerMakesAnotherOneSignAtOnce(t *testing.T) {
	t.Parallel()
	k, ring := setup(t), &maker{}
	s := operation.NewKeys(sqlite.NewKeys(k.db), ring, k.clock, k.trail, keyset.ES256)
	require.NoError(t, s.Ensure(t.Context()))

	require.NoError(t, s.Remove(t.Context(), operator, "1"))

	list, err := s.List(t.Context(), operator)
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, kids(list))
	require.Equal(t, "2", list.Signer)
	require.Equal(t, int64(1), ring.looked.Load(), "this process goes by it at once")
	require.Equal(t, []string{"key.rotated", "key.removed", "key.rotated"}, k.trail.Actions())
	removed, made := k.trail.Events()[1], k.trail.Events()[2]
	require.Equal(t, []string{"key:1", operator.String()}, []string{removed.Target, removed.Actor})
	require.Equal(t, []string{"key:2", operator.String()}, []string{made.Target, made.Actor})
	require.ErrorIs(t, s.Remove(t.Context(), operator, "1"), keyset.ErrNotFound)
	require.Len(t, k.trail.Events(), 3)
}

func TestRemove_LetsTheOneThatWaitsSign(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s := k.keys(keyset.ES256)
	require.NoError(t, s.Ensure(t.Context()))
	_, err := s.Rotate(t.Context(), operator)
	require.NoError(t, err)

	require.NoError(t, s.Remove(t.Context(), operator, "1"))

	list, err := s.List(t.Context(), operator)
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, kids(list))
	require.Equal(t, "2", list.Signer)
	require.Equal(t, "key.removed", k.trail.Actions()[2])
	require.Len(t, k.trail.Events(), 3, "no key was made")
}

// rival lets another process in between load and save, once.
type rival struct {
	port.Keys
	step func()
}

func (r *rival) Save(ctx context.Context, set keyset.Set) error {
	if step := r.step; step != nil {
		r.step = nil
		step()
	}
	return r.Keys.Save(ctx, set)
}

func TestRemove_IsNotUndoneByARotationThatBeganBefore(t *testing.T) {
	t.Parallel()
	k := setup(t)
	remover := k.keys(keyset.ES256)
	require.NoError(t, remover.Ensure(t.Context()))
	slow := &rival{Keys: sqlite.NewKeys(k.db), step: func() { require.NoError(t, remover.Remove(t.Context(), operator, "1")) }}

	list, err := operation.NewKeys(slow, startedAt(10), k.clock, k.trail, keyset.ES256).Rotate(t.Context(), operator)

	require.NoError(t, err)
	require.Equal(t, []string{"2", "12"}, kids(list), "11 was made for the set that held 1")
}

func TestRemove_TakesOutWhatARotationAddedMeanwhile(t *testing.T) {
	t.Parallel()
	k := setup(t)
	require.NoError(t, k.keys(keyset.ES256).Ensure(t.Context()))
	other := operation.NewKeys(sqlite.NewKeys(k.db), startedAt(10), k.clock, k.trail, keyset.ES256)
	slow := &rival{Keys: sqlite.NewKeys(k.db), step: func() {
		_, err := other.Rotate(t.Context(), operator)
		require.NoError(t, err)
	}}
	s := operation.NewKeys(slow, startedAt(20), k.clock, k.trail, keyset.ES256)

	require.NoError(t, s.Remove(t.Context(), operator, "1"))

	list, err := s.List(t.Context(), operator)
	require.NoError(t, err)
	require.Equal(t, []string{"11"}, kids(list))
	require.Equal(t, []string{"key.rotated", "key.rotated", "key.removed"}, k.trail.Actions())
}

func TestRemove_SaysThatThisProcessCouldNotFollow(t *testing.T) {
	t.Parallel()
	k, ring := setup(t), &maker{away: port.ErrUnavailable}
	s := operation.NewKeys(sqlite.NewKeys(k.db), ring, k.clock, k.trail, keyset.ES256)
	require.NoError(t, s.Ensure(t.Context()))

	require.ErrorIs(t, s.Remove(t.Context(), operator, "1"), port.ErrUnavailable)

	require.Contains(t, k.trail.Actions(), "key.removed", "the key is out all the same")
}

func TestRemove_FollowsAlsoWhenItCannotBeRecorded(t *testing.T) {
	t.Parallel()
	k, ring := setup(t), &maker{}
	s := operation.NewKeys(sqlite.NewKeys(k.db), ring, k.clock, k.trail, keyset.ES256)
	require.NoError(t, s.Ensure(t.Context()))
	k.trail.Err = port.ErrUnavailable

	require.ErrorIs(t, s.Remove(t.Context(), operator, "1"), port.ErrUnavailable)

	require.Equal(t, int64(1), ring.looked.Load())
}
