package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"time"
)

// Errors of Profiles.
var (
	ErrNoProfile   = errors.New("system: no profile of that name")
	ErrProfileBusy = errors.New("system: another profile is being taken")
)

const (
	// Each is a sample every so often: seldom enough that the program does not
	// notice, often enough to see in seconds what it waits for.
	blockEvery = int(100 * time.Microsecond) // ns spent waiting
	mutexEvery = 10                          // events
)

// profiles are those of use to an operator, of all that the runtime has.
var profiles = []string{"cpu", "block", "mutex", "heap", "allocs", "goroutine"}

// Profiles takes profiles of this process in pprof's format: of what it does
// (cpu), waits for (block, mutex) and holds (heap, allocs, goroutine). They
// tell of code and its time, never of data.
type Profiles struct{ mu sync.Mutex }

// Take returns a profile. That of the CPU covers the given time, or less when
// ctx ends; those of blocking and mutexes are sampled for as long and add to
// what was sampled before, which the runtime never forgets. One is taken at a
// time. It returns ErrNoProfile and ErrProfileBusy.
func (p *Profiles) Take(ctx context.Context, name string, lasts time.Duration) ([]byte, error) {
	if !slices.Contains(profiles, name) {
		return nil, ErrNoProfile
	}
	if !p.mu.TryLock() {
		return nil, ErrProfileBusy
	}
	defer p.mu.Unlock()
	var out bytes.Buffer
	var err error
	switch name {
	case "cpu":
		if err = pprof.StartCPUProfile(&out); err == nil {
			wait(ctx, lasts)
			pprof.StopCPUProfile()
		}
	case "block":
		runtime.SetBlockProfileRate(blockEvery)
		wait(ctx, lasts)
		err = pprof.Lookup(name).WriteTo(&out, 0)
		runtime.SetBlockProfileRate(0)
	case "mutex":
		before := runtime.SetMutexProfileFraction(mutexEvery)
		wait(ctx, lasts)
		err = pprof.Lookup(name).WriteTo(&out, 0)
		runtime.SetMutexProfileFraction(before)
	case "heap":
		runtime.GC()
		err = pprof.Lookup(name).WriteTo(&out, 0)
	default:
		err = pprof.Lookup(name).WriteTo(&out, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("take profile: %w", err)
	}
	return out.Bytes(), nil
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
