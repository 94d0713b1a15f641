package attack_test

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

const (
	wrongPassword = "not the password"
	toUser        = "tenant: resolved, user: found"
	toLimits      = toUser + ", limits: passed"
)

// passwords are refused sign-ins.
func (s *settled) passwords() []refusal {
	login := func(name, password string) program.Request { return program.LoginAs("traced", mailOf(name), password) }
	fail := func(n int, name, origin string) func() {
		return func() {
			for range n {
				s.d.Must(401, s.from(login(name, wrongPassword), origin))
			}
		}
	}
	s.person("wrong", s.p.Globex)
	disabled, locked := s.person("disabled", s.p.Globex), s.person("locked", s.p.Globex)
	require.NotEmpty(s.t, locked)
	s.d.Must(200, s.admin("PATCH", "/contacts/"+disabled+"/user", `{"enabled":false}`))
	s.person("outside", s.closed)
	s.person("elsewhere", s.p.Globex)
	s.noPortal = 2
	elsewhere := login("elsewhere", commonPassword)
	elsewhere.Body = strings.TrimSuffix(elsewhere.Body, "}") + `,"portal":"019ab3c4-5d6e-7f80-9123-456789abcdef"}`
	exsited := func(what, body string) program.Request {
		return program.Request{Method: "POST", Path: "/t/traced/api/v3/portal/" + what, Body: body}
	}
	return []refusal{
		{name: "wrong password", before: nothing, request: login("wrong", wrongPassword), after: nothing, status: 401, like: "login", trace: toLimits + ", credential: wrong"},
		{name: "unknown address", before: nothing, request: login("nobody", wrongPassword), after: nothing, status: 401, like: "login", trace: "tenant: resolved, user: unknown, limits: passed, credential: none"},
		{name: "unknown tenant", before: nothing, request: program.LoginAs("ghost", mailOf("wrong"), commonPassword), after: nothing, status: 401, like: "login", trace: "tenant: unknown, user: unknown, limits: passed, credential: none", operators: true},
		{name: "disabled", before: nothing, request: login("disabled", commonPassword), after: nothing, status: 401, like: "login", trace: "tenant: resolved, user: disabled, limits: passed, credential: right"},
		{name: "delayed", before: fail(3, "locked", ""), request: login("locked", commonPassword), after: nothing, status: 401, like: "login", trace: toUser + ", limits: delayed, credential: right"},
		{name: "no portal", before: nothing, request: login("outside", commonPassword), after: nothing, status: 401, like: "login", trace: toLimits + ", credential: right, portal: none"},
		{name: "another portal", before: nothing, request: elsewhere, after: nothing, status: 401, like: "login", trace: toLimits + ", credential: right, portal: closed"},
		{
			name: "too many from one address", origin: "203.0.113.9", before: fail(4, "nobody", "203.0.113.9"), request: login("wrong", commonPassword),
			after: nothing, status: 429, trace: "tenant: resolved, limits: refused",
		},
		{
			name: "wrong password, Exsited", before: nothing, request: exsited("login", fmt.Sprintf(`{"email":%q,"password":%q}`, mailOf("elsewhere"), wrongPassword)),
			after: nothing, status: 401, like: "Exsited", trace: toLimits + ", credential: wrong",
		},
		{
			name: "unknown address, Exsited", before: nothing, request: exsited("login", fmt.Sprintf(`{"email":%q,"password":%q}`, mailOf("nobody2"), wrongPassword)),
			after: nothing, status: 401, like: "Exsited", trace: "tenant: resolved, user: unknown, limits: passed, credential: none",
		},
		{
			name: "change of password", before: nothing, status: 401, after: nothing, like: "Exsited",
			request: exsited("change-password", fmt.Sprintf(`{"email":%q,"current_password":%q,"new_password":%q}`, mailOf("elsewhere"), wrongPassword, program.SecondPassword)),
			trace:   toLimits + ", credential: wrong",
		},
	}
}

