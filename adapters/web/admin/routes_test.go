package admin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/actor"
	"ostiary/domain/tenant"
	"ostiary/test/harness"
)

// route is one line of the contract's table: what it needs of a tenant's
// credential, what of the operator's where that differs, and how it succeeds.
type route struct {
	method, path, body string
	needs              actor.Permission
	operator           actor.Permission // "": the same
	alone              bool             // the operator's alone
	status             int
	media              string
}

func (r route) name() string { return r.method + " " + r.path }

func (r route) of(code string) string { return strings.Replace(r.path, "acme", code, 1) }

func (r route) tenanted() bool { return strings.HasPrefix(r.path, base) }

func (r route) ask(token, code string) harness.Ask {
	a := harness.Ask{Method: r.method, Path: r.of(code), Token: token, Body: r.body}
	if r.media != "" {
		a.Header = map[string]string{"Content-Type": r.media}
	}
	return a
}

func routes(t testing.TB) []route {
	const (
		companies = base + "/companies"
		aCompany  = companies + "/{company}"
		contacts  = base + "/contacts"
		aContact  = contacts + "/{contact}"
		aToken    = `{"name":"ci","permissions":["audit:read"]}`
		line      = `{"company":1,"kind":"order","ref":"X","status":"open","currency":"EUR","total":"1","outstanding":"0"}`
	)
	png := picture(t)
	return []route{
		{method: "POST", path: root + "/tenants", body: `{"code":"new","name":"New"}`, needs: actor.TenantsWrite, alone: true, status: 201},
		{method: "GET", path: root + "/tenants", needs: actor.TenantsRead, alone: true, status: 200},
		{method: "GET", path: base, needs: actor.SettingsRead, operator: actor.TenantsRead, status: 200},
		{method: "PATCH", path: base, body: `{"name":"Acme"}`, needs: actor.SettingsWrite, operator: actor.TenantsWrite, status: 200},
		{method: "DELETE", path: base, needs: actor.TenantsWrite, alone: true, status: 204},
		{method: "GET", path: base + "/scopes", needs: actor.ScopesRead, status: 200},
		{method: "PUT", path: base + "/scopes", body: `{"finance":true}`, needs: actor.ScopesWrite, status: 200},

		{method: "POST", path: companies, body: `{"name":"New"}`, needs: actor.CompaniesWrite, status: 201},
		{method: "GET", path: companies, needs: actor.CompaniesRead, status: 200},
		{method: "GET", path: aCompany, needs: actor.CompaniesRead, status: 200},
		{method: "PATCH", path: aCompany, body: `{"phone":"1"}`, needs: actor.CompaniesWrite, status: 200},
		{method: "DELETE", path: aCompany, needs: actor.CompaniesWrite, status: 204},
		{method: "PUT", path: aCompany + "/avatar", body: png, media: "image/png", needs: actor.CompaniesWrite, status: 200},
		{method: "PUT", path: aCompany + "/documents/invoice/I-1", body: document, needs: actor.DocumentsWrite, status: 200},
		{method: "DELETE", path: aCompany + "/documents/order/O-1", needs: actor.DocumentsWrite, status: 204},
		{method: "POST", path: base + "/documents:batch", body: line, media: "application/x-ndjson", needs: actor.DocumentsWrite, status: 200},

		{method: "POST", path: contacts, body: `{"firstName":"Eve","companies":[{"id":1}]}`, needs: actor.ContactsWrite, status: 201},
		{method: "GET", path: contacts, needs: actor.ContactsRead, status: 200},
		{method: "GET", path: aContact, needs: actor.ContactsRead, status: 200},
		{method: "PATCH", path: aContact, body: `{"phone":"1"}`, needs: actor.ContactsWrite, status: 200},
		{method: "DELETE", path: aContact, needs: actor.ContactsWrite, status: 204},
		{method: "PUT", path: aContact + "/avatar", body: png, media: "image/png", needs: actor.ContactsWrite, status: 200},
		{method: "POST", path: aContact + "/invitation", needs: actor.UsersWrite, status: 202},
		{method: "PUT", path: aContact + "/password", body: `{"password":"long enough to be one"}`, needs: actor.UsersWrite, status: 200},
		{method: "GET", path: aContact + "/user", needs: actor.ContactsRead, status: 200},
		{method: "PATCH", path: aContact + "/user", body: `{"enabled":false}`, needs: actor.UsersWrite, status: 200},
		{method: "DELETE", path: aContact + "/sessions", needs: actor.UsersWrite, status: 204},

		{method: "POST", path: base + "/tags", body: `{"name":"vip"}`, needs: actor.ContactsWrite, status: 201},
		{method: "GET", path: base + "/tags", needs: actor.ContactsRead, status: 200},
		{method: "GET", path: base + "/tags/{tag}", needs: actor.ContactsRead, status: 200},
		{method: "PATCH", path: base + "/tags/{tag}", body: `{"icon":"star"}`, needs: actor.ContactsWrite, status: 200},
		{method: "DELETE", path: base + "/tags/{tag}", needs: actor.ContactsWrite, status: 204},

		{method: "POST", path: base + "/api-tokens", body: aToken, needs: actor.TokensWrite, status: 201},
		{method: "GET", path: base + "/api-tokens", needs: actor.TokensWrite, status: 200},
		{method: "DELETE", path: base + "/api-tokens/{token}", needs: actor.TokensWrite, status: 204},
		{method: "POST", path: root + "/api-tokens", body: aToken, needs: actor.TokensWrite, alone: true, status: 201},
		{method: "GET", path: root + "/api-tokens", needs: actor.TokensWrite, alone: true, status: 200},
		{method: "DELETE", path: root + "/api-tokens/{operator-token}", needs: actor.TokensWrite, alone: true, status: 204},

		{method: "GET", path: base + "/audit-events", needs: actor.AuditRead, status: 200},
		{method: "GET", path: base + "/receipts/{receipt}", needs: actor.AuditRead, status: 200},
		{method: "GET", path: root + "/keys", needs: actor.KeysWrite, alone: true, status: 200},
		{method: "POST", path: root + "/keys/rotate", needs: actor.KeysWrite, alone: true, status: 200},
		{method: "DELETE", path: root + "/keys/{key}", needs: actor.KeysWrite, alone: true, status: 204},
	}
}

