package access

import (
	"context"
	"errors"
	"slices"

	"ostiary/domain/actor"
	"ostiary/domain/apitoken"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Actor proves a credential of the admin API: the configured operator token,
// an API token, or the access token of a user who holds the role admin. It
// returns session.ErrToken, tenant.ErrSuspended, tenancy.ErrContradict or
// actor.ErrForbidden.
func (g *Guard) Actor(ctx context.Context, b Bearer) (actor.Actor, error) {
	if g.isOperator(b.Token) {
		return actor.TheOperator(""), nil
	}
	if apitoken.LooksLike(b.Token.Reveal()) {
		return g.program(ctx, b)
	}
	v, err := g.Visitor(ctx, b)
	if err != nil {
		return actor.Actor{}, err
	}
	if !slices.Contains(v.Person.User.Roles(), user.Admin) {
		return actor.Actor{}, owned{error: actor.ErrForbidden.Led(v.Judged()...), owner: v.Tenant.ID()}
	}
	return actor.Actor{
		Kind: actor.User, ID: v.Person.User.ID().String(), Tenant: v.Tenant.ID(),
		Permissions: actor.TenantPermissions(), Admin: true,
	}, nil
}

// Program proves an API token, or the configured operator token, and nothing else.
func (g *Guard) Program(ctx context.Context, b Bearer) (actor.Actor, error) {
	if g.isOperator(b.Token) {
		return actor.TheOperator(""), nil
	}
	return g.program(ctx, b)
}

func (g *Guard) program(ctx context.Context, b Bearer) (actor.Actor, error) {
	shown, err := apitoken.Parse(b.Token)
	if err != nil {
		return actor.Actor{}, refuse(session.ErrToken, credential("malformed"))
	}
	tok, err := g.live.APIToken(ctx, shown.Tenant, shown.ID)
	if err != nil {
		return actor.Actor{}, refuse(err, credential("unknown"))
	}
	if !tok.Accepts(shown, g.clock.Now()) {
		return actor.Actor{}, owned{error: refuse(session.ErrToken, credential("wrong, revoked or expired")), owner: shown.Tenant}
	}
	if shown.Tenant.IsZero() {
		return tok.Actor(), nil
	}
	t, err := g.live.Tenant(ctx, shown.Tenant)
	if err != nil {
		return actor.Actor{}, refuse(err, tenant.Ref{}.Judged())
	}
	if err := g.judgeTenant(ctx, t, b.Hints); err != nil {
		return actor.Actor{}, owned{error: err, owner: t.ID()}
	}
	return tok.Actor(), nil
}

// Operator reports whether the token is the operator's own: the configured
// one, or an API token that belongs to no tenant.
func (g *Guard) Operator(ctx context.Context, token secret.Text) (bool, error) {
	a, err := g.Program(ctx, Bearer{Token: token})
	if errors.Is(err, session.ErrToken) || errors.Is(err, tenant.ErrSuspended) {
		return false, nil
	}
	return err == nil && a.OfOperator(), err
}

// isOperator compares digests, so that the time taken says nothing about the
// length of the configured token either.
func (g *Guard) isOperator(shown secret.Text) bool {
	if g.operator.IsZero() || shown.IsZero() {
		return false
	}
	return secret.DigestOf([]byte(shown.Reveal())).Equal(secret.DigestOf([]byte(g.operator.Reveal())))
}
