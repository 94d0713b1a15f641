package bootstrap

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"ostiary/adapters/live"
	"ostiary/adapters/system"
	"ostiary/adapters/web"
	"ostiary/adapters/web/admin"
	"ostiary/adapters/web/alpha"
	"ostiary/adapters/web/exsited"
	"ostiary/adapters/web/luminous"
	"ostiary/adapters/web/pages"
	"ostiary/adapters/web/wellknown"
	"ostiary/adapters/web/wellknown/docs"
	"ostiary/adapters/web/wellknown/openapi"
	"ostiary/app/access"
	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/app/ledger"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/app/profile"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/tenant"
)

var webModule = fx.Module("web",
	fx.Provide(
		newServer,
		newAlphaServices, newAlpha,
		newExsitedServices, newExsited,
		luminous.New,
		newDirectoryServices, newOperationServices, newAdmin,
		newPages,
		newWellknown,
	),
	fx.Invoke(mount, measure),
)

// mount is the whole surface of the program, in one place.
func mount(s *web.Server, al *alpha.API, ex *exsited.API, lu *luminous.API, ad *admin.API, pg *pages.Pages, wk *wellknown.API) {
	for _, d := range []web.Dialect{al.Dialect(), ex.Dialect(), lu.Dialect(), ad.Dialect(), pg.Dialect(), wk.Dialect()} {
		s.Mount(d)
	}
}

// receipts gives the web core's words to the use case.
type receipts struct{ inner *operation.Receipts }

// Seal implements web.Receipts.
func (r receipts) Seal(requestID string, t tenant.ID, err error) string {
	return r.inner.Issue(t, requestID, err)
}

func newServer(c Config, res *tenancy.Resolver, rec *operation.Receipts, reg *prometheus.Registry, log *zap.Logger) *web.Server {
	return web.New(web.Config{
		NewID:          system.RequestID,
		Now:            system.Instant,
		HTTPS:          c.https(),
		TrustedProxies: c.TrustedProxies,
		RequestKey:     port.RequestKey(),
		AllowedOrigin:  res.OriginAllowed,
		Served:         res.Served,
		Receipts:       receipts{rec},
		Metrics:        reg,
	}, log)
}

func (c Config) https() bool { return strings.HasPrefix(c.PublicURL, "https://") }

func newAlpha(c Config, clock port.Clock, s alpha.Services) *alpha.API {
	return alpha.New(s, alpha.Config{Now: clock.Now, HTTPS: c.https(), Seconds: c.ExpiresSeconds, Parity: c.ParityRoutes})
}

func newAlphaServices(r *tenancy.Resolver, g *access.Guard, p *signin.Passwords, l *signin.Links, s *signin.Sessions, ch *credential.Changes, pr *profile.Service) alpha.Services {
	return alpha.Services{Resolver: r, Guard: g, Passwords: p, Links: l, Sessions: s, Changes: ch, Profile: pr}
}

func newExsitedServices(r *tenancy.Resolver, p *signin.Passwords, ch *credential.Changes, pr *profile.Service) exsited.Services {
	return exsited.Services{Resolver: r, Passwords: p, Changes: ch, Profile: pr}
}

func newExsited(c Config, s exsited.Services) *exsited.API { return exsited.New(s, c.ExpiresSeconds) }

func newAdmin(g *access.Guard, t *tenancy.Admin, d directoryServices, l *credential.Logins, led *ledger.Service, o operationServices) *admin.API {
	return admin.New(admin.UseCases{
		Guard: g, Tenants: t, Companies: d.companies, Contacts: d.contacts, Tags: d.tags, Avatars: d.avatars, Logins: l, Ledger: led,
		Tokens: o.tokens, Audit: o.audit, Receipts: o.receipts, Keys: o.keys, Idempotency: o.idempotency,
	})
}

// directoryServices and operationServices keep the admin API's long list of
// parts in hand.
type directoryServices struct {
	companies *directory.Companies
	contacts  *directory.Contacts
	tags      *directory.Tags
	avatars   *directory.Avatars
}

func newDirectoryServices(co *directory.Companies, ct *directory.Contacts, t *directory.Tags, a *directory.Avatars) directoryServices {
	return directoryServices{companies: co, contacts: ct, tags: t, avatars: a}
}

type operationServices struct {
	tokens      *operation.APITokens
	audit       *operation.Audit
	receipts    *operation.Receipts
	keys        *operation.Keys
	idempotency *operation.Idempotency
}

func newOperationServices(t *operation.APITokens, a *operation.Audit, r *operation.Receipts, k *operation.Keys, i *operation.Idempotency) operationServices {
	return operationServices{tokens: t, audit: a, receipts: r, keys: k, idempotency: i}
}

func newPages(c Config, r *tenancy.Resolver, l *signin.Links, s *signin.Sessions) *pages.Pages {
	return pages.New(r, l, s, pages.Config{PublicURL: c.PublicURL, HTTPS: c.https()})
}

func newWellknown(c Config, h port.Health, ring port.KeyRing, l *live.Live, g *access.Guard, pr *profile.Service, reg *prometheus.Registry) *wellknown.API {
	return wellknown.New(wellknown.Parts{
		Storage: func(ctx context.Context) error {
			if err := l.Fresh(); err != nil {
				return err
			}
			return h.Ping(ctx)
		},
		Keys: func(ctx context.Context) error {
			_, err := ring.JWKS(ctx)
			return err
		},
		JWKS:     ring.JWKS,
		Operator: g.Operator,
		Metrics:  web.Metrics(reg),
		Pprof:    profiles(),
		Profile:  pr,
		Document: openapi.JSON(),
		Docs:     wellknown.Docs{Page: docs.Index(), Policy: docs.Policy, Asset: docs.Asset, Unpack: docs.Unpack},
	}, wellknown.Config{PublicURL: c.PublicURL, DefaultTenant: string(c.DefaultTenant)})
}

// profiles puts the refusals of taking a profile into the words of the API.
func profiles() func(context.Context, string, time.Duration) ([]byte, error) {
	var p system.Profiles
	return func(ctx context.Context, name string, lasts time.Duration) ([]byte, error) {
		out, err := p.Take(ctx, name, lasts)
		switch {
		case errors.Is(err, system.ErrNoProfile):
			return nil, wellknown.ErrNoProfile
		case errors.Is(err, system.ErrProfileBusy):
			return nil, wellknown.ErrProfileBusy
		}
		return out, err
	}
}
