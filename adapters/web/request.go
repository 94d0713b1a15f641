package web

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"ostiary/app/tenancy"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// headerField is where a line of the head has its name and its value, in bytes from
// the beginning of the first.
type headerField struct{ name, colon, value, end uint16 }

// fewFields is how many a Call has room for; more take a piece of memory of
// their own.
const fewFields = 16

// fields are those of the request as the inspector let them through, rather
// than fasthttp's table, which keeps only the last of some repeated headers.
func (c *Call) fields() []headerField {
	if c.head != nil {
		return c.head
	}
	c.raw, c.head = string(c.fiber.Request().Header.RawHeaders()), c.few[:0]
	for at := 0; at < len(c.raw); {
		n := strings.IndexByte(c.raw[at:], '\n')
		if n < 0 {
			break
		}
		end := at + n
		if colon := strings.IndexByte(c.raw[at:end], ':'); colon >= 0 {
			c.head = append(c.head, fieldAt(c.raw, at, at+colon, end-1)) // before the CR
		}
		at = end + 1
	}
	return c.head
}

// fieldAt leaves the blanks around a value out (RFC 9110 section 5.5).
func fieldAt(raw string, name, colon, end int) headerField {
	value := colon + 1
	for value < end && isBlank(raw[value]) {
		value++
	}
	for end > value && isBlank(raw[end-1]) {
		end--
	}
	// A head has no more than maxHead bytes.
	return headerField{uint16(name), uint16(colon), uint16(value), uint16(end)} //nolint:gosec // see above
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' }

// values returns every value of a header, as sent.
func (c *Call) values(name string) []string {
	var found []string
	for _, f := range c.fields() {
		if c.is(f, name) {
			found = append(found, c.raw[f.value:f.end])
		}
	}
	return found
}

// first returns a header's first value and how often the header was sent.
func (c *Call) first(name string) (value string, times int) {
	for _, f := range c.fields() {
		if c.is(f, name) {
			if times == 0 {
				value = c.raw[f.value:f.end]
			}
			times++
		}
	}
	return value, times
}

func (c *Call) is(f headerField, name string) bool {
	return int(f.colon-f.name) == len(name) && strings.EqualFold(c.raw[f.name:f.colon], name)
}

// Header returns the one value of a header, "" when it is absent, and
// ErrMalformed when it is sent more than once or is no UTF-8.
func (c *Call) Header(name string) (string, error) {
	value, times := c.first(name)
	if times > 1 || !utf8.ValidString(value) {
		return "", ErrMalformed
	}
	return value, nil
}

// Bearer returns the token of the Authorization header; present says that
// there was such a header at all. The only form accepted is one header with
// "Bearer", one space and the token68 alphabet; anything else is ErrBearer.
// An absent header is no error here. (RFC 9110 would fold the scheme's case;
// Ostiary documents one spelling.)
func (c *Call) Bearer() (token secret.Text, present bool, err error) {
	value, times := c.first("Authorization")
	if times == 0 {
		return secret.Text{}, false, nil
	}
	text, ok := strings.CutPrefix(value, "Bearer ")
	if times > 1 || !ok || !isToken68(text) {
		return secret.Text{}, true, ErrBearer
	}
	return secret.New(text), true, nil
}

// RequireBearer is Bearer where the absence is ErrBearer, too.
func (c *Call) RequireBearer() (secret.Text, error) {
	token, present, err := c.Bearer()
	if err == nil && !present {
		err = ErrBearer
	}
	return token, err
}

// Query returns the one value of a query parameter, "" when it is absent. A
// parameter sent twice and a query that does not decode are ErrMalformed.
func (c *Call) Query(name string) (string, error) {
	if c.query == nil {
		parsed, err := url.ParseQuery(string(c.fiber.Request().URI().QueryString()))
		if err != nil {
			return "", ErrMalformed
		}
		c.query = parsed
	}
	values := c.query[name]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 || !isText(values[0]) {
		return "", ErrMalformed.With(fault.Field{Pointer: "/" + name, Code: "malformed", Detail: "That parameter must be given once, as text."})
	}
	return values[0], nil
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Address is where the request came from, "" when unknown: the peer, or what
// trusted proxies say of it.
func (c *Call) Address() string {
	if a := c.origin(); a.IsValid() {
		return a.String()
	}
	return ""
}

// OriginKey is what limits per address count by: the address, for IPv6 its
// /64, because that is what one subscriber gets.
func (c *Call) OriginKey() string { return originKey(c.origin()) }

func (c *Call) origin() netip.Addr {
	return clientAddress(c.peer(), c.values("X-Forwarded-For"), c.server.cfg.TrustedProxies)
}

func (c *Call) peer() netip.Addr {
	ap, err := netip.ParseAddrPort(c.fiber.Context().RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// UserAgent is the client's name for itself, valid UTF-8 of at most 200 bytes.
func (c *Call) UserAgent() string {
	const most = 200
	ua := strings.ToValidUTF8(strings.Join(c.values("User-Agent"), " "), "")
	for len(ua) > most {
		_, size := utf8.DecodeLastRuneInString(ua)
		ua = ua[:len(ua)-size]
	}
	return ua
}

// Hints gathers what the request says about its tenant: body is the body's
// tenantCode ("" if none), owners the tenants of credentials in hand. A
// repeated X-Tenant-Code or a forwarded host of several parts is ErrMalformed.
func (c *Call) Hints(body string, owners ...tenant.ID) (tenancy.Hints, error) {
	header, err := c.Header("X-Tenant-Code")
	if err != nil {
		return tenancy.Hints{}, err
	}
	host, err := c.host()
	if err != nil {
		return tenancy.Hints{}, err
	}
	c.hints = tenancy.Hints{Path: c.params["tenantCode"], Header: header, Host: host, Body: body, Owners: owners}
	c.hinted = true
	return c.hints, nil
}

// host is the name the client asked for, without port. X-Forwarded-Host counts
// from trusted proxies only, and only when it names one host.
func (c *Call) host() (string, error) {
	host, _ := c.first("Host") // the inspector lets no second one through
	if forwarded, times := c.first("X-Forwarded-Host"); times > 0 && trusted(c.peer(), c.server.cfg.TrustedProxies) {
		if times > 1 || !isHost(forwarded) {
			return "", ErrMalformed
		}
		host = forwarded
	}
	return withoutPort(host), nil
}
