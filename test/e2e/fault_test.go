package e2e_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/mongod"
)

// losses is how many answers to writes are lost: enough to hit most of what a
// round writes.
const losses = 20

// faults are what a network does to a database. Those of which a program
// notices no more than the time they take are silent.
var faults = map[string]struct {
	begin          func(*mongod.FaultProxy)
	silent, losing bool
}{
	"cut":            {begin: (*mongod.FaultProxy).Cut},
	"delay of 50 ms": {begin: func(p *mongod.FaultProxy) { p.Delay(50 * time.Millisecond) }, silent: true},
	"delay of 1 s":   {begin: func(p *mongod.FaultProxy) { p.Delay(time.Second) }},
	"blackhole":      {begin: (*mongod.FaultProxy).Blackhole},
	"answers to writes lost": {begin: func(p *mongod.FaultProxy) {
		p.LoseAnswers(losses, "insert", "update", "findAndModify", "delete")
	}, losing: true},
}

// behind is MongoDB behind a network that can fail.
func behind(p **mongod.FaultProxy) engine {
	return engine{"MongoDB behind a proxy", func(d *deployment) []string {
		d.t.Log(mongod.Kind(d.t))
		*p = mongod.NewFaultProxy(d.t, mongod.Database(d.t))
		return mongoAt((*p).URI())
	}}
}

// cheap is for tests that are not about passwords.
var cheap = []string{"OSTIARY_LIMITS=off", "OSTIARY_ARGON2_MEMORY_KIB=1024", "OSTIARY_ARGON2_ITERATIONS=1", "OSTIARY_STALE_SECONDS=5"}

// TestFaults lets the network fail in the middle of everything, and come back
// in the middle of everything.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p *mongod.FaultProxy
			d := deployOn(t, behind(&p), cheap...)
			d.start()
			l := newLoad(d)
			require.Zero(t, l.round(), "nothing is wrong yet")

			l.after(5, func() { f.begin(p) })
			met := l.round()
			lost := p.Lost()
			l.after(5, p.Pass)
			met += l.round()

			if f.silent {
				require.Less(t, met, l.asked()/4, "slow is not away")
			} else {
				require.Positive(t, met)
			}
			require.Equal(t, f.losing, lost > 0)
			t.Logf("%d requests met the outage, %d answers were lost, the slowest took %v", met, lost, l.slowest.Round(time.Millisecond))
			t.Logf("%v", l.seen)
			d.ready()
			require.Eventually(t, func() bool { return l.round() == 0 }, patience, time.Millisecond, "serves again")
			l.keepsPromises()
		})
	}
}

// keepsPromises asserts that what was answered with success is there, and that
// what nobody knows of is there or not, but not by halves.
func (l *load) keepsPromises() {
	t := l.d.t
	t.Helper()
	for mail, id := range l.promised.contacts {
		require.Contains(t, string(l.d.must(200, operator("GET", "/tenants/acme/contacts/"+id, "")).body), mail)
	}
	for _, mail := range l.promised.maybeContacts {
		res := l.d.send(l.newContact(mail, l.p.globex))
		require.Contains(t, []int{201, 409}, res.status, "%s: %s", mail, res.body)
		require.Equal(t, 1, l.found(mail), mail)
	}
	l.keepsBooks()
	l.keepsSessions()
	for mail := range l.promised.wishes {
		require.Eventually(t, func() bool { return l.wrote(mail) }, patience, 10*time.Millisecond, "a link for %s", mail)
	}
}

// found counts the contacts with an address.
func (l *load) found(mail string) int {
	var page struct{ Items []json.RawMessage }
	require.NoError(l.d.t, json.Unmarshal(l.d.must(200, operator("GET", "/tenants/acme/contacts?email="+mail, "")).body, &page))
	return len(page.Items)
}

func (l *load) wrote(mail string) bool {
	names, _ := filepath.Glob(filepath.Join(l.d.mailDir(), "*.eml"))
	return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(read(l.d.t, name).to, mail) })
}

