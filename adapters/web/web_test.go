package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"ostiary/adapters/web"
	"ostiary/app/tenancy"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// canary stands for everything that must not come back nor be logged.
const canary = "c4n4ry"

var acme = tenant.IDFromBytes([16]byte{1})

// toy is a dialect with one of everything.
type toy struct {
	entered chan struct{}
	release chan struct{}
	calls   atomic.Int64
}

type echoed struct {
	Email    *string      `json:"email"`
	Count    *int         `json:"count"`
	List     []int        `json:"list"`
	Password *secret.Text `json:"password"`
	Nested   struct {
		Flag bool `json:"flag"`
	} `json:"nested"`
}

func (d *toy) dialect() web.Dialect {
	const p = "/toy/v1"
	return web.Dialect{
		Name: "toy", Prefixes: []string{p}, Tenanted: true, CORS: true, Render: render,
		Routes: []web.Route{
			{Method: "POST", Path: p + "/echo", Handler: d.echo},
			{Method: "POST", Path: p + "/lenient", Handler: d.lenient},
			{Method: "GET", Path: p + "/where", Handler: where},
			{Method: "GET", Path: p + "/items/{id}", Handler: item},
			{Method: "DELETE", Path: p + "/items/{id}", Handler: func(c *web.Call) error { return c.NoContent() }},
			{Method: "GET", Path: p + "/items/all", Handler: func(c *web.Call) error { return c.JSON(200, "all") }},
			{Method: "POST", Path: p + "/items:batch", Handler: stream, MaxBody: 1 << 20},
			{Method: "GET", Path: p + "/spend/{token}", Handler: d.count, NoHead: true},
			{Method: "GET", Path: p + "/read", Handler: d.echo, BodyOnGet: true, NoHead: true},
			{Method: "GET", Path: p + "/fail/{how}", Handler: fail},
			{Method: "GET", Path: p + "/bearer", Handler: bearer},
			{Method: "GET", Path: p + "/wait", Handler: d.wait},
			{Method: "POST", Path: p + "/ignore", Handler: func(c *web.Call) error { return c.NoContent() }},
		},
	}
}

func render(c *web.Call, err error) error {
	shown, status := web.Pick(err, map[fault.Kind]int{
		fault.Internal: 500, fault.Malformed: 400, fault.Invalid: 422, fault.Unauthenticated: 401, fault.Forbidden: 403,
		fault.NotFound: 404, fault.Conflict: 409, fault.Stale: 412, fault.Expired: 401, fault.Limited: 429, fault.Unavailable: 503,
	}, map[string]int{"teapot": 418})
	var at []string
	for _, f := range shown.Fields() {
		at = append(at, f.Pointer)
	}
	return c.JSON(status, map[string]any{"toy": shown.Code(), "at": at, "receipt": c.Receipt(err)})
}

func (d *toy) echo(c *web.Call) error {
	d.calls.Add(1)
	var in echoed
	if err := c.Decode(&in, web.Strict); err != nil {
		return err
	}
	if in.Password != nil {
		return c.JSON(200, fmt.Sprintf("%v %d", in.Password, in.Password.Len()))
	}
	return c.JSON(200, map[string]any{"email": in.Email})
}

func (d *toy) lenient(c *web.Call) error {
	var in echoed
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	return c.JSON(200, map[string]any{"email": in.Email})
}

func where(c *web.Call) error {
	h, err := c.Hints("")
	if err != nil {
		return err
	}
	q, err := c.Query("q")
	if err != nil {
		return err
	}
	_, ends := c.Context().Deadline()
	return c.JSON(200, map[string]any{
		"address": c.Address(), "key": c.OriginKey(), "path": h.Path, "header": h.Header,
		"host": h.Host, "q": q, "agent": c.UserAgent(), "route": c.Route(), "id": c.RequestID(), "deadline": ends,
	})
}

func item(c *web.Call) error {
	c.SetTenant(acme)
	return c.JSON(200, map[string]string{"id": c.Param("id")})
}

