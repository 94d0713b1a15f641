package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
)

const (
	firstPassword  = "Tulip-Bridge-29"
	secondPassword = "Harbour-Lamp-73"
	address        = "ada@globex.example"
)

// portal is a tenant with two companies and one contact at both.
type portal struct {
	token, contact, globex, initech string
}

// found makes it through the admin API.
func (d *deployment) found(code string) portal {
	d.t.Helper()
	admin := func(status int, method, path, body string) reply {
		d.t.Helper()
		return d.must(status, request{method: method, path: "/admin/v1" + path, bearer: operatorToken, body: body})
	}
	number := func(r reply) string {
		d.t.Helper()
		var v struct{ ID json.Number }
		require.NoError(d.t, json.Unmarshal(r.body, &v))
		return v.ID.String()
	}
	admin(201, "POST", "/tenants", `{"code":"`+code+`","name":"Acme Portal","currency":"EUR"}`)
	admin(200, "PUT", "/tenants/"+code+"/scopes", `{"configurator":true,"finance":true,"support":false}`)
	var p portal
	p.globex = number(admin(201, "POST", "/tenants/"+code+"/companies", `{"name":"Globex","email":"info@globex.example","phone":"+31 20 1",
		"billingAddress":{"city":"Amsterdam","country":"NL","houseNumber":"10","postalCode":"1012 AB","street":"Damrak","latitude":52.375,"longitude":4.896}}`))
	p.initech = number(admin(201, "POST", "/tenants/"+code+"/companies", `{"name":"Initech"}`))
	p.contact = number(admin(201, "POST", "/tenants/"+code+"/contacts", fmt.Sprintf(
		`{"firstName":"Ada","lastName":"Lovelace","email":"%s","companies":[{"id":%s,"isPrimary":true},{"id":%s,"isPrimary":false}]}`, address, p.globex, p.initech)))
	for _, doc := range []string{
		`order/SO-1","status":"open","total":"10.00","outstanding":"0.00`, `order/SO-2","status":"open","total":"10.00","outstanding":"0.00`,
		`order/SO-3","status":"open","total":"10.00","outstanding":"0.00`, `order/SO-4","status":"closed","total":"10.00","outstanding":"0.00`,
		`estimate/Q-1","status":"pending","total":"99.99","outstanding":"0.00`,
		`invoice/F-1","status":"sent","total":"1234.00","outstanding":"1234.00`, `invoice/F-2","status":"late","total":"0.56","outstanding":"0.56`,
		`invoice/F-3","status":"void","total":"7.00","outstanding":"7.00`, `invoice/2026%2F7","status":"draft","total":"1.00","outstanding":"1.00`,
	} {
		ref, rest, _ := strings.Cut(doc, `","`)
		admin(200, "PUT", "/tenants/"+code+"/companies/"+p.globex+"/documents/"+ref, `{"currency":"EUR","`+rest+`"}`)
	}
	p.token = admin(201, "POST", "/tenants/"+code+"/api-tokens", `{"name":"crm","permissions":["contacts:read","contacts:write"]}`).text(d.t, "token")
	return p
}

// TestJourney is the main job of the three original APIs, member by member.
func TestJourney(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		d := deployOn(t, on)
		d.start()
		d.journey()
	})
}

// TestJourney_ThroughSeveralProcesses goes to another process with every
// request.
func TestJourney_ThroughSeveralProcesses(t *testing.T) {
	t.Parallel()
	d := deployOn(t, onMongoDB)
	d.spread(3)
	d.journey()
}

func (d *deployment) journey() {
	t := d.t
	t.Helper()
	p := d.found("acme")

	d.luminous(p)
	d.exsited(p)
	tokens := d.link()
	d.visits(p, tokens)
	d.verifies(tokens.access)
	d.renews(p, tokens)

	require.Equal(t, 0, d.stop())
	out, errs, code := d.cli("audit", "verify", "--json")
	require.Equal(t, 0, code, errs)
	require.Contains(t, out, `"findings": []`)
}

