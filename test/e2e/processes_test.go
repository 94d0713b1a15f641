package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"ostiary/test/program"

	"github.com/stretchr/testify/require"
)

// couple is two processes of one deployment: what is changed here is watched
// there.
type couple struct {
	t           *testing.T
	here, there *program.Deployment
}

// news is a change that the other process must follow: seen tells by the
// answer to watch whether it has.
type news struct {
	name   string
	watch  program.Request
	seen   func(program.Reply) bool
	change []program.Request
}

// follows asserts that the change is heard of and logs how long that took. The
// contract's second is for people to compare with: a busy machine has no clock.
func (c couple) follows(n news) {
	c.t.Helper()
	// What went before is news as well. The second answer comes from what is cached.
	require.Eventually(c.t, func() bool { return !n.seen(c.there.Send(n.watch)) }, program.Patience, 5*time.Millisecond, "before %s", n.name)
	require.False(c.t, n.seen(c.there.Send(n.watch)), n.name)
	for _, r := range n.change {
		res := c.here.Send(r)
		require.Less(c.t, res.Status, 402, "%s: %s", n.name, res.Body)
	}
	began := time.Now()
	require.Eventually(c.t, func() bool { return n.seen(c.there.Send(n.watch)) }, program.Patience, 5*time.Millisecond, n.name)
	c.t.Logf("%s: followed after %v", n.name, time.Since(began).Round(time.Millisecond))
}

func answers(status int) func(program.Reply) bool {
	return func(r program.Reply) bool { return r.Status == status }
}

func shows(text string) func(program.Reply) bool {
	return func(r program.Reply) bool { return r.Status == 200 && strings.Contains(string(r.Body), text) }
}

func newCouple(t *testing.T) (couple, program.Portal) {
	t.Helper()
	nodes := deployOn(t, program.OnMongoDB).Spread(2)
	c := couple{t: t, here: nodes[0], there: nodes[1]}
	p := c.here.Found("acme")
	c.here.SignIn(p)
	return c, p
}

func (c couple) signsIn() program.Granted {
	c.t.Helper()
	return c.here.Tokens(c.here.Must(200, program.Login("acme", program.FirstPassword)))
}

