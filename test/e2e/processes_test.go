package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// couple is two processes of one deployment: what is changed here is watched
// there.
type couple struct {
	t           *testing.T
	here, there *deployment
}

// news is a change that the other process must follow: seen tells by the
// answer to watch whether it has.
type news struct {
	name   string
	watch  request
	seen   func(reply) bool
	change []request
}

// follows asserts that the change is heard of and logs how long that took. The
// contract's second is for people to compare with: a busy machine has no clock.
func (c couple) follows(n news) {
	c.t.Helper()
	// What went before is news as well. The second answer comes from what is cached.
	require.Eventually(c.t, func() bool { return !n.seen(c.there.send(n.watch)) }, patience, 5*time.Millisecond, "before %s", n.name)
	require.False(c.t, n.seen(c.there.send(n.watch)), n.name)
	for _, r := range n.change {
		res := c.here.send(r)
		require.Less(c.t, res.status, 402, "%s: %s", n.name, res.body)
	}
	began := time.Now()
	require.Eventually(c.t, func() bool { return n.seen(c.there.send(n.watch)) }, patience, 5*time.Millisecond, n.name)
	c.t.Logf("%s: followed after %v", n.name, time.Since(began).Round(time.Millisecond))
}

func answers(status int) func(reply) bool {
	return func(r reply) bool { return r.status == status }
}

func shows(text string) func(reply) bool {
	return func(r reply) bool { return r.status == 200 && strings.Contains(string(r.body), text) }
}

func operator(method, path, body string) request {
	return request{method: method, path: "/admin/v1" + path, bearer: operatorToken, body: body}
}

func visit(path string, g granted) request {
	return request{method: "GET", path: "/api/v1/portal" + path, bearer: g.access}
}

func login(tenant, password string) request {
	return request{method: "POST", path: "/t/" + tenant + "/api/v1/portal/auth/login", body: `{"email":"` + address + `","password":"` + password + `"}`}
}

func newCouple(t *testing.T) (couple, portal) {
	t.Helper()
	nodes := deployOn(t, onMongoDB).spread(2)
	c := couple{t: t, here: nodes[0], there: nodes[1]}
	p := c.here.found("acme")
	c.here.signIn(p)
	return c, p
}

func (c couple) signsIn() granted {
	c.t.Helper()
	return c.here.tokens(c.here.must(200, login("acme", firstPassword)))
}

// TestProcesses_FollowWhatIsTakenAway withdraws, one by one, everything that a
// visitor or a program can be let in by.
func TestProcesses_FollowWhatIsTakenAway(t *testing.T) {
	t.Parallel()
	c, p := newCouple(t)
	g, contact := c.signsIn(), "/tenants/acme/contacts/"+p.contact
	out := c.signsIn()
	token := c.here.must(201, operator("POST", "/tenants/acme/api-tokens", `{"name":"ci","permissions":["contacts:read"]}`))
	read := request{method: "GET", path: "/external/api/v1/contacts/" + p.contact, bearer: token.text(t, "token")}

	c.follows(news{"session logged out", visit("/me", out), answers(401), []request{{method: "POST", path: "/api/v1/portal/auth/logout", bearer: out.access}}})
	c.follows(news{"scope of the tenant withdrawn", visit("/dashboard/stats", g), answers(403), []request{
		operator("PUT", "/tenants/acme/scopes", `{"configurator":true,"finance":false,"support":true}`),
	}})
	c.follows(news{"scope of the company withdrawn", visit("/scopes", g), shows(`"configurator":false`), []request{
		operator("PATCH", "/tenants/acme/companies/"+p.globex, `{"scopes":{"configurator":false}}`),
	}})
	c.follows(news{"scope of the contact withdrawn", visit("/scopes", g), shows(`"support":false`), []request{
		operator("PATCH", contact, `{"scopes":{"support":false}}`),
	}})
	c.follows(news{"API token revoked", read, answers(401), []request{operator("DELETE", "/tenants/acme/api-tokens/"+token.text(t, "id"), "")}})
	c.follows(news{"signed out everywhere", visit("/me", g), answers(401), []request{operator("DELETE", contact+"/sessions", "")}})
	g = c.signsIn()
	c.follows(news{"login disabled", visit("/me", g), answers(401), []request{operator("PATCH", contact+"/user", `{"enabled":false}`)}})
	c.here.must(200, operator("PATCH", contact+"/user", `{"enabled":true}`))
	g = c.signsIn()
	c.follows(news{"password changed", visit("/me", g), answers(401), []request{operator("PUT", contact+"/password", `{"password":"`+firstPassword+`"}`)}})
	g = c.signsIn()
	c.follows(news{"tenant suspended", visit("/me", g), answers(403), []request{operator("PATCH", "/tenants/acme", `{"status":"suspended"}`)}})
	c.follows(news{"tenant active again", visit("/me", g), answers(200), []request{operator("PATCH", "/tenants/acme", `{"status":"active"}`)}})
	c.follows(news{"tenant deleted", visit("/me", g), answers(401), []request{operator("DELETE", "/tenants/acme", "")}})
}

// TestProcesses_FollowWhatIsNew is about what the other process believed not to
// be there, the key set and the lock-out.
func TestProcesses_FollowWhatIsNew(t *testing.T) {
	t.Parallel()
	c, _ := newCouple(t)
	jwks := request{method: "GET", path: "/.well-known/jwks.json"}
	keys := strings.Count(string(c.there.must(200, jwks).body), `"kid"`)

	c.follows(news{"keys rotated", jwks, func(r reply) bool { return strings.Count(string(r.body), `"kid"`) > keys }, []request{operator("POST", "/keys/rotate", "")}})
	contact := func(company string) request {
		return operator("POST", "/tenants/newco/contacts", `{"firstName":"Ada","email":"`+address+`","companies":[{"id":`+company+`,"isPrimary":true}]}`)
	}
	c.follows(news{"tenant made", login("newco", secondPassword), answers(200), []request{
		operator("POST", "/tenants", `{"code":"newco","name":"New Co","currency":"EUR"}`),
		operator("POST", "/tenants/newco/companies", `{"name":"First"}`),
		contact("1"),
		operator("PUT", "/tenants/newco/contacts/1/password", `{"password":"`+secondPassword+`"}`),
	}})
	var guesses []request
	for range 11 {
		guesses = append(guesses, login("acme", secondPassword))
	}
	c.follows(news{"locked out", login("acme", firstPassword), answers(401), guesses})
}
