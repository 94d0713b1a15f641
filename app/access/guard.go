package access

import (
	"context"
	"errors"
	"fmt"

	"ostiary/app/port"
	"ostiary/app/tenancy"
	"ostiary/domain/company"
	"ostiary/domain/fault"
	"ostiary/domain/portal"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// ErrRestricted is returned to a token that is good for changing the password
// alone.
var ErrRestricted = user.ErrChangeRequired

// Guard proves bearers.
type Guard struct {
	live     port.Live
	tokens   port.Tokens
	clock    port.Clock
	resolver *tenancy.Resolver
	names    Names
	operator secret.Text
}

// NewGuard takes the configured operator token, zero when none is accepted.
func NewGuard(live port.Live, tokens port.Tokens, clock port.Clock, resolver *tenancy.Resolver, names Names, operator secret.Text) *Guard {
	return &Guard{live: live, tokens: tokens, clock: clock, resolver: resolver, names: names, operator: operator}
}

// Names are what the deployment is called in tokens and links.
type Names struct {
	PublicURL string // without a slash at the end
}

// Audience is what a tenant's tokens are for: its setting, else its address
// under the public URL.
func (n Names) Audience(t *tenant.Tenant) string {
	if a := t.Settings().Audience; a != "" {
		return a
	}
	return n.TenantURL(t.Code())
}

// TenantURL is the address of a tenant under the public URL.
func (n Names) TenantURL(code tenant.Code) string { return n.PublicURL + "/t/" + string(code) }

// Visitor is a proven user inside a portal. The aggregates are shared: read
// them only.
type Visitor struct {
	Tenant  *tenant.Tenant
	Person  port.Person
	Session *session.Session
	Entry   portal.Entry
}

// Bearer is a credential with what else the request says about its tenant.
type Bearer struct {
	Token secret.Text
	Hints tenancy.Hints
}

// Visitor proves an access token: signature, times, audience, and live state
// of tenant, user, session and portal. It returns session.ErrToken,
// tenancy.ErrContradict, tenant.ErrSuspended, or ErrRestricted.
func (g *Guard) Visitor(ctx context.Context, b Bearer) (Visitor, error) {
	v, restricted, err := g.visit(ctx, b)
	if err != nil {
		return Visitor{}, err
	}
	if restricted {
		return Visitor{}, ErrRestricted
	}
	return v, nil
}

// Changer is Visitor for the one use case that a restricted token opens.
func (g *Guard) Changer(ctx context.Context, b Bearer) (Visitor, error) {
	v, _, err := g.visit(ctx, b)
	return v, err
}

func (g *Guard) visit(ctx context.Context, b Bearer) (Visitor, bool, error) {
	claims, restricted, err := g.tokens.Verify(ctx, b.Token)
	if err != nil {
		return Visitor{}, false, refuse(err, "token", "invalid")
	}
	t, err := g.live.Tenant(ctx, claims.Tenant)
	if err != nil {
		return Visitor{}, false, refuse(err, "tenant", "unknown")
	}
	if err := g.resolver.Agree(ctx, b.Hints, t); err != nil {
		return Visitor{}, false, err
	}
	if !t.Active() {
		return Visitor{}, false, tenant.ErrSuspended
	}
	if !restricted && claims.Audience != g.names.Audience(t) {
		return Visitor{}, false, refuse(session.ErrToken, "audience", "other")
	}
	v, err := g.enter(ctx, t, claims)
	if err != nil {
		return Visitor{}, false, err
	}
	if v.Session.Restricted() != restricted {
		return Visitor{}, false, refuse(session.ErrToken, "session", "other")
	}
	return v, restricted, nil
}

// enter judges the live state behind a token that is good by itself.
func (g *Guard) enter(ctx context.Context, t *tenant.Tenant, c session.Claims) (Visitor, error) {
	s, err := g.live.Session(ctx, t.ID(), c.Session)
	if err != nil {
		return Visitor{}, refuse(err, "session", "unknown")
	}
	p, err := g.live.Person(ctx, t.ID(), s.User())
	if err != nil {
		return Visitor{}, refuse(err, "user", "unknown")
	}
	if c.Subject != s.User() || !s.Live(p.User, g.clock.Now()) {
		return Visitor{}, refuse(session.ErrToken, "session", "ended")
	}
	if c.TenantCode != t.Code() || c.Company != s.Company() || c.Portal != s.Portal() || c.Contact != p.Contact.ID() {
		// Others read these claims: a token that was signed with wrong ones
		// must not be good here either.
		return Visitor{}, refuse(session.ErrToken, "token", "contradicts")
	}
	co, err := g.live.Company(ctx, t.ID(), s.Company())
	if err != nil {
		return Visitor{}, refuse(err, "company", "unknown")
	}
	v := Visitor{Tenant: t, Person: p, Session: s}
	if s.Restricted() {
		v.Entry = portal.Entry{Company: co, Portal: co.Portal()}
		return v, nil
	}
	v.Entry, err = portal.Choose(portal.Entries(t, p.User, p.Contact, []*company.Company{co}), s.Portal())
	if err != nil {
		return Visitor{}, refuse(session.ErrToken, "portal", "closed")
	}
	return v, nil
}

// refuse turns what does not exist or does not hold into the one answer to a
// bad token; outages stay outages.
func refuse(err error, step, outcome string) error {
	f := fault.Of(err)
	if f == nil {
		return fmt.Errorf("check token: %w", err)
	}
	if f.Kind() != fault.NotFound && !errors.Is(err, session.ErrToken) {
		return err
	}
	return session.ErrToken.Because(err).Traced(fault.Step{Name: step, Outcome: outcome})
}
