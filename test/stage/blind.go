package stage

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/access"
	"ostiary/app/port"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/company"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// Part is what a session stands on.
type Part string

// The parts that can be out of sight.
const (
	Tenant  Part = "tenant"
	Session Part = "session"
	Person  Part = "person"
	Company Part = "company"
)

// Blind makes the use cases anew, with nothing in their caches, for whom every
// read of that part ends with err.
func (s *Stage) Blind(t testing.TB, p Part, err error) (*access.Guard, *signin.Sessions) {
	t.Helper()
	sees := &Stage{Stores: s.Stores, Clock: s.Clock}
	switch p {
	case Tenant:
		sees.Tenants = noTenants{s.Tenants, err}
	case Session:
		sees.Sessions = noSessions{s.Sessions, err}
	case Person:
		sees.Users = noUsers{s.Users, err}
	case Company:
		sees.Companies = noCompanies{s.Companies, err}
	}
	l := sees.NewLive(t)
	require.NoError(t, l.Poll(t.Context()))
	resolver := tenancy.NewResolver(l, BaseDomain, PublicHost, "")
	guard := access.NewGuard(l, s.Tokens, s.Clock, resolver, s.Names, secret.Text{})
	system := signin.System{Clock: s.Clock, Random: fake.Random{}, Vault: s.Vault}
	issuer := signin.NewIssuer(system, s.Sessions, l, s.Tokens, s.Trail, s.Names)
	return guard, signin.NewSessions(resolver, guard, s.Sessions, l, issuer)
}

type noTenants struct {
	port.Tenants
	err error
}

func (n noTenants) ByID(context.Context, tenant.ID) (*tenant.Tenant, error) { return nil, n.err }

type noSessions struct {
	port.Sessions
	err error
}

func (n noSessions) ByID(context.Context, tenant.ID, session.ID) (*session.Session, error) {
	return nil, n.err
}

type noUsers struct {
	port.Users
	err error
}

func (n noUsers) ByID(context.Context, tenant.ID, user.ID) (port.Person, error) {
	return port.Person{}, n.err
}

type noCompanies struct {
	port.Companies
	err error
}

func (n noCompanies) ByID(context.Context, tenant.ID, company.ID) (*company.Company, error) {
	return nil, n.err
}