func (d *deployment) luminous(p portal) {
	t := d.t
	t.Helper()
	res := d.must(200, request{method: "POST", path: "/external/api/v1/contacts/" + p.contact + "/b2b-portal-password", bearer: p.token, body: `{"password":"` + firstPassword + `"}`})
	data, ok := res.members(t, "data")["data"].(map[string]any)
	require.True(t, ok)
	for _, volatile := range []string{"created_at", "updated_at"} {
		stamp, ok := data[volatile].(string)
		require.True(t, ok)
		_, err := time.Parse("2006-01-02T15:04:05Z", stamp)
		require.NoError(t, err)
		delete(data, volatile)
	}
	got, err := json.Marshal(data)
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"id":%q,"status":"active","first_name":"Ada","last_name":"Lovelace","email":%q,"phone":null,"phone_2":null,
		"full_name":"Ada Lovelace","company_id":%q,"company":{"id":%q,"name":"Globex"},"is_primary":true,"receive_quotation_pdf":false,
		"receive_purchase_order_pdf":false,"receive_purchase_order_invoice_pdf":false,"has_portal_login":true,
		"companies":[{"id":%s,"name":"Globex","is_primary":true,"receive_quotation_pdf":false,"receive_purchase_order_pdf":false,"receive_purchase_order_invoice_pdf":false},
		{"id":%s,"name":"Initech","is_primary":false,"receive_quotation_pdf":false,"receive_purchase_order_pdf":false,"receive_purchase_order_invoice_pdf":false}],"tags":[]}`,
		p.contact, address, p.globex, p.globex, p.globex, p.initech), string(got))
}

func (d *deployment) exsited(p portal) {
	t := d.t
	t.Helper()
	inAcme := map[string]string{"X-Tenant-Code": "acme"}
	for _, method := range []string{"GET", "POST"} {
		res := d.must(200, request{method: method, path: "/api/v3/portal/login", header: inAcme, body: `{"email":"` + address + `","password":"` + firstPassword + `"}`})
		user, ok := res.members(t, "user")["user"].(map[string]any)
		require.True(t, ok)
		portals, ok := user["portals"].([]any)
		require.True(t, ok)
		require.Len(t, portals, 2)
		for i, account := range []string{p.globex, p.initech} {
			one, ok := portals[i].(map[string]any)
			require.True(t, ok)
			require.Equal(t, account, one["account"])
			require.Len(t, one, 3)
			require.NotEmpty(t, one["uuid"])
		}
		delete(user, "portals")
		require.Equal(t, map[string]any{
			"type": "ACCOUNT", "name": "Ada Lovelace", "email_address": address, "image_uri": "", "grant_access_portal": "true",
		}, user)
		for _, name := range []string{"X-Access-Token", "X-Access-Expires-Unix", "X-Refresh-Token"} {
			require.NotEmpty(t, res.header.Get(name), name)
		}
		require.Equal(t, "no-store", res.header.Get("Cache-Control"))
	}
	res := d.must(200, request{
		method: "POST", path: "/t/acme/api/v3/portal/change-password",
		body: `{"email":"` + address + `","current_password":"` + firstPassword + `","new_password":"` + secondPassword + `"}`,
	})
	require.JSONEq(t, `{"message":"Password changed successfully"}`, string(res.body))
	old := d.must(401, request{method: "POST", path: "/api/v3/portal/login", header: inAcme, body: `{"email":"` + address + `","password":"` + firstPassword + `"}`})
	old.members(t, "errors")
}

// granted is what a sign-in gives.
type granted struct{ access, refresh, user string }

func (d *deployment) tokens(r reply) granted {
	d.t.Helper()
	m := r.members(d.t, "accessExpiresUnix", "accessToken", "id", "refreshToken", "username")
	ms, ok := m["accessExpiresUnix"].(float64)
	require.True(d.t, ok)
	left := time.Until(time.UnixMilli(int64(ms)))
	require.Greater(d.t, left, 10*time.Minute)
	require.LessOrEqual(d.t, left, 15*time.Minute)
	require.Equal(d.t, address, m["username"])
	return granted{access: r.text(d.t, "accessToken"), refresh: r.text(d.t, "refreshToken"), user: r.text(d.t, "id")}
}

func (d *deployment) link() granted {
	t := d.t
	t.Helper()
	for _, who := range []string{address, "nobody@globex.example"} {
		res := d.must(200, request{method: "POST", path: "/api/v1/portal/auth/request-magic-link", body: `{"email":"` + who + `","tenantCode":"acme"}`})
		require.Empty(t, res.body)
		require.NotEmpty(t, res.header.Get("X-Link-Binding"))
	}
	got := d.letters(1)[0]
	require.Contains(t, got.to, address)
	require.Contains(t, got.subject, "Acme Portal")
	require.Equal(t, d.base+"/t/acme/magic", got.page)
	for range 2 {
		page := d.must(200, request{method: "GET", path: "/t/acme/magic"})
		require.Contains(t, page.header.Get("Content-Type"), "text/html")
	}
	tokens := d.tokens(d.must(200, request{method: "POST", path: "/api/v1/portal/auth/validate?token=" + got.token}))
	again := d.must(401, request{method: "POST", path: "/api/v1/portal/auth/validate?token=" + got.token})
	again.members(t, "title", "detail", "time", "status", "type", "receipt")
	return tokens
}

func (d *deployment) visits(p portal, g granted) {
	t := d.t
	t.Helper()
	get := func(path string) string {
		t.Helper()
		return string(d.must(200, request{method: "GET", path: "/api/v1/portal" + path, bearer: g.access}).body)
	}
	require.JSONEq(t, `{"avatar":null,"clientId":"`+p.globex+`","clientName":"Globex","email":"`+address+`","firstName":"Ada","id":"`+g.user+`","lastName":"Lovelace"}`, get("/me"))
	var client map[string]any
	require.NoError(t, json.Unmarshal([]byte(get("/client")), &client))
	billing, ok := client["billingAddress"].(map[string]any)
	require.True(t, ok)
	require.IsType(t, "", billing["id"])
	delete(billing, "id")
	require.Equal(t, map[string]any{
		"avatar": nil, "email": "info@globex.example", "id": p.globex, "name": "Globex", "phone": "+31 20 1",
		"billingAddress": map[string]any{
			"city": "Amsterdam", "country": "NL", "houseNumber": "10", "postalCode": "1012 AB", "street": "Damrak", "latitude": 52.375, "longitude": 4.896,
		},
	}, client)
	require.Equal(t, `{"configurator":true,"finance":true,"support":false}`, get("/scopes"))
	require.Equal(t, `{"currency":"EUR","openOrders":3,"pendingEstimates":1,"totalOutstanding":1234.56,"unpaidInvoices":2}`, get("/dashboard/stats"))
}

// verifies proves the token by a library that shares no code with ours.
func (d *deployment) verifies(access string) {
	t := d.t
	t.Helper()
	keys := oidc.NewRemoteKeySet(t.Context(), d.base+"/.well-known/jwks.json")
	verifier := oidc.NewVerifier(d.base, keys, &oidc.Config{ClientID: d.base + "/t/acme", SupportedSigningAlgs: []string{"ES256"}})
	token, err := verifier.Verify(t.Context(), access)
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, token.Claims(&claims))
	var names []string
	for name := range claims {
		names = append(names, name)
	}
	require.ElementsMatch(t, []string{
		"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "auth_time", "amr", "tenant", "tid", "company", "portal", "contact", "scope", "roles",
	}, names)
	require.Equal(t, "acme", claims["tenant"])
	require.Equal(t, "configurator finance", claims["scope"])
	require.Equal(t, []any{}, claims["roles"])
}

func (d *deployment) renews(p portal, g granted) {
	t := d.t
	t.Helper()
	next := d.tokens(d.must(200, request{method: "POST", path: "/api/v1/portal/auth/refresh", body: `{"refreshToken":"` + g.refresh + `"}`}))
	require.NotEqual(t, g.refresh, next.refresh)
	parity := d.tokens(d.must(200, request{method: "GET", path: "/api/v1/auth/refresh/" + next.refresh}))

	login := d.must(200, request{method: "POST", path: "/t/acme/api/v3/portal/login", body: `{"email":"` + address + `","password":"` + secondPassword + `"}`})
	var account struct {
		User struct{ Portals []struct{ UUID string } }
	}
	require.NoError(t, json.Unmarshal(login.body, &account))
	there := d.tokens(d.must(200, request{method: "POST", path: "/api/v1/portal/auth/switch", bearer: parity.access, body: `{"portal":"` + account.User.Portals[1].UUID + `"}`}))
	require.Contains(t, string(d.must(200, request{method: "GET", path: "/api/v1/portal/me", bearer: there.access}).body), `"clientId":"`+p.initech+`"`)
	d.soon(401, request{method: "GET", path: "/api/v1/portal/me", bearer: parity.access})

	d.must(204, request{method: "POST", path: "/api/v1/portal/auth/logout", bearer: there.access})
	d.soon(401, request{method: "GET", path: "/api/v1/portal/me", bearer: there.access})
	d.must(401, request{method: "POST", path: "/api/v1/portal/auth/refresh", body: `{"refreshToken":"` + there.refresh + `"}`})
	require.Equal(t, http.StatusNoContent, d.send(request{method: "GET", path: "/api/v1/auth/logout/" + there.refresh}).status)
}
