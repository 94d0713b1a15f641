package attack_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/mongod"
	"ostiary/test/program"
)

// indistinct is how far the medians of two classes may lie apart in the long
// form.
const indistinct = time.Millisecond

// class is one kind of request that must take as long as all others of its
// round.
type class struct {
	about string
	ask   func() program.Request
	took  []time.Duration
}

// median is robust against what else the machine does; doubt is its standard
// error as the quartiles tell it.
func (c *class) median() (median, doubt time.Duration) {
	slices.Sort(c.took)
	n := len(c.took)
	spread := float64(c.took[n*3/4]-c.took[n/4]) / 1.349
	return c.took[n/2], time.Duration(1.253 * spread / math.Sqrt(float64(n)))
}

// warm is how many samples of each class do not count.
const warm = 2

// measure takes n samples of each class, one request at a time over one
// connection, the classes in random order within each round. All answers must
// look like the first.
func measure(d *program.Deployment, n int, classes []*class, shown func(program.Reply) program.Reply) {
	d.T.Helper()
	client := d.Unchecked()
	var first *program.Reply
	for i := range warm + n {
		for _, at := range rand.Perm(len(classes)) {
			c := classes[at]
			r := c.ask()
			began := time.Now()
			got := client.Send(r)
			took := time.Since(began)
			if i >= warm {
				c.took = append(c.took, took)
			}
			got = shown(got)
			if first == nil {
				first = &got
			}
			alike(d.T, *first, got, c.about)
		}
	}
}

// judge reports the medians. In the long form none may lie farther from the one
// in the middle than half of what cannot be told, and what this number of
// samples leaves in doubt. What stands in for MongoDB takes longer the more
// documents there are: it is compared by what it is asked instead.
func judge(t *testing.T, on program.Engine, name string, classes []*class) {
	t.Helper()
	all := make([]time.Duration, 0, len(classes))
	for _, c := range classes {
		median, _ := c.median()
		all = append(all, median)
	}
	slices.Sort(all)
	middle := all[len(all)/2]
	var table strings.Builder
	for _, c := range classes {
		median, doubt := c.median()
		fmt.Fprintf(&table, "\n%-34s %6d samples  median %8v ± %v  %+v", c.about, len(c.took),
			median.Round(time.Microsecond), doubt.Round(time.Microsecond), (median - middle).Round(time.Microsecond))
	}
	t.Log(name + table.String())
	figure(t, name+"_samples", len(classes[0].took))
	figure(t, name+"_median", middle)
	figure(t, name+"_spread_us", (all[len(all)-1] - all[0]).Microseconds())
	if !*long || on.Name == program.OnMongoDB.Name && mongod.StandIn(t) {
		return
	}
	for _, c := range classes {
		median, doubt := c.median()
		require.Less(t, (median - middle).Abs(), indistinct/2+4*doubt, c.about)
	}
}

// samples is how many of each class there are: the stand-in for MongoDB, which
// does one thing at a time, gets fewer.
func samples(on program.Engine) int {
	if on.Name == program.OnMongoDB.Name {
		return times(8, 200)
	}
	return times(200, 10_000)
}

// underLoad is how many there are while the program is busy.
func underLoad(n int) int { return max(n/10, 2) }

// timed is a deployment on which all samples of a class stay below every limit
// but the ones that are to be reached, and of whose cast one must wait for
// longer than the measuring takes. Requests come from many addresses, as those
// of an attacker would.
func timed(t *testing.T, on program.Engine, n int) (d *program.Deployment, c cast, limit int) {
	t.Helper()
	limit = n + underLoad(n) + 2*warm + 1
	d = program.DeployOn(t, on, slices.Concat(program.Cheap, []string{
		"OSTIARY_TRUSTED_PROXIES=127.0.0.1",
		fmt.Sprintf("OSTIARY_LIMITS=login-user=%d/24h,login-tenant=1000000/24h,link-user=%[1]d/24h", limit),
	})...)
	shipped := d.Binary
	set := d.WithClock()
	const longest = 128 * firstDelay
	ago := longest - firstDelay // the delays before the longest
	set(-ago - time.Minute)
	d.Start()
	c = assemble(d, "t024")
	guess := func() program.Request { return fromAnywhere(program.LoginAs(c.Code, hasty, wrong)) }
	many(d, limit, guess, http.StatusUnauthorized)
	for delay := firstDelay; delay < longest; delay *= 2 {
		ago -= delay
		set(-ago)
		d.Ready()
		d.Must(http.StatusUnauthorized, guess())
	}
	require.Zero(t, d.Stop())
	d.Binary = shipped
	d.Start()
	return d, c, limit
}

func fromAnywhere(r program.Request) program.Request {
	ip := rand.Uint32()
	return from(fmt.Sprintf("10.%d.%d.%d", byte(ip>>16), byte(ip>>8), byte(ip)), r)
}