// granting is what a token must hold beside the permission itself, because
// nobody grants what they lack.
func (r route) granting(p actor.Permission) []actor.Permission {
	if r.method == "POST" && strings.HasSuffix(r.path, "/api-tokens") {
		return []actor.Permission{p, actor.AuditRead}
	}
	return []actor.Permission{p}
}

func (r route) operators() actor.Permission {
	if r.operator != "" {
		return r.operator
	}
	return r.needs
}

func TestRoutes_AreRefusedWithoutTheRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	member, foreign := w.member(t), w.all(t, "other")
	for _, r := range routes(t) {
		t.Run(r.name(), func(t *testing.T) {
			elsewhere := http.StatusForbidden
			if r.tenanted() {
				elsewhere = http.StatusNotFound
			}
			for who, c := range map[string]struct {
				token  string
				status int
			}{
				"nobody":                  {"", http.StatusUnauthorized},
				"garbage":                 {"ost_nonsense", http.StatusUnauthorized},
				"user without a role":     {member, http.StatusForbidden},
				"tenant without right":    {w.all(t, harness.Code, r.needs), http.StatusForbidden},
				"another tenant":          {foreign, elsewhere},
				"operator without right":  {w.all(t, "", r.needs, r.operators()), http.StatusForbidden},
				"tenant with other right": {w.APIToken(t, harness.Code, other(r.needs)), http.StatusForbidden},
			} {
				got := w.send(t, r.ask(c.token, "acme"), c.status)
				require.NotEmpty(t, got.Header.Get("X-Receipt"), who)
				require.Equal(t, "no-store", got.Header.Get("Cache-Control"), who)
			}
		})
	}
}

func TestRoutes_ALogLineSaysWhoWasRefusedWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	weak := w.APIToken(t, harness.Code, actor.AuditRead)

	refused := w.Do(t, harness.Ask{Path: "/admin/v1/tenants/acme/companies", Token: weak})
	w.Do(t, harness.Ask{Path: "/admin/v1/tenants/acme/companies", Token: harness.OperatorToken})

	require.Equal(t, http.StatusForbidden, refused.Status)
	lines := w.Logs.FilterMessage("request").All()
	line := lines[len(lines)-2].ContextMap()
	require.Regexp(t, `^token:[0-9a-f-]{36}$`, line["actor"])
	require.Equal(t, actor.ErrForbidden.Code(), line["refused"])
	require.Equal(t, "/admin/v1/tenants/{code}/companies", line["route"])
	require.EqualValues(t, http.StatusForbidden, line["status"])
	require.Equal(t, refused.Header.Get("X-Request-Id"), line["request_id"])
	require.Equal(t, "operator:", lines[len(lines)-1].ContextMap()["actor"])
}

// other is a right that the route does not ask for.
func other(p actor.Permission) actor.Permission {
	if p == actor.AuditRead {
		return actor.ScopesRead
	}
	return actor.AuditRead
}

