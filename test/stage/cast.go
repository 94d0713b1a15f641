package stage

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/access"
	"ostiary/app/port"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/apitoken"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// Mail is Ada's address, at Acme and at Other alike; the passwords differ.
const (
	Mail      = "Ada@example.com"
	Password  = "correct-horse-battery-1"
	Elsewhere = "correct-horse-battery-2"
)

// Cast is who there is at the beginning. At Acme, Ada belongs to the companies
// Second (number 2, primary) and First (number 1) and signs in by Password. At
// Other the same address is another person's, who signs in by Elsewhere.
type Cast struct {
	Acme, Other   *tenant.Tenant
	First, Second *company.Company
	Ada           *contact.Contact
	AdaUser       *user.User
	Twin          *contact.Contact
	TwinUser      *user.User
}

// later leaves the small numbers to the cast and to testers.
type later struct{ port.Numbers }

const cast = 1000

func (l later) Company(ctx context.Context, t tenant.ID) (company.ID, error) {
	n, err := l.Numbers.Company(ctx, t)
	if err != nil {
		return n, err
	}
	return company.IDOf(cast + n.Int())
}

func (l later) Contact(ctx context.Context, t tenant.ID) (contact.ID, error) {
	n, err := l.Numbers.Contact(ctx, t)
	if err != nil {
		return n, err
	}
	return contact.IDOf(cast + n.Int())
}

func (s *Stage) enlist(t testing.TB) {
	t.Helper()
	c := Cast{Acme: fake.Tenant(t, "acme"), Other: fake.Tenant(t, "other")}
	c.First, c.Second = fake.Company(t, c.Acme.ID(), 1), fake.Company(t, c.Acme.ID(), 2)
	abroad := fake.Company(t, c.Other.ID(), 1)
	c.Ada = MemberOf(t, 1, Mail, c.Second, c.First)
	c.AdaUser = fake.UserWith(c.Ada, Password)
	c.Twin = MemberOf(t, 1, Mail, abroad)
	c.TwinUser = fake.UserWith(c.Twin, Elsewhere)
	s.Add(t, c.Acme, c.Other, c.First, c.Second, abroad, c.Ada, c.AdaUser, c.Twin, c.TwinUser)
	s.Cast = c
}

// MemberOf builds a contact of several companies, the first of them primary.
func MemberOf(t testing.TB, n int64, mail string, primary *company.Company, more ...*company.Company) *contact.Contact {
	t.Helper()
	c := fake.Contact(t, primary, n, mail)
	d := c.Details()
	for _, co := range more {
		d.Companies = append(d.Companies, contact.Membership{Company: co.ID()})
	}
	out, err := contact.New(c.Tenant(), c.ID(), d, fake.Start)
	require.NoError(t, err)
	return out
}

// Add stores aggregates, in the order given.
func (s *Stage) Add(t testing.TB, aggregates ...any) {
	t.Helper()
	for _, a := range aggregates {
		var err error
		switch a := a.(type) {
		case *tenant.Tenant:
			err = s.Tenants.Add(t.Context(), a)
		case *company.Company:
			err = s.Companies.Add(t.Context(), a)
		case *contact.Contact:
			err = s.Contacts.Add(t.Context(), a)
		case *contact.Tag:
			err = s.Tags.Add(t.Context(), a)
		case *user.User:
			err = s.Users.Add(t.Context(), a)
		case *apitoken.Token:
			err = s.APITokens.Add(t.Context(), a)
		default:
			require.FailNow(t, "no such aggregate", "%T", a)
		}
		require.NoError(t, err)
	}
}

// EditTenant changes a stored tenant.
func (s *Stage) EditTenant(t testing.TB, of *tenant.Tenant, edit func(*tenant.Details)) {
	t.Helper()
	require.NoError(t, s.Tenants.Update(t.Context(), of.ID(), func(stored *tenant.Tenant) error {
		d := stored.Details()
		d.Scopes = d.Scopes.Clone()
		edit(&d)
		return stored.Change(d, s.Clock.Now())
	}))
}

