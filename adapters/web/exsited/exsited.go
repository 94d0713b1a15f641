// Package exsited speaks the dialect "Exsited" of /api/v3/portal: sign-in and
// change of password, each by POST and by GET with a body. It owns paths, JSON
// and statuses; who may sign in is decided by the use cases that it calls.
package exsited

import (
	"ostiary/adapters/web"
	"ostiary/app/credential"
	"ostiary/app/profile"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
)

// Services are the use cases behind the routes.
type Services struct {
	Resolver  *tenancy.Resolver
	Passwords *signin.Passwords
	Changes   *credential.Changes
	Profile   *profile.Service
}

// API answers the dialect.
type API struct {
	Services
	seconds bool
}

// New puts the parts together; seconds says in which unit the end of an access
// token is told (else milliseconds).
func New(s Services, seconds bool) *API { return &API{Services: s, seconds: seconds} }

const root = "/api/v3/portal"

// Dialect is the table of routes. HEAD must do nothing: the GET routes change
// what they read.
func (a *API) Dialect() web.Dialect {
	return web.Dialect{
		Name: "exsited", Render: render, CORS: true, Tenanted: true, Prefixes: []string{root},
		Routes: []web.Route{
			{Method: "GET", Path: root + "/login", Handler: a.login, BodyOnGet: true, NoHead: true},
			{Method: "POST", Path: root + "/login", Handler: a.login},
			{Method: "GET", Path: root + "/change-password", Handler: a.changePassword, BodyOnGet: true, NoHead: true},
			{Method: "POST", Path: root + "/change-password", Handler: a.changePassword},
		},
	}
}

// hints says what the request tells about its tenant, and makes log, receipt
// and CORS follow the tenant that it names.
func (a *API) hints(c *web.Call) (tenancy.Hints, error) {
	h, err := c.Hints("")
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