// tokens are refused refreshes.
func (s *settled) tokens() []refusal {
	_, left := s.signedIn("left")
	s.d.Must(204, program.Request{Method: "POST", Path: "/api/v1/portal/auth/logout", Bearer: left.Access})
	_, robbed := s.signedIn("robbed")
	second := program.TokensOf(s.t, s.d.Must(200, program.Refresh(robbed.Refresh)))
	s.d.Must(200, program.Refresh(second.Refresh))
	gone, dismissed := s.signedIn("dismissed")
	s.d.Must(200, s.admin("PATCH", "/contacts/"+gone+"/user", `{"enabled":false}`))
	moving, shut := s.signedIn("shut")
	s.d.Must(200, s.admin("PATCH", "/contacts/"+moving, `{"companies":[{"id":`+s.closed+`,"isPrimary":true}]}`))
	foreign := program.Refresh(strings.Repeat("A", len(left.Refresh)))
	foreign.Path = "/t/traced" + foreign.Path
	return []refusal{
		{name: "token of nobody", before: nothing, request: foreign, after: nothing, status: 401, like: "refresh", trace: "credential: foreign"},
		{name: "session ended", before: nothing, request: program.Refresh(left.Refresh), after: nothing, status: 401, like: "refresh", trace: toUser + ", credential: session ended"},
		{name: "token reused", before: nothing, request: program.Refresh(robbed.Refresh), after: nothing, status: 401, like: "refresh", trace: toUser + ", credential: reused"},
		{name: "user disabled", before: nothing, request: program.Refresh(dismissed.Refresh), after: nothing, status: 401, like: "refresh", trace: "tenant: resolved, user: disabled"},
		{name: "portal closed", before: nothing, request: program.Refresh(shut.Refresh), after: nothing, status: 401, like: "refresh", trace: toUser + ", portal: closed"},
	}
}

// links are refused links and codes, and one link that is not even asked for.
func (s *settled) links() []refusal {
	s.person("linked", s.p.Globex)
	closing := s.d.Must(201, s.admin("POST", "/companies", `{"name":"Closing"}`)).Number(s.t)
	s.person("leaving", closing)
	asked := s.d.Must(200, s.from(program.AskForLink("traced", mailOf("linked")), ""))
	letter := s.d.LettersOf("traced", 1)[0]
	s.d.Must(200, s.from(program.Validate(letter.Token), ""))
	s.d.Must(200, s.from(program.AskForLink("traced", mailOf("leaving")), ""))
	outside := s.d.LettersOf("traced", 2)[1]
	s.d.Must(200, s.admin("PATCH", "/companies/"+closing, `{"portal":{"enabled":false}}`))
	s.noPortal++
	code := func(mail, code, binding string) program.Request {
		r := program.Request{
			Method: "POST", Path: "/api/v1/portal/auth/validate-code",
			Body: fmt.Sprintf(`{"email":%q,"code":%q,"tenantCode":"traced"}`, mail, code),
		}
		if binding != "" {
			r.Header = map[string]string{"X-Link-Binding": binding}
		}
		return r
	}
	binding := asked.Header.Get("X-Link-Binding")
	limited := program.AskForLink("traced", mailOf("linked"))
	twice := func() { s.d.Must(200, s.from(limited, "203.0.113.10")) }
	unknown := program.Validate("AAAA")
	unknown.Path = "/t/traced" + unknown.Path
	return []refusal{
		{name: "no link", before: nothing, request: unknown, after: nothing, status: 401, like: "link", trace: "credential: malformed"},
		{name: "spent link", before: nothing, request: program.Validate(letter.Token), after: nothing, status: 401, like: "link", trace: "tenant: resolved, credential: wrong, spent or expired"},
		{name: "link of somebody without a portal", before: nothing, request: program.Validate(outside.Token), after: nothing, status: 401, like: "link", trace: toUser + ", credential: right, portal: none"},
		{name: "spent code", before: nothing, request: code(mailOf("linked"), "AAAA1111", binding), after: nothing, status: 401, like: "code", trace: toUser + ", credential: wrong, spent or expired"},
		{name: "code without its binding", before: nothing, request: code(mailOf("linked"), "AAAA1111", ""), after: nothing, status: 401, like: "code", trace: "tenant: resolved, credential: without its binding"},
		{name: "code for nobody", before: nothing, request: code(mailOf("nobody"), "AAAA1111", binding), after: nothing, status: 401, like: "code", trace: "tenant: resolved, user: unknown"},
		{name: "no code", before: nothing, request: code(mailOf("linked"), "UUUU", binding), after: nothing, status: 401, like: "code", trace: "tenant: resolved, credential: malformed"},
		{name: "too many requests for links", origin: "203.0.113.10", before: twice, request: limited, after: nothing, status: 429, trace: "tenant: resolved, limits: refused"},
	}
}

