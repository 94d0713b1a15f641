package program

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"ostiary/test/mongod"
)

// lasting is what outlives the test that asked first.
var lasting struct {
	sync.Mutex
	made  map[string]*common
	ended []func()
}

// common is a deployment that several tests have in common.
type common struct {
	*Deployment

	stage      *untilTheEnd
	asked, has int // how many tests did, and have it now
	retired    bool
}

// Shared returns a running deployment that tests of a package have in common
// which ask for the same engine and environment. It is for tests that keep to
// tenants of their own and leave the operator's things alone.
func Shared(t testing.TB, on Engine, env ...string) *Deployment {
	t.Helper()
	lasting.Lock()
	defer lasting.Unlock()
	key := on.Name + "\n" + strings.Join(env, "\n")
	c := lasting.made[key]
	if c == nil {
		stage := &untilTheEnd{TB: t}
		c = &common{Deployment: deployFor(stage, on, env...), stage: stage}
		lasting.ended = append(lasting.ended, stage.end)
		c.Start()
		if lasting.made == nil {
			lasting.made = map[string]*common{}
		}
		lasting.made[key] = c
	}
	c.asked++
	c.has++
	if on.Tests > 0 && c.asked >= on.Tests {
		c.retired = true
		delete(lasting.made, key)
	}
	t.Cleanup(c.leave)
	return c.For(t)
}

// leave ends what nobody has or will have any more.
func (c *common) leave() {
	lasting.Lock()
	defer lasting.Unlock()
	if c.has--; c.retired && c.has == 0 {
		c.stage.end()
	}
}

// untilTheEnd stands for the test binary where a test would end too soon.
type untilTheEnd struct {
	testing.TB

	cleanups []func()
}

// end runs the cleanups, once, last one first.
func (u *untilTheEnd) end() {
	for _, f := range slices.Backward(u.cleanups) {
		f()
	}
	u.cleanups = nil
}

// Cleanup runs f at the end.
func (u *untilTheEnd) Cleanup(f func()) { u.cleanups = append(u.cleanups, f) }

// TempDir is removed at the end.
func (u *untilTheEnd) TempDir() string {
	dir, err := os.MkdirTemp(scratch, "shared-")
	if err != nil {
		u.Fatal(err)
	}
	u.Cleanup(func() { _ = os.RemoveAll(dir) })
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
	for _, end := range slices.Backward(lasting.ended) {
		end()
	}
	return code
}
