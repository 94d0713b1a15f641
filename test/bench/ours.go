package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"ostiary/test/exchange"
	"ostiary/test/load"
	"ostiary/test/program"
)

// anyServer are the rows for any server that people sign in to.
var anyServer = []measurement{
	{
		"reads", "/scopes ≥ 0.6 and /me ≥ 0.4 of bare Fiber with the same bytes; /me p99 ≤ 10 ms", reads,
		[]bound{atLeast("/scopes ÷ bare", 0.6), atLeast("/me ÷ bare", 0.4), atMost("/me p99", 10)},
	},
	{
		"refresh", "≥ 3,000/s, p99 ≤ 50 ms", refreshes,
		[]bound{atLeast("refresh", 3000), atMost("refresh p99", 50)},
	},
	{
		"login", "≥ 0.85 of raw argon2id", logins,
		[]bound{atLeast("login ÷ raw", 0.85)},
	},
	{
		"storm: reads at 200/s while 64 log in", "p50 ≤ 2 ms, p99 ≤ 10 ms, all served within 100 ms", storm,
		[]bound{atMost("reads p50", 2), atMost("reads p99", 10), atLeast("reads served", 1)},
	},
}

// ours are the rows of Ostiary alone, on SQLite.
var ours = []measurement{
	{
		"link: request, mail, validate", "≥ 1,000/s", links,
		[]bound{atLeast("links", 1000)},
	},
	{
		"memory", "idle ≤ 40 MiB; 256 logins at once ≤ 96 above, 10,000 ≤ 256 above", memory,
		[]bound{atMost("idle", 40), atMost("256 logins, above idle", 96), atMost("10000 logins, above idle", 256)},
	},
	{"start to ready, empty store", "", start, nil},
	{"MongoDB: reads and refresh", "beside the same commands without the program", onMongo, nil},
	{
		"import", "100,000 contacts a minute", imports,
		[]bound{atLeast("imported", 100_000)},
	},
	{
		"stats", "≤ 2 ms at 100,000 documents", stats,
		[]bound{atMost("stats, 100,000 documents p50", 2)},
	},
	{"growth", "CPU each ≤ 1.25 × that at 10 × 10; pages and searches ≤ 5 ms; ready within 150 ms", growth, flat()},
}

// reads alternates between a server that does nothing but answer the same
// bytes and the one that is measured.
func reads(s *scene, p plan, out *sheet) {
	u := p.subject(s)
	access, _ := u.signIn(s, 0)
	for _, one := range u.reads {
		ask := one.ask(access)
		got, err := expect(s.ctx, u.dial(s), load.Prepare(u.origin, ask), 200)
		s.must(err)
		fiber := target{origin: bare(s, answerOf(got))}
		for range p.rounds {
			limit := fiber.closed(s, out, loop{one.name + " bare", fiber.repeated(s, wide, 200, ask), p.lasts})
			run := u.closed(s, out, loop{one.name, u.repeated(s, wide, 200, ask), p.lasts})
			out.note(one.name+" ÷ bare", "", run.Rate()/limit.Rate())
		}
	}
}

// contacts makes n contacts who can sign in, named by their number.
func contacts(s *scene, d *program.Deployment, n int) program.Portal {
	p := d.Found("bench")
	s.must(atOnce(n, wide, func(i int) error { return enrol(d, p, i) }))
	return p
}

func address(i int) string { return fmt.Sprintf("person%d@globex.example", i) }

func enrol(d *program.Deployment, p program.Portal, i int) error {
	made, err := d.Try(program.Operator("POST", "/tenants/"+p.Code+"/contacts",
		fmt.Sprintf(`{"firstName":"Person","lastName":"%d","email":"%s","companies":[{"id":%s,"isPrimary":true}]}`, i, address(i), p.Globex)))
	if err != nil || made.Status != 201 {
		return fmt.Errorf("make a contact: %d %s %w", made.Status, made.Body, err)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(string(made.Body), `{"id":`), ",")
	other := p
	other.Contact = id
	set, err := d.Try(program.SetPassword(other, program.FirstPassword))
	if err != nil || set.Status != 200 {
		return fmt.Errorf("set a password: %d %s %w", set.Status, set.Body, err)
	}
	return nil
}

func loginOf(p program.Portal) func(int) exchange.Request {
	return func(i int) exchange.Request { return program.LoginAs(p.Code, address(i), program.FirstPassword) }
}

// refreshes has each connection trade in what the last answer on it gave.
func refreshes(s *scene, p plan, out *sheet) {
	u := p.subject(s)
	if u.refresh == nil {
		return
	}
	tokens := make([]string, wide)
	for i := range tokens {
		_, tokens[i] = u.signIn(s, i)
	}
	ops := u.refreshing(s, tokens)
	for range p.rounds {
		out.note("raw commits, one by one", "/s", commits(s, p.lasts))
		u.closed(s, out, loop{"refresh", ops, p.lasts})
	}
}