// bearers are refused access tokens and API tokens.
func (s *settled) bearers() []refusal {
	_, left := s.signedIn("left2")
	s.d.Must(204, program.Request{Method: "POST", Path: "/api/v1/portal/auth/logout", Bearer: left.Access})
	narrow, narrowed := s.signedIn("narrow")
	s.d.Must(200, s.admin("PATCH", "/contacts/"+narrow, `{"scopes":{"finance":false}}`))
	_, plain := s.signedIn("plain")
	garbage := program.Visit("/me", program.Granted{Access: "a.b.c"})
	garbage.Path = "/t/traced" + garbage.Path
	missing := program.Request{Method: "GET", Path: "/t/traced/api/v1/portal/me"}
	list := func(bearer string) program.Request {
		return program.Request{Method: "GET", Path: "/admin/v1/tenants/traced/contacts", Bearer: bearer}
	}
	made := s.d.Must(201, s.admin("POST", "/api-tokens", `{"name":"gone","permissions":["contacts:read"]}`))
	s.d.Must(204, s.admin("DELETE", "/api-tokens/"+made.Text(s.t, "id"), ""))
	revoked := program.Request{Method: "GET", Path: "/external/api/v1/contacts/" + s.p.Contact, Bearer: made.Text(s.t, "token")}
	status := func(is string) func() {
		return func() { s.d.Must(200, s.admin("PATCH", "", `{"status":"`+is+`"}`)) }
	}
	inside := toUser + ", credential: right, portal: open"
	return []refusal{
		{name: "no bearer", before: nothing, request: missing, after: nothing, status: 401, trace: "credential: missing or malformed"},
		{name: "no token", before: nothing, request: garbage, after: nothing, status: 401, like: "bearer", trace: "credential: invalid"},
		{name: "token of a session that ended", before: nothing, request: program.Visit("/me", left), after: nothing, status: 401, like: "bearer", trace: toUser + ", credential: session ended"},
		{name: "scope", before: nothing, request: program.Visit("/dashboard/stats", narrowed), after: nothing, status: 403, trace: inside + ", scope: missing"},
		{name: "no administrator", before: nothing, request: list(plain.Access), after: nothing, status: 403, trace: inside + ", permission: missing"},
		{name: "permission", before: nothing, request: list(s.readers[0]), after: nothing, status: 403, trace: "tenant: resolved, credential: right, permission: missing"},
		{name: "revoked API token", before: nothing, request: revoked, after: nothing, status: 401, trace: "credential: wrong, revoked or expired"},
		{name: "suspended", before: status("suspended"), request: program.Visit("/me", plain), after: status("active"), status: 403, trace: "tenant: suspended"},
		{name: "suspended, refresh", before: status("suspended"), request: program.Refresh(plain.Refresh), after: status("active"), status: 403, trace: "tenant: suspended"},
		{name: "suspended, password", before: status("suspended"), request: program.LoginAs("traced", mailOf("plain"), commonPassword), after: status("active"), status: 401, like: "login", trace: "tenant: unknown, user: unknown, limits: passed, credential: none", operators: true},
	}
}
