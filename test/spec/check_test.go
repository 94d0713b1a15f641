package spec_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/spec"
)

const (
	scopesPath = "/api/v1/portal/scopes"
	stats      = `{"currency":"EUR","openOrders":3,"pendingEstimates":1,"totalOutstanding":1234.56,"unpaidInvoices":2}`
	receipt    = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ"
)

func TestVerify_AcceptsWhatIsDocumented(t *testing.T) {
	t.Parallel()
	s := load(t)
	for name, x := range map[string]spec.Exchange{
		"answer":             answered("GET", scopesPath, 200, `{"configurator":true,"finance":true,"support":false,"my-section":true}`),
		"below the prefix":   answered("GET", "/t/acme"+scopesPath+"?x=1", 200, `{"configurator":true,"finance":true,"support":false}`),
		"refusal":            refused("GET", scopesPath, 401, alphaError(401, "unauthenticated")),
		"no body":            with(answered("POST", "/api/v1/portal/auth/logout", 204, ""), "Clear-Site-Data", `"cache"`),
		"undocumented verb":  refused("PATCH", scopesPath, 405, alphaError(405, "method-not-allowed")),
		"head":               answered("HEAD", scopesPath, 200, ""),
		"head that does not": refused("HEAD", "/api/v3/portal/login", 405, ""),
		"preflight":          answered("OPTIONS", scopesPath, 204, ""),
		"get with a body":    sent(answered("GET", "/api/v3/portal/change-password", 200, `{"message":"Password changed successfully"}`), `{"email":"a@b.example","current_password":"old","new_password":"new passphrase","more":1}`),
		"refused request":    sent(refused("POST", "/api/v1/portal/auth/login", 400, alphaError(400, "malformed")), `{"email":7}`),
		"lines":              batch("{\"line\":1,\"status\":200}\n{\"line\":3,\"status\":404,\"code\":\"company_not_found\",\"detail\":\"There is no such company.\"}\n"),
		"form":               form("token=abc"),
	} {
		require.NoError(t, s.Verify(x), name)
	}
}

func TestVerify_RefusesDrift(t *testing.T) {
	t.Parallel()
	s := load(t)
	path := "/api/v1/portal/dashboard/stats"
	login := "/api/v1/portal/auth/login"
	for name, row := range map[string]struct {
		x    spec.Exchange
		want string
	}{
		"unknown path":        {answered("GET", "/api/v1/portal/nothing", 404, ""), "the path is not documented"},
		"unknown status":      {answered("GET", path, 418, ""), "the status is not documented"},
		"served verb":         {answered("PATCH", path, 200, stats), "the method is not documented"},
		"head that acts":      {answered("HEAD", "/api/v1/auth/logout/abc", 204, ""), "the method is not documented"},
		"more members":        {answered("GET", path, 200, strings.Replace(stats, "{", `{"secret":"hunter2",`, 1)), "response (all of it): additionalProperties"},
		"fewer members":       {answered("GET", path, 200, strings.Replace(stats, `"currency":"EUR",`, "", 1)), "response (all of it): required currency"},
		"wrong type":          {answered("GET", path, 200, strings.Replace(stats, "1234.56", `"1234.56"`, 1)), "response /totalOutstanding: type"},
		"deep inside":         {answered("GET", "/admin/v1/tenants", 200, `{"items":[{}],"nextCursor":null}`), "response /items/0: required id, code,"},
		"not json":            {answered("GET", path, 200, "hunter2"), "response: the body is no JSON"},
		"two values":          {answered("GET", path, 200, stats+stats), "response: the body is no JSON"},
		"status in the body":  {refused("GET", path, 401, alphaError(403, "unauthenticated")), "response /status: enum"},
		"content type":        {typed(answered("GET", path, 200, stats), "text/plain"), "response: the content type is not documented"},
		"charset":             {typed(answered("GET", path, 200, stats), "application/json; charset=utf-16"), "response: the charset is not utf-8"},
		"unexpected body":     {answered("POST", "/api/v1/portal/auth/logout", 204, "{}"), "response: a body where none is documented"},
		"missing header":      {without(answered("GET", path, 200, stats), "X-Request-Id"), "header X-Request-Id is missing"},
		"wrong header":        {with(answered("GET", path, 200, stats), "Cache-Control", "public"), "header Cache-Control (all of it): enum"},
		"header no number":    {with(refused("GET", path, 503, alphaError(503, "unavailable")), "Retry-After", "soon"), "header Retry-After: type"},
		"wrong line":          {batch("{\"line\":1,\"status\":200}\n{\"line\":2,\"status\":200,\"code\":\"x\"}\n"), "response line 2 (all of it): maxProperties"},
		"accepted nonsense":   {sent(answered("POST", "/api/v1/portal/auth/switch", 200, "{}"), `{"portal":"hunter2"}`), "request /portal: pattern"},
		"accepted more":       {sent(answered("PATCH", "/admin/v1/tenants/acme", 200, "{}"), `{"hunter2":1}`), "request (all of it): additionalProperties"},
		"accepted nothing":    {answered("POST", login, 200, "{}"), "request: the content type is not documented"},
		"accepted wrong form": {form("code=hunter2"), "request (all of it): required token"},
	} {
		err := s.Verify(row.x)
		require.ErrorContains(t, err, row.want, name)
		require.NotContains(t, err.Error(), "hunter2", name)
	}
}

