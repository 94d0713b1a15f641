package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ostiary/app/port"
	"ostiary/app/tenancy"
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
	Actor   string // kind:id, for audit records and logs
}

// Judged are the decisions by which the visitor came in.
func (Visitor) Judged() []fault.Step {
	return []fault.Step{resolved, found, {Name: "credential", Outcome: "right"}, {Name: "portal", Outcome: "open"}}
}

var (
	resolved = fault.Step{Name: "tenant", Outcome: "resolved"}
	found    = fault.Step{Name: "user", Outcome: "found"}
)

func credential(outcome string) fault.Step { return fault.Step{Name: "credential", Outcome: outcome} }

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
		return Visitor{}, owned{
			error: ErrRestricted.Traced(resolved, found, credential("good for changing the password alone")), owner: v.Tenant.ID(),
		}
	}
	return v, nil
}

// Changer is Visitor for the one use case that a restricted token opens.
func (g *Guard) Changer(ctx context.Context, b Bearer) (Visitor, error) {
	v, _, err := g.visit(ctx, b)
	return v, err
}

func (g *Guard) visit(ctx context.Context, b Bearer) (Visitor, bool, error) {
	// Asked first: who has not heard for long may not know a key by now.
	if err := g.live.Fresh(); err != nil {
		return Visitor{}, false, err
	}
	claims, restricted, err := g.tokens.Verify(ctx, b.Token)
	if err != nil {
		return Visitor{}, false, refuse(err, credential("invalid"))
	}
	now := g.clock.Now()
	st, missing := g.live.Standing(ctx, claims.Tenant, claims.Session, now)
	if st.Tenant == nil {
		return Visitor{}, false, refuse(missing, tenant.Ref{}.Judged())
	}
	t := st.Tenant
	err = g.judgeTenant(ctx, t, b.Hints)
	if err == nil && !restricted && claims.Audience != g.names.Audience(t) {
		err = refuse(session.ErrToken, resolved, credential("for another audience"))
	}
	var v Visitor
	if err == nil {
		v, err = g.enter(st, missing, claims, now)
	}
	if err == nil && v.Session.Restricted() != restricted {
		err = refuse(session.ErrToken, resolved, found, credential("of another kind of session"))
	}
	if err != nil {
		return Visitor{}, false, owned{error: err, owner: t.ID()}
	}
	return v, restricted, nil
}

// owned is the refusal of a credential that is genuinely a tenant's.
type owned struct {
	error
	owner tenant.ID
}

// Unwrap keeps the refusal what it is.
func (o owned) Unwrap() error { return o.error }

// Owner says whose administrators may read the receipt.
func (o owned) Owner() tenant.ID { return o.owner }

// judgeTenant judges the tenant of a genuine credential.
func (g *Guard) judgeTenant(ctx context.Context, t *tenant.Tenant, h tenancy.Hints) error {
	if err := g.resolver.Agree(ctx, h, t); err != nil {
		return err
	}
	if !t.Active() {
		return tenant.ErrSuspended
	}
	return nil
}

// enter judges the live state behind a token that is good by itself; missing is
// why it is not whole.
func (g *Guard) enter(st *port.Standing, missing error, c session.Claims, now time.Time) (Visitor, error) {
	s, p := st.Session, st.Person
	switch {
	case s == nil:
		return Visitor{}, refuse(missing, resolved, credential("session unknown"))
	case p.User == nil:
		return Visitor{}, refuse(missing, resolved, fault.Step{Name: "user", Outcome: "unknown"})
	case !p.User.Enabled():
		return Visitor{}, refuse(session.ErrToken, resolved, fault.Step{Name: "user", Outcome: "disabled"})
	case c.Subject != s.User() || !s.Live(p.User, now):
		return Visitor{}, refuse(session.ErrToken, resolved, found, credential("session ended"))
	case c.TenantCode != st.Tenant.Code() || c.Company != s.Company() || c.Portal != s.Portal() || c.Contact != p.Contact.ID():
		// Others read these claims: a token that was signed with wrong ones
		// must not be good here either.
		return Visitor{}, refuse(session.ErrToken, resolved, found, credential("contradicts its session"))
	case st.Company == nil:
		return Visitor{}, refuse(missing, resolved, found, credential("right"), fault.Step{Name: "portal", Outcome: "company unknown"})
	}
	v := Visitor{Tenant: st.Tenant, Person: p, Session: s, Actor: st.Actor}
	if s.Restricted() {
		v.Entry = portal.Entry{Company: st.Company, Portal: st.Company.Portal()}
		return v, nil
	}
	if v.Entry = st.Entry; !st.Open {
		return Visitor{}, refuse(session.ErrToken, resolved, found, credential("right"), fault.Step{Name: "portal", Outcome: "closed"})
	}
	return v, nil
}

// refuse turns what does not exist or does not hold into the one answer to a
// bad token; outages stay outages.
func refuse(err error, steps ...fault.Step) error {
	f := fault.Of(err)
	if f == nil {
		return fmt.Errorf("check token: %w", err)
	}
	if f.Kind() != fault.NotFound && !errors.Is(err, session.ErrToken) {
		return err
	}
	return session.ErrToken.Because(err).Traced(steps...)
}
