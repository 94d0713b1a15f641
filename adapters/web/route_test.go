package web_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"ostiary/adapters/web"
)

func TestPath_TheQuickLookAcceptsNothingThatTheOtherRefuses(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		pieces := rapid.SliceOf(rapid.SampledFrom([]string{"/", "a", "Z", "0", "-", "_", ".", "..", "%2f", "%2e", "%", "%zz", "\\", "~", "é", "\xff", " ", "\x7f", ":"}))
		path := "/" + strings.Join(pieces.Draw(rt, "pieces"), "")

		if web.IsUnambiguous(path) {
			require.NoError(rt, web.JudgePath(path), path)
		}
	})
	require.True(t, web.IsUnambiguous("/api/v1/portal/items/42_a-B"), "what is usual is looked at once")
}

func TestRoute_UnknownPathsAnswerInTheirDialect(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)
	for path, toys := range map[string]bool{
		"/toy/v1":                     true,
		"/toy/v1/":                    true,
		"/toy/v1/" + canary:           true,
		"/toy/v1/where/":              true,
		"/toy/v1/WHERE":               true,
		"/toy/v1/items/1/2":           true,
		"/toy/v1/items/":              true,
		"/t/acme/toy/v1/" + canary:    true,
		"/t/acme/toy/v1":              true,
		"/toy/v1//where":              true,
		"/toy/v1/../v1/where":         true,
		"/toy/v1/%2e%2e/where":        true,
		"/toy/v1/%77here":             true,
		"/toy/v1/items/a%2fb":         true,
		"/toy/v1/items/%5c":           true,
		"/toy/v1/items/..":            true,
		"/toy/v1/items/%2E":           true,
		"/":                           false,
		"/toy":                        false,
		"/toy/v1x/where":              false,
		"/Toy/v1/where":               false,
		"/t/acme":                     false,
		"/t/acme/other/toy/v1/where":  false,
		"/x/../toy/v1/where":          false,
		"/t//toy/v1/where":            false,
		"/" + canary + "?q=" + canary: false,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			got := do(t, addr, "GET", path, "")

			require.Equal(t, 404, got.status, got.body)
			require.Equal(t, toys, strings.Contains(got.body, `"toy":"not_found"`), got.body)
			require.Contains(t, got.body, "not_found")
			require.Equal(t, "application/json", got.header.Get("Content-Type"))
			requireNoCanary(t, got.body, logs)
		})
	}
}

func TestRoute_PathsThatAreNoTextAreMalformed(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	for _, path := range []string{
		"/toy/v1/items/%00", "/toy/v1/items/a%00b", "/toy/v1/items/%", "/toy/v1/items/%zz", "/toy/v1/items/%ff",
		"/toy/v1/items/%0d%0aX", "/toy/v1/%00", "/%00", "/t/%00/toy/v1/where",
	} {
		got := do(t, addr, "GET", path, "")

		require.Equal(t, 400, got.status, path)
		require.Contains(t, got.body, "malformed", path)
	}
}

func TestRoute_ParametersAreDecodedOnce(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)

	require.Equal(t, `{"id":"ü x"}`, do(t, addr, "GET", "/toy/v1/items/%C3%BC%20x", "").body)
	require.Equal(t, `{"id":"%2e"}`, do(t, addr, "GET", "/toy/v1/items/%252e", "").body)
	require.Equal(t, `"all"`, do(t, addr, "GET", "/toy/v1/items/all", "").body, "a literal segment wins")
	require.Contains(t, do(t, addr, "GET", "/t/ACME/toy/v1/where", "").body, `"path":"ACME"`)
	require.Contains(t, do(t, addr, "GET", "/t/ACME/toy/v1/where", "").body, `"route":"/t/{tenantCode}/toy/v1/where"`)
}

func TestRoute_OtherMethodsAre405WithAllow(t *testing.T) {
	t.Parallel()
	addr, d, _ := setup(t, nil)
	for _, row := range []struct{ method, path, allow string }{
		{"POST", "/toy/v1/items/1", "DELETE, GET, HEAD"},
		{"PUT", "/t/acme/toy/v1/items/1", "DELETE, GET, HEAD"},
		{"OPTIONS", "/toy/v1/where", "GET, HEAD"},
		{"GET", "/toy/v1/echo", "POST"},
		{"HEAD", "/toy/v1/echo", "POST"},
		{"HEAD", "/toy/v1/spend/x", "GET"},
		{"HEAD", "/t/acme/toy/v1/spend/x", "GET"},
		{"OPTIONS", "/toy/v1/spend/x", "GET"},
		{"DELETE", "/toy/v1/items:batch", "POST"},
	} {
		got := do(t, addr, row.method, row.path, "", "X-HTTP-Method-Override: POST")

		require.Equal(t, 405, got.status, row)
		require.Equal(t, row.allow, got.header.Get("Allow"), row)
		if row.method != "HEAD" {
			require.Contains(t, got.body, `"toy":"method_not_allowed"`)
		}
	}
	require.Zero(t, d.calls.Load(), "nothing was done")
}

func TestRoute_HeadAgreesWithGet(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)

	get := do(t, addr, "GET", "/toy/v1/items/1", "")
	head := do(t, addr, "HEAD", "/toy/v1/items/1", "")

	require.Equal(t, 200, head.status)
	require.Empty(t, head.body)
	require.Equal(t, get.header.Get("Content-Length"), head.header.Get("Content-Length"))
}

func TestRoute_QueryParametersCountOnce(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)

	require.Contains(t, do(t, addr, "GET", "/toy/v1/where?q=a%20b&x=1&x=2", "").body, `"q":"a b"`)
	for _, query := range []string{"q=1&q=2", "q=1&q=1", "q=%zz", "q=%00", "q=%ff", "q=1;x=2"} {
		require.Equal(t, 400, do(t, addr, "GET", "/toy/v1/where?"+query, "").status, query)
	}
}

func TestRoute_MountedTwiceIsAMistakeInTheProgram(t *testing.T) {
	t.Parallel()
	srv := web.New(web.Config{}, zap.NewNop())
	srv.Mount(new(toy).dialect())

	require.Panics(t, func() { srv.Mount(new(toy).dialect()) })
}
