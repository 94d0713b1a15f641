package web

import (
	"ostiary/app/tenancy"
	"ostiary/domain/tenant"
)

const (
	allowHeaders  = "Authorization, Content-Type, X-Tenant-Code, X-Link-Binding, If-Match, Idempotency-Key"
	exposeHeaders = "ETag, Retry-After, X-Request-Id, X-Receipt, X-Link-Binding, X-Access-Token, X-Access-Expires-Unix, X-Refresh-Token"
)

// preflight answers whether a page may send its request. It knows the tenant
// by path and host only; share judges the answer again.
func (c *Call) preflight() bool {
	if !c.endpoint.dialect.CORS || c.fiber.Method() != "OPTIONS" {
		return false
	}
	if _, times := c.first("Access-Control-Request-Method"); times != 1 {
		return false
	}
	origin := c.pageOrigin()
	if origin == "" {
		return false
	}
	host, err := c.host()
	if err == nil && c.allowed(tenancy.Hints{Path: c.params["tenantCode"], Host: host}, origin) {
		c.Set("Access-Control-Allow-Origin", origin)
		c.Set("Access-Control-Allow-Methods", c.endpoint.allow)
		c.Set("Access-Control-Allow-Headers", allowHeaders)
		c.Set("Access-Control-Max-Age", "600")
	}
	return true
}

// share lets a page of an allowed origin read the answer.
func (c *Call) share() {
	if !c.endpoint.dialect.CORS {
		return
	}
	c.fiber.Response().Header.Add("Vary", "Origin")
	origin := c.pageOrigin()
	if origin == "" || c.fiber.Method() == "OPTIONS" {
		return
	}
	hints, err := c.named()
	if err == nil && c.allowed(hints, origin) {
		c.Set("Access-Control-Allow-Origin", origin)
		c.Set("Access-Control-Expose-Headers", exposeHeaders)
	}
}

// named says which tenant the answer is about: the one that the handler found,
// else what it read, so that a tenant named in the body counts as well, be it
// known or not.
func (c *Call) named() (tenancy.Hints, error) {
	if !c.tenant.IsZero() {
		return tenancy.Hints{Owners: []tenant.ID{c.tenant}}, nil
	}
	if c.hinted {
		return c.hints, nil
	}
	return c.Hints("")
}

// pageOrigin is the one Origin header; the opaque origin "null" is nobody's.
func (c *Call) pageOrigin() string {
	sent, times := c.first("Origin")
	if times != 1 || sent == "null" || !isASCII(sent) {
		return ""
	}
	return sent
}

func (c *Call) allowed(h tenancy.Hints, origin string) bool {
	return c.server.cfg.AllowedOrigin != nil && c.server.cfg.AllowedOrigin(c.Context(), h, origin)
}
