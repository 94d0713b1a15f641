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
	// A start on the stand-in for MongoDB takes as long as ten on SQLite, and
	// longer as its store grows, so it gets several; there are 30 kills in all,
	// and 1,000 in the long form.
	stores, rounds := 1, times(26, 860)
	if on.Name == program.OnMongoDB.Name {
		stores, rounds = times(1, 7), times(4, 20)
	}
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any bits will do
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // moments of a test are no secret
	var sum toll
	for range stores {
		sum.add(killed(t, on, dice, rounds))
	}

	slices.Sort(sum.ready)
	figure(t, "kills", stores*rounds)
	figure(t, "acknowledged", sum.acknowledged)
	figure(t, "unanswered", sum.unanswered)
	figure(t, "ready_median", sum.ready[len(sum.ready)/2])
	figure(t, "ready_max", sum.ready[len(sum.ready)-1])
	t.Logf("acknowledged: %v", sum.acks)
	for name, n := range sum.acks {
		require.True(t, n > 0 || stores*rounds < 20, "%s was never acknowledged", name)
	}
}

// toll is what the kills came to.
type toll struct {
	acknowledged, unanswered int
	acks                     map[string]int // of each deed
	ready                    []time.Duration
}

func (t *toll) add(other toll) {
	t.acknowledged += other.acknowledged
	t.unanswered += other.unanswered
	t.ready = append(t.ready, other.ready...)
	if t.acks == nil {
		t.acks = map[string]int{}
	}
	for name, n := range other.acks {
		t.acks[name] += n
	}
}

// killed kills a program on a store of its own that often.
func killed(t *testing.T, on program.Engine, dice *rand.Rand, rounds int) toll {
	t.Helper()
	// The address that tokens name stays, whatever port the program gets.
	d := program.DeployOn(t, on, append(slices.Clone(program.Cheap), "OSTIARY_PUBLIC_URL=http://127.0.0.1:1")...)
	d.Start()
	c := gather(d, dice)
	out := toll{acks: map[string]int{}}
	for i := range rounds {
		c.worksUntilKilled()
		c.isSound()
		began := time.Now()
		d.Start()
		out.ready = append(out.ready, time.Since(began))
		c.holds()
		if i%5 == 0 {
			auditIsClean(t, d)
		}
	}
	require.Equal(t, 0, d.Stop())
	auditIsClean(t, d)
	t.Logf("answers: %v", c.seen)
	out.acknowledged, out.unanswered = c.acknowledged(), c.lost
	for _, one := range c.all {
		out.acks[one.name] += one.acks
	}
	return out
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
	d    *program.Deployment
	p    program.Portal
	dice *rand.Rand
	all  []*worker

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