// refreshing trades in what each answer gave.
func (u subject) refreshing(s *scene, tokens []string) []load.Op {
	ops := make([]load.Op, len(tokens))
	for i := range ops {
		c, next := u.dial(s), tokens[i]
		ops[i] = func(ctx context.Context) error {
			res, err := expect(ctx, c, load.Prepare(u.origin, u.refresh(next)), 200)
			if err == nil {
				_, next, err = u.granted(res.Body())
			}
			return err
		}
	}
	return ops
}

// logins alternates between hashing alone and signing in.
func logins(s *scene, p plan, out *sheet) {
	u := p.subject(s)
	ops := u.each(s, wide, 200, u.login)
	for range p.rounds {
		limit := hashes(p.lasts)
		out.note("raw argon2id", "/s", limit)
		run := u.closed(s, out, loop{"login", ops, p.lasts})
		out.note("login ÷ raw", "", run.Rate()/limit)
	}
}

const (
	pace = 200 // reads a second
	// prompt is how soon after it was due a read must be answered to count as
	// served: beyond that, people see that they wait.
	prompt = 100 * time.Millisecond
)

// storm reads at a pace, and as fast as 8 connections can, while 64 log in.
func storm(s *scene, p plan, out *sheet) {
	u := p.subject(s)
	access, _ := u.signIn(s, 0)
	visit := u.reads[len(u.reads)-1].ask(access)
	paced := u.repeated(s, wide, 200, visit)
	quiet := load.Paced(s.ctx, paced, pace, p.lasts)
	s.must(quiet.Err())
	out.time("quiet p99", quiet.Percentile(99))
	flood := u.each(s, wide, 200, u.login)
	for range p.rounds {
		logins := during(s.ctx, flood, func() {
			r := load.Paced(s.ctx, paced, pace, p.lasts)
			out.time("reads p50", r.Percentile(50))
			out.time("reads p99", r.Percentile(99))
			out.note("reads served", "", r.OnTime(prompt))
		})
		s.must(logins.Err())
		logins = during(s.ctx, flood, func() { u.closed(s, out, loop{"8 readers", u.repeated(s, 8, 200, visit), p.lasts}) })
		s.must(logins.Err())
	}
}

// during does work while ops run in a closed loop, which began before and has
// ended when during returns, or panics as work did.
func during(ctx context.Context, ops []load.Op, work func()) (flood load.Result) {
	ctx, stop := context.WithCancel(ctx)
	over := make(chan load.Result, 1)
	go func() { over <- load.Closed(ctx, ops, time.Hour) }()
	defer func() {
		stop()
		flood = <-over
	}()
	time.Sleep(time.Second)
	work()
	return flood
}

// memory signs in as many at once as told, each on a connection of its own,
// on a process of its own: what a process once took shows in its peak for good.
func memory(s *scene, p plan, out *sheet) {
	room(s)
	for range p.rounds {
		for _, n := range []int{256, 10_000} {
			d, us := deployed(s, p)
			idle := settled(s, us)
			out.note("idle", "MiB", mib(idle))
			d.SignIn(d.Found("bench"))
			done := crowd(s, us, n)
			out.note(fmt.Sprintf("%d logins, above idle", n), "MiB", mib(us.usage(s).Peak-idle))
			out.note(fmt.Sprintf("%d logins, judged", n), "", float64(done))
			d.Stop()
		}
	}
}

// settled is what a process takes that does nothing, once its start is over:
// when it has taken no less for a second.
func settled(s *scene, us target) (least int64) {
	least = us.usage(s).Memory
	for range 10 {
		time.Sleep(time.Second)
		now := us.usage(s).Memory
		if now >= least {
			break
		}
		least = now
	}
	return least
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// crowd has n wrong passwords come in at once, and says how many were judged
// and not sent away.
func crowd(s *scene, t target, n int) (judged int64) {
	wrong := program.Login("bench", "not the password")
	ops := make([]load.Op, n)
	for i := range ops {
		c, r := t.dial(s), load.Prepare(t.origin, wrong)
		asked := false
		ops[i] = func(ctx context.Context) error {
			if asked {
				return load.ErrOver
			}
			asked = true
			res, err := c.Do(ctx, r)
			if err == nil && res.StatusCode() != 401 {
				err = fmt.Errorf("status %d", res.StatusCode())
			}
			return err //nolint:wrapcheck // is counted, not read
		}
	}
	r := load.Closed(s.ctx, ops, time.Hour)
	return r.Done
}

// room lets this process and those that it starts have as many files open as
// they may.
func room(s *scene) {
	var limit syscall.Rlimit
	s.must(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = limit.Max
	s.must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
}

// start counts from the start of the process to the first good /readyz.
func start(s *scene, p plan, out *sheet) {
	d := prepared(s, p)
	d.Start() // makes the store
	d.Stop()
	for range p.rounds {
		began := time.Now()
		d.Start()
		out.time("ready", time.Since(began))
		d.Stop()
	}
}
