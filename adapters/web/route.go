package web

import (
	"maps"
	"slices"
	"strings"
)

// Handler answers one request or returns why not.
type Handler func(c *Call) error

// Render writes a refusal in a dialect's shape; Pick helps it. Retry-After,
// WWW-Authenticate, X-Receipt, Allow and Cache-Control are set around it.
type Render func(c *Call, err error) error

// Route is one method of one path. Path is the whole path from the root, with
// parameters as {name}, as in the OpenAPI document: each stands for one
// segment.
type Route struct {
	Method  string
	Path    string
	Handler Handler

	// MaxBody is the largest body in bytes; zero means 64 KiB.
	MaxBody int64
	// BodyOnGet lets a GET carry a body, which is refused elsewhere.
	BodyOnGet bool
	// NoHead must be set on a GET that changes anything: other GET routes
	// answer HEAD by running the same handler.
	NoHead bool
	// Slashes lets the parameters of this path hold an encoded slash (%2F),
	// which is refused elsewhere: references of documents have them.
	Slashes bool
}

// Dialect is a set of routes with one way to say no.
type Dialect struct {
	Name   string // for logs and metrics
	Routes []Route
	Render Render
	// Prefixes are the paths below which unknown routes are this dialect's
	// 404, such as /api/v1/portal.
	Prefixes []string
	// Tenanted mounts everything a second time under /t/{tenantCode}.
	Tenanted bool
	// CORS lets pages of the tenants' origins read the answers.
	CORS bool
}

const tenantPrefix = "/t/{tenantCode}"

// endpoint is one path with the routes of its methods.
type endpoint struct {
	dialect *Dialect
	pattern string
	params  []string // their names, in order
	routes  map[string]*Route
	allow   string
	slashes bool
}

// Mount adds a dialect. Call it before Listen. It panics when a route is there
// already: that is a mistake in the program, not in a request.
func (s *Server) Mount(d Dialect) {
	prefixes := []string{""}
	if d.Tenanted {
		prefixes = append(prefixes, tenantPrefix)
	}
	for _, prefix := range prefixes {
		for i := range d.Routes {
			s.add(&d, prefix+d.Routes[i].Path, &d.Routes[i])
		}
		for _, p := range d.Prefixes {
			s.fallbacks = append(s.fallbacks, &endpoint{dialect: &d, pattern: prefix + p, params: paramsOf(prefix + p)})
		}
	}
}

func (s *Server) add(d *Dialect, pattern string, r *Route) {
	e, ok := s.endpoints[pattern]
	if !ok {
		e = &endpoint{dialect: d, pattern: pattern, params: paramsOf(pattern), routes: map[string]*Route{}}
		s.endpoints[pattern] = e
	}
	if e.dialect != d || e.routes[r.Method] != nil {
		panic("web: mounted twice: " + r.Method + " " + pattern)
	}
	e.routes[r.Method] = r
	e.slashes = e.slashes || r.Slashes
	if r.Method == "GET" && !r.NoHead && e.routes["HEAD"] == nil {
		e.routes["HEAD"] = r
	}
	e.allow = strings.Join(slices.Sorted(maps.Keys(e.routes)), ", ")
}

// build hands the endpoints to Fiber, literal segments before parameters,
// because Fiber takes the first route that fits.
func (s *Server) build() {
	patterns := slices.SortedFunc(maps.Keys(s.endpoints), bySpecificity)
	for _, p := range patterns {
		s.app.All(fiberPath(p), s.endpoints[p].handle(s))
	}
	slices.SortStableFunc(s.fallbacks, func(a, b *endpoint) int { return len(b.pattern) - len(a.pattern) })
	for _, e := range s.fallbacks {
		s.app.All(fiberPath(e.pattern), e.handle(s))
		s.app.All(fiberPath(e.pattern)+"/*", e.handle(s))
	}
	s.app.Use((&endpoint{dialect: s.nobody}).handle(s))
}

func bySpecificity(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range min(len(as), len(bs)) {
		ap, bp := isParam(as[i]), isParam(bs[i])
		switch {
		case ap && !bp:
			return 1
		case bp && !ap:
			return -1
		}
		if c := strings.Compare(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return len(as) - len(bs)
}

func paramsOf(pattern string) (names []string) {
	for segment := range strings.SplitSeq(pattern, "/") {
		if isParam(segment) {
			names = append(names, segment[1:len(segment)-1])
		}
	}
	return names
}

func isParam(segment string) bool {
	return strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}")
}

func fiberPath(pattern string) string {
	segments := strings.Split(pattern, "/")
	for i, seg := range segments {
		if isParam(seg) {
			segments[i] = ":" + seg[1:len(seg)-1]
			continue
		}
		segments[i] = strings.ReplaceAll(seg, ":", `\:`)
	}
	return strings.Join(segments, "/")
}