func TestRoutes_AreOpenToWhoHoldsTheRight(t *testing.T) {
	t.Parallel()
	for who, token := range map[string]func(w *world, t *testing.T, r route) string{
		"tenant":   func(w *world, t *testing.T, r route) string { return w.APIToken(t, harness.Code, tenantsOwn(r)...) },
		"operator": func(w *world, t *testing.T, r route) string { return w.APIToken(t, "", r.granting(r.operators())...) },
		"admin":    func(w *world, t *testing.T, _ route) string { return w.admin(t) },
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, harness.Options{})
			for _, r := range deletingLast(routes(t)) {
				t.Run(r.name(), func(t *testing.T) {
					status := r.status
					if r.alone && who != "operator" {
						status = http.StatusForbidden
					}

					got := w.send(t, r.ask(token(w, t, r), "ACME"), status)

					if status == http.StatusCreated {
						require.True(t, strings.HasPrefix(got.Header.Get("Location"), w.at.Replace(r.path)+"/"))
					}
				})
			}
		})
	}
}

// deletingLast puts deletions to the end, parts before the whole.
func deletingLast(all []route) (out []route) {
	for _, r := range all {
		if r.method != http.MethodDelete {
			out = append(out, r)
		}
	}
	for _, r := range slices.Backward(all) {
		if r.method == http.MethodDelete {
			out = append(out, r)
		}
	}
	return out
}

// tenantsOwn is the right as far as a tenant's token can hold it.
func tenantsOwn(r route) []actor.Permission {
	held := r.granting(r.needs)
	if r.needs == actor.TenantsWrite || r.needs == actor.TenantsRead || r.needs == actor.KeysWrite {
		held = actor.TenantPermissions()
	}
	return held
}

func TestRoutes_AnotherTenantLooksLikeNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	token := w.all(t, "other")
	for _, r := range routes(t) {
		if !r.tenanted() {
			continue
		}
		t.Run(r.name(), func(t *testing.T) {
			foreign := w.send(t, r.ask(token, "acme"), http.StatusNotFound)
			unknown := w.send(t, r.ask(token, "nobody"), http.StatusNotFound)
			misspelt := w.send(t, r.ask(token, "-acme-"), http.StatusNotFound)

			require.Equal(t, plain(unknown), plain(foreign))
			require.Equal(t, plain(unknown), plain(misspelt))
		})
	}
}

func TestRoutes_AnotherTenantsIDLooksLikeNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	token := w.all(t, "other")
	for _, r := range routes(t) {
		if !strings.Contains(r.path, "{") || !r.tenanted() {
			continue
		}
		t.Run(r.name(), func(t *testing.T) {
			at := r.ask(token, "other")
			foreign := w.send(t, at, http.StatusNotFound)
			for _, none := range []string{"9007199254740991", "0", "x", "019ab3c4-5d6e-7f80-9123-456789abcdef"} {
				at := r.ask(token, "other")
				for _, name := range []string{"{company}", "{contact}", "{tag}", "{token}", "{receipt}"} {
					at.Path = strings.ReplaceAll(at.Path, name, none)
				}
				require.Equal(t, plain(foreign), plain(w.send(t, at, http.StatusNotFound)), none)
			}
		})
	}
}

// plain is an answer without what names the one request.
func plain(a harness.Answer) harness.Answer {
	a.Header = a.Header.Clone()
	for _, name := range []string{"X-Request-Id", "X-Receipt", "Date"} {
		a.Header.Del(name)
	}
	return a
}

func TestRoutes_RefuseOtherMethodsAndPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{Undocumented: true})

	got := w.operate(t, "PUT", base, `{}`, http.StatusMethodNotAllowed)
	code, _ := refused(t, got)
	require.Equal(t, "method_not_allowed", code)
	require.Equal(t, "DELETE, GET, HEAD, PATCH", got.Header.Get("Allow"))

	code, _ = refused(t, w.operate(t, "GET", root+"/nothing", "", http.StatusNotFound))
	require.Equal(t, "not_found", code)
}

func TestActor_IsNotTakenFromThePath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{BaseDomain: "portals.example.com"})
	token := w.all(t, harness.Code)
	for name, c := range map[string]struct {
		header, value string
		status        int
	}{
		"own header":     {"X-Tenant-Code", "ACME", 200},
		"other's header": {"X-Tenant-Code", "other", 400},
		"own host":       {"Host", "acme.portals.example.com", 200},
		"other's host":   {"Host", "other.portals.example.com", 400},
	} {
		w.send(t, harness.Ask{Path: base, Token: token, Header: map[string]string{c.header: c.value}}, c.status)
		require.NotEmpty(t, name)
	}
}

func TestActor_SuspendedTenantIsForbidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	token, user := w.all(t, harness.Code), w.admin(t)
	w.operate(t, "PATCH", base, `{"status":"suspended"}`, 200)

	for _, who := range []string{token, user} {
		code, _ := refused(t, w.ask(t, "GET", base, who, "", http.StatusForbidden))
		require.Equal(t, tenant.ErrSuspended.Code(), code)
	}
	w.operate(t, "GET", base+"/companies", "", 200)
}
