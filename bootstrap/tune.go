package bootstrap

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"ostiary/adapters/argon"
)

// tuning is how the program shares its machine between hashes, which keep
// every core busy for as long as people sign in, and answers that take a
// thousandth of that and must not wait for them.
type tuning struct {
	// threads run Go code at once: as many as there are cores, and as many
	// again as hashes may occupy. With fewer, an answer waits until a hash lets
	// go of its thread; with these the operating system, which prefers threads
	// that mostly sleep, runs it at once.
	threads int
	// garbage is how many per cent of what is in use may lie about before it is
	// collected. Each hash leaves megabytes that take no time to judge, while a
	// collection takes time from everybody: better a few than one a hash.
	garbage int
	// memory bounds what garbage may add, in bytes. 10,000 clients that sign in
	// at once are answered within it.
	memory int64
}

const (
	garbage = 400
	// memoryBase is what the program may use beside its hashes.
	memoryBase = 128 << 20
	// hashSpare is how many hashes' worth of memory each worker may use: the
	// one that it makes, and the last one's garbage.
	hashSpare = 2

	memoryPatrol = time.Second
	// memoryLooks is how many patrols in a row must find no room: longer than a
	// request may take, so that a burst of them is over by then.
	memoryLooks = 20
)

// tuningFor fits the program to so many cores, and says how many hashes may be
// made at once.
func tuningFor(cores int, a argon.Config) (tuning, int) {
	workers := max(1, cores/int(a.Parallelism))
	return tuning{
		threads: cores + min(cores, workers*int(a.Parallelism)),
		garbage: garbage,
		memory:  memoryBase + hashSpare*int64(workers)*int64(a.MemoryKiB)<<10,
	}, workers
}

// tune fits the process to its machine until ctx ends. What the operator gave
// to the Go runtime itself, by its own variables, is left alone.
func tune(ctx context.Context, c Config) Config {
	t, workers := tuningFor(runtime.GOMAXPROCS(0), c.Argon)
	c.Argon.Workers = workers
	if !given("GOMAXPROCS") {
		runtime.GOMAXPROCS(t.threads)
	}
	if given("GOMEMLIMIT") {
		return c
	}
	most, bounded := allowance(allowanceFile)
	if bounded {
		t.memory = min(t.memory, most/4*3)
	} else {
		most = math.MaxInt64
	}
	debug.SetMemoryLimit(t.memory)
	if !given("GOGC") {
		debug.SetGCPercent(t.garbage)
	}
	go func() {
		var looks [memoryLooks]uint64
		for i := 0; pause(ctx, memoryPatrol); i++ {
			looks[i%memoryLooks] = inUse()
			debug.SetMemoryLimit(memoryLimit(t.memory, most/10*9, slices.Min(looks[:])))
		}
	}()
	return c
}

// allowanceFile holds what a container may use, or "max" (Linux, cgroup v2).
const allowanceFile = "/sys/fs/cgroup/memory.max"

func allowance(path string) (int64, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil && n > 0
}

func given(variable string) bool { return os.Getenv(variable) != "" }

// memoryLimit is base for as long as what is in use leaves room for garbage
// below it. A process that holds more would do nothing but collect; it gets as
// much again, which is what Go does by itself, but no more than most, which
// leaves a container room for what the collector does not see.
func memoryLimit(base, most int64, used uint64) int64 {
	if n := int64(min(used, 1<<61)); n > base/8*7 {
		return max(base, min(2*n, most))
	}
	return base
}

// inUse is what the last collection found to be in use, and the stacks.
func inUse() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64()
}