func TestCheck_NamesTheTemplateAndNoValue(t *testing.T) {
	t.Parallel()
	var log recorder

	load(t).Check(&log, answered("GET", "/api/v1/auth/refresh/hunter2", 418, "hunter2"))

	require.Equal(t, []string{"GET /api/v1/auth/refresh/{refreshToken} answered 418: the status is not documented"}, log.lines)
}

func TestVerify_PrefersTheMoreSpecificPath(t *testing.T) {
	t.Parallel()
	s := load(t)

	require.NoError(t, s.Verify(refused("GET", "/admin/v1/tenants/acme/documents:batch", 405, problem(405))))

	require.Len(t, s.Covered(), 0)
}

func TestCovered_CountsSuccessesOnly(t *testing.T) {
	t.Parallel()
	s := load(t)
	all := len(s.Operations())

	require.NoError(t, s.Verify(refused("GET", scopesPath, 401, alphaError(401, "unauthenticated"))))
	require.NoError(t, s.Verify(answered("HEAD", scopesPath, 200, "")))
	require.Len(t, s.Uncovered(), all)
	require.NoError(t, s.Verify(answered("GET", scopesPath, 200, `{"configurator":true,"finance":true,"support":false}`)))

	require.Equal(t, []spec.Operation{{ID: "getScopes", Method: "GET", Path: scopesPath}}, s.Covered())
	require.Len(t, s.Uncovered(), all-1)
}

func TestTransport_ChecksAndPassesOn(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"echo":%d}`, len(got))
	}))
	t.Cleanup(server.Close)
	var log recorder
	client := http.Client{Transport: load(t).Transport(&log, http.DefaultTransport)}

	res, err := client.Post(server.URL+"/api/v1/portal/auth/refresh", "application/json", strings.NewReader(`{"refreshToken":"abc"}`))

	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, `{"echo":22}`, string(body))
	require.Len(t, log.lines, 1)
	require.Contains(t, log.lines[0], "response (all of it): additionalProperties")
	require.Contains(t, log.lines[0], "header X-Request-Id is missing")
}

func TestNew_RefusesBrokenDocuments(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`{`:  "read document",
		`[]`: "the document is no object",
		`{"paths":{"/a":{"get":{"responses":{"200":{"$ref":"#/components/responses/Gone"}}}}}}`:                                 "the reference leads nowhere",
		`{"paths":{"/a":{"get":{"responses":{"200":{"content":{"application/json":{"schema":{"type":7}}}}}}}}}`:                 "/paths/~1a/get/responses/200/content/application~1json/schema",
		`{"paths":{"/a":{"get":{"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"https://x.test/"}}}}}}}}}`: "/paths/~1a/get",
	} {
		_, err := spec.New([]byte(doc))
		require.ErrorContains(t, err, want, doc)
	}
}

// recorder is a test that only notes what went wrong.
type recorder struct{ lines []string }

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func answered(method, path string, status int, body string) spec.Exchange {
	h := http.Header{"X-Request-Id": {"r1"}, "Cache-Control": {"no-store"}, "Content-Type": {"application/json"}}
	return spec.Exchange{Method: method, Path: path, Status: status, ResponseHeader: h, ResponseBody: []byte(body)}
}

func refused(method, path string, status int, body string) spec.Exchange {
	x := answered(method, path, status, body)
	maps.Copy(x.ResponseHeader, http.Header{"Www-Authenticate": {"Bearer"}, "Allow": {"GET, POST"}, "Retry-After": {"3"}, "X-Receipt": {receipt}})
	if strings.HasPrefix(path, "/admin/") {
		x.ResponseHeader.Set("Content-Type", "application/problem+json")
	}
	return x
}

func sent(x spec.Exchange, body string) spec.Exchange {
	x.RequestHeader = http.Header{"Content-Type": {"application/json; charset=UTF-8"}}
	x.RequestBody = []byte(body)
	return x
}

func typed(x spec.Exchange, name string) spec.Exchange { return with(x, "Content-Type", name) }

func with(x spec.Exchange, name, value string) spec.Exchange {
	x.ResponseHeader.Set(name, value)
	return x
}

func without(x spec.Exchange, name string) spec.Exchange {
	x.ResponseHeader.Del(name)
	return x
}

func batch(answer string) spec.Exchange {
	x := sent(answered("POST", "/admin/v1/tenants/acme/documents:batch", 200, answer),
		"\n"+`{"company":1,"kind":"invoice","ref":"I-1","status":"open","currency":"EUR","total":"1.00","outstanding":"0.50"}`+"\n")
	x.RequestHeader.Set("Content-Type", "application/x-ndjson")
	return typed(x, "application/x-ndjson")
}

func form(fields string) spec.Exchange {
	x := sent(answered("POST", "/t/acme/magic", 200, "<!doctype html>"), fields)
	x.RequestHeader.Set("Content-Type", "application/x-www-form-urlencoded")
	x.ResponseHeader.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	return typed(x, "text/html; charset=utf-8")
}

func alphaError(status int, kind string) string {
	return fmt.Sprintf(`{"detail":"No.","receipt":%q,"status":%d,"time":"2026-11-22T10:00:00Z","title":"Refused","type":%q}`, receipt, status, kind)
}

func problem(status int) string {
	return fmt.Sprintf(`{"type":"method-not-allowed","title":"Method Not Allowed","status":%d,"detail":"No.","code":"method_not_allowed"}`, status)
}
