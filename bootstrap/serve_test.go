package bootstrap_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"ostiary/adapters/cli"
	"ostiary/adapters/seal"
	"ostiary/app/port"
	"ostiary/bootstrap"
)

// patience bounds every wait for something that goes on beside a test.
const patience = 30 * time.Second

// service is one Serve under way.
type service struct {
	base  string
	stop  context.CancelFunc
	ended <-chan error
	logs  *observer.ObservedLogs
}

// serve returns once the program listens.
func serve(t *testing.T, s cli.Settings, extra ...fx.Option) service {
	t.Helper()
	s.Listen = "127.0.0.1:0"
	c, err := bootstrap.NewConfig(s)
	require.NoError(t, err)
	core, logs := observer.New(zapcore.DebugLevel)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	ended := make(chan error, 1)
	go func() {
		ended <- bootstrap.Serve(ctx, c, bootstrap.Surroundings{Log: zap.New(core), Console: io.Discard}, extra...)
	}()
	out := service{stop: stop, ended: ended, logs: logs}
	require.Eventually(t, func() bool {
		for _, line := range logs.FilterMessage("listening").All() {
			out.base = "http://" + line.ContextMap()["address"].(string)
		}
		return out.base != "" || len(ended) > 0
	}, patience, time.Millisecond)
	require.NotEmpty(t, out.base, "the program ended before it listened")
	return out
}

// end waits for Serve to return.
func (s service) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(patience):
		require.Fail(t, "the program does not end")
		return nil
	}
}

func (s service) get(t *testing.T, path string) (*http.Response, []byte) {
	t.Helper()
	return s.send(t, http.MethodGet, path, "")
}

func (s service) send(t *testing.T, method, path, body string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.base+path, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return s.do(t, req)
}

// operate asks as the operator.
func (s service) operate(t *testing.T, method, path string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.base+path, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer an-operator-token-of-32-characters")
	return s.do(t, req)
}

func (service) do(t *testing.T, req *http.Request) (*http.Response, []byte) {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, answer
}

// nobody is an address on this machine that nobody listens on.
func nobody(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return ln.Addr().String()
}

func TestServe_ListensWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	set := shipped()
	set.MasterKey, set.OperatorToken = masterKey, "an-operator-token-of-32-characters"
	set.Storage = "mongodb://ostiary:canary-7f3a@" + nobody(t) + "/ostiary"
	set.MetricsListen = nobody(t)
	s := serve(t, set)

	health, _ := s.get(t, "/healthz")
	ready, body := s.get(t, "/readyz")
	keys, _ := s.get(t, "/.well-known/jwks.json")
	link, _ := s.send(t, http.MethodPost, "/api/v1/portal/auth/request-magic-link", `{"email":"ada@globex.example","tenantCode":"acme"}`)
	metrics, text := service{base: "http://" + set.MetricsListen}.get(t, "/metrics")

	require.Equal(t, http.StatusOK, health.StatusCode)
	for _, away := range []*http.Response{ready, keys, link} {
		require.Equal(t, http.StatusServiceUnavailable, away.StatusCode, away.Request.URL.Path)
		require.NotEmpty(t, away.Header.Get("Retry-After"), away.Request.URL.Path)
	}
	var checks struct{ Checks map[string]string }
	require.NoError(t, json.Unmarshal(body, &checks))
	require.Equal(t, map[string]string{"storage": "unavailable", "keys": "unavailable"}, checks.Checks)
	require.Equal(t, http.StatusOK, metrics.StatusCode)
	require.Contains(t, string(text), "\nostiary_tenant_isolation_alarms_total 0\n")
	for _, figure := range []string{
		"hashes_total 0", "hash_seconds_total 0", "hash_refusals_total 0", "hash_abandoned_total 0", "hash_queue 0", "hash_running 0",
		"hash_workers " + strconv.Itoa(runtime.GOMAXPROCS(0)), "hash_queue_limit 1024", "hash_queue_tenant_limit 512", "hash_wait_seconds_count 0",
	} {
		require.Contains(t, string(text), "\nostiary_password_"+figure+"\n")
	}

	s.stop()
	require.NoError(t, s.end(t))
	for _, line := range s.logs.All() {
		require.NotContains(t, line.Message+fmt.Sprint(line.ContextMap()), "canary")
	}
}

