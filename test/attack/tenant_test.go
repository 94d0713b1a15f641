package attack_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// The same address in two tenants is two people who know nothing of each
// other.
func Test061_SameAddressTwoTenants(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		a, b := d.Found("t061a"), d.Found("t061b")
		d.Must(200, program.SetPassword(a, program.FirstPassword))
		d.Must(200, program.SetPassword(b, program.SecondPassword))

		inA := d.Tokens(d.Must(200, program.Login(a.Code, program.FirstPassword)))
		inB := d.Tokens(d.Must(200, program.Login(b.Code, program.SecondPassword)))

		require.NotEqual(t, inA.User, inB.User)
		for code, others := range map[string]string{a.Code: program.SecondPassword, b.Code: program.FirstPassword} {
			for _, path := range []string{"/api/v1/portal/auth/login", "/api/v1/auth/login", "/api/v3/portal/login"} {
				try := func(password string) program.Reply {
					return d.Must(401, program.Request{Method: "POST", Path: "/t/" + code + path, Body: fmt.Sprintf(
						`{"email":"%[1]s","username":"%[1]s","password":"%[2]s"}`, program.Address, password)})
				}
				alike(t, try("Nobodys-Password-1"), try(others), path)
			}
		}
		d.Must(204, program.Request{
			Method: "POST", Path: "/api/v1/portal/auth/change-password", Bearer: inA.Access,
			Body: `{"currentPassword":"` + program.FirstPassword + `","newPassword":"Copper-Meadow-41"}`,
		})
		d.Must(200, program.Login(b.Code, program.SecondPassword))
		d.Must(401, program.Login(b.Code, "Copper-Meadow-41"))
		d.Must(200, program.Visit("/me", inB))
	})
}

// A link that one tenant mailed is refused by the other, and not used up.
func Test061_LinksAndSessionsDoNotCross(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		a, b := d.Found("t061c"), d.Found("t061d")
		inA, inB := d.SignIn(a), d.SignIn(b)
		d.Must(200, program.AskForLink(a.Code, program.Address))
		link := d.LettersOf(a.Code, 1)[0].Token

		elsewhere := program.Validate(link)
		elsewhere.Path = "/t/" + b.Code + elsewhere.Path
		d.Must(400, elsewhere)
		refresh := program.Refresh(inA.Refresh)
		refresh.Header = map[string]string{"X-Tenant-Code": b.Code}
		d.Must(400, refresh)
		logout := program.Request{Method: "GET", Path: "/t/" + b.Code + "/api/v1/auth/logout/" + inA.Refresh}
		d.Must(400, logout)

		require.Equal(t, inA.User, program.TokensOf(t, d.Must(200, program.Validate(link))).User)
		d.Must(200, program.Refresh(inA.Refresh))
		d.Must(204, program.Request{Method: "DELETE", Path: "/api/v1/portal/auth/sessions", Bearer: inA.Access})
		d.Must(200, program.Visit("/me", inB))
	})
}

