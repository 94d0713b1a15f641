// Package alpha speaks the dialect "Alpha" of /api/v1/portal, and the three
// parity routes of its original product under /api/v1/auth. It owns paths,
// JSON and statuses; who may do what is decided by the use cases that it calls.
package alpha

import (
	"time"

	"ostiary/adapters/web"
	"ostiary/app/access"
	"ostiary/app/credential"
	"ostiary/app/profile"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
)

// Services are the use cases behind the routes.
type Services struct {
	Resolver  *tenancy.Resolver
	Guard     *access.Guard
	Passwords *signin.Passwords
	Links     *signin.Links
	Sessions  *signin.Sessions
	Changes   *credential.Changes
	Profile   *profile.Service
}

// Config is what a deployment chooses.
type Config struct {
	Now     func() time.Time // the time in error bodies
	HTTPS   bool             // users come by https: the binding's cookie is __Host-
	Seconds bool             // accessExpiresUnix in seconds, not milliseconds
	Parity  bool             // serve the routes under /api/v1/auth
}

// API answers the dialect.
type API struct {
	Services
	cfg Config
}

// New puts the parts together.
func New(s Services, cfg Config) *API { return &API{Services: s, cfg: cfg} }

const (
	root   = "/api/v1/portal"
	parity = "/api/v1/auth"
)

// Dialect is the table of routes.
func (a *API) Dialect() web.Dialect {
	d := web.Dialect{
		Name: "alpha", Render: a.render, CORS: true, Tenanted: true, Prefixes: []string{root},
		Routes: []web.Route{
			{Method: "POST", Path: root + "/auth/request-magic-link", Handler: a.requestLink},
			{Method: "POST", Path: root + "/auth/validate", Handler: a.validate},
			{Method: "POST", Path: root + "/auth/validate-code", Handler: a.validateCode},
			{Method: "POST", Path: root + "/auth/login", Handler: a.login},
			{Method: "POST", Path: root + "/auth/refresh", Handler: a.refresh},
			{Method: "POST", Path: root + "/auth/logout", Handler: a.logout},
			{Method: "POST", Path: root + "/auth/switch", Handler: a.switchPortal},
			{Method: "POST", Path: root + "/auth/change-password", Handler: a.changePassword},
			{Method: "GET", Path: root + "/auth/sessions", Handler: a.listSessions},
			{Method: "DELETE", Path: root + "/auth/sessions", Handler: a.endOtherSessions},
			{Method: "DELETE", Path: root + "/auth/sessions/{id}", Handler: a.endSession},
			{Method: "GET", Path: root + "/me", Handler: a.me},
			{Method: "GET", Path: root + "/client", Handler: a.client},
			{Method: "GET", Path: root + "/scopes", Handler: a.scopes},
			{Method: "GET", Path: root + "/dashboard/stats", Handler: a.stats},
			{Method: "GET", Path: root + "/blobs/{blobId}", Handler: a.blob},
		},
	}
	if a.cfg.Parity {
		d.Prefixes = append(d.Prefixes, parity)
		d.Routes = append(
			d.Routes,
			web.Route{Method: "POST", Path: parity + "/login", Handler: a.parityLogin},
			// These change what they read: HEAD must not run them.
			web.Route{Method: "GET", Path: parity + "/refresh/{refreshToken}", Handler: a.parityRefresh, NoHead: true},
			web.Route{Method: "GET", Path: parity + "/logout/{refreshToken}", Handler: a.parityLogout, NoHead: true},
		)
	}
	return d
}
