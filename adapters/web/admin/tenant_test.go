package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/actor"
	"ostiary/domain/fault"
	"ostiary/domain/session"
	"ostiary/test/harness"
)

func TestTenant_SaysAllItsMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})

	got := w.operate(t, "POST", root+"/tenants", `{"code":"New-1","name":"New <&> Co","scopes":{"my-section":true,"finance":true},
		"hosts":["B.example.net","a.example.net"],"settings":{"locale":"nl","origins":["https://a.example.net"],"accessTokenMinutes":5}}`, 201)

	id, _ := object(t, got.Body)["id"].(string)
	require.Equal(t, `{"id":"`+id+`","code":"new-1","name":"New <&> Co","status":"active","currency":"EUR",`+
		`"scopes":{"configurator":false,"finance":true,"my-section":true,"support":false},"hosts":["a.example.net","b.example.net"],`+
		`"settings":{"locale":"nl","origins":["https://a.example.net"],"accessTokenMinutes":5},`+
		`"createdAt":"2026-03-04T05:06:07Z","updatedAt":"2026-03-04T05:06:07Z"}`, got.Body)
	require.Equal(t, "/admin/v1/tenants/new-1", got.Header.Get("Location"))
	require.Equal(t, `"1"`, got.Header.Get("ETag"))
	code, _ := refused(t, w.operate(t, "POST", root+"/tenants", `{"code":"NEW-1","name":"Again"}`, http.StatusConflict))
	require.Equal(t, "tenant_code_taken", code)
	w.operate(t, "DELETE", root+"/tenants/new-1", "", 204)
	w.operate(t, "GET", root+"/tenants/new-1", "", 404)
}

func TestTenant_HostsAreItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{PublicURL: "https://id.example.com", BaseDomain: "portals.example.com"})
	w.operate(t, "PATCH", root+"/tenants/other", `{"hosts":["taken.example.net"],"settings":{"audience":"https://aud.example.net"}}`, 200)

	for host, c := range map[string]struct {
		status  int
		code    string
		pointer []string
	}{
		"taken.example.net":        {409, "host_taken", nil},
		"TAKEN.example.net":        {409, "host_taken", nil},
		"id.example.com":           {422, "invalid", []string{"/hosts/1"}},
		"portals.example.com":      {422, "invalid", []string{"/hosts/1"}},
		"acme.portals.example.com": {422, "invalid", []string{"/hosts/1"}},
		"host:8080":                {422, "invalid", []string{"/hosts/1"}},
		"127.0.0.1":                {422, "invalid", []string{"/hosts/1"}},
		"":                         {422, "invalid", []string{"/hosts/1"}},
	} {
		body := `{"code":"x","name":"X","hosts":["free.example.net","` + host + `"]}`
		for _, got := range []harness.Answer{
			w.operate(t, "POST", root+"/tenants", body, c.status),
			w.operate(t, "PATCH", base, `{"hosts":["free.example.net","`+host+`"]}`, c.status),
		} {
			code, pointers := refused(t, got)
			require.Equal(t, c.code, code, host)
			require.Equal(t, c.pointer, pointers, host)
		}
	}
	code, _ := refused(t, w.operate(t, "PATCH", base, `{"settings":{"audience":"https://aud.example.net"}}`, 409))
	require.Equal(t, "audience_taken", code)
	w.operate(t, "PATCH", base, `{"hosts":["free.example.net"]}`, 200)
}

func TestTenant_ItsOwnCredentialChangesNameAndSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	token := w.all(t, harness.Code)

	w.ask(t, "PATCH", base, token, `{"name":"Renamed","settings":{"passwordMinLength":12}}`, 200)
	for _, body := range []string{`{"status":"suspended"}`, `{"currency":"USD"}`, `{"hosts":["a.example.net"]}`, `{"scopes":{"support":true}}`} {
		refused(t, w.ask(t, "PATCH", base, token, body, http.StatusForbidden))
	}
	for _, code := range []string{`"acme"`, `"new"`, `null`, `7`} {
		_, pointers := refused(t, w.operate(t, "PATCH", base, `{"code":`+code+`}`, 422))
		require.Equal(t, []string{"/code"}, pointers)
	}
}

func TestScopes_AreReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})

	put := w.operate(t, "PUT", base+"/scopes", `{"support":true,"my-section":false}`, 200)

	require.Equal(t, `{"configurator":false,"finance":false,"my-section":false,"support":true}`, put.Body)
	got := w.operate(t, "GET", base+"/scopes", "", 200)
	require.Equal(t, put.Body, got.Body)
	require.Equal(t, put.Header.Get("ETag"), got.Header.Get("ETag"))
	require.Equal(t, got.Header.Get("ETag"), w.operate(t, "GET", base, "", 200).Header.Get("ETag"))
	for body, pointer := range map[string]string{
		`{"Bad Name":true}`: "", `null`: "", `[]`: "", `{"finance":null}`: "", `{"finance":1}`: "/finance",
	} {
		got := w.operate(t, "PUT", base+"/scopes", body, 422)
		_, pointers := refused(t, got)
		require.Equal(t, []string{pointer}, pointers, body)
		require.NotContains(t, got.Body, "Bad Name")
	}
}