// There is no administrator of one company; what there is are users who are in
// one company's portal. They reach nothing of the company beside it.
func Test063_SiblingCompany(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t063")
		at := "/tenants/" + p.Code
		ada := d.SignIn(p)
		d.Must(200, program.Request{
			Method: "PUT", Path: "/admin/v1" + at + "/companies/" + p.Globex + "/avatar", Bearer: program.OperatorToken,
			Body: smallPNG, Header: map[string]string{"Content-Type": "image/png"},
		})
		bob := d.Must(201, program.Operator("POST", at+"/contacts",
			`{"firstName":"Bob","email":"bob@initech.example","companies":[{"id":`+p.Initech+`,"isPrimary":true}]}`)).Number(t)
		d.Must(200, program.Operator("PUT", at+"/contacts/"+bob+"/password", `{"password":"`+program.FirstPassword+`"}`))
		g := program.TokensOf(t, d.Must(200, program.LoginAs(p.Code, "bob@initech.example", program.FirstPassword)))
		globex := portalOf(t, d, at, p.Globex)
		const never = "01890a5d-ac96-774b-bcce-b302099a8057"

		for name, ask := range map[string]func(id string) program.Request{
			"switch": func(id string) program.Request {
				return program.Request{Method: "POST", Path: "/api/v1/portal/auth/switch", Bearer: g.Access, Body: `{"portal":"` + id + `"}`}
			},
			"login": func(id string) program.Request {
				return program.Request{Method: "POST", Path: "/t/" + p.Code + "/api/v1/portal/auth/login", Body: fmt.Sprintf(
					`{"email":"bob@initech.example","password":"%s","portal":"%s"}`, program.FirstPassword, id)}
			},
		} {
			foreign, missing := d.Send(ask(globex)), d.Send(ask(never))
			require.GreaterOrEqual(t, foreign.Status, 400, name)
			alike(t, missing, foreign, name)
		}
		alike(t, d.Must(404, program.Visit("/blobs/"+never, g)), d.Must(404, program.Visit("/blobs/"+blobOf(t, d, ada), g)), "picture")
		require.Contains(t, string(d.Must(200, program.Visit("/client", g)).Body), `"Initech"`)
		stats := d.Must(200, program.Visit("/dashboard/stats", g))
		require.Equal(t, float64(0), stats.Members(t, "currency", "openOrders", "pendingEstimates", "totalOutstanding", "unpaidInvoices")["openOrders"])
		for _, id := range []string{p.Globex, p.Initech, "4503599627370497"} {
			alike(t, d.Must(403, asUser(g, "GET", at+"/companies/4503599627370497")), d.Must(403, asUser(g, "GET", at+"/companies/"+id)), id)
		}
	})
}

func asUser(g program.Granted, method, path string) program.Request {
	return program.Request{Method: method, Path: "/admin/v1" + path, Bearer: g.Access}
}

func portalOf(t *testing.T, d *program.Deployment, at, company string) string {
	t.Helper()
	var v struct{ Portal struct{ UUID string } }
	readReply(t, d.Must(200, program.Operator("GET", at+"/companies/"+company, "")), &v)
	require.NotEmpty(t, v.Portal.UUID)
	return v.Portal.UUID
}

// blobOf is the picture of the company whose portal somebody is in.
func blobOf(t *testing.T, d *program.Deployment, g program.Granted) string {
	t.Helper()
	var v struct{ Avatar struct{ BlobID string } }
	readReply(t, d.Must(200, program.Visit("/client", g)), &v)
	require.NotEmpty(t, v.Avatar.BlobID)
	return v.Avatar.BlobID
}

// internal is what no answer may hold: how things are stored.
var internal = regexp.MustCompile(`(?i)argon2|hash|digest|salt|epoch|"_id"|email_?key|"version"|"binding|sealed|ciphertext|"(d|p|q|dp|dq|qi|k)":`)

// readable is an answer without what may hold any letters by chance, and the
// one member whose name says a word of how things are stored.
func readable(body []byte) string {
	return receiptMember.ReplaceAllString(strings.ReplaceAll(string(body), "hasPassword", ""), "")
}

var receiptMember = regexp.MustCompile(`"receipt":"[\w-]*"`)

// Every answer that can be read is read: none shows how anything is stored, or
// what other tenants call their sections.
func Test065_AnswersShowNothingInternal(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		w, g := ownWorld(t, d, "t065")
		d.Found("t065b")
		d.Must(200, program.Operator("PUT", "/tenants/t065b/scopes", `{"configurator":true,"finance":true,"support":true,"private-vault":true}`))
		read := 0

		for _, o := range documented(t) {
			if o.method != "GET" || slices.Contains([]string{"/docs", "/docs/{asset}", "/openapi.json", "/metrics", "/admin/v1/tenants"}, o.path) {
				continue // about everybody, or not about data
			}
			for _, bearer := range []string{program.OperatorToken, g.Access, w["integration"]} {
				got := d.Send(o.request(w, bearer))
				require.NotRegexp(t, internal, readable(got.Body), "%s", o)
				require.NotContains(t, string(got.Body), "private-vault", "%s", o)
				if got.Status == 200 {
					read++
				}
			}
		}

		require.Greater(t, read, 50)
		figure(t, "t065_answers_read", read)
	})
}