func stream(c *web.Call) error {
	if err := c.RequireType("application/x-ndjson"); err != nil {
		return err
	}
	r, err := c.Stream()
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, r)
	if err != nil {
		return fmt.Errorf("read batch: %w", err)
	}
	return c.JSON(200, n)
}

func (d *toy) count(c *web.Call) error {
	d.calls.Add(1)
	return c.NoContent()
}

func bearer(c *web.Call) error {
	token, err := c.RequireBearer()
	if err != nil {
		return err
	}
	return c.JSON(200, token.Len())
}

func (d *toy) wait(c *web.Call) error {
	d.entered <- struct{}{}
	<-d.release
	return c.JSON(200, "done")
}

var errTeapot = fault.New(fault.Conflict, "teapot", "Short and stout.")

func fail(c *web.Call) error {
	c.Set("Cache-Control", "public, max-age=600")
	switch c.Param("how") {
	case "panic":
		panic(canary)
	case "panic-error":
		panic(errors.New(canary))
	case "outage":
		return errors.New("disk on fire")
	case "deadline":
		return fmt.Errorf("find: %w", context.DeadlineExceeded)
	case "limited":
		return fault.New(fault.Limited, "limited", "Too often.").After(1500 * time.Millisecond)
	case "teapot":
		return fmt.Errorf("pour: %w", errTeapot)
	default:
		return web.ErrBearer
	}
}

type receipts struct{}

func (receipts) Seal(id string, _ tenant.ID, err error) string {
	return "sealed." + id + "." + fmt.Sprint(fault.KindOf(err))
}

// setup starts a server with the toy dialect and returns its address, the
// dialect and what it logs.
func setup(t *testing.T, change func(*web.Config)) (string, *toy, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	var ids atomic.Int64
	cfg := web.Config{
		NewID:          func(time.Time) string { return fmt.Sprintf("id-%d", ids.Add(1)) },
		Now:            time.Now,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")},
		Receipts:       receipts{},
		AllowedOrigin: func(_ context.Context, h tenancy.Hints, origin string) bool {
			known := h.Path == "acme" || h.Header == "acme" || (len(h.Owners) == 1 && h.Owners[0] == acme)
			return origin == "https://portal.acme.example" && (known || h.Path+h.Header == "")
		},
	}
	if change != nil {
		change(&cfg)
	}
	d := &toy{entered: make(chan struct{}), release: make(chan struct{})}
	srv := web.New(cfg, zap.New(core))
	srv.Mount(d.dialect())
	return listen(t, srv), d, logs
}

func listen(t *testing.T, srv *web.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- srv.Listen(ln) }()
	t.Cleanup(func() {
		require.NoError(t, srv.Shutdown(context.Background()))
		require.NoError(t, <-done)
	})
	return ln.Addr().String()
}

// send writes raw bytes and returns everything that comes back until the
// server closes.
func send(t *testing.T, addr string, pieces ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	require.NoError(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	for _, p := range pieces {
		if _, err := io.WriteString(c, p); err != nil {
			break // the server may hang up on what it refuses
		}
	}
	b, err := io.ReadAll(c)
	require.NoError(t, err, "the server must close in an orderly way")
	return string(b)
}

func statusOf(answer string) string {
	first, _, _ := strings.Cut(answer, "\r\n")
	return strings.TrimPrefix(first, "HTTP/1.1 ")
}

type reply struct {
	status int
	header http.Header
	body   string
}

// do sends one well-formed request; headers are "Name: value".
func do(t *testing.T, addr, method, target, body string, headers ...string) reply {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	require.NoError(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	head := method + " " + target + " HTTP/1.1\r\nHost: portal.example:8080\r\n"
	for _, h := range headers {
		head += h + "\r\n"
	}
	if body != "" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	_, err = io.WriteString(c, head+"\r\n"+body)
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return reply{status: res.StatusCode, header: res.Header, body: string(b)}
}

const asJSON = "Content-Type: application/json"

func requireNoCanary(t *testing.T, answer string, logs *observer.ObservedLogs) {
	t.Helper()
	require.NotContains(t, answer, canary)
	for _, e := range logs.All() {
		require.NotContains(t, fmt.Sprintf("%v %v", e.Message, e.ContextMap()), canary)
	}
}
