package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"ostiary/test/program"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
)

// TestJourney is the main job of the three original APIs, member by member.
func TestJourney(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := deployOn(t, on)
		d.Start()
		d.journey()
	})
}

// TestJourney_ThroughSeveralProcesses goes to another process with every
// request.
func TestJourney_ThroughSeveralProcesses(t *testing.T) {
	t.Parallel()
	d := deployOn(t, program.OnMongoDB)
	d.Spread(3)
	d.journey()
}

func (d deployment) journey() {
	t := d.T
	t.Helper()
	p := d.Found("acme")

	d.luminous(p)
	d.exsited(p)
	tokens := d.link()
	d.visits(p, tokens)
	d.verifies(tokens.Access)
	d.renews(p, tokens)

	require.Equal(t, 0, d.Stop())
	out, errs, code := d.CLI("audit", "verify", "--json")
	require.Equal(t, 0, code, errs)
	require.Contains(t, out, `"findings": []`)
}

func (d deployment) luminous(p program.Portal) {
	t := d.T
	t.Helper()
	res := d.Must(200, program.Request{Method: "POST", Path: "/external/api/v1/contacts/" + p.Contact + "/b2b-portal-password", Bearer: p.Token, Body: `{"password":"` + program.FirstPassword + `"}`})
	data, ok := res.Members(t, "data")["data"].(map[string]any)
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
		p.Contact, program.Address, p.Globex, p.Globex, p.Globex, p.Initech), string(got))
}

func (d deployment) exsited(p program.Portal) {
	t := d.T
	t.Helper()
	inAcme := map[string]string{"X-Tenant-Code": "acme"}
	for _, method := range []string{"GET", "POST"} {
		res := d.Must(200, program.Request{Method: method, Path: "/api/v3/portal/login", Header: inAcme, Body: `{"email":"` + program.Address + `","password":"` + program.FirstPassword + `"}`})
		user, ok := res.Members(t, "user")["user"].(map[string]any)
		require.True(t, ok)
		portals, ok := user["portals"].([]any)
		require.True(t, ok)
		require.Len(t, portals, 2)
		for i, account := range []string{p.Globex, p.Initech} {
			one, ok := portals[i].(map[string]any)
			require.True(t, ok)
			require.Equal(t, account, one["account"])
			require.Len(t, one, 3)
			require.NotEmpty(t, one["uuid"])
		}
		delete(user, "portals")
		require.Equal(t, map[string]any{
			"type": "ACCOUNT", "name": "Ada Lovelace", "email_address": program.Address, "image_uri": "", "grant_access_portal": "true",
		}, user)
		for _, name := range []string{"X-Access-Token", "X-Access-Expires-Unix", "X-Refresh-Token"} {
			require.NotEmpty(t, res.Header.Get(name), name)
		}
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	}
	res := d.Must(200, program.Request{
		Method: "POST", Path: "/t/acme/api/v3/portal/change-password",
		Body: `{"email":"` + program.Address + `","current_password":"` + program.FirstPassword + `","new_password":"` + program.SecondPassword + `"}`,
	})
	require.JSONEq(t, `{"message":"Password changed successfully"}`, string(res.Body))
	old := d.Must(401, program.Request{Method: "POST", Path: "/api/v3/portal/login", Header: inAcme, Body: `{"email":"` + program.Address + `","password":"` + program.FirstPassword + `"}`})
	old.Members(t, "errors")
}

func (d deployment) link() program.Granted {
	t := d.T
	t.Helper()
	for _, who := range []string{program.Address, "nobody@globex.example"} {
		res := d.Must(200, program.AskForLink("acme", who))
		require.Empty(t, res.Body)
		require.NotEmpty(t, res.Header.Get("X-Link-Binding"))
	}
	got := d.Letters(1)[0]
	require.Contains(t, got.To, program.Address)
	require.Contains(t, got.Subject, "Acme Portal")
	require.Equal(t, d.URL+"/t/acme/magic", got.Page)
	for range 2 {
		page := d.Must(200, program.Request{Method: "GET", Path: "/t/acme/magic"})
		require.Contains(t, page.Header.Get("Content-Type"), "text/html")
	}
	tokens := d.Tokens(d.Must(200, program.Validate(got.Token)))
	again := d.Must(401, program.Validate(got.Token))
	again.Members(t, "title", "detail", "time", "status", "type", "receipt")
	return tokens
}

