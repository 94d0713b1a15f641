package bootstrap

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/argon"
)

func TestTuningFor_HashesOnEveryCoreAndKeepsThreadsForTheRest(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		cores            int
		parallelism      uint8
		threads, workers int
	}{
		{1, 1, 2, 1},
		{2, 1, 4, 2},
		{8, 1, 16, 8},
		{8, 3, 14, 2},
		{2, 4, 4, 1}, // one hash takes more threads than there are cores
	} {
		tuned, workers := tuningFor(row.cores, argon.Config{MemoryKiB: 19456, Parallelism: row.parallelism})

		require.Equal(t, row.threads, tuned.threads, row)
		require.Equal(t, row.workers, workers, row)
		require.Equal(t, int64(row.workers*19456<<10), tuned.room, row)
		require.Equal(t, 20<<20+2*tuned.room, tuned.memory, row)
	}
}

// Not parallel: it changes the whole process.
func TestTune_IsAppliedToTheProcessUnlessTheOperatorSaysOtherwise(t *testing.T) {
	threads, limit := runtime.GOMAXPROCS(0), debug.SetMemoryLimit(-1)
	percent := debug.SetGCPercent(100)
	t.Cleanup(func() {
		runtime.GOMAXPROCS(threads)
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	})
	debug.SetMemoryLimit(math.MaxInt64)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := Config{Argon: argon.Config{MemoryKiB: 19456, Iterations: 2, Parallelism: 1}}

	t.Setenv("GOMAXPROCS", "1")
	t.Setenv("GOMEMLIMIT", "1GiB")
	left := tune(ctx, c)
	require.Equal(t, threads, left.Argon.Workers)
	require.Equal(t, threads, runtime.GOMAXPROCS(0))
	require.Equal(t, int64(math.MaxInt64), debug.SetMemoryLimit(-1))
	require.Equal(t, 100, debug.SetGCPercent(100))

	t.Setenv("GOMAXPROCS", "")
	t.Setenv("GOMEMLIMIT", "")
	t.Setenv("GOGC", "")
	tuned := tune(ctx, c)
	require.Equal(t, threads, tuned.Argon.Workers)
	require.Equal(t, 2*threads, runtime.GOMAXPROCS(0))
	require.LessOrEqual(t, debug.SetMemoryLimit(-1), int64(20<<20+2*threads*19456<<10))
	require.Equal(t, 400, debug.SetGCPercent(100))
}

func TestLimit_LeavesRoomForGarbageOnTopOfWhatIsUsed(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	tuned := tuning{memory: 100 * mib, room: 50 * mib}
	const plenty = 4000 * mib

	for about, row := range map[string]struct {
		most       int64
		now, least uint64
		want       int64
	}{
		"nothing is used":                {plenty, 0, 0, 100 * mib},
		"it fits":                        {plenty, 50 * mib, 50 * mib, 100 * mib},
		"a little more now":              {plenty, 80 * mib, 10 * mib, 130 * mib},
		"a burst":                        {plenty, 190 * mib, 10 * mib, 240 * mib},
		"a burst that is too much":       {plenty, 900 * mib, 10 * mib, 244 * mib},
		"much for long":                  {plenty, 300 * mib, 290 * mib, 580 * mib},
		"much for long in a container":   {400 * mib, 300 * mib, 290 * mib, 400 * mib},
		"a container smaller than that":  {60 * mib, 300 * mib, 290 * mib, 100 * mib},
		"more than there can be, at all": {plenty, math.MaxUint64, math.MaxUint64, plenty},
	} {
		require.Equal(t, row.want, tuned.limit(row.most, row.now, row.least), about)
	}
}

func TestInUse_ReadsWhatTheRuntimeTells(t *testing.T) {
	t.Parallel()

	require.Positive(t, inUse())
}

func TestAllowance_ReadsWhatAContainerMayUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "memory.max")

	_, known := allowance(path)
	require.False(t, known, "no file")
	require.NoError(t, os.WriteFile(path, []byte("max\n"), 0o600))
	_, known = allowance(path)
	require.False(t, known, "no bound")
	require.NoError(t, os.WriteFile(path, []byte("134217728\n"), 0o600))
	most, known := allowance(path)
	require.True(t, known)
	require.Equal(t, int64(128<<20), most)
}
