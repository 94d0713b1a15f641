package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"text/template"

	"go.uber.org/fx"
	"go.uber.org/zap/zapcore"

	"ostiary/adapters/argon"
	"ostiary/adapters/cli"
	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/app/ledger"
	"ostiary/app/operation"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	domainledger "ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

const (
	demoTenant   = "acme"
	demoPassword = "Tulip-Bridge-29"
	demoNext     = "Harbour-Lamp-73"
)

// demo serves an empty temporary store with something in it, and prints curl
// lines that work when they are pasted.
func demo(ctx context.Context, s cli.Settings, stdout, stderr io.Writer) error {
	dir, err := os.MkdirTemp("", "ostiary-demo-")
	if err != nil {
		return fmt.Errorf("make temporary store: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Nothing that is configured for a real deployment counts: nobody is
	// mailed, no key is used, and the address printed is the one that works.
	s.Storage, s.StorageFile = "sqlite:"+filepath.Join(dir, "demo.db"), ""
	s.Mail, s.MailFile, s.MasterKey, s.MasterKeyFile = "console:", "", "", ""
	s.PublicURL, s.BaseDomain, s.MetricsListen, s.DefaultTenant = "", "", "", demoTenant
	s.Listen = freeAddress(ctx, s.Listen)
	if s.LogLevel == "info" {
		s.LogLevel = "warn"
	}
	c, err := NewConfig(s)
	if err != nil {
		return err
	}
	mail := newMailbox(stdout)
	first := mail.first
	seeded := fx.Invoke(func(lc fx.Lifecycle, seed seeder, c Config) {
		lc.Append(fx.StartHook(func(ctx context.Context) error {
			shown, err := seed.plant(ctx)
			if err != nil {
				return fmt.Errorf("fill demo: %w", err)
			}
			shown.Base = c.PublicURL
			if shown.Link, err = wait(ctx, first); err != nil {
				return fmt.Errorf("mail invitation: %w", err)
			}
			return demoText.Execute(stdout, shown)
		}))
	})
	log := NewLog(c, zapcore.Lock(zapcore.AddSync(stderr)))
	c, leave := settle(ctx, c, log, argon.StartProcess)
	defer leave()
	return Serve(ctx, c, Surroundings{Log: log, Console: mail, Version: version()}, fx.Provide(newSeeder), seeded)
}

// freeAddress gives way to whoever listens on the usual port already.
func freeAddress(ctx context.Context, wanted string) string {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", wanted)
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = ln.Close()
	return wanted
}

// mailbox shows mail and remembers the first link, as a reader would.
type mailbox struct {
	out   io.Writer
	mu    sync.Mutex
	seen  []byte
	first chan string
}

func newMailbox(out io.Writer) *mailbox { return &mailbox{out: out, first: make(chan string, 1)} }

var linkToken = regexp.MustCompile(`#token=([A-Za-z0-9_-]+)\s`)

// Write implements io.Writer.
func (m *mailbox) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first != nil {
		m.seen = append(m.seen, b...)
		if found := linkToken.FindSubmatch(m.seen); found != nil {
			m.first <- string(found[1])
			m.first, m.seen = nil, nil
		}
	}
	return m.out.Write(b)
}

// wait returns the token of the first link that was mailed.
func wait(ctx context.Context, first <-chan string) (string, error) {
	select {
	case token := <-first:
		return token, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// seeder plants the demo through the use cases that everybody uses.
type seeder struct {
	tenants   *tenancy.Admin
	companies *directory.Companies
	contacts  *directory.Contacts
	documents *ledger.Service
	logins    *credential.Logins
	tokens    *operation.APITokens
}

func newSeeder(t *tenancy.Admin, co *directory.Companies, ct *directory.Contacts, d *ledger.Service, l *credential.Logins, tok *operation.APITokens) seeder {
	return seeder{tenants: t, companies: co, contacts: ct, documents: d, logins: l, tokens: tok}
}

// shown is what the demo prints.
type shown struct {
	Base, Tenant, Token, Link   string
	Contact                     string
	Email, Password, Next, Cleo string
}

func (s seeder) plant(ctx context.Context) (shown, error) {
	by := actor.TheOperator("demo")
	caller := directory.Caller{Actor: by, Tenant: demoTenant}
	_, err := s.tenants.Create(ctx, tenancy.CreateInput{Actor: by, Code: demoTenant, Details: tenant.Details{
		Name: "Acme Portal", Currency: money.RestoreCurrency("EUR"),
		Scopes: scope.Map{scope.Configurator: true, scope.Finance: true, scope.Support: false},
	}})
	if err != nil {
		return shown{}, err
	}
	var ids [2]company.ID
	for i, name := range []string{"Globex Wind Farms", "Initech Lighting"} {
		co, err := s.companies.Create(ctx, directory.CreateCompanyInput{Caller: caller, Details: company.Details{
			Name: name, Phone: "+31 20 555 010" + fmt.Sprint(i), Portal: company.Portal{Enabled: true},
			Billing: &company.Address{ID: fmt.Sprint(i + 1), City: "Amsterdam", Country: "NL", HouseNumber: fmt.Sprint(10 + i), PostalCode: "1012 AB", Street: "Damrak"},
		}})
		if err != nil {
			return shown{}, err
		}
		ids[i] = co.ID()
	}
	if err := s.papers(ctx, ids); err != nil {
		return shown{}, err
	}
	people, err := s.people(ctx, caller, ids)
	if err != nil {
		return shown{}, err
	}
	_, token, err := s.tokens.Create(ctx, operation.CreateTokenInput{
		Caller: operation.Caller{Actor: by, Tenant: demoTenant}, Name: "demo", Permissions: actor.TenantPermissions(),
	})
	if err != nil {
		return shown{}, err
	}
	return shown{
		Tenant: demoTenant, Token: token.Reveal(), Contact: people[0].String(), Email: "ada@globex.example",
		Password: demoPassword, Next: demoNext, Cleo: "cleo@initech.example",
	}, nil
}

// papers are the documents behind the dashboard.
func (s seeder) papers(ctx context.Context, ids [2]company.ID) error {
	lines := []ledger.DocumentInput{}
	for _, id := range ids {
		lines = append(lines,
			ledger.DocumentInput{Company: id, Kind: string(domainledger.Order), Ref: "SO-1001", Status: "open", Currency: "EUR", Total: "1200.00", Outstanding: "0.00"},
			ledger.DocumentInput{Company: id, Kind: string(domainledger.Order), Ref: "SO-1002", Status: "open", Currency: "EUR", Total: "80.50", Outstanding: "0.00"},
			ledger.DocumentInput{Company: id, Kind: string(domainledger.Estimate), Ref: "Q-2001", Status: "pending", Currency: "EUR", Total: "450.00", Outstanding: "0.00"},
			ledger.DocumentInput{Company: id, Kind: string(domainledger.Invoice), Ref: "F-3001", Status: "sent", Currency: "EUR", Total: "1200.00", Outstanding: "1154.06"},
			ledger.DocumentInput{Company: id, Kind: string(domainledger.Invoice), Ref: "F-3002", Status: "sent", Currency: "EUR", Total: "80.50", Outstanding: "80.50"},
		)
	}
	refusals, err := s.documents.PutAll(ctx, ledger.PutAllInput{
		Caller: ledger.Caller{Actor: actor.TheOperator("demo"), Tenant: demoTenant}, Documents: lines,
	})
	return errors.Join(append(refusals, err)...)
}

// people are one with a password, one without, and one who is invited.
func (s seeder) people(ctx context.Context, caller directory.Caller, ids [2]company.ID) ([3]contact.ID, error) {
	var out [3]contact.ID
	for i, p := range []struct {
		first, last, mail string
		companies         []contact.Membership
	}{
		{"Ada", "Lovelace", "ada@globex.example", []contact.Membership{{Company: ids[0], Primary: true}, {Company: ids[1]}}},
		{"Ben", "Okafor", "ben@globex.example", []contact.Membership{{Company: ids[0], Primary: true}}},
		{"Cleo", "Janssen", "cleo@initech.example", []contact.Membership{{Company: ids[1], Primary: true}}},
	} {
		address, err := email.Parse(p.mail)
		if err != nil {
			return out, err
		}
		v, err := s.contacts.Create(ctx, directory.CreateContactInput{Caller: caller, Details: contact.Details{
			FirstName: p.first, LastName: p.last, Email: address, Companies: p.companies,
		}})
		if err != nil {
			return out, err
		}
		out[i] = v.Contact.ID()
	}
	target := credential.Target{Actor: caller.Actor, Needs: actor.UsersWrite, Tenant: demoTenant, Contact: out[0]}
	if err := s.logins.Set(ctx, credential.SetInput{Target: target, Password: secret.New(demoPassword)}); err != nil {
		return out, err
	}
	target.Contact = out[2]
	return out, s.logins.Invite(ctx, target)
}

var demoText = template.Must(template.New("demo").Parse(demoLines))
