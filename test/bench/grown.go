package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"ostiary/adapters/sqlite"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/program"
)

// size is how much a store holds.
type size struct{ tenants, contacts int } // contacts of each tenant

func (s size) String() string { return fmt.Sprintf("%d × %d", s.tenants, s.contacts) }

var (
	small  = size{10, 10}
	wideTo = size{10_000, 100}
	deepTo = size{1, 1_000_000}
)

// crowdAtOnce is how many writes wait for the same commit.
const crowdAtOnce = 512

// grow fills the store of a deployment that does not run, by the store's own
// methods. Every contact has a login. The last tenant is the one that is asked
// about: grownCode.
func grow(s *scene, d *program.Deployment, to size) {
	db, err := sqlite.Open(s.ctx, filepath.Join(d.Dir, "ostiary.db"), sqlite.Options{Group: crowdAtOnce})
	s.must(err)
	defer func() { s.must(db.Close()) }()
	g := grower{
		db: db, now: time.Now().UTC().Truncate(time.Millisecond), numbers: sqlite.NewNumbers(db), tenants: sqlite.NewTenants(db),
		companies: sqlite.NewCompanies(db), contacts: sqlite.NewContacts(db), users: sqlite.NewUsers(db),
	}
	fill := func(i, together int) error {
		code := tenant.Code(fmt.Sprintf("grown-%05d", i))
		if i == to.tenants-1 {
			code = grownCode
		}
		return g.tenant(s.ctx, code, to.contacts, together)
	}
	if to.contacts >= to.tenants { // tenants one after another, contacts at once
		for i := range to.tenants {
			s.must(fill(i, crowdAtOnce))
		}
		return
	}
	s.must(atOnce(to.tenants, crowdAtOnce, func(i int) error { return fill(i, 1) }))
}

const grownCode = "bench"

// grownAddress is that of the n-th contact of any tenant.
func grownAddress(n int) string { return fmt.Sprintf("grown%d@globex.example", n) }

type grower struct {
	db        *sqlite.DB
	now       time.Time
	numbers   *sqlite.Numbers
	tenants   *sqlite.Tenants
	companies *sqlite.Companies
	contacts  *sqlite.Contacts
	users     *sqlite.Users
}

// tenant makes one with so many contacts, so many of them together.
func (g grower) tenant(ctx context.Context, code tenant.Code, contacts, together int) error {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		return err //nolint:wrapcheck // a mistake here
	}
	t, err := tenant.New(tenant.IDFromBytes(fake.UUID()), code, tenant.Details{
		Name: "Grown", Currency: eur, Scopes: scope.Map{scope.Configurator: true, scope.Finance: true},
	}, g.now)
	if err != nil {
		return err //nolint:wrapcheck // a mistake here
	}
	if err := g.tenants.Add(ctx, t); err != nil {
		return err //nolint:wrapcheck // says what it is about
	}
	number, err := g.numbers.Company(ctx, t.ID())
	if err != nil {
		return err //nolint:wrapcheck // says what it is about
	}
	co, err := company.New(t.ID(), number, company.Details{Name: "Globex", Portal: company.Portal{ID: company.PortalIDFromBytes(fake.UUID()), Enabled: true}}, g.now)
	if err != nil {
		return err //nolint:wrapcheck // a mistake here
	}
	if err := g.companies.Add(ctx, co); err != nil {
		return err //nolint:wrapcheck // says what it is about
	}
	return atOnce(contacts, together, func(i int) error { return g.contact(ctx, co, i) })
}

func (g grower) contact(ctx context.Context, at *company.Company, n int) error {
	number, err := g.numbers.Contact(ctx, at.Tenant())
	if err != nil {
		return err //nolint:wrapcheck // says what it is about
	}
	address, err := email.Parse(grownAddress(n))
	if err != nil {
		return err //nolint:wrapcheck // a mistake here
	}
	c, err := contact.New(at.Tenant(), number, contact.Details{
		FirstName: fmt.Sprintf("First%d", n), LastName: fmt.Sprintf("Last%d", n), Email: address, Phone: fmt.Sprintf("+31 20 %d", n),
		Companies: []contact.Membership{{Company: at.ID(), Primary: true}},
	}, g.now)
	if err != nil {
		return err //nolint:wrapcheck // a mistake here
	}
	if err := g.contacts.Add(ctx, c); err != nil {
		return err //nolint:wrapcheck // says what it is about
	}
	return g.users.Add(ctx, user.New(at.Tenant(), user.IDFromBytes(fake.UUID()), number, g.now)) //nolint:wrapcheck // says what it is about
}

// atOnce does n things, so many together, and returns the first failure.
func atOnce(n, together int, do func(i int) error) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	failed := make(chan error, together)
	for range min(n, together) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	return <-failed
}