func (d deployment) visits(p program.Portal, g program.Granted) {
	t := d.T
	t.Helper()
	get := func(path string) string {
		t.Helper()
		return string(d.Must(200, program.Request{Method: "GET", Path: "/api/v1/portal" + path, Bearer: g.Access}).Body)
	}
	require.JSONEq(t, `{"avatar":null,"clientId":"`+p.Globex+`","clientName":"Globex","email":"`+program.Address+`","firstName":"Ada","id":"`+g.User+`","lastName":"Lovelace"}`, get("/me"))
	var client map[string]any
	require.NoError(t, json.Unmarshal([]byte(get("/client")), &client))
	billing, ok := client["billingAddress"].(map[string]any)
	require.True(t, ok)
	require.IsType(t, "", billing["id"])
	delete(billing, "id")
	require.Equal(t, map[string]any{
		"avatar": nil, "email": "info@globex.example", "id": p.Globex, "name": "Globex", "phone": "+31 20 1",
		"billingAddress": map[string]any{
			"city": "Amsterdam", "country": "NL", "houseNumber": "10", "postalCode": "1012 AB", "street": "Damrak", "latitude": 52.375, "longitude": 4.896,
		},
	}, client)
	require.Equal(t, `{"configurator":true,"finance":true,"support":false}`, get("/scopes"))
	require.Equal(t, `{"currency":"EUR","openOrders":3,"pendingEstimates":1,"totalOutstanding":1234.56,"unpaidInvoices":2}`, get("/dashboard/stats"))
}

// verifies proves the token by a library that shares no code with ours.
func (d deployment) verifies(access string) {
	t := d.T
	t.Helper()
	keys := oidc.NewRemoteKeySet(t.Context(), d.URL+"/.well-known/jwks.json")
	verifier := oidc.NewVerifier(d.URL, keys, &oidc.Config{ClientID: d.URL + "/t/acme", SupportedSigningAlgs: []string{"ES256"}})
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

func (d deployment) renews(p program.Portal, g program.Granted) {
	t := d.T
	t.Helper()
	next := d.Tokens(d.Must(200, program.Refresh(g.Refresh)))
	require.NotEqual(t, g.Refresh, next.Refresh)
	parity := d.Tokens(d.Must(200, program.Request{Method: "GET", Path: "/api/v1/auth/refresh/" + next.Refresh}))

	login := d.Must(200, program.Request{Method: "POST", Path: "/t/acme/api/v3/portal/login", Body: `{"email":"` + program.Address + `","password":"` + program.SecondPassword + `"}`})
	var account struct {
		User struct{ Portals []struct{ UUID string } }
	}
	require.NoError(t, json.Unmarshal(login.Body, &account))
	there := d.Tokens(d.Must(200, program.Request{Method: "POST", Path: "/api/v1/portal/auth/switch", Bearer: parity.Access, Body: `{"portal":"` + account.User.Portals[1].UUID + `"}`}))
	require.Contains(t, string(d.Must(200, program.Visit("/me", there)).Body), `"clientId":"`+p.Initech+`"`)
	d.Soon(401, program.Visit("/me", parity))

	d.Must(204, program.Request{Method: "POST", Path: "/api/v1/portal/auth/logout", Bearer: there.Access})
	d.Soon(401, program.Visit("/me", there))
	d.Must(401, program.Refresh(there.Refresh))
	require.Equal(t, http.StatusNoContent, d.Send(program.Request{Method: "GET", Path: "/api/v1/auth/logout/" + there.Refresh}).Status)
}
