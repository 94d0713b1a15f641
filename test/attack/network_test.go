package attack_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/mongod"
	"ostiary/test/program"
)

// behindProxy is MongoDB behind a network that can fail. SQLite has none.
func behindProxy(p **mongod.FaultProxy) program.Engine {
	return program.Engine{Name: program.OnMongoDB.Name, Storage: func(d *program.Deployment) []string {
		d.T.Log(mongod.Kind(d.T))
		*p = mongod.NewFaultProxy(d.T, mongod.Database(d.T))
		return program.MongoAt((*p).URI())
	}}
}

// Test099_DatabaseComesAndGoes takes the database away in the middle of every
// kind of write: at once, without a word, and with the answers to what it did
// carry out. No member of a replica set can be stepped down, killed or cut off
// from a majority here, as the stand-in has one member; a client sees each of
// these as one of the faults that are tried.
func Test099_DatabaseComesAndGoes(t *testing.T) {
	t.Parallel()
	var p *mongod.FaultProxy
	d := program.DeployOn(t, behindProxy(&p), append(slices.Clone(program.Cheap), "OSTIARY_PUBLIC_URL=http://127.0.0.1:1")...)
	d.Start()
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any bits will do
	t.Logf("seed %d", seed)
	c := gather(d, rand.New(rand.NewPCG(seed, seed))) //nolint:gosec // moments of a test are no secret
	pause := time.Duration(times(3, 20)) * time.Second

	for range times(1, 20) {
		for name, fault := range map[string]func(stopped <-chan struct{}){
			"cut": func(stopped <-chan struct{}) {
				p.Cut()
				<-stopped
			},
			"pause": func(stopped <-chan struct{}) {
				p.Blackhole()
				over := time.After(pause)
				<-stopped
				<-over
			},
			"answers lost": func(stopped <-chan struct{}) {
				p.LoseAnswers(20, "insert", "update", "findAndModify", "delete")
				select {
				case <-stopped:
				case <-c.after(5 * len(c.all)):
				}
			},
		} {
			before := c.lost
			c.works(fault)
			require.Greater(t, c.lost, before, "%s: nobody noticed", name)
			p.Pass()
			began := time.Now()
			d.Ready()
			require.Eventually(t, func() bool { return d.Send(ofTenant("PATCH", "", `{"settings":{}}`)).Status == 200 }, program.Patience, 10*time.Millisecond, "serves again")
			figure(t, "recovered_after_"+strings.ReplaceAll(name, " ", "_"), time.Since(began))
			c.holds()
		}
	}

	auditIsClean(t, d)
	figure(t, "acknowledged", c.acknowledged())
	figure(t, "unanswered", c.lost)
}

// Test100_SlowDatabase makes the database slow and then silent: each request
// ends, nothing piles up, and what needs no storage goes on.
func Test100_SlowDatabase(t *testing.T) {
	t.Parallel()
	var p *mongod.FaultProxy
	d := program.DeployOn(t, behindProxy(&p), program.Cheap...)
	d.Start()
	portal := d.Found("slow")
	g := d.SignIn(portal)
	check := program.Visit("/scopes", g)
	always := []program.Request{{Method: "GET", Path: "/.well-known/jwks.json"}, {Method: "GET", Path: "/healthz"}}
	needy := []program.Request{
		program.Login("slow", program.FirstPassword), program.AskForLink("slow", program.Address), program.Visit("/dashboard/stats", g),
		program.Operator("GET", "/tenants/slow/contacts", ""), program.Operator("POST", "/tenants/slow/tags", `{"name":"Slow"}`),
	}
	for name, fault := range map[string]struct {
		begin func()
		deaf  bool // the program hears nothing at all
	}{
		"50ms":   {begin: func() { p.Delay(50 * time.Millisecond) }},
		"1s":     {begin: func() { p.Delay(time.Second) }},
		"10s":    {begin: func() { p.Delay(10 * time.Second) }, deaf: true},
		"silent": {begin: p.Blackhole, deaf: true},
	} {
		before := metric(d, "go_goroutines")
		beginsKnowing(d, p, fault.begin, check)
		slowest := crowdOf(t, d, 4, needy, func(res program.Reply) {
			require.Contains(t, []int{200, 201, 503}, res.Status, "%s: %s", name, res.Body)
			require.Equal(t, res.Status == 503, res.Header.Get("Retry-After") != "", name)
		})
		figure(t, "slowest_"+name, slowest)
		unaffected := always
		if fault.deaf {
			unaffected = append(unaffected, check)
		}
		slowest = crowdOf(t, d, 4, unaffected, func(res program.Reply) { require.Equal(t, 200, res.Status, "%s: %s", name, res.Body) })
		figure(t, "slowest_without_storage_"+name, slowest)
		figure(t, "goroutines_more_"+name, metric(d, "go_goroutines")-before)
		p.Pass()
		d.Ready()
		require.Eventually(t, func() bool { return d.Send(needy[0]).Status == 200 }, program.Patience, 10*time.Millisecond, "%s: serves again", name)
	}
	require.Equal(t, 0, d.Stop())
}

