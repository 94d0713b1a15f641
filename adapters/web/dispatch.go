package web

import (
	"errors"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.uber.org/zap"

	"ostiary/domain/fault"
)

var plainStatus = map[fault.Kind]int{
	fault.Internal: 503, fault.Malformed: 400, fault.Invalid: 422, fault.Unauthenticated: 401, fault.Forbidden: 403,
	fault.NotFound: 404, fault.Conflict: 409, fault.Stale: 412, fault.Expired: 401, fault.Limited: 429, fault.Unavailable: 503,
}

// handle is what Fiber calls for a path.
func (e *endpoint) handle(s *Server) fiber.Handler {
	return func(f *fiber.Ctx) error {
		c, _ := f.Context().UserValue(callKey).(*Call) // serve saw to it
		c.fiber, c.endpoint = f, e
		defer c.until.end()
		s.metrics.begin()
		if err := c.guarded(c.run); err != nil {
			c.refuse(err)
		}
		c.share()
		c.finish()
		return nil
	}
}

// guarded turns a panic into a refusal. Its value is not logged: it may quote
// anything.
func (c *Call) guarded(step Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.server.logPanic(c.id, p)
			err = ErrInternal.Because(errPanic)
		}
	}()
	return step(c)
}

var errPanic = errors.New("panic, logged above")

func (s *Server) logPanic(id string, p any) {
	s.log.Error("panic", zap.String("request_id", id), zap.String("type", typeName(p)), zap.ByteString("stack", debug.Stack()))
}

func (c *Call) run(*Call) error {
	e := c.endpoint
	if err := c.readPath(); err != nil {
		return err
	}
	if e.routes == nil {
		return ErrRoute
	}
	if c.preflight() {
		return c.NoContent()
	}
	r, ok := e.routes[c.fiber.Method()]
	if !ok {
		c.Set("Allow", e.allow)
		return ErrMethod
	}
	c.route = r
	if err := c.checkFraming(); err != nil {
		return err
	}
	return r.Handler(c)
}

// readPath decodes the parameters and refuses paths with more than one
// reading: 400 for what is no text, 404 for what another reader might resolve
// to another place.
func (c *Call) readPath() error {
	if original := c.fiber.Request().URI().PathOriginal(); !isUnambiguous(original) {
		if err := c.judgePath(string(original)); err != nil {
			return err
		}
	}
	if len(c.endpoint.params) > 0 {
		c.params = make(map[string]string, len(c.endpoint.params))
	}
	for _, name := range c.endpoint.params {
		c.params[name], _ = url.PathUnescape(c.fiber.Params(name)) // the whole path decoded above
	}
	return nil
}

// isUnambiguous holds for the paths that judgePath has nothing to say about,
// which are nearly all: segments of letters, digits, hyphens and underscores.
func isUnambiguous(path []byte) bool {
	last := byte(0)
	for _, b := range path {
		if !isAlnum(b) && b != '-' && b != '_' && (b != '/' || last == '/') {
			return false
		}
		last = b
	}
	return true
}

func (c *Call) judgePath(raw string) error {
	text, err := url.PathUnescape(raw)
	if err != nil || !isText(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ErrMalformed
	}
	if strings.Contains(raw, "//") || strings.Contains(text, `\`) {
		return ErrRoute
	}
	if !c.endpoint.slashes && strings.Count(text, "/") != strings.Count(raw, "/") {
		return ErrRoute
	}
	for segment := range strings.SplitSeq(text, "/") {
		if segment == "." || segment == ".." {
			return ErrRoute
		}
	}
	return nil
}

func (c *Call) checkFraming() error {
	bodyless := c.fiber.Method() == fiber.MethodGet || c.fiber.Method() == fiber.MethodHead
	if bodyless && !c.route.BodyOnGet && c.HasBody() {
		c.hangUp()
		return ErrMalformed
	}
	if int64(c.fiber.Request().Header.ContentLength()) > c.maxBody() {
		c.hangUp()
		return ErrTooLarge
	}
	return nil
}

// refuse lets the dialect say no, and sets what every refusal carries.
func (c *Call) refuse(err error) {
	c.fiber.Response().ResetBody()
	c.Set("Cache-Control", noStore)
	c.fiber.Response().Header.Del("ETag")
	c.logFault(err)
	if sealed := c.Receipt(err); sealed != "" {
		c.Set("X-Receipt", sealed)
	}
	render := func(c *Call) error { return c.endpoint.dialect.Render(c, err) }
	if failed := c.guarded(render); failed != nil {
		c.server.log.Error("render failed", zap.String("request_id", c.id), zap.Error(failed))
		_ = c.server.bare(c.fiber.Context(), 500, ErrInternal.Code())
	}
	h := &c.fiber.Response().Header
	switch h.StatusCode() {
	case fiber.StatusUnauthorized:
		c.Set("WWW-Authenticate", "Bearer")
	case fiber.StatusTooManyRequests, fiber.StatusServiceUnavailable:
		c.Set("Retry-After", retryAfter(err))
	}
	if h.StatusCode() == fiber.StatusServiceUnavailable && c.server.gate.crowded() {
		c.hangUp()
	}
}

// retryAfter is whole seconds, rounded up so that nobody comes back too early.
func retryAfter(err error) string {
	wait := time.Second
	if f := fault.Of(err); f != nil {
		wait = max(wait, f.RetryAfter())
	}
	return itoa(int((wait + time.Second - 1) / time.Second))
}
