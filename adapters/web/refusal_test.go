package web_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"ostiary/adapters/web"
	"ostiary/domain/fault"
)

func TestRefusal_CarriesWhatEveryDialectOwes(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)
	for how, want := range map[string]struct {
		status int
		header string
		value  string
		code   string
	}{
		"panic":       {500, "Retry-After", "", "internal"},
		"panic-error": {500, "Retry-After", "", "internal"},
		"outage":      {500, "Retry-After", "", "internal"},
		"deadline":    {503, "Retry-After", "1", "unavailable"},
		"limited":     {429, "Retry-After", "2", "limited"},
		"teapot":      {418, "Retry-After", "", "teapot"},
		"bearer":      {401, "WWW-Authenticate", "Bearer", "unauthenticated"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			got := do(t, addr, "GET", "/toy/v1/fail/"+how, "")

			require.Equal(t, want.status, got.status)
			require.Equal(t, want.value, got.header.Get(want.header))
			require.Contains(t, got.body, `"toy":"`+want.code+`"`)
			require.Equal(t, "no-store", got.header.Get("Cache-Control"), "a handler's own caching ends with its failure")
			require.Contains(t, got.header.Get("X-Receipt"), "sealed."+got.header.Get("X-Request-Id"))
			require.Contains(t, got.body, got.header.Get("X-Receipt"))
			require.NotContains(t, got.body, "disk on fire")
			requireNoCanary(t, got.body, logs)
		})
	}
}

func TestRefusal_OutagesAreLoggedOnceWithTheirRequest(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)

	got := do(t, addr, "GET", "/toy/v1/fail/outage", "")

	failed := logs.FilterMessage("request failed").All()
	require.Len(t, failed, 1)
	require.Equal(t, got.header.Get("X-Request-Id"), failed[0].ContextMap()["request_id"])
	require.Contains(t, failed[0].ContextMap()["error"], "disk on fire")
}

func TestRefusal_PanicIsLoggedByTypeAndPlace(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)

	do(t, addr, "GET", "/toy/v1/fail/panic-error", "")

	entry := logs.FilterMessage("panic").All()
	require.Len(t, entry, 1)
	require.Equal(t, "*errors.errorString", entry[0].ContextMap()["type"])
	require.Contains(t, entry[0].ContextMap()["stack"], "web_test.fail")
}

func TestRefusal_BrokenRenderIsABareError(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]web.Render{
		"fails":  func(*web.Call, error) error { return errors.New(canary) },
		"panics": func(*web.Call, error) error { panic(canary) },
	} {
		srv := web.New(web.Config{NewID: func(time.Time) string { return "id-1" }, Now: now}, zap.NewNop())
		srv.Mount(web.Dialect{Name: "broken", Render: broken, Prefixes: []string{"/b"}})

		got := do(t, listen(t, srv), "GET", "/b/x", "")

		require.Equal(t, 500, got.status, name)
		require.Equal(t, `{"error":"internal"}`, got.body, name)
		require.Equal(t, "id-1", got.header.Get("X-Request-Id"), name)
	}
}

func TestRefusal_PickPrefersTheDialect(t *testing.T) {
	t.Parallel()
	byKind := map[fault.Kind]int{fault.Malformed: 400, fault.Conflict: 409} //nolint:exhaustive // shows what an incomplete table does

	for _, row := range []struct {
		err    error
		byCode map[string]int
		want   int
	}{
		{web.ErrTooLarge, nil, 413},
		{fmt.Errorf("x: %w", web.ErrMediaType), nil, 415},
		{web.ErrWrongType, map[string]int{web.ErrWrongType.Code(): 422}, 422},
		{web.ErrTooLarge, map[string]int{web.ErrTooLarge.Code(): 400}, 400},
		{errTeapot, nil, 409},
		{web.ErrRoute, nil, 500}, // a kind the dialect forgot must not look like success
		{errors.New("x"), nil, 500},
	} {
		shown, status := web.Pick(row.err, byKind, row.byCode)

		require.Equal(t, row.want, status)
		require.NotNil(t, shown)
	}
}

func TestAnswer_CarriesIdAndDefaultHeaders(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, func(c *web.Config) { c.HTTPS = true })
	for _, target := range []string{"/toy/v1/where", "/toy/v1/nothing", "/nowhere", "/toy/v1/fail/panic"} {
		got := do(t, addr, "GET", target, "", "X-Request-Id: "+canary)

		require.Regexp(t, `^id-\d+$`, got.header.Get("X-Request-Id"))
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-referrer", got.header.Get("Referrer-Policy"))
		require.Equal(t, "max-age=31536000; includeSubDomains", got.header.Get("Strict-Transport-Security"))
		for _, directive := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} {
			require.Contains(t, got.header.Get("Content-Security-Policy"), directive)
		}
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		require.Empty(t, got.header.Get("Server"))
	}
	plain, _, _ := setup(t, nil)
	require.Empty(t, do(t, plain, "GET", "/toy/v1/where", "").header.Get("Strict-Transport-Security"))
}