// kidOf names the key that signed the access token.
func kidOf(t *testing.T, g program.Granted) string {
	t.Helper()
	head, _, _ := strings.Cut(g.Access, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	require.NoError(t, err)
	var h struct{ Kid string }
	require.NoError(t, json.Unmarshal(raw, &h))
	require.NotEmpty(t, h.Kid)
	return h.Kid
}

// measured asserts that each process says how long what was taken away went on
// here and there, and logs it.
func (c couple) measured() {
	c.t.Helper()
	for d, by := range map[*program.Deployment]string{c.here: "self", c.there: "other"} {
		var figures string
		require.Eventually(c.t, func() bool {
			figures = string(d.Send(program.Request{Method: "GET", Path: "/metrics", Bearer: program.OperatorToken}).Body)
			return revocations(figures, `count{by="`+by+`"}`) >= 8
		}, program.Patience, 50*time.Millisecond, by)
		for _, name := range []string{`bucket{by="` + by + `",le="0.25"}`, `bucket{by="` + by + `",le="1"}`, `count{by="` + by + `"}`, `sum{by="` + by + `"}`} {
			c.t.Logf("revocations %s: %v", name, revocations(figures, name))
		}
	}
}

// revocations is one figure of the histogram.
func revocations(figures, name string) float64 {
	for line := range strings.Lines(figures) {
		if rest, ok := strings.CutPrefix(line, "ostiary_revocation_seconds_"+name+" "); ok {
			value, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return value
		}
	}
	return -1
}

// TestProcesses_FollowWhatIsTakenAway withdraws, one by one, everything that a
// visitor or a program can be let in by.
func TestProcesses_FollowWhatIsTakenAway(t *testing.T) {
	t.Parallel()
	c, p := newCouple(t)
	g, contact := c.signsIn(), "/tenants/acme/contacts/"+p.Contact
	out := c.signsIn()
	token := c.here.Must(201, program.Operator("POST", "/tenants/acme/api-tokens", `{"name":"ci","permissions":["contacts:read"]}`))
	read := program.Request{Method: "GET", Path: "/external/api/v1/contacts/" + p.Contact, Bearer: token.Text(t, "token")}

	c.follows(news{"session logged out", program.Visit("/me", out), answers(401), []program.Request{{Method: "POST", Path: "/api/v1/portal/auth/logout", Bearer: out.Access}}})
	c.follows(news{"scope of the tenant withdrawn", program.Visit("/dashboard/stats", g), answers(403), []program.Request{
		program.Operator("PUT", "/tenants/acme/scopes", `{"configurator":true,"finance":false,"support":true}`),
	}})
	c.follows(news{"scope of the company withdrawn", program.Visit("/scopes", g), shows(`"configurator":false`), []program.Request{
		program.Operator("PATCH", "/tenants/acme/companies/"+p.Globex, `{"scopes":{"configurator":false}}`),
	}})
	c.follows(news{"scope of the contact withdrawn", program.Visit("/scopes", g), shows(`"support":false`), []program.Request{
		program.Operator("PATCH", contact, `{"scopes":{"support":false}}`),
	}})
	c.follows(news{"API token revoked", read, answers(401), []program.Request{program.Operator("DELETE", "/tenants/acme/api-tokens/"+token.Text(t, "id"), "")}})
	c.follows(news{"signed out everywhere", program.Visit("/me", g), answers(401), []program.Request{program.Operator("DELETE", contact+"/sessions", "")}})
	g = c.signsIn()
	c.follows(news{"login disabled", program.Visit("/me", g), answers(401), []program.Request{program.Operator("PATCH", contact+"/user", `{"enabled":false}`)}})
	c.here.Must(200, program.Operator("PATCH", contact+"/user", `{"enabled":true}`))
	g = c.signsIn()
	c.follows(news{"password changed", program.Visit("/me", g), answers(401), []program.Request{program.Operator("PUT", contact+"/password", `{"password":"`+program.FirstPassword+`"}`)}})
	g = c.signsIn()
	c.follows(news{"signing key removed", program.Visit("/me", g), answers(401), []program.Request{program.Operator("DELETE", "/keys/"+kidOf(t, g), "")}})
	g = c.signsIn()
	c.follows(news{"tenant suspended", program.Visit("/me", g), answers(403), []program.Request{program.Operator("PATCH", "/tenants/acme", `{"status":"suspended"}`)}})
	c.follows(news{"tenant active again", program.Visit("/me", g), answers(200), []program.Request{program.Operator("PATCH", "/tenants/acme", `{"status":"active"}`)}})
	c.follows(news{"tenant deleted", program.Visit("/me", g), answers(401), []program.Request{program.Operator("DELETE", "/tenants/acme", "")}})
	c.measured()
}

// TestProcesses_FollowWhatIsNew is about what the other process believed not to
// be there, the key set and the lock-out.
func TestProcesses_FollowWhatIsNew(t *testing.T) {
	t.Parallel()
	c, _ := newCouple(t)
	jwks := program.Request{Method: "GET", Path: "/.well-known/jwks.json"}
	keys := strings.Count(string(c.there.Must(200, jwks).Body), `"kid"`)

	c.follows(news{"keys rotated", jwks, func(r program.Reply) bool { return strings.Count(string(r.Body), `"kid"`) > keys }, []program.Request{program.Operator("POST", "/keys/rotate", "")}})
	contact := func(company string) program.Request {
		return program.Operator("POST", "/tenants/newco/contacts", `{"firstName":"Ada","email":"`+program.Address+`","companies":[{"id":`+company+`,"isPrimary":true}]}`)
	}
	c.follows(news{"tenant made", program.Login("newco", program.SecondPassword), answers(200), []program.Request{
		program.Operator("POST", "/tenants", `{"code":"newco","name":"New Co","currency":"EUR"}`),
		program.Operator("POST", "/tenants/newco/companies", `{"name":"First"}`),
		contact("1"),
		program.Operator("PUT", "/tenants/newco/contacts/1/password", `{"password":"`+program.SecondPassword+`"}`),
	}})
	var guesses []program.Request
	for range 11 {
		guesses = append(guesses, program.Login("acme", program.SecondPassword))
	}
	c.follows(news{"locked out", program.Login("acme", program.FirstPassword), answers(401), guesses})
}
