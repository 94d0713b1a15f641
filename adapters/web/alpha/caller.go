package alpha

import (
	"context"

	"ostiary/adapters/web"
	"ostiary/app/access"
	"ostiary/app/tenancy"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
)

// hints says what the request tells about its tenant, and makes log, receipt
// and CORS follow the tenant that it names.
func (a *API) hints(c *web.Call, code string) (tenancy.Hints, error) {
	h, err := c.Hints(code)
	if err != nil {
		return tenancy.Hints{}, err
	}
	ref, err := a.Resolver.Resolve(c.Context(), h)
	if err != nil {
		return tenancy.Hints{}, err
	}
	c.SetTenant(ref.ID())
	return h, nil
}

// held is hints for a request with an opaque token in hand, which names its
// tenant by itself: the use case adds it to the sources.
func held(c *web.Call, code string, owner tenant.ID, err error) (tenancy.Hints, error) {
	if err == nil {
		c.SetTenant(owner)
	}
	return c.Hints(code)
}

// visitor proves the bearer.
func (a *API) visitor(c *web.Call) (access.Visitor, access.Bearer, error) {
	return prove(c, a.Guard.Visitor)
}

// changer proves a bearer that may be restricted to changing the password.
func (a *API) changer(c *web.Call) (access.Visitor, access.Bearer, error) {
	return prove(c, a.Guard.Changer)
}

// prove comes before a body is read: who proves nothing is told nothing else.
func prove(c *web.Call, by func(context.Context, access.Bearer) (access.Visitor, error)) (access.Visitor, access.Bearer, error) {
	token, err := c.RequireBearer()
	if err != nil {
		return access.Visitor{}, access.Bearer{}, err
	}
	h, err := c.Hints("")
	if err != nil {
		return access.Visitor{}, access.Bearer{}, err
	}
	b := access.Bearer{Token: token, Hints: h}
	v, err := by(c.Context(), b)
	if err != nil {
		return access.Visitor{}, access.Bearer{}, err
	}
	c.SetTenant(v.Tenant.ID())
	c.SetActor(v.Actor)
	return v, b, nil
}

func clientOf(c *web.Call) session.Client {
	return session.Client{UserAgent: c.UserAgent(), Address: c.Address()}
}
