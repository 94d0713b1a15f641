package bootstrap

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"ostiary/adapters/argon"
)

func TestTuningFor_MakesRoomForHashesThatAreMadeWithin(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	a := argon.Config{MemoryKiB: 19 << 10, Parallelism: 1, Workers: 2}

	within := tuningFor(2, a)
	require.Equal(t, tuning{threads: 4, memory: within.memory, room: within.room}, within)
	a.Worker = argon.Work
	apart := tuningFor(2, a)
	require.Equal(t, 4, apart.threads)
	require.Less(t, apart.memory, int64(64*mib))
	require.Equal(t, int64(2*19*mib), within.room-apart.room)
	require.Equal(t, int64(4*19*mib), within.memory-apart.memory)
}

// Not parallel, as what follows: they change the whole process.
func TestSettle_HashesWithinTheServerWhereNoOtherProcessCanBe(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	restore(t)
	t.Setenv("GOMAXPROCS", "")
	core, lines := observer.New(zap.WarnLevel)
	c := Config{Argon: argon.Config{MemoryKiB: 19 << 10, Iterations: 2, Parallelism: 1}}

	settled, leave := settle(t.Context(), c, zap.New(core), func(int64, func() time.Time, func(error)) (*argon.Process, error) {
		return nil, errors.ErrUnsupported
	})
	defer leave()

	require.Nil(t, settled.Argon.Worker)
	require.Equal(t, cores, settled.Argon.Workers)
	require.Equal(t, 2*cores, runtime.GOMAXPROCS(0))
	require.Len(t, lines.FilterMessageSnippet("within the server").All(), 1)
	require.Greater(t, tuningFor(cores, settled.Argon).memory, hashesOf(settled.Argon))
}

func TestTune_IsAppliedToTheProcessUnlessTheOperatorSaysOtherwise(t *testing.T) {
	threads := runtime.GOMAXPROCS(0)
	restore(t)
	debug.SetMemoryLimit(math.MaxInt64)
	debug.SetGCPercent(100)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wanted := tuning{threads: threads + 3, memory: 2 << 30, room: 40 << 20} // more than tests use

	t.Setenv("GOMAXPROCS", "1")
	t.Setenv("GOMEMLIMIT", "1GiB")
	tune(ctx, wanted, math.MaxInt64)
	require.Equal(t, threads, runtime.GOMAXPROCS(0))
	require.Equal(t, int64(math.MaxInt64), debug.SetMemoryLimit(-1))
	require.Equal(t, 100, debug.SetGCPercent(100))

	t.Setenv("GOMAXPROCS", "")
	t.Setenv("GOMEMLIMIT", "")
	t.Setenv("GOGC", "")
	tune(ctx, wanted, math.MaxInt64)
	require.Equal(t, threads+3, runtime.GOMAXPROCS(0))
	require.Equal(t, int64(2<<30), debug.SetMemoryLimit(-1))
	require.Equal(t, 400, debug.SetGCPercent(100))

	cancel()
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	tune(ctx, wanted, 2<<30)
	require.Equal(t, int64(3<<29), debug.SetMemoryLimit(-1), "a container that is smaller")
}

// restore gives back what a test changes of the whole process.
func restore(t *testing.T) {
	threads, limit, percent := runtime.GOMAXPROCS(0), debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	t.Cleanup(func() {
		runtime.GOMAXPROCS(threads)
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	})
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

	require.Equal(t, int64(math.MaxInt64), allowance(path), "no file")
	require.NoError(t, os.WriteFile(path, []byte("max\n"), 0o600))
	require.Equal(t, int64(math.MaxInt64), allowance(path), "no bound")
	require.NoError(t, os.WriteFile(path, []byte("134217728\n"), 0o600))
	require.Equal(t, int64(128<<20), allowance(path))
}
