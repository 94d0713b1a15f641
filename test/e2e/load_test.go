package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"ostiary/test/program"

	"github.com/stretchr/testify/require"
)

// load is everything that a portal and its back office do, at once and in
// rounds, and remembers what was promised to whom. An outage may be answered by
// 503 with Retry-After and by nothing else.
type load struct {
	d      deployment
	p      program.Portal
	people []person
	books  program.Granted // of somebody at the company whose invoices come in
	chain  chain
	link   string // unspent, of the last person

	mu        sync.Mutex
	trigger   func() // called once after countdown more answers
	countdown int
	seen      map[string]int // answers by what was asked and their status
	refused   int            // 503 of this round
	slowest   time.Duration
	wrong     []string
	opened    int  // sessions by the link
	doubtful  bool // whether the link may be spent by an answer that was lost
	promised  promises
}

// person is a contact with a password.
type person struct {
	mail string
	g    program.Granted
}

// promises are what was answered with success, and what nobody knows of.
type promises struct {
	contacts      map[string]string // ids by address
	maybeContacts []string
	invoices      []string
	maybeInvoices []string
	wishes        map[string]bool // addresses to which a link was promised
	next          int
}

// chain is one session's refresh tokens.
type chain struct {
	current    string
	successors map[string]map[string]bool // what each token was traded for
	doubtful   time.Time                  // since when current may be traded in
	broken     bool
}

const (
	shared = "Meadow-Candle-41"
	// within bounds every request of a load: the program's own deadline and
	// what a busy machine adds.
	within = 20 * time.Second
	// grace is how long a traded refresh token is good (contract, section 6).
	grace = 10 * time.Second
)

func newLoad(d deployment) *load {
	d.T.Helper()
	l := &load{d: d, p: d.Found("acme"), seen: map[string]int{}, chain: chain{successors: map[string]map[string]bool{}}}
	l.promised = promises{contacts: map[string]string{}, wishes: map[string]bool{}}
	for i := range 4 {
		l.people = append(l.people, l.person(fmt.Sprintf("person%d@globex.example", i), l.p.Globex))
	}
	l.books = l.person("books@initech.example", l.p.Initech).g
	l.chain.current = l.people[0].g.Refresh
	d.Must(200, l.wish(l.people[3]))
	l.link = d.Letters(1)[0].Token
	d.Client.Timeout = within
	return l
}

// person is made with a password and signed in.
func (l *load) person(mail, company string) person {
	l.d.T.Helper()
	out := person{mail: mail}
	contact := l.d.Must(201, l.newContact(mail, company)).Number(l.d.T)
	l.d.Must(200, program.Operator("PUT", "/tenants/acme/contacts/"+contact+"/password", `{"password":"`+shared+`"}`))
	out.g = program.TokensOf(l.d.T, l.d.Must(200, l.login(out)))
	return out
}

func (*load) newContact(mail, company string) program.Request {
	return program.Operator("POST", "/tenants/acme/contacts", fmt.Sprintf(
		`{"firstName":"Somebody","email":%q,"companies":[{"id":%s,"isPrimary":true}]}`, mail, company))
}

func (l *load) invoice(ref string) program.Request {
	return program.Operator("PUT", "/tenants/acme/companies/"+l.p.Initech+"/documents/invoice/"+ref,
		`{"currency":"EUR","status":"sent","total":"1.00","outstanding":"1.00"}`)
}

func (*load) login(p person) program.Request { return program.LoginAs("acme", p.mail, shared) }

func (*load) wish(p person) program.Request { return program.AskForLink("acme", p.mail) }

// after has f called when n more requests are answered.
func (l *load) after(n int, f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trigger, l.countdown = f, n
}

// ask sends one request and notes an answer that is not allowed. It reports
// false for a refusal that is: the storage is away.
func (l *load) ask(name string, r program.Request, allowed ...int) (program.Reply, bool) {
	began := time.Now()
	res, err := l.d.Try(r)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowest = max(l.slowest, took)
	switch {
	case err != nil:
		l.wrong = append(l.wrong, fmt.Sprintf("%s: %v", name, err))
	case res.Status == http.StatusServiceUnavailable && slices.Contains(allowed, always):
		l.wrong = append(l.wrong, name+": 503, which needs no storage")
	case res.Status == http.StatusServiceUnavailable:
		l.refused++
		if res.Header.Get("Retry-After") == "" {
			l.wrong = append(l.wrong, name+": 503 without Retry-After")
		}
	case !slices.Contains(allowed, res.Status):
		l.wrong = append(l.wrong, fmt.Sprintf("%s: %d %s", name, res.Status, res.Body))
	}
	l.seen[fmt.Sprintf("%s %d", name, res.Status)]++
	if l.countdown--; l.countdown == 0 && l.trigger != nil {
		l.trigger()
	}
	return res, err == nil && res.Status != http.StatusServiceUnavailable
}

// asked counts the requests that were answered so far.
func (l *load) asked() (n int) {
	for _, times := range l.seen {
		n += times
	}
	return n
}

func (l *load) fault(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, text)
}

// always marks what must be answered with the storage away.
const always = -1

// round lets everybody do what they do once, and returns how many requests met
// an outage.
func (l *load) round() int {
	l.mu.Lock()
	l.refused = 0
	l.promised.next++
	n := l.promised.next
	l.mu.Unlock()
	var wg sync.WaitGroup
	for _, do := range []func(int){l.signIn, l.renew, l.visit, l.wishes, l.hire, l.bill, l.spend, l.publish} {
		wg.Go(func() { do(n) })
	}
	wg.Wait()
	require.Empty(l.d.T, l.wrong)
	return l.refused
}