// keepsBooks asserts that the figures have every invoice once.
func (l *load) keepsBooks() {
	t := l.d.t
	t.Helper()
	unpaid := l.unpaid()
	require.GreaterOrEqual(t, unpaid, len(l.promised.invoices))
	require.LessOrEqual(t, unpaid, len(l.promised.invoices)+len(l.promised.maybeInvoices))
	for _, ref := range slices.Concat(l.promised.maybeInvoices, l.promised.invoices) {
		l.d.must(200, l.invoice(ref))
	}
	require.Equal(t, len(l.promised.invoices)+len(l.promised.maybeInvoices), l.unpaid())
}

// unpaid is what a visitor of that company's portal reads.
func (l *load) unpaid() int {
	t := l.d.t
	t.Helper()
	company := l.d.must(200, visit("/dashboard/stats", l.books))
	var stats struct {
		UnpaidInvoices   int
		TotalOutstanding json.Number
	}
	require.NoError(t, json.Unmarshal(company.body, &stats))
	require.Equal(t, fmt.Sprint(stats.UnpaidInvoices), stats.TotalOutstanding.String())
	return stats.UnpaidInvoices
}

// keepsSessions asserts that nothing was spent twice and that the chain of
// refresh tokens goes on.
func (l *load) keepsSessions() {
	t := l.d.t
	t.Helper()
	for _, successors := range l.chain.successors {
		require.LessOrEqual(t, len(successors), 1)
	}
	if !l.chain.broken {
		res := l.d.must(200, request{method: "POST", path: "/api/v1/portal/auth/refresh", body: `{"refreshToken":"` + l.chain.current + `"}`})
		l.d.must(200, visit("/me", bearerOf(t, res)))
	}
	l.d.must(401, request{method: "POST", path: "/api/v1/portal/auth/validate?token=" + l.link})
	require.LessOrEqual(t, l.opened, 1)
	var mine struct{ Items []json.RawMessage }
	require.NoError(t, json.Unmarshal(l.d.must(200, visit("/auth/sessions", l.people[3].g)).body, &mine))
	require.GreaterOrEqual(t, len(mine.Items), 1+l.opened)
	require.LessOrEqual(t, len(mine.Items), 2, "the link opened one more at most")
}

// TestFaults_TokensAreCheckedUntilNothingWasHeardForTooLong is about a node that
// works from what it knows.
func TestFaults_TokensAreCheckedUntilNothingWasHeardForTooLong(t *testing.T) {
	t.Parallel()
	const stale = 5 * time.Second // as in cheap
	var p *mongod.FaultProxy
	d := deployOn(t, behind(&p), cheap...)
	d.start()
	l := newLoad(d)
	jwks, scopes := request{method: "GET", path: "/.well-known/jwks.json"}, visit("/scopes", l.people[0].g)
	d.must(200, scopes)

	p.Cut()
	began := time.Now()
	for range 20 {
		res := d.send(scopes)
		if time.Since(began) < stale/2 { // else this machine was too busy to ask in time
			require.Equal(t, 200, res.status)
		}
	}
	require.Eventually(t, func() bool { return d.send(scopes).status == 503 }, patience, 20*time.Millisecond, "too long")
	t.Logf("token checks ended after %v", time.Since(began).Round(time.Millisecond))
	require.NotEmpty(t, d.send(scopes).header.Get("Retry-After"))
	d.must(200, jwks)
	d.must(200, request{method: "GET", path: "/healthz"})
	d.must(503, request{method: "GET", path: "/readyz"})

	p.Pass()
	require.Eventually(t, func() bool { return d.send(scopes).status == 200 }, patience, 20*time.Millisecond, "heard again")
	d.ready()
}

// TestStart_WithoutItsDatabase starts while the database is away, and stops
// while it is away again.
func TestStart_WithoutItsDatabase(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(*mongod.FaultProxy){
		"refused":    (*mongod.FaultProxy).Cut,
		"unanswered": (*mongod.FaultProxy).Blackhole,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p *mongod.FaultProxy
			d := deployOn(t, behind(&p), cheap...)
			begin(p)
			d.launch()
			d.listens()

			d.must(200, request{method: "GET", path: "/healthz"})
			require.NotEmpty(t, d.must(503, request{method: "GET", path: "/readyz"}).header.Get("Retry-After"))
			require.NotEmpty(t, d.must(503, login("acme", firstPassword)).header.Get("Retry-After"))

			p.Pass()
			d.ready()
			d.signIn(d.found("acme"))
			begin(p)
			require.Equal(t, 0, d.stop())
		})
	}
}
