package attack_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// Test097_KilledAtAnyMoment kills the program at random moments of every kind
// of write and starts it again: what was acknowledged is there, nothing is
// there by halves, nothing that was spent or revoked comes back.
func Test097_KilledAtAnyMoment(t *testing.T) { program.OnEach(t, killedAtAnyMoment) }

func killedAtAnyMoment(t *testing.T, on program.Engine) {
	// A start on the stand-in for MongoDB takes as long as ten on SQLite; there
	// are 30 kills in all, and 1,000 in the long form.
	rounds := times(26, 860)
	if on.Name == program.OnMongoDB.Name {
		rounds = times(4, 140)
	}
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any bits will do
	t.Logf("seed %d", seed)
	// The address that tokens name stays, whatever port the program gets.
	d := program.DeployOn(t, on, append(slices.Clone(program.Cheap), "OSTIARY_PUBLIC_URL=http://127.0.0.1:1")...)
	d.Start()
	c := gather(d, rand.New(rand.NewPCG(seed, seed))) //nolint:gosec // moments of a test are no secret

	for i := range rounds {
		c.worksUntilKilled()
		c.isSound()
		began := time.Now()
		d.Start()
		c.ready = append(c.ready, time.Since(began))
		c.holds()
		if i%5 == 0 {
			auditIsClean(t, d)
		}
	}

	require.Equal(t, 0, d.Stop())
	auditIsClean(t, d)
	slices.Sort(c.ready)
	figure(t, "kills", rounds)
	figure(t, "acknowledged", c.acknowledged())
	figure(t, "unanswered", c.lost)
	figure(t, "ready_median", c.ready[len(c.ready)/2])
	figure(t, "ready_max", c.ready[len(c.ready)-1])
	t.Logf("answers: %v", c.seen)
	for _, one := range c.all {
		require.True(t, one.acks > 0 || rounds < 20, "%s was never acknowledged", one.name)
	}
}

// deed is one kind of write that somebody does over and over.
type deed interface {
	// do writes for the nth time and reports whether all of it was answered.
	do(c *crowd, n int) bool
	// holds asserts, while nobody writes, that what was acknowledged is there.
	holds(c *crowd)
}

// worker is somebody at it.
type worker struct {
	deed
	name string
	n    int // the latest try
	acks int // tries that were answered in full
}

// crowd is everybody at it at once.
type crowd struct {
	d     *program.Deployment
	p     program.Portal
	dice  *rand.Rand
	all   []*worker
	ready []time.Duration

	over atomic.Bool // nobody begins anything more, and answers may be missing

	mu      sync.Mutex
	seen    map[string]int
	lost    int // requests of which nobody knows what became
	wrong   []string
	left    int           // answers until the program dies
	reached chan struct{} // closed at that moment
}

// worksUntilKilled lets everybody write until the program is killed after some
// answers and a little more.
func (c *crowd) worksUntilKilled() {
	c.d.T.Helper()
	c.works(func(<-chan struct{}) {
		<-time.After(time.Duration(c.dice.IntN(4000)) * time.Microsecond)
		c.over.Store(true)
		c.d.Kill()
	})
}

// works lets everybody write, and has something happen after some answers.
// Whoever gets no answer stops; all do when over is set.
func (c *crowd) works(happens func(allStopped <-chan struct{})) {
	t := c.d.T
	t.Helper()
	c.over.Store(false)
	reached := c.after(1 + c.dice.IntN(3*len(c.all)))
	var wg sync.WaitGroup
	for _, one := range c.all {
		wg.Go(func() {
			for !c.over.Load() {
				one.n++
				if !one.do(c, one.n) {
					return
				}
				one.acks++
			}
		})
	}
	stopped := make(chan struct{})
	go func() {
		wg.Wait()
		close(stopped)
	}()
	select {
	case <-reached:
	case <-time.After(program.Patience):
		require.Fail(t, "nobody gets anything written", "%v", c.wrong)
	}
	happens(stopped)
	c.over.Store(true)
	<-stopped
	require.Empty(t, c.wrong)
}

// after is closed when so many more requests are answered.
func (c *crowd) after(answers int) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.reached = answers, make(chan struct{})
	return c.reached
}

// ask sends a write. It reports false when it was not acknowledged: nobody
// knows what became of it.
func (c *crowd) ask(name string, r program.Request, want ...int) (program.Reply, bool) {
	res, err := c.d.Try(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.lost++
		if !c.over.Load() {
			c.wrong = append(c.wrong, fmt.Sprintf("%s: %v", name, err))
		}
		return res, false
	}
	c.seen[fmt.Sprintf("%s %d", name, res.Status)]++
	if res.Status == http.StatusServiceUnavailable {
		c.lost++
		if res.Header.Get("Retry-After") == "" {
			c.wrong = append(c.wrong, name+": 503 without Retry-After")
		}
		return res, false
	}
	if !slices.Contains(want, res.Status) {
		c.wrong = append(c.wrong, fmt.Sprintf("%s: %d %s", name, res.Status, res.Body))
		return res, false
	}
	if c.left--; c.left == 0 {
		close(c.reached)
	}
	return res, true
}

func (c *crowd) acknowledged() (n int) {
	for _, one := range c.all {
		n += one.acks
	}
	return n
}

// holds asserts that every promise is kept.
func (c *crowd) holds() {
	c.d.T.Helper()
	for _, one := range c.all {
		one.holds(c)
	}
}

// isSound has SQLite check its file as the kill left it.
func (c *crowd) isSound() {
	c.d.T.Helper()
	if c.d.On.Name == program.OnSQLite.Name {
		require.Equal(c.d.T, "ok", integrity(c.d.T, databaseOf(c.d)))
	}
}

// auditIsClean asserts that no chain has a flaw.
func auditIsClean(t testing.TB, d *program.Deployment) auditReport {
	t.Helper()
	report, code := verifyAudit(t, d)
	require.Empty(t, report.Findings)
	require.Equal(t, 0, code)
	require.Positive(t, report.Records)
	return report
}

// auditReport is what ostiary audit verify --json prints.
type auditReport struct {
	Chains   int
	Records  int
	Findings []flaw
}

type flaw struct {
	Tenant, Writer, Flaw string
	Seq                  int64
	Event                string
}

func verifyAudit(t testing.TB, d *program.Deployment) (report auditReport, code int) {
	t.Helper()
	out, errs, code := d.CLI("audit", "verify", "--json", "--log-level=error")
	require.NoError(t, json.Unmarshal([]byte(out), &report), "%s%s", out, errs)
	return report, code
}