// What an administrator takes away is gone with the next request.
func Test066_EffectiveOnTheNextRequest(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		for name, c := range map[string]struct {
			take   func(p program.Portal) program.Request
			path   string
			status int
		}{
			"scope of the tenant": {func(program.Portal) program.Request {
				return program.Operator("PUT", "/scopes", `{"configurator":true,"finance":false,"support":false}`)
			}, "/dashboard/stats", 403},
			"scope of the company": {func(p program.Portal) program.Request {
				return program.Operator("PATCH", "/companies/"+p.Globex, `{"scopes":{"finance":false}}`)
			}, "/dashboard/stats", 403},
			"scope of the contact": {func(p program.Portal) program.Request {
				return program.Operator("PATCH", "/contacts/"+p.Contact, `{"scopes":{"finance":false}}`)
			}, "/dashboard/stats", 403},
			"move": {func(p program.Portal) program.Request {
				return program.Operator("PATCH", "/contacts/"+p.Contact, `{"companies":[{"id":`+p.Initech+`,"isPrimary":true}]}`)
			}, "/me", 401},
			"portal": {func(p program.Portal) program.Request {
				return program.Operator("PATCH", "/companies/"+p.Globex, `{"portal":{"enabled":false}}`)
			}, "/me", 401},
			"login": {func(p program.Portal) program.Request {
				return program.Operator("PATCH", "/contacts/"+p.Contact+"/user", `{"enabled":false}`)
			}, "/me", 401},
			"contact": {func(p program.Portal) program.Request {
				return program.Operator("DELETE", "/contacts/"+p.Contact, "")
			}, "/me", 401},
			"tenant": {func(program.Portal) program.Request {
				return program.Operator("PATCH", "", `{"status":"suspended"}`)
			}, "/me", 403},
		} {
			t.Run(name, func(t *testing.T) {
				d := d.For(t)
				p := d.Found("t066-" + strings.ReplaceAll(name, " ", "-"))
				g := d.SignIn(p)
				d.Must(200, program.Visit(c.path, g))
				take := c.take(p)
				take.Path = strings.Replace(take.Path, "/admin/v1", "/admin/v1/tenants/"+p.Code, 1)

				taken := d.Send(take)
				now := d.Send(program.Visit(c.path, g))

				require.Less(t, taken.Status, 300, "%s", taken.Body)
				require.Equal(t, c.status, now.Status)
				if c.status != 403 {
					d.Must(401, program.Refresh(g.Refresh))
				}
			})
		}
	})
}

// However a code is spelt, it is the one tenant's or nobody's.
func Test067_TenantCodeTwins(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t067")
		g := d.SignIn(p)
		login := func(spelt string) map[string]program.Request {
			quoted, err := json.Marshal(spelt)
			require.NoError(t, err)
			body := `{"email":"` + program.Address + `","password":"` + program.FirstPassword + `"}`
			out := map[string]program.Request{
				"body": {Method: "POST", Path: "/api/v1/portal/auth/login", Body: body[:len(body)-1] + `,"tenantCode":` + string(quoted) + `}`},
				"path": {Method: "POST", Path: "/t/" + url.PathEscape(spelt) + "/api/v1/portal/auth/login", Body: body},
			}
			if !strings.ContainsAny(spelt, "\x00\n") && strings.TrimSpace(spelt) == spelt {
				out["header"] = program.Request{Method: "POST", Path: "/api/v1/portal/auth/login", Body: body, Header: map[string]string{"X-Tenant-Code": spelt}}
			}
			return out
		}
		for at, r := range login("T067") {
			require.Equal(t, g.User, program.TokensOf(t, d.Must(200, r)).User, at)
		}
		for _, spelt := range []string{
			"t067.", ".t067", "t067 ", " t067", "t067\t", "t067\n", "t067\x00", "\x00t067", "t067%00", "t067/", "t067/../t067", "\uff54067", "\u0442067",
			"t\u200b067", "t06\uff17", "t067\u0301", "t067\ufeff", "t067,t067", "t067;", "t067?", "t067#", "*", "t067-", "", strings.Repeat("t067", 2500),
		} {
			for at, r := range login(spelt) {
				got, err := d.Unchecked().Try(r)
				require.NoError(t, err)
				require.Contains(t, []int{400, 401, 404, 431}, got.Status, "%q in the %s", spelt, at)
				require.NotContains(t, string(got.Body), "accessToken")
			}
		}
	})
}
