package program

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the contact of a Portal is called and signs in with.
const (
	Address        = "ada@globex.example"
	FirstPassword  = "Tulip-Bridge-29"
	SecondPassword = "Harbour-Lamp-73"
)

// Portal is a tenant with two companies and one contact at both.
type Portal struct {
	Code                     string // of the tenant
	Token                    string // of an integration
	Contact, Globex, Initech string // ids
}

// Granted is what a sign-in gives.
type Granted struct{ Access, Refresh, User string }

// Found makes a portal through the admin API.
func (d *Deployment) Found(code string) Portal {
	d.T.Helper()
	admin := func(status int, method, path, body string) Reply {
		d.T.Helper()
		return d.Must(status, Operator(method, path, body))
	}
	admin(201, "POST", "/tenants", `{"code":"`+code+`","name":"Acme Portal","currency":"EUR"}`)
	admin(200, "PUT", "/tenants/"+code+"/scopes", `{"configurator":true,"finance":true,"support":false}`)
	p := Portal{Code: code}
	p.Globex = admin(201, "POST", "/tenants/"+code+"/companies", `{"name":"Globex","email":"info@globex.example","phone":"+31 20 1",
		"billingAddress":{"city":"Amsterdam","country":"NL","houseNumber":"10","postalCode":"1012 AB","street":"Damrak","latitude":52.375,"longitude":4.896}}`).Number(d.T)
	p.Initech = admin(201, "POST", "/tenants/"+code+"/companies", `{"name":"Initech"}`).Number(d.T)
	p.Contact = admin(201, "POST", "/tenants/"+code+"/contacts", fmt.Sprintf(
		`{"firstName":"Ada","lastName":"Lovelace","email":"%s","companies":[{"id":%s,"isPrimary":true},{"id":%s,"isPrimary":false}]}`, Address, p.Globex, p.Initech)).Number(d.T)
	for _, doc := range []string{
		`order/SO-1","status":"open","total":"10.00","outstanding":"0.00`, `order/SO-2","status":"open","total":"10.00","outstanding":"0.00`,
		`order/SO-3","status":"open","total":"10.00","outstanding":"0.00`, `order/SO-4","status":"closed","total":"10.00","outstanding":"0.00`,
		`estimate/Q-1","status":"pending","total":"99.99","outstanding":"0.00`,
		`invoice/F-1","status":"sent","total":"1234.00","outstanding":"1234.00`, `invoice/F-2","status":"late","total":"0.56","outstanding":"0.56`,
		`invoice/F-3","status":"void","total":"7.00","outstanding":"7.00`, `invoice/2026%2F7","status":"draft","total":"1.00","outstanding":"1.00`,
	} {
		ref, rest, _ := strings.Cut(doc, `","`)
		admin(200, "PUT", "/tenants/"+code+"/companies/"+p.Globex+"/documents/"+ref, `{"currency":"EUR","`+rest+`"}`)
	}
	p.Token = admin(201, "POST", "/tenants/"+code+"/api-tokens", `{"name":"crm","permissions":["contacts:read","contacts:write"]}`).Text(d.T, "token")
	return p
}

// SignIn gives the contact of a portal its first password and signs it in.
func (d *Deployment) SignIn(p Portal) Granted {
	d.T.Helper()
	d.Must(200, SetPassword(p, FirstPassword))
	return d.Tokens(d.Must(200, Login(p.Code, FirstPassword)))
}

// SetPassword is what an integration asks for.
func SetPassword(p Portal, password string) Request {
	return Request{Method: "POST", Path: "/external/api/v1/contacts/" + p.Contact + "/password", Bearer: p.Token, Body: `{"password":"` + password + `"}`}
}

// Tokens reads what a sign-in of a portal's contact gave.
func (d *Deployment) Tokens(r Reply) Granted {
	d.T.Helper()
	m := r.Members(d.T, "accessExpiresUnix", "accessToken", "id", "refreshToken", "username")
	ms, ok := m["accessExpiresUnix"].(float64)
	require.True(d.T, ok)
	left := time.Until(time.UnixMilli(int64(ms)))
	require.Greater(d.T, left, 10*time.Minute)
	require.LessOrEqual(d.T, left, 15*time.Minute)
	require.Equal(d.T, Address, m["username"])
	return TokensOf(d.T, r)
}

// TokensOf reads what any sign-in gave.
func TokensOf(t testing.TB, r Reply) Granted {
	t.Helper()
	return Granted{Access: r.Text(t, "accessToken"), Refresh: r.Text(t, "refreshToken"), User: r.Text(t, "id")}
}

// Operator is a request to the admin API with every permission.
func Operator(method, path, body string) Request {
	return Request{Method: method, Path: "/admin/v1" + path, Bearer: OperatorToken, Body: body}
}

// Visit is a request by somebody who has signed in.
func Visit(path string, g Granted) Request {
	return Request{Method: "GET", Path: "/api/v1/portal" + path, Bearer: g.Access}
}

// Login is a try of the contact of a portal.
func Login(tenant, password string) Request { return LoginAs(tenant, Address, password) }

// LoginAs is a try of anybody.
func LoginAs(tenant, mail, password string) Request {
	return Request{Method: "POST", Path: "/t/" + tenant + "/api/v1/portal/auth/login", Body: `{"email":"` + mail + `","password":"` + password + `"}`}
}

// AskForLink is what a visitor does who has no password at hand.
func AskForLink(tenant, mail string) Request {
	return Request{Method: "POST", Path: "/api/v1/portal/auth/request-magic-link", Body: `{"email":"` + mail + `","tenantCode":"` + tenant + `"}`}
}

// Validate trades a link's token in.
func Validate(token string) Request {
	return Request{Method: "POST", Path: "/api/v1/portal/auth/validate?token=" + token}
}

// Refresh trades a refresh token in.
func Refresh(token string) Request {
	return Request{Method: "POST", Path: "/api/v1/portal/auth/refresh", Body: `{"refreshToken":"` + token + `"}`}
}
