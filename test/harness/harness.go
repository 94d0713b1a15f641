// Package harness builds all use cases over SQLite in a temporary file, or over
// the store it is given, with a clock, a hasher and a mailer that tests hold in
// their hands, seeds one tenant and serves dialects on loopback. What is under
// test stays with the tests; the wiring that ships is the business of package
// bootstrap.
package harness

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"ostiary/adapters/jose"
	"ostiary/adapters/live"
	"ostiary/adapters/sqlite"
	"ostiary/adapters/web"
	"ostiary/adapters/web/wellknown/openapi"
	"ostiary/app/access"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/test/contract"
	"ostiary/test/fake"
	"ostiary/test/spec"
)

// OperatorToken is the configured operator token of every world.
const OperatorToken = "operator-token-of-the-test-harness"

// Options of a world. The zero value limits nothing and has no default tenant.
type Options struct {
	Limits        throttle.Limits
	PublicURL     string // the address that is listened on, unless set
	BaseDomain    string
	DefaultTenant tenant.Code
	Imager        port.Imager // nil: pictures are refused
	// Undocumented lets answers differ from the OpenAPI document.
	Undocumented bool
	// Store opens what one process has of a database, and says what time it
	// goes by; nil: SQLite in a temporary file, and the process's own clock.
	Store func(testing.TB, port.Clock) (contract.Store, port.Clock)
	// Beside is another process on the same database: its seed is there.
	Beside *World
	// Ahead is by how much the clock differs from those of other worlds.
	Ahead time.Duration
}

// World is one deployment of its own.
type World struct {
	Services
	URL       string // where it really listens
	PublicURL string // what it believes to be
	Client    *http.Client
	Clock     *fake.Clock // its own
	Time      port.Clock  // what it goes by: Clock, unless the store has a better one
	Mailer    *fake.Mailer
	Hasher    *fake.Hasher
	Store     contract.Store
	Live      *live.Live
	Ring      *jose.Ring
	Recorder  *operation.Recorder
	Metrics   *prometheus.Registry
	Logs      *observer.ObservedLogs // everything that the server logged
	Acme      Acme

	options Options
	ln      net.Listener
	served  bool
	log     *zap.Logger
}

// New makes a seeded world. Nothing is served before Serve.
func New(t testing.TB, o Options) *World {
	t.Helper()
	w := &World{
		Clock: &fake.Clock{}, Mailer: &fake.Mailer{}, Hasher: &fake.Hasher{}, Metrics: prometheus.NewRegistry(), options: o,
	}
	w.Clock.Advance(o.Ahead)
	w.Time = w.Clock
	core, logs := observer.New(zapcore.DebugLevel)
	w.log, w.Logs = zap.New(core), logs
	w.listen(t)
	w.open(t)
	w.Services = w.build(t)
	ctx := t.Context()
	require.NoError(t, w.Keys.Ensure(ctx))
	require.NoError(t, w.Ring.Reload(ctx))
	w.Live.OnKeys(func() { _ = w.Ring.Reload(context.WithoutCancel(ctx)) })
	require.NoError(t, w.Live.Poll(ctx))
	if o.Beside != nil {
		w.Acme = o.Beside.Acme
		return w
	}
	w.Acme = w.seed(t)
	return w
}

func (w *World) listen(t testing.TB) {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() {
		if !w.served {
			_ = ln.Close()
		}
	})
	w.ln, w.URL = ln, "http://"+ln.Addr().String()
	w.PublicURL = w.URL
	if w.options.PublicURL != "" {
		w.PublicURL = w.options.PublicURL
	}
}

func (w *World) open(t testing.TB) {
	t.Helper()
	if w.options.Store != nil {
		w.Store, w.Time = w.options.Store(t, w.Clock)
		return
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ostiary.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	w.Store = contract.Store{
		Tenants: sqlite.NewTenants(db), Numbers: sqlite.NewNumbers(db), Companies: sqlite.NewCompanies(db),
		Contacts: sqlite.NewContacts(db), Tags: sqlite.NewTags(db), Users: sqlite.NewUsers(db), Blobs: sqlite.NewBlobs(db),
		Sessions: sqlite.NewSessions(db), Links: sqlite.NewLinks(db), Counters: sqlite.NewCounters(db),
		Outbox: sqlite.NewOutbox(db), APITokens: sqlite.NewAPITokens(db), Ledger: sqlite.NewLedger(db),
		Audit: sqlite.NewAudit(db), Keys: sqlite.NewKeys(db), Idempotency: sqlite.NewIdempotency(db),
		Changes: sqlite.NewChanges(db), Health: sqlite.NewHealth(db), Janitor: sqlite.NewJanitor(db),
		Archive: sqlite.NewArchive(db),
	}
}

// Serve mounts the dialects and answers on URL until the test ends. Client
// follows no redirects and holds every exchange to the OpenAPI document.
func (w *World) Serve(t testing.TB, dialects ...web.Dialect) {
	t.Helper()
	srv := web.New(web.Config{
		// The race detector on a busy machine is no reason to give up.
		RequestTimeout: 5 * time.Minute, ReadTimeout: 5 * time.Minute, WriteTimeout: 5 * time.Minute,
		NewID: func(time.Time) string { return uuid.Must(uuid.NewV7()).String() }, Now: time.Now,
		HTTPS: strings.HasPrefix(w.PublicURL, "https://"), AllowedOrigin: w.Resolver.OriginAllowed, Served: w.Resolver.Served,
		Receipts: receipts{w.Receipts}, RequestKey: port.RequestKey(), Metrics: w.Metrics,
	}, w.log)
	for _, d := range dialects {
		srv.Mount(d)
	}
	w.served = true
	done := make(chan error, 1)
	go func() { done <- srv.Listen(w.ln) }()
	base := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		base.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		require.NoError(t, srv.Shutdown(ctx))
		require.NoError(t, <-done)
	})
	w.Client = &http.Client{
		Transport:     base,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if !w.options.Undocumented {
		w.Client.Transport = document(t).Transport(t, base)
	}
}

// Advance moves the clock and lets the caches hear of it, as they do in a
// deployment four times a second.
func (w *World) Advance(t testing.TB, d time.Duration) {
	t.Helper()
	w.Clock.Advance(d)
	require.NoError(t, w.Live.Poll(t.Context()))
	require.NoError(t, w.Ring.Reload(t.Context()))
}

// Deliver sends the mail that is due.
func (w *World) Deliver(t testing.TB) {
	t.Helper()
	require.NoError(t, w.Postman.Drain(t.Context()))
}

func (w *World) names() access.Names { return access.Names{PublicURL: w.PublicURL} }

type receipts struct{ of *operation.Receipts }

// Seal implements web.Receipts.
func (r receipts) Seal(requestID string, t tenant.ID, err error) string {
	return r.of.Issue(t, requestID, err)
}

var loaded = sync.OnceValues(func() (*spec.Spec, error) { return spec.New(openapi.JSON()) })

func document(t testing.TB) *spec.Spec {
	t.Helper()
	s, err := loaded()
	require.NoError(t, err)
	return s
}
