package e2e_test

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"ostiary/test/program"
)

func (l *load) signIn(int) {
	for range 2 {
		l.ask("login", l.login(l.people[1]), 200)
	}
}

func (l *load) visit(int) {
	for _, path := range []string{"/me", "/scopes", "/dashboard/stats", "/me", "/scopes"} {
		l.ask(path, program.Visit(path, l.people[2].g), 200)
	}
}

func (l *load) publish(int) {
	for _, path := range []string{"/.well-known/jwks.json", "/healthz", "/t/acme/.well-known/jwks.json"} {
		l.ask(path, program.Request{Method: "GET", Path: path}, 200, always)
	}
}

func (l *load) wishes(int) {
	for _, who := range l.people[1:3] {
		if _, ok := l.ask("request link", l.wish(who), 200); ok {
			l.mu.Lock()
			l.promised.wishes[who.mail] = true
			l.mu.Unlock()
		}
	}
}

func (l *load) hire(n int) {
	for i := range 2 {
		mail := fmt.Sprintf("hired%d.%d@globex.example", n, i)
		res, ok := l.ask("create contact", l.newContact(mail, l.p.Globex), 201)
		l.mu.Lock()
		if ok && res.Status == 201 {
			l.promised.contacts[mail] = res.Number(l.d.T)
		} else {
			l.promised.maybeContacts = append(l.promised.maybeContacts, mail)
		}
		l.mu.Unlock()
	}
}

func (l *load) bill(n int) {
	for i := range 2 {
		ref := fmt.Sprintf("F-%d-%d", n, i)
		_, ok := l.ask("put invoice", l.invoice(ref), 200)
		l.mu.Lock()
		if ok {
			l.promised.invoices = append(l.promised.invoices, ref)
		} else {
			l.promised.maybeInvoices = append(l.promised.maybeInvoices, ref)
		}
		l.mu.Unlock()
	}
}

// renew trades one refresh token in twice at once, as two tabs do. Who asks
// again for an answer that was lost more than the grace ago is refused.
func (l *load) renew(int) {
	c := &l.chain
	began := time.Now()
	allowed := []int{200}
	if !c.doubtful.IsZero() {
		allowed = append(allowed, 401)
	}
	var wg sync.WaitGroup
	got := make([]string, 2)
	for i := range got {
		wg.Go(func() {
			res, ok := l.ask("refresh", program.Refresh(c.current), allowed...)
			switch {
			case ok && res.Status == 200:
				got[i] = res.Text(l.d.T, "refreshToken")
			case ok && res.Status == 401:
				got[i] = "ended"
			}
		})
	}
	wg.Wait()
	if slices.Contains(got, "ended") && time.Since(c.doubtful) <= grace {
		l.fault("a lost answer is not repeated within the grace")
	}
	c.note(got, began)
}

// note remembers what the current token was traded for since began, and goes on
// with it.
func (c *chain) note(got []string, began time.Time) {
	all := c.successors[c.current]
	if all == nil {
		all = map[string]bool{}
		c.successors[c.current] = all
	}
	next := ""
	for _, token := range got {
		switch token {
		case "":
			if c.doubtful.IsZero() {
				c.doubtful = began
			}
		case "ended":
			c.broken = true
		default:
			all[token] = true
			next = token
		}
	}
	if next != "" {
		c.current, c.doubtful = next, time.Time{}
	}
}

// spend asks for a session by a link that is good for one.
func (l *load) spend(int) {
	for range 2 {
		l.mu.Lock()
		allowed := []int{200}
		if l.opened > 0 || l.doubtful {
			allowed = append(allowed, 401)
		}
		l.mu.Unlock()
		res, ok := l.ask("validate link", program.Validate(l.link), allowed...)
		l.mu.Lock()
		if ok && res.Status == 200 {
			l.opened++
		}
		l.doubtful = l.doubtful || !ok
		l.mu.Unlock()
	}
}