// signIns are the classes of a sign-in, of which one must wait.
func signIns(c cast) []*class {
	var out []*class
	for _, a := range c.refusedOnes() {
		out = append(out, &class{about: a.about, ask: func() program.Request {
			return fromAnywhere(program.LoginAs(a.tenant, a.mail, a.password))
		}})
	}
	var turn atomic.Int64
	out = append(
		out,
		&class{about: "unknown e-mail, ever another", ask: func() program.Request {
			return fromAnywhere(program.LoginAs(c.Code, fmt.Sprintf("n%d@globex.example", turn.Add(1)), wrong))
		}},
		&class{about: "unknown tenant, ever another", ask: func() program.Request {
			return fromAnywhere(program.LoginAs(fmt.Sprintf("n%d", turn.Add(1)), program.Address, wrong))
		}},
	)
	for about, password := range map[string]string{"right password, must wait": program.FirstPassword, "wrong password, must wait": wrong} {
		out = append(out, &class{about: about, ask: func() program.Request { return fromAnywhere(program.LoginAs(c.Code, hasty, password)) }})
	}
	return out
}

// many sends n requests, a few at once.
func many(d *program.Deployment, n int, ask func() program.Request, status int) {
	d.T.Helper()
	var all sync.WaitGroup
	places := make(chan struct{}, 8)
	for range n {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			d.Must(status, ask())
		})
	}
	all.Wait()
}

// linkClasses are the classes of a request for a link, of which one is throttled.
func linkClasses(d *program.Deployment, c cast, limit int) []*class {
	d.T.Helper()
	var out []*class
	for _, a := range append(c.asked(), attempt{about: "throttled", tenant: c.Code, mail: hasty}) {
		out = append(out, &class{about: a.about, ask: func() program.Request { return fromAnywhere(program.AskForLink(a.tenant, a.mail)) }})
	}
	var turn atomic.Int64
	many(d, limit+1, func() program.Request { return fromAnywhere(program.AskForLink(c.Code, hasty)) }, http.StatusOK)
	require.Eventually(d.T, func() bool { // until the post is out, invitation included
		names, _ := filepath.Glob(filepath.Join(d.MailDir(), "*.eml"))
		return len(names) > limit
	}, 10*program.Patience, 100*time.Millisecond)
	return append(out, &class{about: "unknown tenant, ever another", ask: func() program.Request {
		return fromAnywhere(program.AskForLink(fmt.Sprintf("n%d", turn.Add(1)), nobody))
	}})
}

// Test024_RefusalsTakeAlike compares what everything takes but the hashing,
// which is made cheap so that it hides nothing.
func Test024_RefusalsTakeAlike(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		n := samples(on)
		d, c, limit := timed(t, on, n)

		classes := signIns(c)
		measure(d, n, classes, asIs)
		judge(t, on, "login", classes)

		for _, one := range classes {
			one.took = nil
		}
		stop := busy(d, c)
		measure(d, underLoad(n), classes, asIs)
		stop()
		judge(t, on, "login_under_load", classes)

		classes = linkClasses(d, c, limit)
		measure(d, n, classes, func(r program.Reply) program.Reply { return unbound(t, r) })
		judge(t, on, "link", classes)
	})
}

func asIs(r program.Reply) program.Reply { return r }

// busy lets others sign in and ask for links until stop is called.
func busy(d *program.Deployment, c cast) (stop func()) {
	d.T.Helper()
	done := make(chan struct{})
	var all sync.WaitGroup
	load := []program.Request{
		program.LoginAs(c.other, foreign, program.FirstPassword), program.LoginAs(c.Code, "crowd@globex.example", wrong), program.AskForLink(c.other, nobody),
	}
	if d.On.Name == program.OnMongoDB.Name {
		load = load[:1] // keeps the stand-in busy
	}
	for _, r := range load {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					d.Send(fromAnywhere(r))
				}
			}
		})
	}
	return func() { close(done); all.Wait() }
}

// Test025_MailHoldsUpNobody has a mail server that takes connections and says
// nothing, and then none at all.
func Test025_MailHoldsUpNobody(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		reached := make(chan net.Conn, 1000)
		go func() {
			defer close(reached)
			for {
				conn, err := silent.Accept()
				if err != nil {
					return
				}
				reached <- conn
			}
		}()
		d := program.DeployOn(t, on, slices.Concat(program.Cheap, []string{"OSTIARY_MAIL=smtp://" + silent.Addr().String() + "?from=door@acme.example&tls=off"})...)
		d.Start()
		c := assemble(d, "t025")
		classes := func() (out []*class) {
			for _, a := range c.asked()[:2] {
				out = append(out, &class{about: a.about, ask: func() program.Request { return program.AskForLink(a.tenant, a.mail) }})
			}
			return out
		}

		// More wishes than mails can be under way at once, none of which ends.
		slow := classes()
		measure(d, times(12, 300), slow, func(r program.Reply) program.Reply { return unbound(t, r) })
		require.Eventually(t, func() bool { return len(reached) > 0 }, program.Patience, 10*time.Millisecond, "nobody asked the mail server")
		d.Must(http.StatusOK, program.Login(c.Code, program.FirstPassword))
		require.NoError(t, silent.Close())
		for conn := range reached {
			_ = conn.Close()
		}
		down := classes()
		measure(d, times(12, 300), down, func(r program.Reply) program.Reply { return unbound(t, r) })

		judge(t, on, "link_silent_mail_server", slow)
		judge(t, on, "link_no_mail_server", down)
	})
}
