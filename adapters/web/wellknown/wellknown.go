// Package wellknown serves what belongs to no dialect: health, metrics, public
// keys, the OpenAPI document and its pages, and signed pictures. It also
// answers the paths that nobody owns. What the document says and how its page
// looks is the business of packages openapi and docs, which bootstrap hands in.
package wellknown

import (
	"context"
	"time"

	"ostiary/adapters/web"
	"ostiary/app/profile"
	"ostiary/domain/secret"
)

// Parts are what the routes ask.
type Parts struct {
	// Storage and Keys return nil while storage answers and a key can sign.
	Storage func(ctx context.Context) error
	Keys    func(ctx context.Context) error
	// JWKS returns the public keys as a JWK set (RFC 7517).
	JWKS func(ctx context.Context) ([]byte, error)
	// Operator reports whether a token is the operator's.
	Operator func(ctx context.Context, token secret.Text) (bool, error)
	Metrics  web.Handler
	// Pprof returns a profile of the process, taken for that long where it is
	// about what goes on. It returns ErrNoProfile and ErrProfileBusy.
	Pprof    func(ctx context.Context, name string, lasts time.Duration) ([]byte, error)
	Profile  *profile.Service
	Document []byte // the OpenAPI document
	Docs     Docs
}

// Docs is the readable form of the document, as package docs has it.
type Docs struct {
	Page   []byte // the HTML at /docs
	Policy string // its Content-Security-Policy
	// Asset returns what Page is made of, by the last segment of its path.
	Asset func(name string) (body []byte, media string, gzipped, ok bool)
	// Unpack undoes gzip.
	Unpack func(gzipped []byte) ([]byte, error)
}

// Config is what a deployment chooses.
type Config struct {
	PublicURL     string // without a slash at the end
	DefaultTenant string // code, "" when unset
}

// API answers the routes.
type API struct {
	Parts
	cfg  Config
	tags map[string]string // of what never changes while the process runs
}

// New puts the parts together.
func New(p Parts, cfg Config) *API {
	return &API{Parts: p, cfg: cfg, tags: map[string]string{"document": etag(p.Document), "page": etag(p.Docs.Page)}}
}

const (
	// keysFor is how long others may keep the key set; a new key is published
	// that long before it signs (package keyset).
	keysFor = "public, max-age=300"
	// patience bounds a readiness check: an answer that takes longer is no.
	patience = 2 * time.Second
)

// Dialect is the table of routes. The empty prefix claims every path that no
// dialect has claimed.
func (a *API) Dialect() web.Dialect {
	return web.Dialect{
		Name: "wellknown", Render: render, Prefixes: []string{""},
		Routes: []web.Route{
			{Method: "GET", Path: "/healthz", Handler: a.health},
			{Method: "GET", Path: "/readyz", Handler: a.ready},
			{Method: "GET", Path: "/metrics", Handler: a.metrics},
			{Method: "GET", Path: "/debug/pprof/{profile}", Handler: a.pprof, NoHead: true},
			{Method: "GET", Path: "/openapi.json", Handler: a.document},
			{Method: "GET", Path: "/docs", Handler: a.docs},
			{Method: "GET", Path: "/docs/{asset}", Handler: a.asset},
			{Method: "GET", Path: "/.well-known/jwks.json", Handler: a.keySet},
			// Alike for unknown codes: the deployment has one key set.
			{Method: "GET", Path: "/t/{tenantCode}/.well-known/jwks.json", Handler: a.keySet},
			{Method: "GET", Path: "/.well-known/openid-configuration", Handler: a.metadata},
			{Method: "GET", Path: "/.well-known/change-password", Handler: a.changePassword},
			{Method: "GET", Path: "/blobs/{id}", Handler: a.picture},
		},
	}
}