func TestTokens_NobodyGrantsWhatTheyLack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	weak := w.APIToken(t, harness.Code, actor.TokensWrite, actor.AuditRead)

	made := w.ask(t, "POST", base+"/api-tokens", weak, `{"name":"n","permissions":["audit:read"],"expiresAt":"2027-01-01T00:00:00Z"}`, 201)
	refused(t, w.ask(t, "POST", base+"/api-tokens", weak, `{"name":"n","permissions":["contacts:read"]}`, http.StatusForbidden))
	_, pointers := refused(t, w.operate(t, "POST", base+"/api-tokens", `{"name":"n","permissions":["audit:read","keys:write"]}`, 422))
	require.Equal(t, []string{"/permissions/1"}, pointers)
	_, pointers = refused(t, w.operate(t, "POST", base+"/api-tokens", `{"name":"n","permissions":["root"],"expiresAt":"soon"}`, 422))
	require.Equal(t, []string{"/expiresAt", "/permissions/0"}, pointers)
	_, pointers = refused(t, w.operate(t, "POST", base+"/api-tokens", `{"name":"n","permissions":["audit:read"],"expiresAt":"2020-01-01T00:00:00Z"}`, 422))
	require.Equal(t, []string{"/expiresAt"}, pointers)

	m := object(t, made.Body)
	token, _ := m["token"].(string)
	delete(m, "token")
	listed := items(t, w.operate(t, "GET", base+"/api-tokens", "", 200).Body)
	require.Contains(t, listed, any(m))
	w.ask(t, "GET", base+"/audit-events", token, "", 200)
	w.operate(t, "DELETE", made.Header.Get("Location"), "", 204)
	w.operate(t, "DELETE", made.Header.Get("Location"), "", 404)
	w.ask(t, "GET", base+"/audit-events", token, "", http.StatusUnauthorized)
}

func TestReceipt_ShowsTheDecisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	sealed := w.Receipts.Issue(w.Acme.ID, "request-7", session.ErrToken.Traced(fault.Step{Name: "token", Outcome: "unknown"}))

	got := w.operate(t, "GET", base+"/receipts/"+url.PathEscape(sealed), "", 200)

	require.Equal(t, `{"requestId":"request-7","at":"2026-03-04T05:06:07Z","code":"unauthenticated","steps":[{"name":"token","outcome":"unknown"}]}`, got.Body)
	w.operate(t, "GET", base+"/receipts/"+sealed[1:], "", 404)
	w.ask(t, "GET", root+"/tenants/other/receipts/"+sealed, w.all(t, "other"), "", 404)

	own := w.ask(t, "GET", base+"/companies/999", w.all(t, harness.Code), "", 404).Header.Get("X-Receipt")
	require.Equal(t, "company_not_found", object(t, w.operate(t, "GET", base+"/receipts/"+own, "", 200).Body)["code"])
}

func TestKeys_ANewOneWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	statuses := func(a harness.Answer) []string { return keyTexts(t, a, "status") }

	require.Equal(t, []string{"active"}, statuses(w.operate(t, "GET", root+"/keys", "", 200)))
	rotated := w.operate(t, "POST", root+"/keys/rotate", "", 200)
	require.Equal(t, []string{"active", "pending"}, statuses(rotated))
	require.False(t, strings.Contains(rotated.Body, "rivate"))
	w.Advance(t, 6*60*1_000_000_000)
	require.Equal(t, []string{"retired", "active"}, statuses(w.operate(t, "GET", root+"/keys", "", 200)))
}

// keyTexts is one member of each key that is listed.
func keyTexts(t *testing.T, a harness.Answer, member string) (out []string) {
	t.Helper()
	for _, item := range items(t, a.Body) {
		text, _ := item.(map[string]any)[member].(string)
		out = append(out, text)
	}
	return out
}

func TestKeys_ARemovedOneIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	w.operate(t, "POST", root+"/keys/rotate", "", 200)
	w.Advance(t, 6*time.Minute)
	before := w.operate(t, "POST", root+"/keys/rotate", "", 200)
	kids := keyTexts(t, before, "kid")
	require.Equal(t, []string{"retired", "active", "pending"}, keyTexts(t, before, "status"))
	remove := func(kid string) harness.Answer {
		gone := w.operate(t, "DELETE", root+"/keys/"+kid, "", 204)
		require.Empty(t, gone.Body)
		code, _ := refused(t, w.operate(t, "DELETE", root+"/keys/"+kid, "", 404))
		require.Equal(t, "key_not_found", code)
		return w.operate(t, "GET", root+"/keys", "", 200)
	}

	left := remove(kids[1])
	require.Equal(t, []string{kids[0], kids[2]}, keyTexts(t, left, "kid"))
	require.Equal(t, []string{"retired", "active"}, keyTexts(t, left, "status"))
	left = remove(kids[2])
	require.Equal(t, []string{"retired", "active"}, keyTexts(t, left, "status"))
	require.NotContains(t, kids, keyTexts(t, left, "kid")[1], "a fresh one signs")
	left = remove(kids[0])
	require.Equal(t, []string{"active"}, keyTexts(t, left, "status"))
	for _, unknown := range []string{"x", "%00", "..%2f..%2fkeys", "' OR 1=1--"} {
		got := w.Do(t, harness.Ask{Method: "DELETE", Path: root + "/keys/" + url.PathEscape(unknown), Token: harness.OperatorToken})
		require.Contains(t, []int{400, 404}, got.Status, unknown)
	}
	require.Len(t, items(t, w.operate(t, "GET", root+"/keys", "", 200).Body), 1)
}
