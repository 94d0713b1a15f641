package attack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// planted are members that nobody may set.
var planted = []string{
	`"tenantId":"01890a5d-ac96-774b-bcce-b302099a8057"`, `"tid":"t064b"`, `"role":"admin"`, `"roles":["admin"]`, `"isAdmin":true`, `"admin":true`,
	`"passwordHash":"$argon2id$v=19$m=1024,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA"`, `"password_hash":"x"`, `"emailVerified":true`, `"_id":1`, `"id":1`,
	`"createdAt":"2001-01-01T00:00:00Z"`, `"created_at":"2001-01-01T00:00:00Z"`, `"has_portal_login":true`, `"epoch":9`, `"__proto__":{"roles":["admin"]}`,
}

// allowed is what only looks like a plant: where roles are given, and a section
// that a tenant may call so.
var allowed = map[string]string{"/contacts/{id}/user": `"roles":["admin"]`, "/scopes": `"admin":true`}

// The admin API refuses members that it does not know, and does nothing.
func Test064_AdminRefusesPlantedMembers(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...).Unchecked()
		w, _ := ownWorld(t, d, "t064")
		before := w.directory(t, d)
		tried := 0
		for _, o := range documented(t) {
			if !strings.HasPrefix(o.path, "/admin/v1") || o.recipe.body == "" || o.recipe.media == "image/png" || o.path == "/admin/v1/keys/rotate" {
				continue
			}
			for _, member := range planted {
				if allowed[strings.TrimPrefix(o.path, "/admin/v1/tenants/{code}")] == member {
					continue
				}
				r := o.request(w, program.OperatorToken)
				delete(r.Header, "If-Match")
				r.Body = plant(r.Body, member)

				got := d.Send(r)

				refused := got.Status == 400 || got.Status == 422 && strings.HasSuffix(o.path, "/scopes") || strings.HasPrefix(string(got.Body), `{"line":1,"status":400`)
				require.True(t, refused, "%s with %s: %d %s", o, member, got.Status, got.Body)
				tried++
			}
		}
		require.Equal(t, before, w.directory(t, d))
		figure(t, "t064_members_refused", tried)
	})
}

// ownWorld names what is there in a tenant of its own, and who is signed in
// there.
func ownWorld(t *testing.T, d *program.Deployment, code string) (world, program.Granted) {
	t.Helper()
	p := d.Found(code)
	g := d.SignIn(p)
	at := "/tenants/" + code
	return world{
		"tenant": code, "company": p.Globex, "contact": p.Contact, "kind": "invoice", "ref": "F-1", "mail": program.Address, "name": "Ada",
		"tag":    d.Must(201, program.Operator("POST", at+"/tags", `{"name":"one"}`)).Number(t),
		"token":  d.Must(201, program.Operator("POST", at+"/api-tokens", tokenBody)).Text(t, "id"),
		"portal": portalOf(t, d, at, p.Globex), "integration": p.Token, "user": g.User, "session": g.User, "blob": g.User,
		"receipt": "none", "asset": "none", "sig": "none", "profile": "goroutine",
	}, g
}

// plant puts a member into a JSON object.
func plant(body, member string) string {
	trimmed := strings.TrimSpace(body)
	if trimmed == "{}" {
		return "{" + member + "}"
	}
	return strings.TrimSuffix(trimmed, "}") + "," + member + "}"
}

// The other dialects ignore them.
func Test064_DialectsIgnorePlantedMembers(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t064d")
		d.SignIn(p)
		all := strings.Join(planted, ",")
		w := world{"tenant": p.Code, "contact": p.Contact, "company": p.Globex}

		login := program.Login(p.Code, program.FirstPassword)
		login.Body = plant(login.Body, all)
		granted := program.TokensOf(t, d.Must(200, login))
		exsited := login
		exsited.Path = "/t/" + p.Code + "/api/v3/portal/login"
		d.Must(200, exsited)
		before := w.directory(t, d)
		for path, want := range map[string]int{
			"/contacts/" + p.Contact: 200, "/contacts": 201,
			"/contacts/" + p.Contact + "/password": 422, "/contacts/" + p.Contact + "/b2b-portal-password": 422, // only that member
		} {
			body := `{"last_name":"Lovelace"}`
			switch want {
			case 422:
				body = `{"password":"` + program.FirstPassword + `"}`
			case 201:
				body = `{"first_name":"Eve","last_name":"Planted","email":"eve@globex.example","company_id":` + p.Globex + `}`
			}
			d.Must(want, program.Request{Method: "POST", Path: "/external/api/v1" + path, Bearer: p.Token, Body: plant(body, all)})
		}

		require.Equal(t, []any{}, unjudgedClaims(t, granted.Access)["roles"])
		require.Equal(t, p.Code, unjudgedClaims(t, granted.Access)["tenant"])
		d.Must(403, program.Request{Method: "GET", Path: "/admin/v1/tenants/" + p.Code, Bearer: granted.Access})
		after := w.directory(t, d)
		require.Equal(t, before["user"], after["user"])
		require.Equal(t, before["contact"], after["contact"])
		require.NotContains(t, after["contacts"], "2001-01-01")
		eve := itemsOf(t, d.Must(200, program.Operator("GET", "/tenants/"+p.Code+"/contacts?email=eve@globex.example", "")))[0]
		require.Equal(t, false, eve["hasPortalLogin"])
	})
}

// directory is what the admin API says of a tenant, without when it changed.
func (w world) directory(t *testing.T, d *program.Deployment) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, path := range map[string]string{
		"tenant": "", "companies": "/companies", "contacts": "/contacts", "tags": "/tags", "tokens": "/api-tokens",
		"contact": "/contacts/{contact}", "user": "/contacts/{contact}/user",
	} {
		var body map[string]any
		readReply(t, d.Must(200, program.Operator("GET", w.fill("/tenants/{tenant}"+path), "")), &body)
		delete(body, "updatedAt")
		out[name] = fmt.Sprint(body)
	}
	return out
}
