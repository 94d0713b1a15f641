package system_test

import (
	"bytes"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"ostiary/adapters/system"
)

func TestNow_IsUTCAndSurvivesTheRoundTripThroughAStore(t *testing.T) {
	t.Parallel()

	now := system.NewClock().Now()

	require.Equal(t, now, time.UnixMilli(now.UnixMilli()).UTC())
}

func TestFill_FillsEveryByteAnew(t *testing.T) {
	t.Parallel()
	var a, b [64]byte
	r := system.NewRandom()

	r.Fill(a[:])
	r.Fill(b[:])

	require.NotEqual(t, a, b)
	require.NotEqual(t, [32]byte{}, [32]byte(a[32:]), "the end is filled too")
}

func TestUUID_IsVersion7OfTheRFCVariant(t *testing.T) {
	t.Parallel()

	u := system.NewRandom().UUID()

	require.Equal(t, byte(0x70), u[6]&0xf0)
	require.Equal(t, byte(0x80), u[8]&0xc0)
}

func TestRequestID_IsVersion7AndItsOwn(t *testing.T) {
	t.Parallel()
	then := time.Date(2026, 3, 4, 5, 6, 7, 8_000_000, time.UTC)
	seen := map[string]bool{}

	for range 1000 {
		id, err := uuid.Parse(system.RequestID(then))
		require.NoError(t, err)
		require.Equal(t, uuid.Version(7), id.Version())
		require.Equal(t, uuid.RFC4122, id.Variant())
		sec, nsec := id.Time().UnixTime()
		require.Equal(t, then, time.Unix(sec, nsec).UTC())
		seen[id.String()] = true
	}

	require.Len(t, seen, 1000)
}

func TestUUID_RisesAlsoWhenManyAskAtOnce(t *testing.T) {
	t.Parallel()
	const workers, each = 8, 2000
	made := make([][][16]byte, workers)
	var wg sync.WaitGroup

	for w := range workers {
		wg.Go(func() {
			for range each {
				made[w] = append(made[w], system.NewRandom().UUID())
			}
		})
	}
	wg.Wait()

	seen := map[[16]byte]bool{}
	for _, ids := range made {
		require.True(t, slices.IsSortedFunc(ids, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }))
		for _, u := range ids {
			seen[u] = true
		}
	}
	require.Len(t, seen, workers*each)
}
