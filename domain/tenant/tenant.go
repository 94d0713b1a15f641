// Package tenant holds the SaaS customer of a deployment: its code, hosts,
// offered scopes and settings. Companies and people are not its business.
package tenant

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"ostiary/domain/fault"
	"ostiary/domain/id"
	"ostiary/domain/line"
	"ostiary/domain/money"
	"ostiary/domain/scope"
)

type kind struct{}

// ID names a tenant.
type ID = id.UUID[kind]

// ParseID reads the canonical form.
func ParseID(s string) (ID, error) { return id.Parse[kind](s) }

// IDFromBytes wraps 16 bytes.
func IDFromBytes(b [16]byte) ID { return id.FromBytes[kind](b) }

// Refusals about tenants.
var (
	ErrNotFound      = fault.New(fault.NotFound, "tenant_not_found", "There is no such tenant.")
	ErrCode          = fault.New(fault.Invalid, "tenant_code_malformed", "A tenant code is 1 to 63 lower case letters, digits and inner hyphens.")
	ErrCodeTaken     = fault.New(fault.Conflict, "tenant_code_taken", "That code is already in use.")
	ErrHostTaken     = fault.New(fault.Conflict, "host_taken", "That host belongs to another tenant.")
	ErrAudienceTaken = fault.New(fault.Conflict, "audience_taken", "That audience belongs to another tenant.")
	ErrHost          = fault.New(fault.Invalid, "host_malformed", "That is not a host name that can be registered.")
	ErrSuspended     = fault.New(fault.Forbidden, "tenant_suspended", "This tenant is suspended.").
				Traced(fault.Step{Name: "tenant", Outcome: "suspended"})
)

// Code is a DNS label in lower case.
type Code string

// ParseCode folds ASCII upper case (codes are matched case-insensitively) and
// refuses what is no DNS label (RFC 1035 section 2.3.1, digits may lead).
func ParseCode(s string) (Code, error) {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return "", ErrCode
	}
	b := []byte(s)
	for i, c := range b {
		switch {
		case c >= 'A' && c <= 'Z':
			b[i] = c + 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
		default:
			return "", ErrCode
		}
	}
	return Code(b), nil
}

// Host is a lower-case host name without port.
type Host string

// ParseHost refuses ports, addresses, single labels and what IDNA refuses.
func ParseHost(s string) (Host, error) {
	if s == "" || len(s) > 253 || !utf8.ValidString(s) || strings.ContainsAny(s, ":/ @[]") {
		return "", ErrHost
	}
	h, err := idna.Lookup.ToASCII(s)
	if err != nil || !strings.Contains(h, ".") || strings.HasSuffix(h, ".") {
		return "", ErrHost
	}
	h = strings.ToLower(h)
	// One host has one spelling, which is its own A-label.
	if again, err := idna.Lookup.ToASCII(h); err != nil || again != h || len(h) > 253 {
		return "", ErrHost
	}
	for label := range strings.SplitSeq(h, ".") {
		// A DNS label is what a code is.
		if _, err := ParseCode(label); err != nil {
			return "", ErrHost
		}
	}
	last := h[strings.LastIndexByte(h, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return "", ErrHost
	}
	return Host(h), nil
}

// Status says whether a tenant is served.
type Status string

// The two states of a tenant.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
)

// Details are what an admin may change. Status and hosts are for the operator
// alone; the use case sees to that.
type Details struct {
	Name     string
	Currency money.Currency
	Status   Status
	Hosts    []Host
	Scopes   scope.Map
	Settings Settings
}

// Snapshot is a tenant laid open for storage.
type Snapshot struct {
	ID      ID
	Code    Code
	Details Details
	Created time.Time
	Updated time.Time
	Version int64
}

// Tenant is a SaaS customer of the deployment.
type Tenant struct {
	s     Snapshot
	offer scope.Switches // made of the details, for every answer needs it
}

