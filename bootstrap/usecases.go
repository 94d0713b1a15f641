package bootstrap

import (
	"go.uber.org/fx"
	"go.uber.org/zap"

	"ostiary/adapters/argon"
	"ostiary/app/access"
	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/app/ledger"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/app/profile"
	"ostiary/app/proof"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
)

var useCaseModule = fx.Module("use cases",
	fx.Provide(
		func(l port.Live, c Config) *tenancy.Resolver {
			return tenancy.NewResolver(l, c.BaseDomain, publicHost(c), c.DefaultTenant)
		},
		func(t port.Tenants, r port.Random, clock port.Clock, trail port.Trail, c Config) *tenancy.Admin {
			return tenancy.NewAdmin(t, r, clock, trail, tenancy.AdminConfig{PublicURL: c.PublicURL, BaseDomain: c.BaseDomain})
		},
		func(l port.Live, t port.Tokens, clock port.Clock, r *tenancy.Resolver, n access.Names, c Config) *access.Guard {
			return access.NewGuard(l, t, clock, r, n, c.OperatorToken)
		},
		func(k port.Counters, v port.Vault, clock port.Clock, c Config) *proof.Gate {
			return proof.NewGate(k, v, clock, c.Limits)
		},
		proof.NewPasswords,
		func(clock port.Clock, r port.Random, v port.Vault) signin.System {
			return signin.System{Clock: clock, Random: r, Vault: v}
		},
		signin.NewIssuer,
		signin.NewPasswords,
		signin.NewSessions,
		newPostman,
		func(r *tenancy.Resolver, g *proof.Gate, b port.Outbox, l port.Links, u port.Users, i *signin.Issuer, p *signin.Postman) *signin.Links {
			return signin.NewLinks(r, g, b, l, u, i, p.Wake)
		},
		func(clock port.Clock, r port.Random, t port.Trail) credential.System {
			return credential.System{Clock: clock, Random: r, Trail: t}
		},
		func(u port.Users, c port.Contacts, co port.Companies, s port.Sessions, t port.Tenants) credential.Store {
			return credential.Store{Users: u, Contacts: c, Companies: co, Sessions: s, Tenants: t}
		},
		credential.NewChanges,
		func(s credential.Store, h port.Hasher, b port.Outbox, g *proof.Gate, sys credential.System, p *signin.Postman) *credential.Logins {
			return credential.NewLogins(s, h, b, g, sys, p.Wake)
		},
		credential.NewEnrolment,
		profile.New,
		func(t port.Tenants, n port.Numbers, clock port.Clock, r port.Random, trail port.Trail) directory.Office {
			return directory.Office{Tenants: t, Numbers: n, Clock: clock, Random: r, Trail: trail}
		},
		directory.NewCompanies,
		directory.NewContacts,
		directory.NewTags,
		directory.NewAvatars,
		func(c *directory.Contacts, h *argon.Hasher) *directory.Importer {
			return directory.NewImporter(c, func(hash secret.Text) error { return h.Accepts(hash) })
		},
		ledger.New,
		operation.NewAPITokens,
		operation.NewAudit,
		operation.NewReceipts,
		operation.NewIdempotency,
		func(k port.Keys, m port.KeyMaker, r port.KeyRing, clock port.Clock, t port.Trail, c Config) *operation.Keys {
			return operation.NewKeys(k, makingRing{m, r}, clock, t, c.Algorithm)
		},
	),
)

// makingRing is operation.Ring in its two parts.
type makingRing struct {
	port.KeyMaker
	port.KeyRing
}

func newPostman(box port.Outbox, l port.Links, u port.Users, i *signin.Issuer, g *proof.Gate, m port.Mailer, log *zap.Logger) *signin.Postman {
	return signin.NewPostman(signin.PostmanParts{
		Outbox: box, Links: l, Users: u, Issuer: i, Gate: g, Mailer: m,
		Failed: func(job outbox.ID, err error) {
			log.Warn("mail not delivered", zap.String("job", job.String()), zap.Error(err))
		},
	})
}
