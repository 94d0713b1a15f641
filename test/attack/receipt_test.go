package attack_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// TestAudit_ReceiptLeadsToTheCause refuses in every way that there is: what a
// stranger sees is alike, what the tenant's administrators read from the
// receipt is the ordered decisions up to the true cause.
func TestAudit_ReceiptLeadsToTheCause(t *testing.T) { program.OnEach(t, receiptLeadsToTheCause) }

func receiptLeadsToTheCause(t *testing.T, on program.Engine) {
	d := program.DeployOn(t, on,
		"OSTIARY_ARGON2_MEMORY_KIB=1024", "OSTIARY_ARGON2_ITERATIONS=1", "OSTIARY_TRUSTED_PROXIES=127.0.0.1/32",
		"OSTIARY_LIMITS=login-user=3/15m,login-address=4/15m,link-address=1/1h")
	d.Start()
	s := settle(t, d)
	length := 0
	groups := map[string]program.Reply{}

	for _, row := range slices.Concat(s.passwords(), s.tokens(), s.links(), s.bearers()) {
		row.before()
		res := d.Send(s.from(row.request, row.origin))
		require.Equal(t, row.status, res.Status, "%s: %s", row.name, res.Body)
		receipt := res.Header.Get("X-Receipt")
		require.NotEmpty(t, receipt, row.name)
		length = cmp.Or(length, len(receipt))
		require.Len(t, receipt, length, "%s: every receipt is as long", row.name)
		if row.like != "" {
			if first, seen := groups[row.like]; seen {
				alike(t, first, res, row.name)
			}
			groups[row.like] = res
		}
		row.after()
		s.reads(row, receipt)
	}
	require.Equal(t, s.noPortal, s.recorded("portal"), "who has a password and no portal is on record, too")
}

// refusal is one way to be refused.
type refusal struct {
	name    string
	origin  string // where it comes from; nobody else unless named
	before  func()
	request program.Request
	after   func()
	status  int
	like    string // what it cannot be told from
	trace   string // name: outcome, in order
	// operators says that nobody else may read the receipt: the tenant is not
	// known, or its administrators are refused as well.
	operators bool
}

// settled is a tenant with administrators, and what they need to be refused.
type settled struct {
	t        *testing.T
	d        *program.Deployment
	p        program.Portal
	readers  []string // bearers of the tenant with audit:read
	stranger string   // bearer of another tenant with audit:read
	closed   string   // company whose portal is closed
	origins  int
	noPortal int
}

func settle(t *testing.T, d *program.Deployment) *settled {
	t.Helper()
	s := &settled{t: t, d: d, p: d.Found("traced")}
	d.Found("other")
	auditor := func(code string) string {
		return d.Must(201, program.Operator("POST", "/tenants/"+code+"/api-tokens", `{"name":"auditor","permissions":["audit:read"]}`)).Text(t, "token")
	}
	admin := s.person("boss", s.p.Globex)
	d.Must(200, s.admin("PATCH", "/contacts/"+admin+"/user", `{"roles":["admin"]}`))
	boss := program.TokensOf(t, d.Must(200, program.LoginAs("traced", mailOf("boss"), commonPassword)))
	s.readers, s.stranger = []string{auditor("traced"), boss.Access}, auditor("other")
	s.closed = d.Must(201, s.admin("POST", "/companies", `{"name":"Closed","portal":{"displayName":"Closed","enabled":false}}`)).Number(t)
	return s
}

func (*settled) admin(method, path, body string) program.Request {
	return program.Operator(method, "/tenants/traced"+path, body)
}

func mailOf(name string) string { return name + "@traced.example" }

// person is made with a password; the id comes back.
func (s *settled) person(name, company string) string {
	s.t.Helper()
	id := s.d.Must(201, s.admin("POST", "/contacts", fmt.Sprintf(
		`{"firstName":"Somebody","email":%q,"companies":[{"id":%s,"isPrimary":true}]}`, mailOf(name), company))).Number(s.t)
	s.d.Must(200, s.admin("PUT", "/contacts/"+id+"/password", `{"password":"`+commonPassword+`"}`))
	return id
}

// signedIn is a person of their own with a session.
func (s *settled) signedIn(name string) (id string, g program.Granted) {
	s.t.Helper()
	id = s.person(name, s.p.Globex)
	return id, program.TokensOf(s.t, s.d.Must(200, program.LoginAs("traced", mailOf(name), commonPassword)))
}

// from sends a request from an address of its own, unless one is named.
func (s *settled) from(r program.Request, origin string) program.Request {
	s.origins++
	header := map[string]string{"X-Forwarded-For": cmp.Or(origin, fmt.Sprintf("198.51.100.%d", s.origins))}
	for k, v := range r.Header {
		header[k] = v
	}
	r.Header = header
	return r
}

// reads has everybody read the receipt who may, and some who may not.
func (s *settled) reads(row refusal, receipt string) {
	t := s.t
	t.Helper()
	open := func(bearer, receipt string) program.Reply {
		return s.d.Send(program.Request{Method: "GET", Path: "/admin/v1/tenants/traced/receipts/" + receipt, Bearer: bearer})
	}
	want := row.trace
	readers := []string{program.OperatorToken}
	if !row.operators {
		readers = append(readers, s.readers...)
	}
	for _, bearer := range readers {
		res := open(bearer, receipt)
		require.Equal(t, 200, res.Status, "%s: %s", row.name, res.Body)
		require.Equal(t, want, stepsOf(t, res), row.name)
	}
	never := open(s.readers[0], strings.Repeat("A", len(receipt)))
	require.Equal(t, 404, never.Status)
	middle := len(receipt) / 2
	changed := receipt[:middle] + string('A'+(receipt[middle]-'A'+1)%26) + receipt[middle+1:]
	alike(t, never, open(s.readers[0], changed), row.name+": a receipt that was changed")
	if row.operators {
		alike(t, never, open(s.readers[0], receipt), row.name+": nobody's receipt")
	}
	for _, code := range []string{"traced", "other"} {
		elsewhere := s.d.Send(program.Request{Method: "GET", Path: "/admin/v1/tenants/" + code + "/receipts/" + receipt, Bearer: s.stranger})
		require.Equal(t, 404, elsewhere.Status, "%s: read by an administrator of another tenant", row.name)
	}
}

// stages is the order in which decisions are told.
var stages = []string{"tenant", "user", "limits", "credential", "portal", "scope", "permission"}

// stepsOf lays a trace out and asserts its order.
func stepsOf(t testing.TB, r program.Reply) string {
	t.Helper()
	var opened struct {
		Steps []struct{ Name, Outcome string }
	}
	require.NoError(t, json.Unmarshal(r.Body, &opened))
	var out []string
	last := -1
	for _, step := range opened.Steps {
		place := slices.Index(stages, step.Name)
		require.Greater(t, place, last, "%s: out of order", r.Body)
		last = place
		out = append(out, step.Name+": "+step.Outcome)
	}
	return strings.Join(out, ", ")
}

// recorded counts refused sign-ins that got as far as a step.
func (s *settled) recorded(step string) (n int) {
	var page struct {
		Items []struct {
			Outcome string
			Details map[string]string
		}
	}
	require.NoError(s.t, json.Unmarshal(s.d.Must(200, s.admin("GET", "/audit-events?limit=500&action=session.opened", "")).Body, &page))
	for _, e := range page.Items {
		if e.Outcome == "refused" && e.Details[step] != "" {
			n++
		}
	}
	return n
}

func nothing() {}
