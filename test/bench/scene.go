package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
)

// scene lets one measurement use the kits of the tests, which tell a
// testing.TB what goes wrong. What it does not define is not for measurements
// and panics.
type scene struct {
	testing.TB

	ctx      context.Context
	cleanups []func()
	failed   error
}

// Name is asked for by what tells of a failure.
func (*scene) Name() string { return "bench" }

// errScene is what Failed means after an Errorf.
var errScene = errors.New("the scene could not be set")

// play runs a measurement, ends what it started and returns why it stopped.
func play(measure func(*scene)) (err error) {
	s := &scene{ctx: context.Background()}
	defer func() {
		if p := recover(); p != nil && p != errScene { //nolint:errorlint // it is a mark, never wrapped
			panic(p)
		}
		for _, f := range slices.Backward(s.cleanups) {
			f()
		}
		err = s.failed
	}()
	measure(s)
	return nil
}

// must stops the measurement.
func (s *scene) must(err error) {
	if err != nil {
		s.failed = err
		panic(errScene)
	}
}

func (*scene) Helper() {}

func (*scene) Log(...any) {}

// Logf speaks once something went wrong: then it is the program's last words.
func (s *scene) Logf(format string, args ...any) {
	if s.failed != nil {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}
}

func (s *scene) Context() context.Context { return s.ctx }

func (s *scene) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *scene) Failed() bool { return s.failed != nil }

func (s *scene) Errorf(format string, args ...any) { s.failed = fmt.Errorf(format, args...) }

func (s *scene) FailNow() {
	if s.failed == nil {
		s.failed = errScene
	}
	panic(errScene)
}

func (s *scene) Fatal(args ...any) { s.must(errors.New(fmt.Sprint(args...))) }

func (s *scene) TempDir() string {
	dir, err := os.MkdirTemp("", "ostiary-bench-")
	s.must(err)
	s.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