// New makes an active tenant.
func New(tid ID, code Code, d Details, now time.Time) (*Tenant, error) {
	if d.Status == "" {
		d.Status = Active
	}
	t := &Tenant{s: Snapshot{ID: tid, Code: code, Created: now, Version: 1}}
	if err := t.set(d, now); err != nil {
		return nil, err
	}
	return t, nil
}

// Restore rebuilds a stored tenant.
func Restore(s Snapshot) *Tenant { return &Tenant{s: s, offer: scope.Offered(s.Details.Scopes)} }

// Snapshot lays the tenant open for storage.
func (t *Tenant) Snapshot() Snapshot { return t.s }

// Change replaces what may be changed and raises the version.
func (t *Tenant) Change(d Details, now time.Time) error {
	if err := t.set(d, now); err != nil {
		return err
	}
	t.s.Version++
	return nil
}

func (t *Tenant) set(d Details, now time.Time) error {
	if bad := line.Check("/name", d.Name, 1, 200); bad != nil {
		return fault.ErrInvalid.With(bad...)
	}
	if d.Currency.IsZero() {
		return fault.At("/currency", "currency_unknown", money.ErrCurrency.Text())
	}
	if d.Status != Active && d.Status != Suspended {
		return fault.At("/status", "status_unknown", "A status is active or suspended.")
	}
	if len(d.Hosts) > 50 {
		return fault.At("/hosts", "too_many", "A tenant has at most 50 hosts.")
	}
	if len(d.Scopes) > scope.Max {
		return fault.At("/scopes", "too_many", "A tenant has at most 100 scopes.")
	}
	if err := d.Settings.check(); err != nil {
		return err
	}
	slices.Sort(d.Hosts)
	d.Hosts = slices.Compact(d.Hosts)
	t.s.Details, t.s.Updated, t.offer = d, now, scope.Offered(d.Scopes)
	return nil
}

// ID returns the tenant's id.
func (t *Tenant) ID() ID { return t.s.ID }

// Code returns the tenant's code.
func (t *Tenant) Code() Code { return t.s.Code }

// Name returns the display name.
func (t *Tenant) Name() string { return t.s.Details.Name }

// Details returns what may be changed.
func (t *Tenant) Details() Details { return t.s.Details }

// Settings returns the tenant's settings.
func (t *Tenant) Settings() Settings { return t.s.Details.Settings }

// Offer returns what the tenant offers. It is shared: read it only.
func (t *Tenant) Offer() scope.Switches { return t.offer }

// Active reports whether the tenant is served.
func (t *Tenant) Active() bool { return t.s.Details.Status == Active }

// Version rises with every change.
func (t *Tenant) Version() int64 { return t.s.Version }

// Ref is what a request says about its tenant: the code that its sources
// name, and the tenant when it is known and active. An unknown and a
// suspended tenant look alike to the public: Tenant is nil for both.
type Ref struct {
	Given  string
	Tenant *Tenant
}

// Known reports whether the tenant is served.
func (r Ref) Known() bool { return r.Tenant != nil }

// Judged is the step that says how the request's tenant was resolved.
func (r Ref) Judged() fault.Step {
	if r.Known() {
		return fault.Step{Name: "tenant", Outcome: "resolved"}
	}
	return fault.Step{Name: "tenant", Outcome: "unknown"}
}

// Queue is an id to line up under: the tenant's own, or for one that is not
// served one made of the name given, which no tenant has: UUID version 8
// (RFC 9562 section 5.8).
func (r Ref) Queue() ID {
	if r.Known() {
		return r.Tenant.ID()
	}
	sum := sha256.Sum256([]byte(r.Given))
	var b [16]byte
	copy(b[:], sum[:])
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return IDFromBytes(b)
}

// Invented reports whether Queue made that id of a name.
func Invented(i ID) bool { return i.Bytes()[6]>>4 == 8 }

// ID returns the tenant's id, zero when it is not served.
func (r Ref) ID() ID {
	if r.Tenant == nil {
		return ID{}
	}
	return r.Tenant.ID()
}