// late is a ring whose store is away for the first reloads and holds keys of
// another master key when it comes.
type late struct {
	port.KeyRing
	away atomic.Int64
}

func (l *late) Reload(context.Context) error {
	if l.away.Add(-1) >= 0 {
		return port.ErrUnavailable
	}
	return seal.ErrOpen
}

func TestServe_EndsWhenAStoreThatComesLateHasAnotherKey(t *testing.T) {
	t.Parallel()
	set := shipped()
	set.Storage = "sqlite:" + filepath.Join(t.TempDir(), "ostiary.db")
	ring := &late{}
	ring.away.Store(2)
	s := serve(t, set, fx.Decorate(func(r port.KeyRing) port.KeyRing {
		ring.KeyRing = r
		return ring
	}))

	err := s.end(t)

	require.ErrorContains(t, err, "OSTIARY_MASTER_KEY=[secret]: accepted is the key that this store was made with")
	require.Negative(t, ring.away.Load())
}

func TestServe_BecomesReadyWithoutARestart(t *testing.T) {
	t.Parallel()
	set := shipped()
	set.Storage = "sqlite:" + filepath.Join(t.TempDir(), "ostiary.db")
	back := make(chan struct{})
	s := serve(t, set, fx.Decorate(func(c port.Changes) port.Changes { return &absent{Changes: c, until: back} }))

	before, _ := s.get(t, "/readyz")
	close(back)

	require.Equal(t, http.StatusServiceUnavailable, before.StatusCode)
	require.Eventually(t, func() bool {
		after, _ := s.get(t, "/readyz")
		return after.StatusCode == http.StatusOK
	}, patience, 10*time.Millisecond)
	s.stop()
	require.NoError(t, s.end(t))
}

// faltering is a ring whose store is away for as many reloads as it is told.
type faltering struct {
	port.KeyRing
	away atomic.Int64
}

func (f *faltering) Reload(ctx context.Context) error {
	if f.away.Add(-1) >= 0 {
		return port.ErrUnavailable
	}
	return f.KeyRing.Reload(ctx)
}

// A process that could not read the key set tries again long before the next
// round: a key that was removed must not be trusted until then. What it did is
// measured.
func TestServe_FollowsARemovedKeyThoughReadingTheKeysFails(t *testing.T) {
	t.Parallel()
	set := shipped()
	set.Storage, set.OperatorToken = "sqlite:"+filepath.Join(t.TempDir(), "ostiary.db"), "an-operator-token-of-32-characters"
	ring := &faltering{}
	s := serve(t, set, fx.Decorate(func(r port.KeyRing) port.KeyRing {
		ring.KeyRing = r
		return ring
	}))
	kid := func() string {
		_, body := s.get(t, "/.well-known/jwks.json")
		var set struct{ Keys []struct{ Kid string } }
		require.NoError(t, json.Unmarshal(body, &set))
		require.Len(t, set.Keys, 1)
		return set.Keys[0].Kid
	}
	before := kid()
	metrics := func() string {
		res, body := s.operate(t, http.MethodGet, "/metrics")
		require.Equal(t, http.StatusOK, res.StatusCode)
		return string(body)
	}
	for _, by := range []string{"self", "other"} {
		require.Contains(t, metrics(), `ostiary_revocation_seconds_count{by="`+by+`"} 0`)
		require.Contains(t, metrics(), `ostiary_revocation_seconds_bucket{by="`+by+`",le="1"} 0`)
	}

	ring.away.Store(3)
	removed, _ := s.operate(t, http.MethodDelete, "/admin/v1/keys/"+before)

	require.Equal(t, http.StatusServiceUnavailable, removed.StatusCode, "nobody knows yet that it is refused here")
	require.Eventually(t, func() bool { return ring.away.Load() < 0 }, patience, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		return strings.Contains(metrics(), `ostiary_revocation_seconds_count{by="self"} 1`)
	}, patience, 10*time.Millisecond)
	require.NotEqual(t, before, kid())
	s.stop()
	require.NoError(t, s.end(t))
}

// absent are changes that nobody hears of for a while.
type absent struct {
	port.Changes
	until <-chan struct{}
}

func (a *absent) Latest(ctx context.Context) (port.Cursor, error) {
	select {
	case <-a.until:
		return a.Changes.Latest(ctx)
	default:
		return "", port.ErrUnavailable
	}
}
