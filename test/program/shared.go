package program

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"ostiary/test/mongod"
)

// lasting are the deployments that outlive the test which asked first.
var lasting struct {
	sync.Mutex
	made  map[string]*Deployment
	ended []func()
}

// Shared returns a running deployment that all tests of a package have in
// common which ask for the same engine and environment. It is for tests that
// keep to tenants of their own and leave the operator's things alone.
func Shared(t testing.TB, on Engine, env ...string) *Deployment {
	t.Helper()
	lasting.Lock()
	defer lasting.Unlock()
	key := on.Name + "\n" + strings.Join(env, "\n")
	d := lasting.made[key]
	if d == nil {
		d = deployFor(&untilTheEnd{TB: t}, on, env...)
		d.Start()
		if lasting.made == nil {
			lasting.made = map[string]*Deployment{}
		}
		lasting.made[key] = d
	}
	return d.For(t)
}

// untilTheEnd stands for the test binary where a test would end too soon.
type untilTheEnd struct{ testing.TB }

// Cleanup runs f when all tests are over.
func (*untilTheEnd) Cleanup(f func()) { lasting.ended = append(lasting.ended, f) }

// TempDir is removed when all tests are over.
func (u *untilTheEnd) TempDir() string {
	dir, err := os.MkdirTemp(scratch, "shared-")
	if err != nil {
		u.Fatal(err)
	}
	return dir
}

// Failed is asked at the end, when no single test is meant any more.
func (*untilTheEnd) Failed() bool { return false }

// Errorf speaks when there is no test left to fail.
func (*untilTheEnd) Errorf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// shared runs tests and then ends what outlived them, last made first.
type shared struct{ mongod.Runner }

// Run implements mongod.Runner.
func (s shared) Run() int {
	code := s.Runner.Run()
	for i := len(lasting.ended) - 1; i >= 0; i-- {
		lasting.ended[i]()
	}
	return code
}