// beginsKnowing begins a fault when the program knows what a check takes. For
// 45 s after a change of which it does not know that it was made, it asks for
// what changed after every poll, and a poll may come in between.
func beginsKnowing(d *program.Deployment, p *mongod.FaultProxy, begin func(), check program.Request) {
	d.T.Helper()
	require.Eventually(d.T, func() bool {
		if d.Send(check).Status != 200 {
			return false
		}
		begin()
		if d.Send(check).Status == 200 {
			return true
		}
		p.Pass()
		d.Ready()
		return false
	}, program.Patience, time.Millisecond, "a token that was just checked")
}

// crowdOf sends each of several requests n times at once and returns how long
// the slowest took. The client's own patience bounds all.
func crowdOf(t testing.TB, d *program.Deployment, n int, requests []program.Request, judge func(program.Reply)) (slowest time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, r := range slices.Repeat(requests, n) {
		wg.Go(func() {
			began := time.Now()
			res, err := d.Try(r)
			took := time.Since(began)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("%s %s does not end: %v", r.Method, r.Path, err)
				return
			}
			judge(res)
			slowest = max(slowest, took)
		})
	}
	wg.Wait()
	return slowest
}

// Test101_DatabaseAwayAtStart starts without its database, on a server that is
// not there yet and on a file that cannot be one.
func Test101_DatabaseAwayAtStart(t *testing.T) {
	t.Parallel()
	t.Run(program.OnMongoDB.Name, func(t *testing.T) {
		t.Parallel()
		var p *mongod.FaultProxy
		d := program.DeployOn(t, behindProxy(&p), program.Cheap...)
		p.Cut()
		d.Launch()
		d.Listens()

		d.Must(200, program.Request{Method: "GET", Path: "/healthz"})
		for _, r := range []program.Request{
			{Method: "GET", Path: "/readyz"},
			program.Login("early", program.FirstPassword), program.AskForLink("early", program.Address),
			program.Operator("GET", "/tenants", ""),
		} {
			require.NotEmpty(t, d.Must(503, r).Header.Get("Retry-After"), r.Path)
		}
		require.Eventually(t, func() bool { return strings.Contains(d.Log(), "storage") }, program.Patience, 10*time.Millisecond, "says what is missing")
		p.Pass()
		d.Ready()
		d.SignIn(d.Found("early"))
		figure(t, "log_lines_until_ready", strings.Count(d.Log(), "\n"))
	})
	t.Run(program.OnSQLite.Name, func(t *testing.T) {
		t.Parallel()
		d := program.Deploy(t, "OSTIARY_MASTER_KEY="+program.MasterKey)
		require.NoError(t, os.Mkdir(databaseOf(d), 0o700), "a folder in the place of the file")

		stdout, stderr, code := d.CLI("serve")

		require.Equal(t, 1, code)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "open database")
		require.LessOrEqual(t, strings.Count(stderr, "\n"), 2, "%s", stderr)
	})
}
