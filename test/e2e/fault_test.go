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
	"ostiary/test/program"
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

// cheap hears soon that the store is away.
var cheap = slices.Concat(program.Cheap, []string{"OSTIARY_STALE_SECONDS=5"})

// TestFaults lets the network fail in the middle of everything, and come back
// in the middle of everything.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p *mongod.FaultProxy
			d := deployOn(t, program.Behind(&p), cheap...)
			d.Start()
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
			d.Ready()
			require.Eventually(t, func() bool { return l.round() == 0 }, program.Patience, time.Millisecond, "serves again")
			l.keepsPromises()
		})
	}
}

// keepsPromises asserts that what was answered with success is there, and that
// what nobody knows of is there or not, but not by halves.
func (l *load) keepsPromises() {
	t := l.d.T
	t.Helper()
	for mail, id := range l.promised.contacts {
		require.Contains(t, string(l.d.Must(200, program.Operator("GET", "/tenants/acme/contacts/"+id, "")).Body), mail)
	}
	for _, mail := range l.promised.maybeContacts {
		res := l.d.Send(l.newContact(mail, l.p.Globex))
		require.Contains(t, []int{201, 409}, res.Status, "%s: %s", mail, res.Body)
		require.Equal(t, 1, l.found(mail), mail)
	}
	l.keepsBooks()
	l.keepsSessions()
	for mail := range l.promised.wishes {
		require.Eventually(t, func() bool { return l.wrote(mail) }, program.Patience, 10*time.Millisecond, "a link for %s", mail)
	}
}

// found counts the contacts with an address.
func (l *load) found(mail string) int {
	var page struct{ Items []json.RawMessage }
	require.NoError(l.d.T, json.Unmarshal(l.d.Must(200, program.Operator("GET", "/tenants/acme/contacts?email="+mail, "")).Body, &page))
	return len(page.Items)
}

func (l *load) wrote(mail string) bool {
	names, _ := filepath.Glob(filepath.Join(l.d.MailDir(), "*.eml"))
	return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(program.ReadLetter(l.d.T, name).To, mail) })
}

// keepsBooks asserts that the figures have every invoice once.
func (l *load) keepsBooks() {
	t := l.d.T
	t.Helper()
	unpaid := l.unpaid()
	require.GreaterOrEqual(t, unpaid, len(l.promised.invoices))
	require.LessOrEqual(t, unpaid, len(l.promised.invoices)+len(l.promised.maybeInvoices))
	for _, ref := range slices.Concat(l.promised.maybeInvoices, l.promised.invoices) {
		l.d.Must(200, l.invoice(ref))
	}
	require.Equal(t, len(l.promised.invoices)+len(l.promised.maybeInvoices), l.unpaid())
}

// unpaid is what a visitor of that company's portal reads.
func (l *load) unpaid() int {
	t := l.d.T
	t.Helper()
	company := l.d.Must(200, program.Visit("/dashboard/stats", l.books))
	var stats struct {
		UnpaidInvoices   int
		TotalOutstanding json.Number
	}
	require.NoError(t, json.Unmarshal(company.Body, &stats))
	require.Equal(t, fmt.Sprint(stats.UnpaidInvoices), stats.TotalOutstanding.String())
	return stats.UnpaidInvoices
}

// keepsSessions asserts that nothing was spent twice and that the chain of
// refresh tokens goes on.
func (l *load) keepsSessions() {
	t := l.d.T
	t.Helper()
	for _, successors := range l.chain.successors {
		require.LessOrEqual(t, len(successors), 1)
	}
	if !l.chain.broken {
		res := l.d.Must(200, program.Refresh(l.chain.current))
		l.d.Must(200, program.Visit("/me", program.TokensOf(t, res)))
	}
	l.d.Must(401, program.Validate(l.link))
	require.LessOrEqual(t, l.opened, 1)
	var mine struct{ Items []json.RawMessage }
	require.NoError(t, json.Unmarshal(l.d.Must(200, program.Visit("/auth/sessions", l.people[3].g)).Body, &mine))
	require.GreaterOrEqual(t, len(mine.Items), 1+l.opened)
	require.LessOrEqual(t, len(mine.Items), 2, "the link opened one more at most")
}

// TestFaults_TokensAreCheckedUntilNothingWasHeardForTooLong is about a node that
// works from what it knows.
func TestFaults_TokensAreCheckedUntilNothingWasHeardForTooLong(t *testing.T) {
	t.Parallel()
	const stale = 5 * time.Second // as in cheap
	var p *mongod.FaultProxy
	d := deployOn(t, program.Behind(&p), cheap...)
	d.Start()
	l := newLoad(d)
	jwks, scopes := program.Request{Method: "GET", Path: "/.well-known/jwks.json"}, program.Visit("/scopes", l.people[0].g)
	d.Must(200, scopes)

	p.Cut()
	began := time.Now()
	for range 20 {
		res := d.Send(scopes)
		if time.Since(began) < stale/2 { // else this machine was too busy to ask in time
			require.Equal(t, 200, res.Status)
		}
	}
	require.Eventually(t, func() bool { return d.Send(scopes).Status == 503 }, program.Patience, 20*time.Millisecond, "too long")
	t.Logf("token checks ended after %v", time.Since(began).Round(time.Millisecond))
	require.NotEmpty(t, d.Send(scopes).Header.Get("Retry-After"))
	d.Must(200, jwks)
	d.Must(200, program.Request{Method: "GET", Path: "/healthz"})
	d.Must(503, program.Request{Method: "GET", Path: "/readyz"})

	p.Pass()
	require.Eventually(t, func() bool { return d.Send(scopes).Status == 200 }, program.Patience, 20*time.Millisecond, "heard again")
	d.Ready()
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
			d := deployOn(t, program.Behind(&p), cheap...)
			begin(p)
			d.Launch()
			d.Listens()

			d.Must(200, program.Request{Method: "GET", Path: "/healthz"})
			require.NotEmpty(t, d.Must(503, program.Request{Method: "GET", Path: "/readyz"}).Header.Get("Retry-After"))
			require.NotEmpty(t, d.Must(503, program.Login("acme", program.FirstPassword)).Header.Get("Retry-After"))

			p.Pass()
			d.Ready()
			d.SignIn(d.Found("acme"))
			begin(p)
			require.Equal(t, 0, d.Stop())
		})
	}
}
