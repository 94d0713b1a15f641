package stage

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
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

// Blind is the same stage to one who has nothing in his caches, and for whom
// every read of that part ends with err.
func (s *Stage) Blind(t testing.TB, p Part, err error) *Stage {
	t.Helper()
	blind := &Stage{
		Stores: s.Stores, Cast: s.Cast, Clock: s.Clock, Hasher: s.Hasher, Mailer: s.Mailer, Trail: s.Trail,
		Tokens: s.Tokens, Names: s.Names,
	}
	switch p {
	case Tenant:
		blind.Tenants = noTenants{s.Tenants, err}
	case Session:
		blind.Sessions = noSessions{s.Sessions, err}
	case Person:
		blind.Users = noUsers{s.Users, err}
	case Company:
		blind.Companies = noCompanies{s.Companies, err}
	}
	blind.Live = blind.NewLive(t)
	require.NoError(t, blind.Live.Poll(t.Context()))
	blind.assemble(Options{})
	return blind
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