func TestAnswer_HandlersGetADeadline(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)

	require.Contains(t, do(t, addr, "GET", "/toy/v1/where", "").body, `"deadline":true`)
}

func TestBearer_OnlyTheDocumentedFormWorks(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)

	require.Equal(t, 200, do(t, addr, "GET", "/toy/v1/bearer", "", "Authorization: Bearer "+canary+"-._~+/==").status)
	for _, bad := range []string{
		"X: y", "Authorization: bearer " + canary, "Authorization: Basic " + canary, "Authorization: Bearer", "Authorization: Bearer  " + canary,
		"Authorization: Bearer " + canary + " x", "Authorization: Bearer a,b", "Authorization: Bearer =", "Authorization:",
		"Authorization: Bearer " + canary + "\r\nAuthorization: Bearer " + canary, "Cookie: Authorization=Bearer " + canary,
	} {
		got := do(t, addr, "GET", "/toy/v1/bearer?access_token="+canary, "", bad)

		require.Equal(t, 401, got.status, bad)
		require.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"))
		requireNoCanary(t, got.body, logs)
	}
}

func TestLog_HoldsPatternsAndNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)

	do(t, addr, "GET", "/t/acme/toy/v1/spend/"+canary+"?token="+canary, "", "User-Agent: "+canary, "Cookie: a="+canary, "Referer: "+canary)
	got := do(t, addr, "GET", "/toy/v1/items/"+canary, "")

	entries := logs.FilterMessage("request").All()
	require.Len(t, entries, 2)
	require.Equal(t, "/t/{tenantCode}/toy/v1/spend/{token}", entries[0].ContextMap()["route"])
	require.EqualValues(t, 204, entries[0].ContextMap()["status"])
	require.Equal(t, acme.String(), entries[1].ContextMap()["tenant"])
	require.Equal(t, got.header.Get("X-Request-Id"), entries[1].ContextMap()["request_id"])
	requireNoCanary(t, "", logs)
}

func TestLog_IsDatedByTheServersClock(t *testing.T) {
	t.Parallel()
	then := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	addr, _, logs := setup(t, func(c *web.Config) { c.Now = func() time.Time { return then } })

	do(t, addr, "GET", "/toy/v1/items/1", "")

	require.Equal(t, then, logs.FilterMessage("request").All()[0].Time)
}

func TestLog_SaysWhyARequestWasRefused(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)

	do(t, addr, "GET", "/toy/v1/where", "")
	do(t, addr, "GET", "/toy/v1/bearer", "", "Authorization: Basic "+canary)
	do(t, addr, "POST", "/toy/v1/echo", `{"email":"`+canary+`",}`, "Content-Type: application/json")

	entries := logs.FilterMessage("request").All()
	require.Len(t, entries, 3)
	require.NotContains(t, entries[0].ContextMap(), "refused")
	require.Equal(t, web.ErrBearer.Code(), entries[1].ContextMap()["refused"])
	require.Equal(t, web.ErrMalformed.Code(), entries[2].ContextMap()["refused"])
	requireNoCanary(t, "", logs)
}

func TestLog_TellsOfWhatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)

	send(t, addr, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 0\r\n"+canary+": x\r\n\r\n")

	entries := logs.FilterMessage("unreadable request").All()
	require.Len(t, entries, 1)
	require.EqualValues(t, 400, entries[0].ContextMap()["status"])
	require.Equal(t, web.ErrMalformed.Code(), entries[0].ContextMap()["refused"])
	require.NotEmpty(t, entries[0].ContextMap()["request_id"])
	requireNoCanary(t, "", logs)
}

func TestMetrics_CountByPattern(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	srv := web.New(web.Config{NewID: func(time.Time) string { return "id" }, Now: now, Metrics: registry}, zap.NewNop())
	srv.Mount(new(toy).dialect())
	srv.Mount(web.Dialect{Name: "plumbing", Render: render, Routes: []web.Route{{Method: "GET", Path: "/metrics", Handler: web.Metrics(registry)}}})
	addr := listen(t, srv)

	do(t, addr, "GET", "/toy/v1/items/"+canary, "")
	do(t, addr, "GET", "/"+canary, "")
	send(t, addr, "bad\n")
	got := do(t, addr, "GET", "/metrics", "")

	require.Equal(t, 200, got.status)
	require.Contains(t, got.header.Get("Content-Type"), "text/plain")
	for _, line := range []string{
		`ostiary_http_requests_total{class="2xx",dialect="toy",method="GET",route="/toy/v1/items/{id}"} 1`,
		`ostiary_http_requests_total{class="4xx",dialect="none",method="GET",route=""} 1`,
		`ostiary_http_unreadable_total{reason="malformed"} 1`,
		`ostiary_http_requests_running 1`,
	} {
		require.Contains(t, strings.Split(got.body, "\n"), line)
	}
	require.NotContains(t, got.body, canary)
}
