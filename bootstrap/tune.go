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

	"go.uber.org/zap"

	"ostiary/adapters/argon"
	"ostiary/adapters/system"
)

// tuning is how the program shares its machine between answers, which take
// microseconds, and hashes, which keep every core busy for as long as people
// sign in.
type tuning struct {
	// threads run Go code at once. A thread that waits for the disk keeps its
	// place for a while though its core is idle: with twice as many as there are
	// cores, others need not wait for that.
	threads int
	// memory bounds what the program and its garbage take, in bytes, while little
	// goes on; room is what garbage may take of it when more does.
	memory, room int64
}

const (
	// garbage is how many per cent of what is in use may lie about before it is
	// collected. Little is in use, and a collection takes time from everybody:
	// better a few.
	garbage = 400
	// memoryBase is what the program uses while little goes on, childBase what
	// the one that hashes does; memoryRoom is for the garbage of answers.
	memoryBase = 20 << 20
	memoryRoom = 20 << 20
	childBase  = 16 << 20
	// memoryBurst is how much more a burst of requests may take without being
	// given as much again: 10,000 clients that sign in at once are answered within
	// it.
	memoryBurst = 144 << 20

	memoryPatrol = 100 * time.Millisecond
	// memoryLooks is how many patrols in a row must find that more is in use:
	// longer than a request may take, so that a burst of them is over by then.
	memoryLooks = 200
)

// tuningFor fits the program to so many cores. Hashes that are made within it
// need room, and so does the last one of each worker.
func tuningFor(cores int, a argon.Config) tuning {
	t := tuning{threads: 2 * cores, memory: memoryBase + memoryRoom, room: memoryRoom}
	if a.Worker == nil {
		hashes := hashesOf(a)
		t.memory, t.room = t.memory+2*hashes, t.room+hashes
	}
	return t
}

// hashesOf is what the hashes that are made at once take, in bytes.
func hashesOf(a argon.Config) int64 { return int64(a.Workers) * int64(a.MemoryKiB) << 10 }

type starter func(memory int64, now func() time.Time, report func(error)) (*argon.Process, error)

// settle has passwords hashed by a process of its own, as many at once as there
// are cores for, and fits this one to its machine, until leave is called. start
// is argon.StartProcess.
func settle(ctx context.Context, c Config, log *zap.Logger, start starter) (_ Config, leave func()) {
	cores := runtime.GOMAXPROCS(0)
	c.Argon.Workers = max(1, cores/int(c.Argon.Parallelism))
	ctx, cancel := context.WithCancel(ctx)
	most := allowance(allowanceFile)
	memory := min(childBase+hashesOf(c.Argon)*3/2, most/2)
	hashing, err := start(memory, system.Instant, func(err error) { log.Warn("the child that hashes passwords", zap.Error(err)) })
	if err != nil {
		log.Warn("passwords are hashed within the server: requests wait for them", zap.Error(err))
		tune(ctx, tuningFor(cores, c.Argon), most)
		return c, cancel
	}
	c.Argon.Worker = hashing.Work
	tune(ctx, tuningFor(cores, c.Argon), most-memory)
	return c, func() {
		cancel()
		_ = hashing.Close()
	}
}

// tune sets what the operator did not give to the Go runtime itself, by its own
// variables, and follows what is in use until ctx ends. There are so many bytes
// for all that the program uses.
func tune(ctx context.Context, t tuning, most int64) {
	if !given("GOMAXPROCS") {
		runtime.GOMAXPROCS(t.threads)
	}
	if given("GOMEMLIMIT") {
		return
	}
	t.memory = min(t.memory, most/4*3)
	set := t.memory
	debug.SetMemoryLimit(set)
	if !given("GOGC") {
		debug.SetGCPercent(garbage)
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
}

// allowanceFile holds what a container may use, or "max" (Linux, cgroup v2).
const allowanceFile = "/sys/fs/cgroup/memory.max"

// allowance is without bound where path does not tell one.
func allowance(path string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || n <= 0 {
		return math.MaxInt64
	}
	return n
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