// EditCompany changes a stored company of Acme.
func (s *Stage) EditCompany(t testing.TB, of *company.Company, edit func(*company.Details)) {
	t.Helper()
	require.NoError(t, s.Companies.Update(t.Context(), of.Tenant(), of.ID(), func(stored *company.Company) error {
		d := stored.Details()
		edit(&d)
		return stored.Change(d, s.Clock.Now())
	}))
}

// EditContact changes a stored contact.
func (s *Stage) EditContact(t testing.TB, of *contact.Contact, edit func(*contact.Details)) {
	t.Helper()
	require.NoError(t, s.Contacts.Update(t.Context(), of.Tenant(), of.ID(), func(stored *contact.Contact) error {
		d := stored.Details()
		edit(&d)
		return stored.Change(d, s.Clock.Now())
	}))
}

// EditUser changes a stored login.
func (s *Stage) EditUser(t testing.TB, of *user.User, edit func(*user.User)) {
	t.Helper()
	require.NoError(t, s.Users.Update(t.Context(), of.Tenant(), of.ID(), func(stored *user.User) error {
		edit(stored)
		return nil
	}))
}

// Suspend is a change for EditTenant.
func Suspend(d *tenant.Details) { d.Status = tenant.Suspended }

// At names a tenant by the header.
func At(code string) tenancy.Hints { return tenancy.Hints{Header: code} }

// Text wraps a secret.
func Text(s string) secret.Text { return secret.New(s) }

// Bearer is a request with nothing but the access token.
func Bearer(g signin.Grant) access.Bearer { return access.Bearer{Token: g.Access} }

// Knock is Ada's sign-in with that password.
func Knock(t testing.TB, password string) signin.PasswordInput {
	t.Helper()
	return signin.PasswordInput{Hints: At("acme"), Email: fake.Address(t, Mail), Password: Text(password), Origin: "192.0.2.1"}
}

// Login signs Ada in.
func (s *Stage) Login(t testing.TB) signin.Grant {
	t.Helper()
	g, err := s.Passwords.Login(t.Context(), Knock(t, Password))
	require.NoError(t, err)
	return g
}

// Enters reports whether an access token opens a portal.
func (s *Stage) Enters(ctx context.Context, g signin.Grant) error {
	_, err := s.Guard.Visitor(ctx, Bearer(g))
	return err
}

// Token makes and stores an API token.
func (s *Stage) Token(t testing.TB, of *tenant.Tenant, ps ...actor.Permission) (secret.Text, *apitoken.Token) {
	t.Helper()
	var owner tenant.ID
	if of != nil {
		owner = of.ID()
	}
	var random [apitoken.SecretSize]byte
	fake.Random{}.Fill(random[:])
	tok, err := apitoken.New(apitoken.Snapshot{
		Tenant: owner, ID: apitoken.IDFromBytes(fake.UUID()), Name: "test", Digest: secret.DigestOf(random[:]),
		Permissions: ps, Created: s.Clock.Now(), CreatedBy: "operator:",
	})
	require.NoError(t, err)
	s.Add(t, tok)
	return apitoken.Format(owner, tok.Snapshot().ID, random), tok
}

// Deliver drains the outbox and returns all mail sent so far.
func (s *Stage) Deliver(t testing.TB) []outbox.Mail {
	t.Helper()
	require.NoError(t, s.Postman.Drain(t.Context()))
	return s.Mailer.Sent()
}

// TokenOf cuts the token out of a mailed link.
func TokenOf(t testing.TB, m outbox.Mail) secret.Text {
	t.Helper()
	_, token, ok := strings.Cut(m.Link.Reveal(), "#token=")
	require.True(t, ok)
	return secret.New(token)
}

// Recorded returns the outcomes of all events with that action, oldest first.
func (s *Stage) Recorded(action string) []audit.Event {
	var out []audit.Event
	for _, e := range s.Trail.Events() {
		if e.Action == action {
			out = append(out, e)
		}
	}
	return out
}

// Granted is Recorded without refusals.
func (s *Stage) Granted(action string) []audit.Event {
	return slices.DeleteFunc(s.Recorded(action), func(e audit.Event) bool { return e.Outcome != audit.Granted })
}

// Together runs f n times at once and returns when all are done.
func Together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}
