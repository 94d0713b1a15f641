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
	// memory bounds what the program and its garbage take, in bytes, while little
	// goes on; room is what garbage may take of it when more does.
	memory, room int64
}

const (
	garbage = 400
	// memoryBase is what the program uses beside its hashes while little goes on.
	memoryBase = 20 << 20
	// memoryBurst is how much more a burst of requests may take without being
	// given as much again: 10,000 clients that sign in at once are answered within
	// it.
	memoryBurst = 144 << 20

	memoryPatrol = 100 * time.Millisecond
	// memoryLooks is how many patrols in a row must find that more is in use:
	// longer than a request may take, so that a burst of them is over by then.
	memoryLooks = 200
)

// tuningFor fits the program to so many cores, and says how many hashes may be
// made at once.
func tuningFor(cores int, a argon.Config) (tuning, int) {
	workers := max(1, cores/int(a.Parallelism))
	hashes := int64(workers) * int64(a.MemoryKiB) << 10
	t := tuning{
		threads: cores + min(cores, workers*int(a.Parallelism)),
		garbage: garbage,
		room:    hashes, // the last one of each worker
	}
	t.memory = memoryBase + hashes + t.room
	return t, workers
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
	set := t.memory
	debug.SetMemoryLimit(set)
	if !given("GOGC") {
		debug.SetGCPercent(t.garbage)
	}
	go func() {
		var looks [memoryLooks]uint64
		for i := 0; pause(ctx, memoryPatrol); i++ {
			now := inUse()
			looks[i%memoryLooks] = now
			if next := t.limit(most/10*9, now, slices.Min(looks[:])); next != set {
				set = next
				debug.SetMemoryLimit(set)
			}
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

// limit is how much memory the program may take before garbage is collected
// whatever that costs. What is in use now has room for garbage on top, as long
// as a burst lasts. A process that holds more for longer would do nothing but
// collect: it gets as much again as it held at least, which is what Go does by
// itself. It is never more than most, which leaves a container room for what the
// collector does not see.
func (t tuning) limit(most int64, now, least uint64) int64 {
	used, held := int64(min(now, 1<<61)), int64(min(least, 1<<61))
	out := max(t.memory, min(used+t.room, t.memory+memoryBurst))
	if held+t.room > t.memory+memoryBurst/4 {
		out = max(out, 2*held)
	}
	return max(t.memory, min(out, most))
}

// inUse is what the last collection found to be in use, and the stacks.
func inUse() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64()
}
