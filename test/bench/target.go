package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"ostiary/test/exchange"
	"ostiary/test/load"
	"ostiary/test/program"
)

// wide is how many connections the rows of the table have.
const wide = 64

// target is a server that is measured, and the process that it is.
type target struct {
	origin string
	pid    int // 0 when unknown
	// profiles is the folder for profiles of what a closed loop does, "" for none;
	// profiled is their kind.
	profiles, profiled string
}

// repeated asks the same on n connections, and fails on any other status.
func (t target) repeated(s *scene, n, status int, r exchange.Request) []load.Op {
	return t.each(s, n, status, func(int) exchange.Request { return r })
}

// each asks one thing per connection, over and over.
func (t target) each(s *scene, n, status int, of func(i int) exchange.Request) []load.Op {
	ops := make([]load.Op, n)
	for i := range ops {
		c, r := t.dial(s), load.Prepare(t.origin, of(i))
		ops[i] = func(ctx context.Context) error {
			_, err := expect(ctx, c, r, status)
			return err
		}
	}
	return ops
}

// dial opens a connection that ends with the scene.
func (t target) dial(s *scene) *load.Conn {
	c, err := load.Dial(t.origin)
	s.must(err)
	s.Cleanup(c.Close)
	return c
}

func expect(ctx context.Context, c *load.Conn, r *fasthttp.Request, status int) (*fasthttp.Response, error) {
	res, err := c.Do(ctx, r)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it is about
	}
	if res.StatusCode() != status {
		return nil, fmt.Errorf("%s %s: %d, not %d: %.200s", r.Header.Method(), r.URI().Path(), res.StatusCode(), status, res.Body())
	}
	return res, nil
}

// loop is a closed loop, and what its figures are called.
type loop struct {
	name  string
	ops   []load.Op
	lasts time.Duration
}

// closed runs a loop after a moment in which caches and connections come to
// be, and notes how it went.
func (t target) closed(s *scene, out *sheet, l loop) load.Result {
	s.must(load.Closed(s.ctx, l.ops, warming(l.lasts)).Err())
	before := t.usage(s)
	taken := t.profile(s, l.name, l.lasts)
	r := load.Closed(s.ctx, l.ops, l.lasts)
	s.must(r.Err())
	s.must(<-taken)
	out.note(l.name, "/s", r.Rate())
	out.time(l.name+" p50", r.Percentile(50))
	out.time(l.name+" p99", r.Percentile(99))
	if t.pid != 0 {
		out.note(l.name+" CPU", "µs each", float64((t.usage(s).CPU-before.CPU).Microseconds())/float64(r.Done))
	}
	return r
}

// profile takes one of the server meanwhile, where that is asked for.
func (t target) profile(s *scene, name string, lasts time.Duration) <-chan error {
	done := make(chan error, 1)
	if t.profiles == "" {
		done <- nil
		return done
	}
	c := t.dial(s)
	ask := load.Prepare(t.origin, program.Request{
		Method: "GET", Bearer: program.OperatorToken, Path: fmt.Sprintf("/debug/pprof/%s?seconds=%d", t.profiled, max(1, min(10, int(lasts.Seconds())))),
	})
	file := filepath.Join(t.profiles, strings.Trim(strings.ReplaceAll(name, "/", "-"), "-")+"."+t.profiled+".pprof")
	go func() {
		res, err := expect(s.ctx, c, ask, 200)
		if err == nil {
			err = os.WriteFile(file, res.Body(), 0o600)
		}
		done <- err
	}()
	return done
}

func warming(lasts time.Duration) time.Duration { return min(lasts/5, time.Second) }

func (t target) usage(s *scene) load.Usage {
	if t.pid == 0 {
		return load.Usage{}
	}
	u, err := load.UsageOf(t.pid)
	s.must(err)
	return u
}

// prepared is a deployment of the built program that does not run yet, with
// defaults as they ship, but for the limits: who measures comes from one
// address.
func prepared(s *scene, p plan, env ...string) *program.Deployment {
	d := program.Deploy(s, slices.Concat([]string{"OSTIARY_LIMITS=off"}, p.env, env)...)
	d.LogTail = 16 << 10
	return d
}

// deployed is one that runs.
func deployed(s *scene, p plan, env ...string) (*program.Deployment, target) {
	d := prepared(s, p, env...)
	d.Start()
	return d, p.target(d)
}

// target is what a deployment is while it runs.
func (p plan) target(d *program.Deployment) target {
	return target{origin: d.URL, pid: d.PID(), profiles: p.profiles, profiled: p.profiled}
}
