package web

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/gofiber/fiber/v2"

	"ostiary/app/tenancy"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

// Call is one request and its answer. It is good until the handler returns;
// the strings it gives out stay good.
type Call struct {
	fiber    *fiber.Ctx
	server   *Server
	endpoint *endpoint
	route    *Route
	id       string
	started  time.Time
	until    deadline
	raw      string // the head's fields, once they were asked for
	head     []headerField
	few      [fewFields]headerField
	params   map[string]string
	query    url.Values
	body     *body
	tenant   tenant.ID
	actor    string
	refused  string        // code of the refusal that was answered
	hints    tenancy.Hints // as the handler last read them
	hinted   bool
	receipt  *string
	text     [36]byte      // room to write an id
	status   int           // of the answer, once there is one
	took     time.Duration // to make it
}

// Context carries the request's deadline.
func (c *Call) Context() context.Context { return &c.until }

// Fiber is the way to what Call does not offer, such as cookies. Do not read
// the body, the client address or forwarding headers through it.
func (c *Call) Fiber() *fiber.Ctx { return c.fiber }

// RequestID is the id that Ostiary gave the request; the client's is ignored.
func (c *Call) RequestID() string { return c.id }

// Route is the pattern that matched, such as /t/{tenantCode}/api/v1/portal/me,
// "" when none did. It holds nothing that the client chose.
func (c *Call) Route() string { return c.pattern() }

func (c *Call) pattern() string {
	if c.route == nil {
		return ""
	}
	return c.endpoint.pattern
}

// SetTenant records which tenant the request turned out to be for: CORS, log
// and receipt follow it. Dialects call it as soon as they know.
func (c *Call) SetTenant(t tenant.ID) { c.tenant = t }

// SetActor records who proved to be calling, as kind:id, for the log alone.
func (c *Call) SetActor(name string) { c.actor = name }

// Param returns a path parameter, percent-decoded. What does not decode to
// printable UTF-8, or holds a slash, was refused before the handler ran.
func (c *Call) Param(name string) string { return c.params[name] }

// Receipt returns the sealed trace of err, the same text that the header
// X-Receipt carries on every refusal.
func (c *Call) Receipt(err error) string {
	if c.receipt == nil {
		sealed := ""
		if r := c.server.cfg.Receipts; r != nil {
			sealed = r.Seal(c.id, c.owner(err), err)
		}
		c.receipt = &sealed
	}
	return *c.receipt
}

// owner is the tenant whose administrators may read the receipt of err: that
// of the refused credential, else the one that the request names.
func (c *Call) owner(err error) tenant.ID {
	if !c.tenant.IsZero() {
		return c.tenant
	}
	var refused interface{ Owner() tenant.ID }
	if errors.As(err, &refused) {
		return refused.Owner()
	}
	// What has no trace is nobody's to read, and an outage is no time to look.
	if f := fault.Of(err); f == nil || len(f.Trace()) == 0 || c.server.cfg.Served == nil {
		return tenant.ID{}
	}
	hints, unclear := c.named()
	if unclear != nil {
		return tenant.ID{}
	}
	return c.server.cfg.Served(c.Context(), hints)
}
