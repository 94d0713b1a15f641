package web

import (
	"cmp"
	"context"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ostiary/app/tenancy"
	"ostiary/domain/tenant"
)

// Receipts seals the trace of a refusal into the opaque text that the caller
// sees.
type Receipts interface {
	// Seal returns "" when nothing can be sealed; that is never worth a failure.
	Seal(requestID string, t tenant.ID, err error) string
}

// Config is what the server needs to know. NewID and Now are required; every
// other zero value has a working meaning.
type Config struct {
	NewID func(time.Time) string // makes request ids (UUIDv7)
	Now   func() time.Time       // measures durations, and dates ids and log lines

	// HTTPS says that users reach the service by https, which decides HSTS.
	HTTPS bool
	// TrustedProxies are the peers whose X-Forwarded-For and X-Forwarded-Host count.
	TrustedProxies []netip.Prefix

	// A timeout may come earlier, by a sixtieth of the shortest of the first three.
	ReadTimeout    time.Duration // from the first byte of a request to the last; 15 s
	WriteTimeout   time.Duration // 30 s
	IdleTimeout    time.Duration // between requests of one connection; 60 s
	RequestTimeout time.Duration // deadline of Call.Context; 15 s
	Concurrency    int           // connections at a time; more get 503; 20,000

	// RequestKey is what the context that use cases get knows the request id by;
	// nil: it does not ride there.
	RequestKey any
	// AllowedOrigin reports whether a page of origin may read answers about
	// the tenant that the hints name; empty hints mean any active tenant. Nil
	// allows nobody.
	AllowedOrigin func(ctx context.Context, h tenancy.Hints, origin string) bool
	// Served returns the tenant that the hints name, zero for none: who may read
	// the receipt of a refusal. Nil: only whose tenant the handler found.
	Served   func(ctx context.Context, h tenancy.Hints) tenant.ID
	Receipts Receipts              // nil: refusals carry no receipt
	Metrics  prometheus.Registerer // nil: nothing is counted
}

const (
	maxHead     = 8 << 10  // request line and headers, in bytes
	defaultBody = 64 << 10 // what a route accepts unless it says more
)

func (c Config) withDefaults() Config {
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 15*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 30*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 60*time.Second)
	c.RequestTimeout = cmp.Or(c.RequestTimeout, 15*time.Second)
	c.Concurrency = cmp.Or(c.Concurrency, 20_000)
	return c
}
