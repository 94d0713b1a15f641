// Package pages serves the one hosted page, /t/{tenantCode}/magic, which a
// mailed link opens unless the tenant has a magicLinkUrl of its own. It owns
// HTML, texts and the rules of a form in a browser; links and codes are judged
// by package signin.
//
// The page shows what was done and hands nothing on. Whoever has a front end
// sets magicLinkUrl, and its links never come here; where there is none, no
// program waits for tokens. They are put neither into a cookie nor into the
// page, where people could be talked into passing them on: the session that a
// sign-in opens here is ended at once, because nobody holds its tokens. So the
// page proves that mail, link and login of a new deployment work.
//
// GET and HEAD use nothing up, show the same for every code, and run no
// request by script: the link's token stays in the fragment until somebody
// presses the button. The form needs the binding of the request for the mail,
// as the cookie that the same browser got; mail scanners do not have it. A
// browser without it, also that of somebody invited, can ask here for a mail.
package pages

import (
	"ostiary/adapters/web"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
)

// Config is what a deployment chooses.
type Config struct {
	PublicURL string // without a slash at the end
	HTTPS     bool   // users come by https: the binding's cookie is __Host-
}

// Pages answers the hosted page.
type Pages struct {
	resolver *tenancy.Resolver
	links    *signin.Links
	sessions *signin.Sessions
	cfg      Config
}

// New puts the parts together.
func New(resolver *tenancy.Resolver, links *signin.Links, sessions *signin.Sessions, cfg Config) *Pages {
	return &Pages{resolver: resolver, links: links, sessions: sessions, cfg: cfg}
}

const path = "/t/{tenantCode}/magic"

// Dialect is the table of routes.
func (p *Pages) Dialect() web.Dialect {
	return web.Dialect{
		Name: "pages", Render: p.render,
		Routes: []web.Route{
			{Method: "GET", Path: path, Handler: p.open},
			{Method: "POST", Path: path, Handler: p.submit, MaxBody: 8 << 10},
			{Method: "GET", Path: path + "/{asset}", Handler: p.asset},
		},
	}
}

func (p *Pages) open(c *web.Call) error { return show(c, 200, view{State: stateOpen}) }

func (p *Pages) asset(c *web.Call) error {
	a, ok := assets[c.Param("asset")]
	if !ok {
		return web.ErrRoute
	}
	c.Set("Cache-Control", "public, max-age=3600")
	return c.Bytes(200, a.media, a.body)
}
